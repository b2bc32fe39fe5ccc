"""Texts on the frame of a plot: the legend as its title, what the x axis counts as its subtitle."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.markup import escape

from mnist_tui.events import RollingEvaluated
from mnist_tui.metrics import Metric, smoothing_in_words
from mnist_tui.runs.history import History
from mnist_tui.ui.plots.data import MetricCurve, ValidationPoints, read_at
from mnist_tui.ui.plots.overlay import RunOverlay
from mnist_tui.ui.plots.scale import Scale
from mnist_tui.ui.plots.view import PlotView

TRAIN_MARKER, VALIDATION_MARKER, BEST_MARKER, ROLLING_MARKER = "━", "●", "★", "◦"


@dataclass(frozen=True)
class LegendEntry:
    """A curve's marker, name and value, of which the name is left out first."""

    colour: str
    """A theme variable."""
    marker: str
    name: str
    value: str

    def text(self, with_name: bool) -> str:
        """Join the parts that are not empty."""
        return " ".join(part for part in (self.marker, self.name if with_name else "", self.value) if part)


def legend(
    history: History,
    metric: Metric,
    view: PlotView,
    curve: MetricCurve | None,
    points: ValidationPoints | None,
    gpus: Sequence[LegendEntry],
    width: int,
) -> str:
    """Return the markup of a title of at most `width` cells, with the newest values or those at the cursor.

    Args:
        gpus: The entries of all GPUs, which replace the curve's own; empty if the metric has one curve.
    """
    best, cursor = history.best_epoch, view.cursor
    last = history.epochs[-1] if history.epochs else None
    if cursor is None and metric.source == "steps":
        value = history.recent(metric.key) if metric.key in history.steps else None
        epoch = last.epoch if last else None
        validation = last.validation.get(metric.key) if last else None
        newest = history.newest_validation
        rolling = newest if isinstance(newest, RollingEvaluated) else None
    else:
        read = read_at(history, metric, history.last_step if cursor is None else cursor)
        value, validation, epoch, rolling = read.value, read.validation, read.epoch, read.rolling
    is_validated = metric.is_validated
    marker, name = (TRAIN_MARKER, "train") if is_validated else ("", "")
    curves = list(gpus) or [LegendEntry("train", marker, name, metric.format(value))]
    if is_validated and epoch is not None:
        curves.append(LegendEntry("validation", VALIDATION_MARKER, "val", metric.format(validation)))
    if is_validated and rolling is not None:
        between = metric.format(rolling.validation.get(metric.key))
        curves.append(LegendEntry("validation", ROLLING_MARKER, "rolling", between))
    best_entry = []
    if is_validated and best is not None:
        best_entry = [LegendEntry("validation", BEST_MARKER, "best", f"epoch {best.epoch}")]
    omitted = omitted_entries(curve, points, view)
    choices = [(True, curves + best_entry + omitted), (True, curves + omitted), (False, curves + omitted)]
    return _longest(metric, [*choices, (False, curves)], width)


def overlay_legend(metric: Metric, overlay: RunOverlay, width: int) -> str:
    """Return the markup of a title that names the best of several runs."""
    if not metric.is_validated:
        return metric.label
    found = []
    for run in overlay.runs:
        best = run.history.best_epoch
        value = best.validation.get(metric.key) if best is not None else None
        if value is not None and value == value:
            found.append((value if metric.higher_is_better else -value, run, f"val {metric.format(value)}"))
    if len(found) < 2:
        return metric.label
    _, run, text = max(found, key=lambda each: each[0])
    entry = LegendEntry(run.style.variable, f"{BEST_MARKER} {run.style.marker}", run.name, text)
    return _longest(metric, [(True, [entry]), (False, [entry]), (False, [])], width)


def omitted_entries(curve: MetricCurve | None, points: ValidationPoints | None, view: PlotView) -> list[LegendEntry]:
    """Count the values that the plot cannot show."""
    counts = [f"{curve.nonfinite_count:,}"] if curve is not None and curve.nonfinite_count else []
    counts += [f"val {points.nonfinite_count:,}"] if points is not None and points.nonfinite_count else []
    entries = [LegendEntry("error", "×", "not finite", " + ".join(counts))] if counts else []
    if view.log:
        count = curve.nonpositive_count if curve is not None else 0
        count += int((points.y <= 0).sum()) if points is not None else 0
        if count:
            entries.append(LegendEntry("warning", "≤ 0", "left out", f"{count:,}"))
    return entries


def _longest(metric: Metric, choices: Sequence[tuple[bool, list[LegendEntry]]], width: int) -> str:
    """Return the first choice, (with names, entries), that fits, else the last."""
    texts: list[tuple[str, str]] = []
    for with_names, entries in choices:
        texts = [(entry.colour, entry.text(with_names)) for entry in entries]
        if len(metric.label) + sum(2 + len(text) for _, text in texts) <= width:
            break
    return metric.label + "".join(f"  [${colour}]{escape(text)}[/]" for colour, text in texts)


def axis_label(history: History, scale: Scale, metric: Metric, view: PlotView, width: int) -> str:
    """Return the unit of the x axis, after what is not the default of the view and of the loss, as far as it fits."""
    parts = [scale.unit]
    started = history.started
    if started is not None and metric.key == "loss" and started.label_smoothing:
        parts.insert(0, smoothing_in_words(started.label_smoothing, len(started.class_names)))
    if view.log:
        parts.insert(0, "log y")
    if view.window is not None:
        parts.insert(0, "zoomed")
    elif view.recent:
        parts.insert(0, "newest steps")
    if view.validation_only and metric.is_validated:
        parts.insert(0, "validation only")
    elif view.smoothing != "light":
        parts.insert(0, "no smoothing" if view.smoothing == "off" else "strong smoothing")
    while len(" · ".join(parts)) > width and len(parts) > 1:
        parts.pop(0)
    return " · ".join(parts)
