"""The layers of a model as lines of a table: their architecture, and their statistics during training."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text

from mnist_tui.events import Layer, LayerStat, LayerStats
from mnist_tui.metrics import compact
from mnist_tui.render.bars import sparkline
from mnist_tui.render.text import bar, clip, clip_parts, sanitize, shape

NAME_WIDTH, OUTPUT_WIDTH, PARAMETERS_WIDTH, BAR_WIDTH = 16, 9, 8, 5
VALUE_WIDTH, SPARKLINE_WIDTH = 6, 8
TREND = "so far"
"""Heading of a sparkline, which stands right of its value."""
MIN_REASON_WIDTH = 24
MAX_OLD_SAMPLES = 256
"""More would not show in a sparkline."""
NEW_SAMPLES = 8
"""The newest samples, all of which thinning keeps."""
SHORT_KINDS = {"BatchNormalization": "BatchNorm", "MaxPooling2D": "MaxPool", "AveragePooling2D": "AvgPool"}
SHORT_KINDS |= {"GlobalAveragePooling2D": "GlobalAvg", "GlobalMaxPooling2D": "GlobalMax"}


@dataclass(frozen=True)
class Quantity:
    """A field of LayerStat as a column: its heading, what that means, its format and the limits of its sparkline."""

    key: str
    heading: str
    meaning: str
    format: Callable[[float], str]
    """At most 5 cells."""
    limits: tuple[float, float] | None = None

    def of(self, stat: LayerStat | None) -> float | None:
        """Return the value in a sample."""
        value: float | None = getattr(stat, self.key) if stat is not None else None
        return value

    def text(self, stat: LayerStat | None) -> str:
        """Return the formatted value in a sample, empty if there is none."""
        value = self.of(stat)
        return "" if value is None else self.format(value)


def format_norm(value: float) -> str:
    """Format in five cells: 0.042, 12.91, 310.4, 5,291, 12.3k, 21M."""
    if not math.isfinite(value):
        return "NaN"
    if 0 < value < 0.0005:
        return "<.001"
    for limit, digits in ((9.9995, 3), (99.995, 2), (999.95, 1)):
        if value < limit:
            return f"{value:.{digits}f}"
    return f"{value:,.0f}" if value < 9_999.5 else compact(value)


def format_small_share(value: float) -> str:
    """Format in five cells: 0.23%, 12.5%, 250%."""
    if not math.isfinite(value):
        return "NaN"
    if 0 < value < 0.00005:
        return "<.01%"
    return f"{value:.2%}" if value < 0.09995 else f"{value:.1%}" if value < 0.9995 else f"{min(value, 99.99):.0%}"


def format_share(value: float) -> str:
    """Format as whole percent."""
    return f"{value:.0%}" if math.isfinite(value) else "NaN"


GRADIENT = Quantity("gradient_norm", "‖∇‖", "size of gradient", format_norm)
DEAD = Quantity("dead_share", "dead", "inactive ReLU units", format_share, (0.0, 1.0))
STEP = Quantity("relative_step", "Δw/w", "change per step", format_small_share)
WEIGHTS = Quantity("weight_norm", "‖w‖", "size of weights", format_norm)
QUANTITIES = (WEIGHTS, STEP, GRADIENT, DEAD)
"""Columns from left to right."""
BY_PRIORITY = (GRADIENT, DEAD, STEP, WEIGHTS)
"""The first of these are shown if not all fit."""


@dataclass(frozen=True)
class ColumnLayout:
    """The columns that fit into a width."""

    width: int
    values: tuple[Quantity, ...]
    sparklines: tuple[Quantity, ...]
    sparkline_width: int
    reason_width: int
    """0 if reasons are not shown."""


def plan_columns(width: int, *, sampled: bool) -> ColumnLayout:
    """Choose the columns that fit. Until layers are sampled, their reasons take the room of the values."""
    room = width - (NAME_WIDTH + OUTPUT_WIDTH + PARAMETERS_WIDTH + BAR_WIDTH + 5)
    values: list[Quantity] = []
    sparklines: list[Quantity] = []
    for chosen, cells in ((values, VALUE_WIDTH), (sparklines, SPARKLINE_WIDTH + 2)):
        for quantity in BY_PRIORITY if sampled else ():
            if room >= cells:
                chosen.append(quantity)
                room -= cells
    extra = min(SPARKLINE_WIDTH, room // len(sparklines)) if len(sparklines) == len(BY_PRIORITY) else 0
    room -= extra * len(sparklines)
    return ColumnLayout(
        width,
        tuple(one for one in QUANTITIES if one in values),
        tuple(one for one in QUANTITIES if one in sparklines),
        SPARKLINE_WIDTH + extra,
        room - 2 if room - 2 >= MIN_REASON_WIDTH else 0,
    )


def heading(layout: ColumnLayout) -> str:
    """Return the heading over the columns of `layer_row`."""
    text = f"{'layer':<{NAME_WIDTH}}{'output':>{OUTPUT_WIDTH}}{'params':>{PARAMETERS_WIDTH}}"
    text += f" {'compute':<{BAR_WIDTH + 4}}"
    for quantity in layout.values:
        text += f"{quantity.heading:>{VALUE_WIDTH}}"
        if quantity in layout.sparklines:
            text += f" {TREND:<{layout.sparkline_width}} "
    return clip(text + ("  why" if layout.reason_width else ""), layout.width)


def legend(layout: ColumnLayout, width: int) -> str:
    """Return the headings of the columns of statistics in words, as far as they fit into `width`."""
    return clip_parts(" · ".join(f"{one.heading} {one.meaning}" for one in layout.values), width)


def layer_row(
    layer: Layer,
    total: int,
    layout: ColumnLayout,
    variables: Mapping[str, str],
    *,
    samples: Sequence[LayerStat] = (),
    reason: str = "",
    has_warning: bool = False,
) -> Text:
    """Return a layer as a line. `total` is the multiply-adds of all layers, `samples` are ordered oldest first.

    `variables` are those of the theme.
    """
    share = layer.multiply_adds / total if total else 0.0
    line = Text(no_wrap=True, end="")
    kind = sanitize(f"{SHORT_KINDS.get(layer.kind, layer.kind)} {layer.detail}".strip())
    kind_style = f"bold {variables['error']}" if has_warning else "bold" if layer.multiply_adds else ""
    line.append(f"{clip(kind, NAME_WIDTH):<{NAME_WIDTH}}", kind_style)
    line.append(f"{shape(layer.output_shape):>{OUTPUT_WIDTH}}", variables["quiet"])
    line.append(f"{_count(layer.parameters):>{PARAMETERS_WIDTH}}", "" if layer.parameters else variables["quiet"])
    line.append(" " + bar(share, BAR_WIDTH) if layer.multiply_adds else " " * (BAR_WIDTH + 1), variables["primary"])
    percentage = "" if not layer.multiply_adds else f"{share:.0%}" if share >= 0.005 else "<1%"
    line.append(f"{percentage:>4}")
    newest = samples[-1] if samples else None
    for quantity in layout.values:
        line.append(f"{quantity.text(newest):>{VALUE_WIDTH}}", variables["error"] if has_warning else "")
        if quantity in layout.sparklines:
            line.append(f" {_sparkline(quantity, samples, layout.sparkline_width)} ", variables["quiet"])
    if layout.reason_width:
        line.append("  " + clip(reason, layout.reason_width), variables["quiet"])
    line.truncate(max(0, layout.width))
    return line


def sparkline_details(layout: ColumnLayout, samples: Sequence[LayerStat], width: int) -> str:
    """Return the sparklines that a layer's row has no room for, in at most `width` columns; empty if there are none."""
    newest = samples[-1] if samples else None
    missing = [one for one in QUANTITIES if one not in layout.sparklines and one.of(newest) is not None]
    if not missing or len(samples) < 2:
        return ""
    labels = [
        one.heading + ("" if one in layout.values else f" {one.text(newest):>{VALUE_WIDTH - 1}}") + " "
        for one in missing
    ]
    room = (width - sum(len(label) for label in labels) - 2 * (len(labels) - 1)) // len(labels)
    cells = min(2 * SPARKLINE_WIDTH, room, len(samples))
    parts = [label + _sparkline(one, samples, cells) for label, one in zip(labels, missing, strict=True)]
    return clip("  ".join(parts), width) if room >= 3 else ""


def thin_samples(samples: Sequence[LayerStats]) -> list[LayerStats]:
    """Keep the newest samples, and at most MAX_OLD_SAMPLES of the older ones, evenly spaced."""
    older = samples[:-NEW_SAMPLES]
    return [*older[:: max(1, -(-len(older) // MAX_OLD_SAMPLES))], *samples[-NEW_SAMPLES:]]


def samples_by_layer(samples: Sequence[LayerStats]) -> dict[str, list[LayerStat]]:
    """Group samples by the name of their layer, oldest first."""
    found: dict[str, list[LayerStat]] = {}
    for sample in samples:
        for stat in sample.layers:
            found.setdefault(stat.name, []).append(stat)
    return found


def _sparkline(quantity: Quantity, samples: Sequence[LayerStat], width: int) -> str:
    values = [quantity.of(stat) for stat in samples]
    is_known = any(value is not None for value in values)
    return sparkline(values, width, quantity.limits).strip().ljust(width) if is_known else " " * max(0, width)


def _count(parameters: int) -> str:
    if not parameters:
        return "–"
    return f"{parameters:,}" if parameters < 1_000_000 else f"{parameters / 1e6:,.1f} M"
