"""Time travel: keys, clicks and the slider, on the screens that show digits."""

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from mnist_tui.inspection.predictions import TEST, VALIDATION, EvaluationPoint
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.ui.confusion.matrix import ConfusionMatrix
from mnist_tui.ui.confusion.screen import ConfusionScreen
from mnist_tui.ui.digits.digit_list import MISTAKES, digit_list
from mnist_tui.ui.digits.digit_screen import DigitScreen
from mnist_tui.ui.digits.gallery import Gallery
from mnist_tui.ui.digits.screen import DigitsScreen
from mnist_tui.ui.run.epoch_slider import EpochSlider, Slide, draw_slide
from mnist_tui.ui.run.prediction_screen import PredictionScreen
from mnist_tui.ui.theme import DARK, palette
from tests.kit.recorded import Recording, make_recorded_run
from tests.ui.host import SIZES, Host, settled

COLOURS = palette(DARK.to_color_system().generate() | DARK.variables)
EARLIER, LATER, FIRST, NEWEST = (
    "left_square_bracket",
    "right_square_bracket",
    "left_curly_bracket",
    "right_curly_bracket",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return make_recorded_run(tmp_path_factory.mktemp("runs"), epochs=4, n=300)


def epoch(number: int) -> EvaluationPoint:
    return EvaluationPoint(VALIDATION, number)


def slide(count: int, place: int, **changes: object) -> Slide:
    points = tuple(epoch(number) for number in range(1, count + 1))
    return Slide(points, epoch(place), count, **changes)  # type: ignore[arg-type]


def slider_of(app: Host) -> EpochSlider:
    return app.screen.query_one(EpochSlider)


@pytest.mark.parametrize("width", [30, 60, 80, 120, 200])
@pytest.mark.parametrize("count", [1, 3, 12, 60, 500])
def test_the_line_fits_and_its_marked_tick_is_that_of_the_place(width: int, count: int) -> None:
    for place in {1, (count + 1) // 2, count}:
        drawn = draw_slide(slide(count, place, best=epoch(count)), COLOURS, width)
        assert drawn.line.cell_len <= width
        assert f"epoch {place} of {count} ▶ ]" in " ".join(drawn.line.plain.split())
        assert width < 60 or epoch(place) in drawn.ticks.values()


def test_best_missing_and_other_points_have_ticks_and_a_legend_of_their_own() -> None:
    points = (epoch(1), epoch(2), epoch(3), EvaluationPoint(TEST))
    shown = Slide(points, epoch(3), 3, best=epoch(2), unavailable=frozenset({epoch(1)}))
    line = draw_slide(shown, COLOURS, 120).line.plain
    assert line.index("✗") < line.index("★") < line.index("[○]") < line.index("◇")
    for words in ("★ best", "✗ not recorded", "◇ test or evaluated set", "newest"):
        assert words in line


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"live": True}, "● live"),
        ({}, "newest"),
        ({"follows": False}, "} to the newest"),
        ({"playing": True}, "▶ playing"),
    ],
)
def test_the_right_end_says_how_the_place_moves(changes: dict[str, bool], words: str) -> None:
    assert draw_slide(slide(3, 2, **changes), COLOURS, 80).line.plain.rstrip().endswith(words)


async def test_brackets_step_through_the_epochs_and_the_final_test_and_stop_at_both_ends(run: RunDirectory) -> None:
    app = Host(run, ConfusionScreen)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        matrix, epochs = app.screen.query_one(ConfusionMatrix), app.session.view.history.epochs
        assert "epoch 4 of 4" in app.text()
        await pilot.press(EARLIER)
        await settled(pilot)
        assert "epoch 3 of 4" in app.text()
        assert matrix.counts == epochs[2].confusion
        await pilot.press(*[EARLIER] * 5)
        await settled(pilot)
        assert app.session.point == epoch(1)
        assert matrix.counts == epochs[0].confusion
        await pilot.press(NEWEST)
        assert app.session.follows
        await pilot.press(LATER, LATER)
        await settled(pilot)
        ended = app.session.view.history.ended
        assert ended is not None
        assert app.session.point == EvaluationPoint(TEST)
        assert matrix.counts == ended.test_confusion
        assert "100 test images" in app.text()
        await pilot.press(FIRST)
        assert app.session.point == epoch(1)


@pytest.mark.parametrize("size", SIZES)
async def test_the_gallery_shows_the_mistakes_of_the_epoch_travelled_to(
    run: RunDirectory, size: tuple[int, int]
) -> None:
    app = Host(run, DigitsScreen)
    async with app.shown(size) as pilot:
        await settled(pilot)
        await pilot.press(EARLIER, EARLIER)
        await settled(pilot)
        expected = digit_list(app.session.findings(epoch(2)), MISTAKES, ())
        digits = app.screen.query_one(Gallery).digits
        assert digits is not None
        assert digits.rows.tolist() == expected.rows.tolist()
        assert f"{len(expected)} of 300" in app.text()
        assert {len(line) for line in app.lines()} == {size[0]}


async def test_an_open_digit_travels_and_stays_the_same_digit(run: RunDirectory) -> None:
    app = Host(run, DigitsScreen)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        screen = app.screen
        assert isinstance(screen, DigitScreen)
        before = screen.digits.digit(0)
        await pilot.press(EARLIER)
        await settled(pilot)
        now = screen.digits.digit(0)
        assert now.index == before.index
        assert screen.digits.point == epoch(3)
        assert now.probabilities.tolist() != before.probabilities.tolist()
        assert ", epoch 3" in app.text()
        await pilot.press(*[LATER] * 3)
        await settled(pilot)
        assert screen.digits.point == epoch(4), "the final test has other digits"
        await pilot.press(EARLIER, "escape")
        await settled(pilot)
        assert isinstance(app.screen, DigitsScreen)
        assert "epoch 3 of 4" in app.text()


async def test_a_click_on_a_tick_an_arrow_or_the_words_goes_there(run: RunDirectory) -> None:
    app = Host(run, DigitsScreen)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        slider = slider_of(app)
        drawn = slider._drawn
        assert drawn is not None
        column = next(column for column, point in drawn.ticks.items() if point == epoch(2))
        await pilot.click(slider, offset=(column, 0))
        assert app.session.point == epoch(2)
        await pilot.click(slider, offset=(3, 0))
        assert app.session.point == epoch(1)
        await pilot.click(slider, offset=(drawn.later, 0))
        assert app.session.point == epoch(2)
        await pilot.click(slider, offset=(118, 0))
        assert app.session.follows


async def test_a_new_epoch_moves_along_who_follows_and_leaves_alone_who_travelled(tmp_path: Path) -> None:
    recording = Recording.begin(tmp_path, planned=5, n=100)
    recording.end_epoch()
    recording.end_epoch()
    app = Host(recording.run, DigitsScreen)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        recording.end_epoch()
        app.follow()
        await settled(pilot)
        assert "epoch 3 of 5" in app.text()
        await pilot.press(EARLIER)
        recording.end_epoch()
        app.follow()
        await settled(pilot)
        assert "epoch 2 of 5" in app.text()
        assert epoch(4) in slider_of(app)._slide.points  # type: ignore[union-attr]


async def played(
    pilot: Pilot[None], screen: PredictionScreen, monkeypatch: pytest.MonkeyPatch
) -> list[EvaluationPoint | None]:
    """Plays with a clock of the test's own; returns the moments from the start to where it stops."""
    ticks: list[Callable[[], None]] = []

    class Ticking:
        def stop(self) -> None:
            ticks.clear()

    def set_interval(interval: float, callback: Callable[[], None]) -> Ticking:
        assert interval == pytest.approx(0.7)
        ticks.append(callback)
        return Ticking()

    monkeypatch.setattr(screen, "set_interval", set_interval)
    await pilot.press("P")
    await settled(pilot)
    seen = [screen.session.point]
    while ticks:
        ticks[0]()
        await settled(pilot)
        seen.append(screen.session.point)
    return seen


async def test_playing_shows_every_epoch_once_and_stops_at_the_newest(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = Host(run, ConfusionScreen)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        screen = app.screen
        assert isinstance(screen, PredictionScreen)
        assert await played(pilot, screen, monkeypatch) == [epoch(1), epoch(2), epoch(3), epoch(4)]
        assert app.session.follows
        assert "playing" not in app.text()


async def test_any_travel_key_ends_the_playing(run: RunDirectory) -> None:
    app = Host(run, ConfusionScreen)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("P")
        await settled(pilot)
        assert "▶ playing" in app.text()
        assert "P Stop playing" in app.text()
        await pilot.press(LATER)
        await settled(pilot)
        assert "playing" not in app.lines()[1]
        await pilot.press("P", "P")
        await settled(pilot)
        assert "playing" not in app.lines()[1]


async def test_a_missing_and_a_damaged_epoch_are_marked_and_say_why_and_the_rest_works(tmp_path: Path) -> None:
    recording = Recording.begin(tmp_path, planned=5, n=100)
    for number in range(1, 5):
        recording.end_epoch(with_predictions=number != 2)
    recording.run.predictions_path(3).write_bytes(b"PK\x03\x04 no archive")
    app = Host(recording.run, DigitsScreen)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        assert app.lines()[1].count("✗") == 3, "two ticks and the legend"
        assert " → " in app.text()
        await pilot.press(EARLIER)
        await settled(pilot)
        words = "".join(app.text().split())  # a path is cut wherever its line ends
        assert "Theimagesofepoch3cannotbeshown" in words
        assert "epoch-0003.npz" in words
        await pilot.press(EARLIER)
        await settled(pilot)
        assert "The images of epoch 2 cannot be shown" in " ".join(app.text().split())
        await pilot.press(EARLIER)
        await settled(pilot)
        digits = app.screen.query_one(Gallery).digits
        assert digits is not None
        assert digits.point == epoch(1)
        assert "cannot be shown" not in app.text()


async def test_the_matrix_of_an_epoch_without_predictions_is_still_there(tmp_path: Path) -> None:
    recording = Recording.begin(tmp_path, planned=2, n=100)
    recording.end_epoch(with_predictions=False)
    ended = recording.end_epoch(with_predictions=False)
    app = Host(recording.run, ConfusionScreen)
    async with app.shown((200, 60)) as pilot:
        await settled(pilot)
        assert app.screen.query_one(ConfusionMatrix).counts == ended.confusion
        assert "✗" in app.lines()[1]
