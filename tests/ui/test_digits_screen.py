"""The gallery and the one-digit screen over a recorded run."""

import os
from pathlib import Path

import numpy as np
import pytest
from textual.widgets import Static

from mnist_tui.analysis.query import Query, parse
from mnist_tui.inspection.predictions import VALIDATION, EvaluationPoint
from mnist_tui.render.text import percent
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.ui.digits.digit_list import MISTAKES, digit_list
from mnist_tui.ui.digits.digit_screen import DigitScreen
from mnist_tui.ui.digits.epoch_predictions import EpochPredictions
from mnist_tui.ui.digits.gallery import TILE_HEIGHT, Gallery
from mnist_tui.ui.digits.screen import DigitsScreen
from mnist_tui.ui.session import RunSession
from mnist_tui.ui.theme import LIGHT
from tests.kit.recorded import CLASSES, Recording, make_recorded_run
from tests.ui.host import SIZES, Host, settled


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return make_recorded_run(tmp_path_factory.mktemp("runs"), epochs=2, n=600)


def host(run: RunDirectory, wanted: Query | None = None) -> Host:
    return Host(run, lambda session: DigitsScreen(session, wanted))


def mistakes_of(session: RunSession, epoch: int) -> list[int]:
    """Indices of the mistakes, the surest first."""
    digits = digit_list(session.findings(EvaluationPoint(VALIDATION, epoch)), MISTAKES, ())
    return [digits.digit(position).index for position in range(len(digits))]


@pytest.mark.parametrize("size", SIZES)
async def test_the_surest_mistakes_are_shown_framed_with_index_and_words(
    run: RunDirectory, size: tuple[int, int]
) -> None:
    app = host(run)
    async with app.shown(size) as pilot:
        await settled(pilot)
        assert {len(line) for line in app.lines()} == {size[0]}
        text, indices = app.text(), mistakes_of(app.session, 2)
        for index in indices[: size[0] // 24]:
            assert f"#{index:05d}" in text
        for words in (
            f"{len(indices)} of 600",
            f"1 of {len(indices)}",
            "read as",
            "epoch 2",
            "validation",
            "Enter Open",
        ):
            assert words in text


async def test_as_many_digits_a_row_as_fit(run: RunDirectory) -> None:
    for width, expected in ((80, 3), (120, 5), (200, 8), (30, 1)):
        app = host(run)
        async with app.shown((width, 40)) as pilot:
            await settled(pilot)
            assert app.lines()[2].count("#") == expected


async def test_the_cursor_moves_along_rows_and_pages_and_stays_on_the_list(run: RunDirectory) -> None:
    app = host(run)
    async with app.shown((80, 24)) as pilot:
        await settled(pilot)
        gallery = app.screen.query_one(Gallery)
        last = len(mistakes_of(app.session, 2)) - 1
        await pilot.press("left", "up", "right", "down")
        assert gallery.cursor == 4
        assert gallery.scroll_offset.y > 0
        await pilot.press("end", "right", "down")
        assert gallery.cursor == last
        await pilot.press("pageup")
        assert gallery.cursor == last - 3
        await pilot.press("home")
        await settled(pilot)
        assert (gallery.cursor, gallery.scroll_offset.y) == (0, 0)


async def test_a_click_chooses_and_a_second_one_opens(run: RunDirectory) -> None:
    app = host(run)
    async with app.shown((80, 24)) as pilot:
        await settled(pilot)
        gallery = app.screen.query_one(Gallery)
        await pilot.click(gallery, offset=(30, 4))
        assert gallery.cursor == 1
        assert isinstance(app.screen, DigitsScreen)
        await pilot.click(gallery, offset=(30, 4))
        await settled(pilot)
        assert isinstance(app.screen, DigitScreen)


async def test_only_visible_digits_are_drawn_however_long_the_list(run: RunDirectory) -> None:
    app = host(run, Query())
    async with app.shown((80, 24)) as pilot:
        await settled(pilot)
        gallery = app.screen.query_one(Gallery)
        assert gallery.virtual_size.height == 200 * TILE_HEIGHT
        await pilot.press("end")
        await settled(pilot)
        assert gallery.cursor == 599
        assert len(gallery._tiles) <= 20


async def test_a_filter_shows_its_digits_alone_and_a_shows_all_mistakes_again(run: RunDirectory) -> None:
    app = host(run)
    digit = digit_list(app.session.findings(EvaluationPoint(VALIDATION, 2)), MISTAKES, ()).digit(0)
    cell = Query.cell(digit.true, digit.predicted)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        screen = app.front
        assert isinstance(screen, DigitsScreen)
        screen.set_filter(cell)
        await settled(pilot)
        digits = screen.query_one(Gallery).digits
        assert digits is not None
        count = app.session.view.history.epochs[-1].confusion[digit.true][digit.predicted]
        assert len(digits) == count
        assert f"true:{digit.true} pred:{digit.predicted} · {count} of 600" in app.text()
        await pilot.press("M")
        await settled(pilot)
        assert screen.wanted.terms == MISTAKES.terms


async def test_another_filter_starts_at_its_surest_digit_unless_the_chosen_one_is_among_them(run: RunDirectory) -> None:
    app = host(run)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        screen, gallery = app.front, app.front.query_one(Gallery)
        assert isinstance(screen, DigitsScreen)
        await pilot.press("end")
        chosen = mistakes_of(app.session, 2)[-1]
        assert gallery.digits is not None
        other = next(each for each in range(CLASSES) if each != gallery.digits.digit(gallery.cursor).true)
        screen.set_filter(Query())
        assert gallery.digits.digit(gallery.cursor).index == chosen
        screen.set_filter(Query.cell(other, other))
        assert gallery.cursor == 0


async def test_a_filter_that_nothing_passes_is_a_sentence(run: RunDirectory) -> None:
    app = host(run, parse("true:1 pred:1 wrong"))
    async with app.shown((80, 24)) as pilot:
        await settled(pilot)
        assert "None of the 600 validation digits at epoch 2 is true:1 pred:1 wrong." in app.text()
        assert "Enter Open" not in app.text()


async def test_no_mistakes_are_a_sentence(tmp_path: Path) -> None:
    recording = Recording.begin(tmp_path, planned=1, n=100)
    recording.end_epoch(np.eye(CLASSES, dtype=np.float16)[recording.labels])
    app = host(recording.run)
    async with app.shown((80, 24)) as pilot:
        await settled(pilot)
        assert "No mistakes: all 100 validation digits were read right at epoch 1." in app.text()


async def test_a_missing_file_is_a_sentence_and_the_next_epoch_mends_it(tmp_path: Path) -> None:
    recording = Recording.begin(tmp_path, planned=3, n=100)
    recording.end_epoch(with_predictions=False)
    app = host(recording.run)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        assert "The digits of epoch 1 cannot be shown" in " ".join(app.text().split())
        recording.end_epoch()
        app.follow()
        await settled(pilot)
        assert "cannot be shown" not in app.text()
        assert "read as" in app.text()


async def test_a_new_epoch_reloads_and_the_cursor_stays_on_its_digit(tmp_path: Path) -> None:
    recording = Recording.begin(tmp_path, planned=3, n=600)
    recording.end_epoch()
    app = host(recording.run)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        recording.end_epoch()
        still_wrong = set(mistakes_of(app.session, 2))
        position, index = next(
            (place, each) for place, each in enumerate(mistakes_of(app.session, 1)) if place and each in still_wrong
        )
        gallery = app.screen.query_one(Gallery)
        gallery.cursor = position
        app.follow()
        await settled(pilot)
        assert gallery.digits is not None
        assert gallery.digits.predictions.epoch == 2
        assert gallery.digits.digit(gallery.cursor).index == index


async def test_before_the_first_epoch_a_sentence_says_when_the_digits_come(tmp_path: Path) -> None:
    recording = Recording.begin(tmp_path)
    recording.train(10)
    lock = recording.run.acquire_lock()
    app = Host(recording.run, DigitsScreen, now=recording.time)
    async with app.shown((80, 24)) as pilot:
        await settled(pilot)
        assert "The first digits come when epoch 1 has been validated" in " ".join(app.text().split())
    os.close(lock)


@pytest.mark.parametrize("size", SIZES)
async def test_one_digit_is_shown_with_its_probabilities_in_words(run: RunDirectory, size: tuple[int, int]) -> None:
    app = host(run)
    async with app.shown(size) as pilot:
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        digits = app.front.query_one(Gallery).digits
        assert digits is not None
        digit = digits.digit(0)
        assert {len(line) for line in app.lines()} == {size[0]}
        words = " ".join(str(app.screen.query_one("#words", Static).content).split())
        assert words.startswith(
            f"#{digit.index:05d} of the training part (validation split): a {digit.true}, read as {digit.predicted} "
            f"with {percent(digit.confidence, 1)}, epoch 2"
        )
        for class_name in range(CLASSES):
            assert any(f" {class_name}  " in line and "%" in line for line in app.lines())
        assert "→ Next" in app.text()


async def test_left_and_right_page_through_the_list_and_the_gallery_follows(run: RunDirectory) -> None:
    app = host(run)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        indices = mistakes_of(app.session, 2)
        await pilot.press("enter")
        await settled(pilot)
        await pilot.press("left")
        assert isinstance(app.screen, DigitScreen)
        assert app.screen.position == 0
        await pilot.press("right", "right")
        await settled(pilot)
        assert f"#{indices[2]:05d}" in app.text()
        await pilot.press("escape")
        await settled(pilot)
        assert isinstance(app.screen, DigitsScreen)
        assert app.screen.query_one(Gallery).cursor == 2


async def test_the_readings_of_every_epoch_are_listed(run: RunDirectory) -> None:
    app = host(run)
    async with app.shown((80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        readings = app.screen.query_one(EpochPredictions).readings
        assert [reading.epoch for reading in readings] == [1, 2]
        assert [reading.chosen for reading in readings] == [False, True]
        assert not readings[1].right


async def test_a_light_theme_is_ink_on_paper(run: RunDirectory) -> None:
    app = host(run)
    async with app.shown((80, 24)) as pilot:
        await settled(pilot)
        gallery = app.screen.query_one(Gallery)

        def brightest() -> int:
            styles = [segment.style for y in range(1, 12) for segment in gallery.render_line(y)]
            return sum(
                style.bgcolor.triplet.red for style in styles if style and style.bgcolor and style.bgcolor.triplet
            )

        dark = brightest()
        app.theme = LIGHT.name
        await settled(pilot)
        assert brightest() > 2 * dark
