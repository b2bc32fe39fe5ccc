"""The columns of the table of compared runs, and how they are divided into pages."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mnist_tui.analysis.comparison import TARGETS, BestRuns, EpochResult, RunResult, best_runs, differing_settings
from mnist_tui.metrics import TARGET_ACCURACIES, Metric
from mnist_tui.render.text import clip, duration, joules, percent, test_results, watt_hours
from mnist_tui.runs.history import History
from mnist_tui.ui.compare.compared_runs import ComparedRun, ComparedRuns
from mnist_tui.ui.plots.data import read_at
from mnist_tui.ui.plots.legend import BEST_MARKER
from mnist_tui.ui.plots.scale import TIME_AXES, Scale, scale_of
from mnist_tui.ui.plots.view import PlotView
from mnist_tui.ui.theme import status_colour

NAME_WIDTH, VALUE_WIDTH = 20, 16
FIXED_GROUPS = ("run", "cursor")
"""On every page."""


@dataclass(frozen=True)
class CompareCell:
    """A text, with a theme variable as its colour."""

    text: str
    colour: str = ""
    bold: bool = False


@dataclass(frozen=True)
class CompareColumn:
    """A column. Columns of one group stay on one page if they fit."""

    group: str
    heading: tuple[str, str]
    cells: tuple[CompareCell, ...]
    is_number: bool = True

    @property
    def width(self) -> int:
        """Cells that the longest text takes."""
        return max(map(len, (*self.heading, *(cell.text for cell in self.cells))), default=0)


def table_columns(compared: ComparedRuns, at_cursor: Sequence[CompareColumn] = ()) -> list[CompareColumn]:
    """Return all columns: runs, values at the cursor, results, cost of the target accuracies, differing settings."""
    runs, results = compared.runs, [run.result for run in compared.runs]
    best = best_runs(results)
    columns = [
        CompareColumn("run", ("", ""), tuple(_marker_cell(run) for run in runs), is_number=False),
        CompareColumn("run", ("", "run"), tuple(_name_cell(run) for run in runs), is_number=False),
        *at_cursor,
        *_result_columns(runs, results, best),
    ]
    for target, fewest, fastest in zip(TARGETS, best.images, best.seconds, strict=True):
        cells = tuple(
            _target_cell(result.first_reaching(target), result, number in fewest, number in fastest)
            for number, result in enumerate(results)
        )
        columns.append(CompareColumn("targets", (f"to {target_text(target)} val", "images  time"), cells))
    if any(run.history is not None and run.history.energy.worked.total is not None for run in runs):
        columns += _energy_columns(runs, results)
    loaded = [result for run, result in zip(runs, results, strict=True) if run.history is not None]
    for label in differing_settings([result.settings for result in loaded]):
        cells = tuple(CompareCell(clip(result.settings.get(label, "–"), VALUE_WIDTH)) for result in results)
        columns.append(CompareColumn("settings", ("", label), cells))
    return columns


def target_text(target: float) -> str:
    """Format a target accuracy as 99.0 % or 99.29 %."""
    return f"{f'{target * 100:.2f}'.removesuffix('0')} %"


def _target_cell(epoch: EpochResult | None, run: RunResult, is_fewest: bool, is_fastest: bool) -> CompareCell:
    if epoch is None or not run.settings:
        return CompareCell("–" if not run.settings else "not reached" if run.is_over else "not yet", "quiet")
    images = f"{BEST_MARKER if is_fewest else ''}{epoch.images:,}"
    time = f"{BEST_MARKER if is_fastest else ''}{duration(epoch.seconds)}"
    colour = "success" if is_fewest or is_fastest else ""
    return CompareCell(f"{images} {time:>6}", colour, is_fewest and is_fastest)


def _marker_cell(run: ComparedRun) -> CompareCell:
    marker = run.style.marker
    return CompareCell(f"━{marker}━" if run.is_shown else f" {marker} ", run.style.variable, bold=True)


def _name_cell(run: ComparedRun) -> CompareCell:
    return CompareCell(clip(run.name, NAME_WIDTH), "" if run.is_shown else "quiet", run.is_shown)


def _status_cell(run: ComparedRun) -> CompareCell:
    if run.is_deleted:
        return CompareCell("deleted", "error")
    if run.status is None:
        return CompareCell("unreadable", "error") if run.error else CompareCell("reading…", "quiet")
    return CompareCell(str(run.status), status_colour(run.status))


def _result_columns(
    runs: Sequence[ComparedRun], results: Sequence[RunResult], best: BestRuns
) -> tuple[CompareColumn, ...]:
    validation, tests, epochs, times = [], [], [], []
    for number, (run, result) in enumerate(zip(runs, results, strict=True)):
        accuracy = result.best.validation_accuracy if result.best else None
        validation.append(_cell(percent(accuracy), number in best.validation))
        tests.append(_cell(test_results(result.test_accuracies), number in best.test))
        done = result.epochs[-1].epoch if result.epochs else 0
        epochs.append(CompareCell("–" if run.history is None else f"{done}/{run.history.epochs_planned}"))
        times.append(CompareCell("–" if run.seconds is None else duration(run.seconds)))
    return (
        CompareColumn("results", ("", "status"), tuple(map(_status_cell, runs)), is_number=False),
        CompareColumn("results", ("best", "validation"), tuple(validation)),
        CompareColumn("results", ("", "test"), tuple(tests)),
        CompareColumn("results", ("", "epochs"), tuple(epochs)),
        CompareColumn("results", ("total", "time"), tuple(times)),
    )


def _energy_columns(runs: Sequence[ComparedRun], results: Sequence[RunResult]) -> list[CompareColumn]:
    ledgers = [run.history.energy if run.history is not None else None for run in runs]
    total = [watt_hours(each.worked.watt_hours, at_least=each.is_partial) if each else "–" for each in ledgers]
    per_image = [joules(each.joules_per_image) if each else "–" for each in ledgers]
    columns = [
        CompareColumn("energy", ("total", "energy"), tuple(map(CompareCell, total))),
        CompareColumn("energy", ("energy", "an image"), tuple(map(CompareCell, per_image))),
    ]
    for target in TARGET_ACCURACIES:
        reached = [result.first_reaching(target) for result in results]
        used = tuple(CompareCell(watt_hours(epoch.watt_hours) if epoch else "–") for epoch in reached)
        columns.append(CompareColumn("energy", (f"to {target_text(target)} val", "energy"), used))
    return columns


def _cell(text: str, is_best: bool) -> CompareCell:
    return CompareCell(f"{BEST_MARKER} {text}", "success", True) if is_best else CompareCell(text)


def cursor_columns(
    compared: ComparedRuns, reference: History | None, view: PlotView, metrics: Sequence[Metric]
) -> list[CompareColumn]:
    """Return one column a metric, with each run's value (or its validation, if only that is shown) at the cursor."""
    if view.cursor is None or reference is None:
        return []
    scale = scale_of(reference, view, compared.overlay(hides_own_run=True).histories)
    position = float(scale.positions(reference, np.array([float(view.cursor)]))[0])
    found = []
    for metric in metrics:
        is_validation = view.validation_only and metric.is_validated
        label = f"{metric.label} val" if is_validation else metric.label
        cells = tuple(_cursor_cell(run, metric, scale, position, is_validation) for run in compared.runs)
        found.append(CompareColumn("cursor", (_position_text(scale, position), label), cells))
    return found


def _cursor_cell(run: ComparedRun, metric: Metric, scale: Scale, position: float, is_validation: bool) -> CompareCell:
    aligned = scale.align(run.history) if run.history is not None else None
    if run.history is None or aligned is None:
        return CompareCell("–", "quiet")
    read = read_at(run.history, metric, aligned.step_at(run.history, position))
    return CompareCell(metric.format(read.validation if is_validation else read.value))


def _position_text(scale: Scale, position: float) -> str:
    if scale.axis in TIME_AXES:
        return f"at {duration(position * scale.divisor)}"
    return f"epoch {position:.2f}" if scale.axis == "epochs" else f"step {position:,.0f}"


def pages(columns: Sequence[CompareColumn], width: int, padding: int) -> list[list[int]]:
    """Return the indices of the columns on each page of `width` cells, the fixed groups on all pages."""
    widths = [column.width + padding for column in columns]
    fixed = [index for index, column in enumerate(columns) if column.group in FIXED_GROUPS]
    room = width - sum(widths[index] for index in fixed)
    groups: dict[str, list[int]] = {}
    for index, column in enumerate(columns):
        if column.group not in FIXED_GROUPS:
            groups.setdefault(column.group, []).append(index)
    found: list[list[int]] = [[]]
    free = room
    for indices in groups.values():
        for index in indices:
            needed = sum(widths[each] for each in indices) if index == indices[0] else 0
            if found[-1] and max(needed, widths[index]) > free:
                found.append([])
                free = room
            found[-1].append(index)
            free -= widths[index]
    return [sorted(fixed + page) for page in found]
