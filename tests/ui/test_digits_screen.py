"""The digits screen and the screen of a single digit over a recorded run."""

import os
import re
from pathlib import Path

import pytest
from textual.widgets import Static

from mnist_tui.analysis.query import Query, parse
from mnist_tui.inspection.predictions import VALIDATION, EvaluationPoint
from mnist_tui.render.text import percent
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.ui.digits.digit_list import MISTAKES, digit_list
from mnist_tui.ui.digits.digit_screen import DigitScreen
from mnist_tui.ui.digits.epoch_predictions import EpochPredictions
from mnist_tui.ui.digits.gallery import Gallery
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
    """Return the indices of the mistakes, the most confident first."""
    digits = digit_list(session.findings(EvaluationPoint(VALIDATION, epoch)), MISTAKES, ())
    return [digits.digit(position).index for position in range(len(digits))]


@pytest.mark.parametrize("size", SIZES)
async def test_the_most_confident_mistakes_are_shown_with_index_and_caption(
    run: RunDirectory, size: tuple[int, int]
) -> None:
    app = host(run)
    async with app.shown(size) as pilot:
        await settled(pilot)
        assert {len(line) for line in app.lines()} == {size[0]}
        text, indices = app.text(), mistakes_of(app.session, 2)
        for index in indices[: size[0] // 24]:
            assert f"#{index:05d}" in text
        assert app.lines()[2].count("#") == size[0] // 24
        for words in (f"{len(indices)} of 600", f"1 of {len(indices)}", " → ", "epoch 2", "validation", "Enter Open"):
            assert words in text


async def test_the_cursor_moves_by_row_and_page_and_stays_on_the_list(run: RunDirectory) -> None:
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


async def test_a_click_moves_the_cursor_and_a_second_one_opens(run: RunDirectory) -> None:
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


async def test_only_visible_digits_are_drawn(run: RunDirectory) -> None:
    app = host(run, Query())
    async with app.shown((80, 24)) as pilot:
        await settled(pilot)
        gallery = app.screen.query_one(Gallery)
        assert gallery.virtual_size.height == 200 * gallery.frame_height
        await pilot.press("end")
        await settled(pilot)
        assert gallery.cursor == 599
        assert len(gallery._thumbnails) <= 20


async def test_a_filter_shows_only_its_digits_and_a_shows_all_mistakes(run: RunDirectory) -> None:
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


async def test_another_filter_keeps_the_cursor_on_its_digit_or_moves_it_to_the_first(run: RunDirectory) -> None:
    app = host(run)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        screen, gallery = app.front, app.front.query_one(Gallery)
        assert isinstance(screen, DigitsScreen)
        await pilot.press("end")
        current = mistakes_of(app.session, 2)[-1]
        assert gallery.digits is not None
        other = next(each for each in range(CLASSES) if each != gallery.digits.digit(gallery.cursor).true)
        screen.set_filter(Query())
        assert gallery.digits.digit(gallery.cursor).index == current
        screen.set_filter(Query.cell(other, other))
        assert gallery.cursor == 0


async def test_a_filter_without_matches_is_a_sentence(run: RunDirectory) -> None:
    app = host(run, parse("true:1 pred:1 wrong"))
    async with app.shown((80, 24)) as pilot:
        await settled(pilot)
        assert re.search(r"600 validation images .*true:1 pred:1 wrong", " ".join(app.text().split()))
        assert "Enter Open" not in app.text()


async def test_a_missing_file_is_a_sentence_and_the_next_epoch_is_shown(tmp_path: Path) -> None:
    recording = Recording.begin(tmp_path, planned=3, n=100)
    recording.end_epoch(with_predictions=False)
    app = host(recording.run)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        assert "The images of epoch 1 cannot be shown" in " ".join(app.text().split())
        recording.end_epoch()
        app.follow()
        await settled(pilot)
        assert "cannot be shown" not in app.text()
        assert app.screen.query_one(Gallery).display


async def test_after_a_new_epoch_the_cursor_stays_on_its_digit(tmp_path: Path) -> None:
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


async def test_before_the_first_epoch_there_is_a_sentence(tmp_path: Path) -> None:
    recording = Recording.begin(tmp_path)
    recording.train(10)
    recording.run.lock.path.touch()  # if it is missing beside fresh events, an engine may make it again
    lock = recording.run.lock.acquire()
    app = Host(recording.run, DigitsScreen, now=recording.time)
    async with app.shown((80, 24)) as pilot:
        await settled(pilot)
        assert "The first images come" in app.text()
    os.close(lock)


@pytest.mark.parametrize("size", SIZES)
async def test_a_single_digit_is_shown_with_its_probabilities(run: RunDirectory, size: tuple[int, int]) -> None:
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
        assert re.match(
            rf"#{digit.index:05d} .*\(validation split\): a {digit.true}, .* {digit.predicted} "
            f"with {percent(digit.confidence, 1)}, epoch 2",
            words,
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


async def test_the_predictions_after_every_epoch_are_listed(run: RunDirectory) -> None:
    app = host(run)
    async with app.shown((80, 24)) as pilot:
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        predictions = app.screen.query_one(EpochPredictions).predictions
        assert [(each.epoch, each.is_current) for each in predictions] == [(1, False), (2, True)]
        assert not predictions[1].correct


async def test_the_light_theme_has_a_light_background(run: RunDirectory) -> None:
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
