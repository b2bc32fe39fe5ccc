"""Compared runs -> the columns of their table, in groups, and which of them fit on a page."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mnist_tui.analysis.comparison import TARGETS, Best, EpochResult, RunResult, best_of, differing_settings
from mnist_tui.metrics import Metric
from mnist_tui.render.text import clip, duration, percent
from mnist_tui.runs.history import History
from mnist_tui.runs.summary import Status
from mnist_tui.ui.compare.compared_runs import ComparedRun, ComparedRuns
from mnist_tui.ui.plots.data import Sampled, reading
from mnist_tui.ui.plots.scale import TIMES, Scale, scale_of
from mnist_tui.ui.plots.view import PlotView

LONGEST_NAME, LONGEST_VALUE = 20, 16
BEST_SIGN = "★"
STATUS_COLOURS = {
    Status.PAUSED: "warning",
    Status.FINISHED: "success",
    Status.STOPPED: "warning",
    Status.CRASHED: "error",
    Status.FAILED: "error",
}
"""Theme variables; a run that goes on has the accent's."""


@dataclass(frozen=True)
class CompareCell:
    """What stands in a cell; `colour` is a theme variable."""

    words: str
    colour: str = ""
    bold: bool = False


@dataclass(frozen=True)
class CompareColumn:
    """One column. Columns of one group stay together; those of the groups in FIXED are on every page."""

    group: str
    heading: tuple[str, str]
    cells: tuple[CompareCell, ...]
    is_number: bool = True

    @property
    def width(self) -> int:
        """Cells that the longest words take."""
        return max(map(len, (*self.heading, *(cell.words for cell in self.cells))), default=0)


FIXED = ("run", "cursor")


def columns_of(compared: ComparedRuns, at_cursor: Sequence[CompareColumn] = ()) -> list[CompareColumn]:
    """All columns: the runs, their values at the cursor, results, what each needed, and the settings that differ."""
    runs, results = compared.runs, compared.results
    best = best_of(results)
    columns = [
        CompareColumn("run", ("", ""), tuple(_sign(run) for run in runs), is_number=False),
        CompareColumn("run", ("", "run"), tuple(_name(run) for run in runs), is_number=False),
        *at_cursor,
        *_result_columns(runs, results, best),
    ]
    for place, target in enumerate(TARGETS):
        cells = tuple(
            needed(result.reached(target), result, number in best.images[place], number in best.seconds[place])
            for number, result in enumerate(results)
        )
        columns.append(CompareColumn("needed", (f"to {target_words(target)} val", "images  time"), cells))
    known = [place for place, run in enumerate(runs) if run.history is not None]
    for label in differing_settings([results[place].settings for place in known]):
        cells = tuple(CompareCell(clip(result.settings.get(label, "–"), LONGEST_VALUE)) for result in results)
        columns.append(CompareColumn("settings", ("", label), cells))
    return columns


def target_words(target: float) -> str:
    """99.0 %, 99.29 %."""
    words = f"{target * 100:.2f}"
    return f"{words.removesuffix('0')} %"


def needed(epoch: EpochResult | None, run: RunResult, fewest: bool, fastest: bool) -> CompareCell:
    """Images and time until an epoch's end, or in words why there are none."""
    if epoch is None:
        words = "–" if not run.settings else "not reached" if run.is_over else "not yet"
        return CompareCell(words, "quiet")
    images = f"{BEST_SIGN if fewest else ''}{epoch.images:,}"
    time = f"{BEST_SIGN if fastest else ''}{duration(epoch.seconds)}"
    return CompareCell(f"{images} {time:>6}", "success" if fewest or fastest else "", fewest and fastest)


def _sign(run: ComparedRun) -> CompareCell:
    return CompareCell(f"━{run.sign.marker}━" if run.is_shown else f" {run.sign.marker} ", run.sign.variable, bold=True)


def _name(run: ComparedRun) -> CompareCell:
    return CompareCell(clip(run.name, LONGEST_NAME), "" if run.is_shown else "quiet", run.is_shown)


def _status(run: ComparedRun) -> CompareCell:
    status = run.status
    if run.is_deleted:
        return CompareCell("deleted", "error")
    if status is None:
        return CompareCell("unreadable", "error") if run.trouble else CompareCell("reading…", "quiet")
    return CompareCell(str(status), STATUS_COLOURS.get(status, "primary"))


def _result_columns(runs: Sequence[ComparedRun], results: Sequence[RunResult], best: Best) -> tuple[CompareColumn, ...]:
    validation, tests, epochs, times = [], [], [], []
    for place, (run, result) in enumerate(zip(runs, results, strict=True)):
        found = result.best
        validation.append(_best(percent(found.validation_accuracy if found else None), place in best.validation))
        tests.append(_best(percent(result.test_accuracy), place in best.test))
        planned = f"/{run.history.epochs_planned}" if run.history is not None else ""
        done = result.epochs[-1].epoch if result.epochs else 0
        epochs.append(CompareCell(f"{done}{planned}" if planned else "–"))
        times.append(CompareCell("–" if run.seconds is None else duration(run.seconds)))
    return (
        CompareColumn("results", ("", "status"), tuple(map(_status, runs)), is_number=False),
        CompareColumn("results", ("best", "validation"), tuple(validation)),
        CompareColumn("results", ("", "test"), tuple(tests)),
        CompareColumn("results", ("", "epochs"), tuple(epochs)),
        CompareColumn("results", ("total", "time"), tuple(times)),
    )


def _best(words: str, is_best: bool) -> CompareCell:
    return CompareCell(f"{BEST_SIGN} {words}", "success", True) if is_best else CompareCell(words)


class CursorReader:
    """Reads the values of all runs off at the cursor; keeps what it read of sampled metrics."""

    def __init__(self) -> None:
        self._sampled: dict[tuple[str, str], Sampled] = {}

    def columns(
        self, compared: ComparedRuns, ruler: History | None, view: PlotView, metrics: Sequence[Metric]
    ) -> list[CompareColumn]:
        """A column a metric: raw values at each run's own step there, or validation where that is all that is shown."""
        if view.cursor is None or ruler is None:
            return []
        scale = scale_of(ruler, view, compared.overlay(alone=True).histories)
        (place,) = scale.places(ruler, np.array([float(view.cursor)]))
        where = _where(scale, float(place))
        found = []
        for metric in metrics:
            cells = []
            for run in compared.runs:
                beside = scale.beside(run.history) if run.history is not None else None
                if run.history is None or beside is None:
                    cells.append(CompareCell("–", "quiet"))
                    continue
                sampled = self._sampled.setdefault((run.run.id, metric.key), Sampled())
                read = reading(run.history, metric, beside.step_at(run.history, float(place)), sampled)
                validates = view.validation_alone and metric.validation_key is not None
                cells.append(CompareCell(metric.format(read.validation if validates else read.value)))
            label = metric.label + (" val" if view.validation_alone and metric.validation_key else "")
            found.append(CompareColumn("cursor", (where, label), tuple(cells)))
        return found


def _where(scale: Scale, place: float) -> str:
    if scale.axis in TIMES:
        return f"at {duration(place * scale.divisor)}"
    return f"epoch {place:.2f}" if scale.axis == "epochs" else f"step {place:,.0f}"


def pages(columns: Sequence[CompareColumn], room: int, padding: int) -> list[list[int]]:
    """Which columns are on which page of so much room: fixed ones on each, groups together where they fit."""
    widths = [column.width + padding for column in columns]
    fixed = [place for place, column in enumerate(columns) if column.group in FIXED]
    left = room - sum(widths[place] for place in fixed)
    groups: dict[str, list[int]] = {}
    for place, column in enumerate(columns):
        if column.group not in FIXED:
            groups.setdefault(column.group, []).append(place)
    made: list[list[int]] = [[]]
    free = left
    for places in groups.values():
        whole = sum(widths[place] for place in places)
        if made[-1] and whole > free:
            made.append([])
            free = left
        for place in places:
            if made[-1] and widths[place] > free:
                made.append([])
                free = left
            made[-1].append(place)
            free -= widths[place]
    return [sorted(fixed + page) for page in made]
