"""The confusion screen over a recorded run."""

import os
import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from rich.segment import Segment
from textual.geometry import Region

from mnist_tui.analysis.change import change
from mnist_tui.analysis.confusion import report, top_confusions
from mnist_tui.analysis.query import Query
from mnist_tui.events import Phase
from mnist_tui.render.matrix_layout import matrix_layout
from mnist_tui.render.text import percent
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.ui.confusion.cell_panel import CellPanel
from mnist_tui.ui.confusion.class_scores import Scores, score_table
from mnist_tui.ui.confusion.matrix import ConfusionMatrix
from mnist_tui.ui.confusion.matrix_painter import CellValues, MatrixComparison, MatrixPainter
from mnist_tui.ui.confusion.screen import ConfusionScreen
from mnist_tui.ui.digits.digit_screen import DigitScreen
from mnist_tui.ui.digits.gallery import Gallery
from mnist_tui.ui.theme import DARK, palette
from tests.kit.recorded import Recording, made_run, make_recorded_run
from tests.ui.host import SIZES, Host, settled


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return make_recorded_run(tmp_path_factory.mktemp("runs"))


def host(run: RunDirectory) -> Host:
    return Host(run, ConfusionScreen)


@pytest.mark.parametrize("size", SIZES)
async def test_the_whole_matrix_fits_every_size(run: RunDirectory, size: tuple[int, int]) -> None:
    app = host(run)
    async with app.shown(size) as pilot:
        await settled(pilot)
        figures = report(app.session.view.history.epochs[-1].confusion)
        lines = app.lines()
        assert {len(line) for line in lines} == {size[0]}
        text = app.text()
        for words in ("true", "prec. %", "Worst confusions", "Enter", "Numbers", "200 validation"):
            assert words in text
        for score in figures.classes:
            assert percent(score.recall) in text
        assert percent(figures.accuracy) in text


async def test_the_cursor_starts_on_the_worst_confusion_and_enter_opens_its_digits(run: RunDirectory) -> None:
    app = host(run)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        worst = top_confusions(app.session.view.history.epochs[-1].confusion, 1)[0]
        assert app.screen.query_one(ConfusionMatrix).cursor == (worst.true, worst.predicted)
        cell = app.screen.query_one(CellPanel).cell
        assert cell is not None
        assert (cell.true, cell.predicted) == (str(worst.true), str(worst.predicted))
        assert f" {worst.predicted}: {worst.count} of {worst.support}" in app.text()
        await pilot.press("enter")
        app.screen.query_one(ConfusionMatrix).cursor = (1, 1)
        await pilot.press("enter")
        await settled(pilot)
        filters = [str(message.wanted) for message in app.opened]
        assert filters == [f"true:{worst.true} pred:{worst.predicted}", "true:1 pred:1"]


async def test_an_empty_cell_opens_nothing(run: RunDirectory) -> None:
    app = host(run)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        matrix = app.screen.query_one(ConfusionMatrix)
        matrix.cursor = next(
            (t, p) for t, row in enumerate(matrix.counts) for p, count in enumerate(row) if not count and t != p
        )
        await pilot.press("enter")
        await settled(pilot)
        assert app.opened == []
        (message,) = app.told()
        assert message.startswith("Empty: ")
        assert message in app.text()


async def test_arrows_home_and_end_move_the_cursor_and_stop_at_the_edge(run: RunDirectory) -> None:
    app = host(run)
    async with app.shown((80, 24)) as pilot:
        await settled(pilot)
        matrix = app.screen.query_one(ConfusionMatrix)
        await pilot.press("home", "pageup")
        assert matrix.cursor == (0, 0)
        await pilot.press("left", "up", "right", "down", "down")
        assert matrix.cursor == (2, 1)
        await pilot.press("end", "right", "pagedown", "down")
        assert matrix.cursor == (9, 9)


async def test_a_cursor_move_repaints_a_small_part_of_the_matrix(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = host(run)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        matrix = app.screen.query_one(ConfusionMatrix)
        refreshed: list[tuple[Region, ...]] = []
        monkeypatch.setattr(matrix, "refresh", lambda *regions, **_: refreshed.append(regions))
        await pilot.press("left" if matrix.cursor[1] else "right")
        regions = [region for call in refreshed for region in call]
        assert all(refreshed), "a refresh without a region repaints everything"
        assert 0 < sum(region.area for region in regions) < matrix.size.area / 5


async def test_a_matrix_that_does_not_fit_scrolls_under_its_labels(run: RunDirectory) -> None:
    app = host(run)
    async with app.shown((48, 16)) as pilot:
        await settled(pilot)
        matrix = app.screen.query_one(ConfusionMatrix)
        await pilot.press("end", "pagedown")
        await settled(pilot)
        assert matrix.scroll_offset.x > 0
        (row,) = [line for line in app.lines() if line.lstrip().startswith("9 ")]
        assert f"{matrix.counts[9][9]}  {percent(report(matrix.counts).classes[9].recall)}" in row
        assert "prec. %" in app.text()


async def test_a_click_moves_the_cursor_and_a_second_one_opens(run: RunDirectory) -> None:
    app = host(run)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        matrix = app.screen.query_one(ConfusionMatrix)
        layout = matrix.current_layout
        place = (layout.cells_left + 6 * layout.cell_width + 3, layout.cells_top + 6 * layout.cell_height + 2)
        await pilot.click(matrix, offset=place)
        assert matrix.cursor == (6, 6)
        assert app.opened == []
        await pilot.click(matrix, offset=place)
        await settled(pilot)
        assert [message.wanted.terms for message in app.opened] == [Query.cell(6, 6).terms]


async def test_n_cycles_through_counts_and_shares_of_row_and_column(run: RunDirectory) -> None:
    app = host(run)
    async with app.shown((80, 24)) as pilot:
        await settled(pilot)
        counts, matrix = app.text(), app.screen.query_one(ConfusionMatrix)
        for values in (CellValues.ROW_PERCENT, CellValues.COLUMN_PERCENT):
            await pilot.press("n")
            await settled(pilot)
            assert matrix.values is values
            assert f"Confusion, {values.value}" in app.text()
        await pilot.press("n")
        await settled(pilot)
        assert app.text() == counts


@pytest.mark.parametrize("size", [(78, 12), (78, 34), (130, 55)], ids=str)
def test_the_frame_of_the_cursor_truncates_no_number(run: RunDirectory, size: tuple[int, int]) -> None:
    before, now = (epoch.confusion for epoch in host(run).session.view.history.epochs[-2:])
    reference = MatrixComparison(change(now, before), report(before))
    layout = matrix_layout(tuple("0123456789"), max(map(max, now)), *size)

    def numbers(
        row: int, cursor: tuple[int, int], values: CellValues, comparison: MatrixComparison | None
    ) -> list[list[str]]:
        colours, names = palette(DARK.variables), tuple("0123456789")
        painter = MatrixPainter(now, names, report(now), layout, colours, cursor, values, comparison)
        top = layout.cells_top + row * layout.cell_height
        lines = [painter.line(y, 0, 0, *size).text for y in range(top, top + layout.cell_height)]
        return [re.sub("[][┃┏┓┗┛━▀]", " ", line).split() for line in lines]

    for row, values, comparison in product(range(10), CellValues, (None, reference)):
        unframed = numbers(row, (-1, -1), values, comparison)
        assert all(numbers(row, (row, column), values, comparison) == unframed for column in range(10))


def test_only_visible_cells_of_a_large_matrix_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    classes, width, height, scroll = 256, 80, 24, 333
    names = tuple(map(str, range(classes)))
    counts = tuple(map(tuple, np.random.default_rng(1).integers(0, 9, (classes, classes)).tolist()))
    layout = matrix_layout(names, 8, width, height)
    painter = MatrixPainter(counts, names, report(counts), layout, palette(DARK.variables), (2, 70), CellValues.COUNTS)
    room = width - layout.cells_left - layout.recall
    cells = slice(layout.cells_left, layout.cells_left + room)
    drawn: list[tuple[int, int]] = []
    draw = MatrixPainter._cell

    def counted(painter: MatrixPainter, true: int, predicted: int, line: int) -> list[Segment]:
        drawn.append((true, predicted))
        return draw(painter, true, predicted, line)

    monkeypatch.setattr(MatrixPainter, "_cell", counted)
    for y in range(height):
        whole = painter.line(y, 0, 0, *layout.size).text[layout.cells_left :]
        drawn.clear()
        part = painter.line(y, scroll, 0, width, height).text
        if layout.cells_top - 1 <= y < height - layout.foot:  # names and rows
            assert part[cells] == whole[scroll : scroll + room]
        assert len(drawn) <= room // layout.cell_width + 2


@pytest.mark.parametrize("selected", [0, 9, 128, 255])
def test_the_scores_of_many_classes_fit_and_include_the_selected_one(selected: int) -> None:
    names = tuple(f"class {number}" for number in range(256))
    scores = Scores(report(np.eye(256, dtype=int)), names, selected)
    lines = score_table(scores, palette(DARK.variables), 40, 12).plain.split("\n")
    assert len(lines) == 12
    assert [f"class {selected} " in line for line in lines].count(True) == 1
    assert lines[-1].split()[0] == "mean"


def test_long_class_names_give_way_to_the_scores() -> None:
    scores = Scores(report(((5, 1), (0, 4_000))), ("Ankle boot", "T-shirt"), 0)
    for line in score_table(scores, palette(DARK.variables), 34, 12).plain.split("\n"):
        assert len(line) <= 34


async def test_a_new_epoch_is_shown_and_the_cursor_stays(tmp_path: Path) -> None:
    recording = Recording.begin(tmp_path, planned=5, n=200)
    recording.end_epoch()
    app = host(recording.run)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        assert "epoch 1 of 5" in app.text()
        await pilot.press("pageup", "home")
        ended = recording.end_epoch()
        app.follow()
        await settled(pilot)
        matrix = app.screen.query_one(ConfusionMatrix)
        assert matrix.counts == ended.confusion
        assert matrix.cursor == (0, 0)
        assert "epoch 2 of 5" in app.text()
        cell = app.screen.query_one(CellPanel).cell
        assert cell is not None
        assert cell.trend == tuple((each.epoch, each.confusion[0][0]) for each in app.session.view.history.epochs)


async def test_before_the_first_epoch_the_screen_shows_when_the_matrix_comes(tmp_path: Path) -> None:
    recording = Recording.begin(tmp_path, planned=5, n=200)
    recording.train(10)
    recording.run.lock.path.touch()  # if it is missing beside fresh events, an engine may make it again
    lock = recording.run.lock.acquire()
    app = Host(recording.run, ConfusionScreen, now=recording.time)
    async with app.shown((80, 24)) as pilot:
        await settled(pilot)
        assert app.session.view.progress.phase is Phase.TRAINING
        words = " ".join(app.text().split())
        assert re.search(r"The first matrix .* 00:16\.", words)  # 30 steps, 200 images
        assert "Enter Open" not in words
        recording.end_epoch()
        app.follow()
        await settled(pilot)
        assert "recall" in app.text()
        await pilot.press("home")
        assert app.screen.query_one(ConfusionMatrix).cursor[1] == 0
    os.close(lock)


async def test_a_run_that_ended_before_its_first_validation_has_no_matrix(tmp_path: Path) -> None:
    recording = Recording.begin(tmp_path)
    recording.train(3)
    app = host(recording.run)
    async with app.shown((80, 24)) as pilot:
        await settled(pilot)
        assert "crashed before" in app.text()


async def test_a_large_terminal_shows_the_digits_of_the_cell_and_a_click_opens_one(run: RunDirectory) -> None:
    app = host(run)
    async with app.shown((200, 60)) as pilot:
        await settled(pilot)
        gallery = app.screen.query_one(Gallery)
        cursor = app.screen.query_one(ConfusionMatrix).cursor
        assert gallery.digits is not None
        assert (gallery.digits.digit(0).true, gallery.digits.digit(0).predicted) == cursor
        await pilot.click(gallery, offset=(5, 5))
        await settled(pilot)
        assert isinstance(app.screen, DigitScreen)


NAMES_OF_100 = tuple(f"kind of animal {number}" for number in range(100))


async def test_a_matrix_of_100_classes_scrolls_with_the_cursor_and_keeps_its_headings(tmp_path: Path) -> None:
    app = Host(made_run(tmp_path, (16, 16), NAMES_OF_100, n=300), ConfusionScreen)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        matrix = app.front.query_one(ConfusionMatrix)
        worst = top_confusions(matrix.counts, 2)
        for expected in ((worst[0].true, worst[0].predicted), (worst[1].true, worst[1].predicted)):
            assert matrix.cursor == expected
            await settled(pilot)
            assert_cursor_is_shown(app)
            await pilot.press("W")
        await pilot.press("o", "end", *["pagedown"] * 4)
        await settled(pilot)
        assert matrix.cursor == (matrix._order[-1], matrix._order[-1])
        assert_cursor_is_shown(app)
        await pilot.press("home", *["pageup"] * 4)
        await settled(pilot)
        assert matrix.cursor == (matrix._order[0], matrix._order[0])
        assert_cursor_is_shown(app)


def assert_cursor_is_shown(app: Host) -> None:
    """Check that the row's label and the column's heading are on the screen, beside and above the cell."""
    matrix = app.front.query_one(ConfusionMatrix)
    true, predicted = matrix.cursor
    lines = [line[: matrix.region.right] for line in app.lines()[matrix.region.y : matrix.region.bottom]]
    (heading,) = [line for line in lines if "true" in line.split()]
    assert str(predicted) in heading.split()
    left = matrix.current_layout.cells_left + 1  # the border
    assert [line for line in lines if line[:left].endswith(f" {true}  ") and "kind" in line[:left]]


async def test_a_click_on_a_confusion_moves_the_cursor(tmp_path: Path) -> None:
    app = Host(made_run(tmp_path, (16, 16), NAMES_OF_100, n=300), ConfusionScreen)
    async with app.shown((120, 40)) as pilot:
        await settled(pilot)
        matrix, third = app.front.query_one(ConfusionMatrix), 2
        expected = top_confusions(matrix.counts, 3)[third]
        await pilot.click("WorstConfusions", offset=(10, third + 1))
        assert matrix.cursor == (expected.true, expected.predicted)
