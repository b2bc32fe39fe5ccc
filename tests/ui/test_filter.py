"""Filtering, sorting, selecting and exporting on the digits screen."""

import csv
from pathlib import Path

import numpy as np
import pytest
from textual.pilot import Pilot

from mnist_tui.analysis.query import parse, rows
from mnist_tui.inspection.exports import COLUMNS
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.ui.digits.choose_filter import READY_MADE, ChooseFilterScreen
from mnist_tui.ui.digits.digit_list import MISTAKES, DigitList
from mnist_tui.ui.digits.filter_line import FilterInput, FilterLine
from mnist_tui.ui.digits.gallery import Gallery
from mnist_tui.ui.digits.screen import DigitsScreen
from tests.kit.recorded import CLASSES, Recording, make_recorded_run
from tests.ui.host import Host, settled
from tests.ui.odd_runs import odd_run


@pytest.fixture
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return make_recorded_run(tmp_path_factory.mktemp("runs"), epochs=3, n=600)


async def typed(pilot: Pilot[None], text: str) -> None:
    """Type a filter."""
    await pilot.press("slash", *("space" if letter == " " else letter for letter in text))
    await settled(pilot)


def listed(app: Host) -> DigitList:
    digits = app.front.query_one(Gallery).digits
    assert digits is not None
    return digits


def count(app: Host, text: str) -> int:
    point = app.session.point
    assert point is not None
    return len(rows(parse(text), app.session.findings(point).table))


async def test_a_filter_applies_while_it_is_typed_and_enter_closes_the_line(run: RunDirectory) -> None:
    app = Host(run, DigitsScreen)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        await typed(pilot, "true:4 conf>0.5")
        expected = count(app, "true:4 conf>0.5")
        assert 0 < len(listed(app)) == expected < 600
        assert f"{expected} of 600" in app.lines()[-3]
        await pilot.press("enter")
        await settled(pilot)
        assert not app.screen.query_one(FilterLine).is_open
        assert f"true:4 conf>0.5 · {expected} of 600" in app.lines()[0]
        assert app.screen.focused is app.screen.query_one(Gallery)


async def test_escape_restores_the_previous_filter(run: RunDirectory) -> None:
    app = Host(run, DigitsScreen)
    async with app.shown((80, 24)) as pilot:
        await settled(pilot)
        before = listed(app).rows.tolist()
        await typed(pilot, "correct")
        assert listed(app).rows.tolist() != before
        await pilot.press("escape")
        await settled(pilot)
        assert listed(app).rows.tolist() == before
        assert isinstance(app.screen, DigitsScreen)
        assert app.screen.wanted == MISTAKES


async def test_an_invalid_filter_shows_an_error_and_cannot_be_applied(run: RunDirectory) -> None:
    app = Host(run, DigitsScreen)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        await typed(pilot, "true:4 ")
        shown = len(listed(app))
        await pilot.press(*"zebra", "enter")
        await settled(pilot)
        assert "“zebra”" in app.lines()[-2]
        assert app.screen.query_one(FilterLine).is_open
        assert len(listed(app)) == shown


async def test_an_incomplete_word_is_not_an_error(run: RunDirectory) -> None:
    app = Host(run, DigitsScreen)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        await typed(pilot, "true:4 pre")
        assert "Tab: pred:" in app.lines()[-2]
        assert len(listed(app)) == count(app, "true:4")
        await pilot.press("tab")
        await settled(pilot)
        assert app.screen.query_one(FilterInput).value == "true:4 pred:"
        await pilot.press("9")
        await settled(pilot)
        assert len(listed(app)) == count(app, "true:4 pred:9")


async def test_class_names_are_completed(tmp_path_factory: pytest.TempPathFactory) -> None:
    app = Host(odd_run(tmp_path_factory.mktemp("odd"), ("shirt", "coat", "bag")), DigitsScreen)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        await typed(pilot, "true:co")
        await pilot.press("tab", "enter")
        await settled(pilot)
        assert "true:coat" in app.lines()[0]
        assert {listed(app).digit(place).true for place in range(len(listed(app)))} == {1}


async def test_the_dialog_of_filters_shows_counts_and_applies_the_choice(run: RunDirectory) -> None:
    app = Host(run, DigitsScreen)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("F")
        await settled(pilot)
        assert isinstance(app.screen, ChooseFilterScreen)
        for name, text, _ in READY_MADE:
            (line,) = [line for line in app.lines() if f"  {name}  " in line]
            assert f"  {count(app, text):,}  " in line
        await pilot.press("down", "down", "enter")
        await settled(pilot)
        assert len(listed(app)) == count(app, READY_MADE[2][1])
        assert READY_MADE[2][1] in app.lines()[0]


async def test_a_forgotten_digit_shows_when_it_was_lost(tmp_path: Path) -> None:
    recording = Recording.begin(tmp_path, planned=3, n=50)
    correct = np.eye(CLASSES, dtype=np.float16)[recording.labels]
    wrong = correct.copy()
    wrong[7] = np.roll(wrong[7], 1)
    for probabilities in (correct, wrong, wrong):
        recording.end_epoch(probabilities)
    app = Host(recording.run, lambda session: DigitsScreen(session, parse("forgotten")))
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        assert f"#{recording.indices[7]:05d}" in app.text()
        assert "╰─ lost at epoch 2 ─" in app.text().replace("┗━", "╰─").replace("━", "─")


async def test_sort_orders_cycle_and_reverse(run: RunDirectory) -> None:
    app = Host(run, DigitsScreen)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        first = listed(app).digit(0).index
        seen = []
        for _ in range(5):
            await pilot.press("o")
            await settled(pilot)
            seen.append(listed(app).order)
        assert seen == ["by margin ▴", "by loss ▾", "by difficulty ▾", "by index ▴", "by confidence ▾"]
        assert listed(app).digit(0).index == first
        await pilot.press("O")
        await settled(pilot)
        assert "by confidence ▴" in app.lines()[0]
        assert listed(app).digit(len(listed(app)) - 1).index == first


async def test_selected_digits_are_marked_exported_and_deselected(run: RunDirectory) -> None:
    app = Host(run, DigitsScreen)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        selected = [listed(app).digit(place).index for place in (0, 2)]
        await pilot.press("space", "right", "space")
        await settled(pilot)
        assert app.lines()[2].count("✔") == 2
        assert "2 selected" in app.lines()[0]
        await pilot.press("e")
        await settled(pilot)
        with (run.path / "exports" / "digits-001.csv").open(newline="") as file:
            lines = list(csv.DictReader(file))
        assert tuple(lines[0]) == COLUMNS
        assert sorted(int(line["index"]) for line in lines) == sorted(selected)
        assert {(line["split"], line["epoch"]) for line in lines} == {("validation", "3")}
        assert any("digits-001.csv" in message for message in app.told())
        await pilot.press("left", "space", "home", "space")
        await settled(pilot)
        assert "selected" not in app.lines()[0]
        assert "✔ " not in app.lines()[2]


async def test_without_a_selection_all_listed_digits_are_exported_in_order(run: RunDirectory) -> None:
    app = Host(run, DigitsScreen)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("e", "e")
        await settled(pilot)
        digits = listed(app)
        with np.load(run.path / "exports" / "digits-002.npz") as written:
            assert written["indices"].tolist() == [digits.digit(place).index for place in range(len(digits))]
            assert np.array_equal(written["images"][0], digits.digit(0).image)


async def test_an_export_that_cannot_be_written_is_a_notification(run: RunDirectory) -> None:
    (run.path / "exports").write_text("in the way")
    app = Host(run, DigitsScreen)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        await pilot.press("e")
        await settled(pilot)
        assert any("exports cannot be written" in message for message in app.told())
