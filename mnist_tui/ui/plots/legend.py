"""What a plot's frame says: each curve with its sign and value as the title, what the x axis counts as the subtitle."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual.markup import escape

from mnist_tui.metrics import Metric
from mnist_tui.runs.history import History
from mnist_tui.ui.plots.data import PlotPoints, Sampled, Validated, reading
from mnist_tui.ui.plots.overlay import RunOverlay
from mnist_tui.ui.plots.scale import Scale
from mnist_tui.ui.plots.view import PlotView

TRAIN_SIGN, VALIDATION_SIGN, BEST_SIGN = "━", "●", "★"


@dataclass(frozen=True)
class Part:
    """A piece of the legend; the sign goes first where there is room, the name next."""

    colour: str
    """A theme variable."""
    sign: str
    name: str
    value: str

    def words(self, named: bool) -> str:
        """As it reads."""
        return " ".join(each for each in (self.sign, self.name if named else "", self.value) if each)


def legend(
    history: History,
    metric: Metric,
    view: PlotView,
    data: PlotPoints | None,
    points: Validated | None,
    sampled: Sampled,
    room: int,
    each: Callable[[Part, int], list[Part]] = lambda first, at: [],  # noqa: ARG005
) -> str:
    """Markup for the title: values are the newest, or the cursor's; names and the best epoch where there is room.

    `each` gives what stands in place of the curve's part at a step where the metric has several curves.
    """
    best, cursor = history.best_epoch, view.cursor
    missing = left_out(data, points, view)
    last = history.epochs[-1] if history.epochs else None
    if cursor is None and metric.source == "steps":
        value: float | None = history.recent(metric.key)
        epoch = last.epoch if last else None
        validation = getattr(last, metric.validation_key) if last and metric.validation_key else None
    else:
        read = reading(history, metric, history.last_step if cursor is None else cursor, sampled)
        value, validation, epoch = read.value, read.validation, read.epoch
    validates = metric.validation_key is not None
    curves = [Part("train", TRAIN_SIGN if validates else "", "train" if validates else "", metric.format(value))]
    curves = each(curves[0], history.last_step if cursor is None else cursor) or curves
    if validates and epoch is not None:
        curves.append(Part("validation", VALIDATION_SIGN, "val", metric.format(validation)))
    best_part = []
    if validates and best is not None:
        best_part = [Part("validation", BEST_SIGN, "best", f"epoch {best.epoch}")]
    choices = [(True, curves + best_part + missing), (True, curves + missing), (False, curves + missing)]
    return _longest(metric, [*choices, (False, curves)], room)


def overlay_legend(metric: Metric, overlay: RunOverlay, room: int) -> str:
    """Markup for the title of a plot of many runs: who is the best of them."""
    key = metric.validation_key
    if key is None:
        return metric.label
    found = []
    for run in overlay.runs:
        best = run.history.best_epoch
        value = getattr(best, key) if best is not None else None
        if value is not None and value == value:
            found.append((value if metric.higher_is_better else -value, run, metric.format(value)))
    if len(found) < 2:
        return metric.label
    _, run, value = max(found, key=lambda each: each[0])
    part = Part(run.sign.variable, f"{BEST_SIGN} {run.sign.marker}", run.name, f"val {value}")
    return _longest(metric, [(True, [part]), (False, [part]), (False, [])], room)


def left_out(data: PlotPoints | None, points: Validated | None, view: PlotView) -> list[Part]:
    """What the curve cannot show, counted."""
    broken = data.all_broken if data is not None else 0
    broken_points = points.all_broken if points is not None else 0
    parts = []
    if broken or broken_points:
        counts = [f"{broken:,}"] if broken else []
        counts += [f"val {broken_points:,}"] if broken_points else []
        parts.append(Part("error", "×", "not finite", " + ".join(counts)))
    if view.log:
        count = data.not_positive if data is not None else 0
        count += int((points.y <= 0).sum()) if points is not None else 0
        if count:
            parts.append(Part("warning", "≤ 0", "left out", f"{count:,}"))
    return parts


def _longest(metric: Metric, choices: Sequence[tuple[bool, list[Part]]], room: int) -> str:
    """The first choice that fits, else the last. A choice is whether there are names, and the parts."""
    words: list[tuple[str, str]] = []
    for named, parts in choices:
        words = [(part.colour, part.words(named)) for part in parts]
        if len(metric.label) + sum(2 + len(each) for _, each in words) <= room:
            break
    return metric.label + "".join(f"  [${colour}]{escape(each)}[/]" for colour, each in words)


def axis_words(scale: Scale, metric: Metric, view: PlotView, room: int) -> str:
    """What the x axis counts, and what is not as at first."""
    parts = [scale.unit]
    if view.log:
        parts.insert(0, "log y")
    if view.window is not None:
        parts.insert(0, "zoomed")
    elif view.recent:
        parts.insert(0, "newest steps")
    if view.validation_alone and metric.validation_key is not None:
        parts.insert(0, "validation alone")
    elif view.smoothing != "light":
        parts.insert(0, "not smoothed" if view.smoothing == "off" else "smoothed strongly")
    words = " · ".join(parts)
    while len(words) > room and len(parts) > 1:
        parts.pop(0)
        words = " · ".join(parts)
    return words
