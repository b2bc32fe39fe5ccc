"""The layers of a network as lines of a table: what they are, and how they do while they learn."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.text import Text

from mnist_tui.events import Layer, LayerStat, LayerStats
from mnist_tui.render.sparkline import sparkline
from mnist_tui.render.text import bar, clip, sanitize, shape

NAME, OUTPUT, PARAMETERS, BAR = 16, 9, 8, 5
SPARK = 8
NARROWEST_WHY = 24
MOST_SAMPLES = 256
"""A sparkline needs no more, however long the run is."""
EXACT = 8
"""Newest samples that thinning keeps all."""
SHORT_KINDS = {"BatchNormalization": "BatchNorm", "MaxPooling2D": "MaxPool", "AveragePooling2D": "AvgPool"}
SHORT_KINDS |= {"GlobalAveragePooling2D": "GlobalAvg", "GlobalMaxPooling2D": "GlobalMax"}


@dataclass(frozen=True)
class Quantity:
    """One number of LayerStat: its field, its heading, how it is written (5 cells at most), and a bar's limits."""

    key: str
    heading: str
    write: Callable[[float], str]
    limits: tuple[float, float] | None = None

    def of(self, stat: LayerStat | None) -> float | None:
        """Its value in a sample."""
        value: float | None = getattr(stat, self.key) if stat is not None else None
        return value

    def words(self, value: float | None) -> str:
        """The value as it stands in the table; empty where there is none."""
        return "" if value is None else self.write(value)


def norm(value: float) -> str:
    """Five cells: 0.042, 12.91, 310.4, 52,910, 2e+07."""
    if not math.isfinite(value):
        return "NaN"
    if 0 < value < 0.0005:
        return "<.001"
    for limit, digits in ((9.9995, 3), (99.995, 2), (999.95, 1)):
        if value < limit:
            return f"{value:.{digits}f}"
    return f"{value:,.0f}" if value < 9_999.5 else f"{value:.0e}"


def small_share(value: float) -> str:
    """Five cells: 0.23%, 12.5%, 250%."""
    if not math.isfinite(value):
        return "NaN"
    if 0 < value < 0.00005:
        return "<.01%"
    return f"{value:.2%}" if value < 0.09995 else f"{value:.1%}" if value < 0.9995 else f"{min(value, 99.99):.0%}"


def share(value: float) -> str:
    """Whole percent."""
    return f"{value:.0%}" if math.isfinite(value) else "NaN"


GRADIENT = Quantity("gradient_norm", "‖∇‖", norm)
DEAD = Quantity("dead_share", "dead", share, (0.0, 1.0))
STEP = Quantity("relative_step", "Δw/w", small_share)
WEIGHTS = Quantity("weight_norm", "‖w‖", norm)
QUANTITIES = (WEIGHTS, STEP, GRADIENT, DEAD)
"""As they stand from left to right."""
BY_NEED = (GRADIENT, DEAD, STEP, WEIGHTS)
"""Which come first where there is not room for all."""
CELL = 6


@dataclass(frozen=True)
class ColumnLayout:
    """What has room in a table of some width."""

    width: int
    numbers: tuple[Quantity, ...]
    sparks: tuple[Quantity, ...]
    spark: int
    """Columns of each sparkline."""
    why: int
    """Columns of the layer's reason; 0: none."""


def plan(width: int, *, sampled: bool) -> ColumnLayout:
    """Share the columns out. Without samples the layers' reasons have the room of the numbers."""
    room = width - (NAME + OUTPUT + PARAMETERS + BAR + 5)
    numbers: list[Quantity] = []
    sparks: list[Quantity] = []
    for wanted, cells in ((numbers, CELL), (sparks, SPARK + 1)):
        for quantity in BY_NEED if sampled else ():
            if room >= cells:
                wanted.append(quantity)
                room -= cells
    wider = min(SPARK, room // len(sparks)) if len(sparks) == len(BY_NEED) else 0
    room -= wider * len(sparks)
    return ColumnLayout(
        width,
        tuple(one for one in QUANTITIES if one in numbers),
        tuple(one for one in QUANTITIES if one in sparks),
        SPARK + wider,
        room - 2 if room - 2 >= NARROWEST_WHY else 0,
    )


def heading(layout: ColumnLayout) -> str:
    """What stands over the columns of `row`."""
    words = f"{'layer':<{NAME}}{'output':>{OUTPUT}}{'params':>{PARAMETERS}} {'compute':<{BAR + 4}}"
    for quantity in layout.numbers:
        words += f"{quantity.heading:>{CELL}}" + (" " * (layout.spark + 1) if quantity in layout.sparks else "")
    return clip(words + ("  why" if layout.why else ""), layout.width)


@dataclass(frozen=True)
class Colours:
    """Names or hex that rich understands."""

    accent: str
    quiet: str
    alert: str


def row(
    layer: Layer,
    total: int,
    layout: ColumnLayout,
    colours: Colours,
    *,
    series: Sequence[LayerStat] = (),
    why: str = "",
    ill: bool = False,
) -> Text:
    """One layer as a line. `total` is the multiply-adds of all layers, `series` its samples, oldest first."""
    part = layer.multiply_adds / total if total else 0.0
    line = Text(no_wrap=True, end="")
    kind = sanitize(f"{SHORT_KINDS.get(layer.kind, layer.kind)} {layer.detail}".strip())
    line.append(
        f"{clip(kind, NAME):<{NAME}}", f"bold {colours.alert}" if ill else "bold" if layer.multiply_adds else ""
    )
    line.append(f"{shape(layer.output_shape):>{OUTPUT}}", colours.quiet)
    line.append(f"{_count(layer.parameters):>{PARAMETERS}}", "" if layer.parameters else colours.quiet)
    line.append(" " + bar(part, BAR) if layer.multiply_adds else " " * (BAR + 1), colours.accent)
    figure = "" if not layer.multiply_adds else f"{part:.0%}" if part >= 0.005 else "<1%"
    line.append(f"{figure:>4}")
    newest = series[-1] if series else None
    for quantity in layout.numbers:
        line.append(f"{quantity.words(quantity.of(newest)):>{CELL}}", colours.alert if ill else "")
        if quantity in layout.sparks:
            line.append(" " + _spark(quantity, series, layout.spark), colours.quiet)
    if layout.why:
        line.append("  " + clip(why, layout.why), colours.quiet)
    line.truncate(max(0, layout.width))
    return line


def detail(layout: ColumnLayout, series: Sequence[LayerStat], width: int) -> str:
    """The sparklines of one layer that its row has no room for, in a line of at most `width` columns; else empty."""
    newest = series[-1] if series else None
    missing = [one for one in QUANTITIES if one not in layout.sparks and one.of(newest) is not None]
    if not missing or len(series) < 2:
        return ""
    labels = [
        one.heading + ("" if one in layout.numbers else f" {one.words(one.of(newest)):>{CELL - 1}}") + " "
        for one in missing
    ]
    room = (width - sum(len(label) for label in labels) - 2 * (len(labels) - 1)) // len(labels)
    cells = min(2 * SPARK, room, len(series))
    parts = [label + _spark(one, series, cells) for label, one in zip(labels, missing, strict=True)]
    return clip("  ".join(parts), width) if room >= 3 else ""


def thinned(samples: Sequence[LayerStats]) -> list[LayerStats]:
    """At most about MOST_SAMPLES of them, evenly, and the newest EXACT all."""
    older = samples[:-EXACT]
    return [*older[:: max(1, -(-len(older) // MOST_SAMPLES))], *samples[-EXACT:]]


def series_by_layer(samples: Sequence[LayerStats]) -> dict[str, list[LayerStat]]:
    """The samples of each layer, oldest first."""
    found: dict[str, list[LayerStat]] = {}
    for sample in samples:
        for stat in sample.layers:
            found.setdefault(stat.name, []).append(stat)
    return found


def _spark(quantity: Quantity, series: Sequence[LayerStat], width: int) -> str:
    values = [quantity.of(stat) for stat in series]
    known = any(value is not None for value in values)
    return sparkline(values, width, quantity.limits) if known else " " * max(0, width)


def _count(parameters: int) -> str:
    if not parameters:
        return "–"
    return f"{parameters:,}" if parameters < 1_000_000 else f"{parameters / 1e6:,.1f} M"
