"""Exhibits of the textbook as lines of text: curves, bars, histograms, probabilities and images."""

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from rich.text import Text
from textual.color import Color

from mnist_tui.analysis.arithmetic.activations import Softmax
from mnist_tui.render.contact_sheet import Tile, contact_sheet
from mnist_tui.render.images import half_blocks
from mnist_tui.render.plot import Axes, Series, draw
from mnist_tui.render.text import bar
from mnist_tui.render.ticks import tick_label
from mnist_tui.runs.exhibits import Chart, Images
from mnist_tui.ui.shared.paint import paint, text_of
from mnist_tui.ui.theme import Palette

ROWS = 12
"""Rows of a plot with its axis."""
WIDEST = 96
"""Columns of an exhibit, as of the text."""
LABEL, VALUE = 18, 10
"""Columns of a bar's label and of its value."""


def chart_lines(chart: Chart, colours: Palette, series_colours: Sequence[Color], width: int) -> list[Text]:
    """Draw a chart with its title. `series_colours` are those of its series, `width` is what there is."""
    width = min(width, WIDEST)
    title = Text(chart.title, "bold", no_wrap=True, overflow="ellipsis")
    if chart.edges is not None:
        return [title, *_relu_lines(chart, chart.edges, colours, width)]
    legend = Text("  ").join(
        Text.assemble(("━ ", paint(colour)), each.name)
        for each, colour in zip(chart.series, series_colours, strict=False)
    )
    body = (
        _bar_lines(chart, series_colours, width)
        if chart.labels
        else _curve_lines(chart, colours, series_colours, width)
    )
    return [title, legend, *body]


def _curve_lines(chart: Chart, colours: Palette, series_colours: Sequence[Color], width: int) -> list[Text]:
    drawn = [
        Series(np.arange(1.0, len(each.values) + 1), np.array(each.values), colour.rgb)
        for each, colour in zip(chart.series, series_colours, strict=False)
    ]
    steps = max(len(each.values) for each in chart.series)
    plot = draw(drawn, _axes(colours, (1.0, float(steps)), log=chart.log), width, ROWS)
    return plot.lines if plot is not None else []


def _bar_lines(chart: Chart, series_colours: Sequence[Color], width: int) -> list[Text]:
    values = [value for each in chart.series for value in each.values if value > 0]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    room = max(4, width - LABEL - VALUE - 2)
    lines = []
    for place, label in enumerate(chart.labels):
        for number, (each, colour) in enumerate(zip(chart.series, series_colours, strict=False)):
            value = each.values[place]
            share = _log_share(value, low, high) if chart.log else value / high
            name = label[: LABEL - 1] if number == 0 else ""
            lines.append(Text.assemble(f"{name:<{LABEL}}", (bar(share, room), paint(colour)), f" {value:>{VALUE}.3g}"))
    return lines


def _log_share(value: float, low: float, high: float) -> float:
    """Return a bar's length: the smallest value gets a tenth, the largest the whole width."""
    if value <= 0:
        return 0.0
    return 1.0 if high <= low else 0.1 + 0.9 * math.log(value / low) / math.log(high / low)


def _relu_lines(chart: Chart, edges: tuple[float, float], colours: Palette, width: int) -> list[Text]:
    """Draw ReLU's curve over the histogram of what goes in, whose height is scaled to the curve's."""
    (series,) = chart.series
    low, high = min(edges[0], -0.1), max(edges[1], 0.1)
    shares = np.array(series.values)
    heights = shares / max(float(shares.max()), 1e-9) * high
    ends = np.linspace(*edges, len(shares) + 1)
    x = np.linspace(*edges, 8 * width)
    y = heights[np.clip(np.searchsorted(ends, x, side="right") - 1, 0, len(shares) - 1)]
    zigzag = np.column_stack([np.zeros_like(y), y]).ravel()  # up and down: a filled area
    cut = np.repeat(x <= 0, 2)
    twice = np.repeat(x, 2)
    curve = np.linspace(low, high, 400)
    drawn = [
        Series(twice[cut], zigzag[cut], colours.quiet.rgb),
        Series(twice[~cut], zigzag[~cut], colours.train.rgb),
        Series(curve, np.maximum(curve, 0), colours.validation.rgb),
    ]
    plot = draw([each for each in drawn if each.x.size], _axes(colours, (low, high)), width, ROWS)
    legend = Text.assemble(
        ("━ ", paint(colours.validation)),
        "max(0, z)   ",
        ("▇ ", paint(colours.train)),
        "pre-activations z, as a histogram: kept   ",
        ("▇ ", paint(colours.quiet)),
        "cut off",
    )
    return [legend, *(plot.lines if plot is not None else [])]


def softmax_lines(
    probabilities: NDArray[np.float64], names: Sequence[str], temperature: float, width: int
) -> list[Text]:
    """Draw logits and probabilities at a temperature. The logits are ln p, so that the largest p's is near 0.

    Args:
        probabilities: shape (classes,), those of the model, at temperature 1.
        names: Names of the classes.
        temperature: What the logits are divided by.
        width: Columns that there are.
    """
    logits = np.log(np.clip(probabilities, np.finfo(np.float16).smallest_subnormal, 1))
    heated = Softmax(logits, 0).probabilities(temperature)
    shown = np.sort(np.argsort(-probabilities, kind="stable")[:10])
    room = max(4, min(width, WIDEST) - LABEL - 2 * VALUE - 4)
    lines = [Text(f"{'class':<{LABEL}}{'logit z':>{VALUE}}  {'p at T':<{room}}{'p':>{VALUE}}", "dim")]
    best = int(heated.argmax())
    for place in shown:
        style = "bold" if place == best else ""
        name = names[place][: LABEL - 1]
        drawn = f"{name:<{LABEL}}{logits[place]:>{VALUE}.2f}  {bar(heated[place], room)}{heated[place]:>{VALUE}.2%}"
        lines.append(Text(drawn, style))
    return lines


def image_lines(images: Images, names: Sequence[str], colours: Palette, width: int) -> list[Text]:
    """Draw the images of a batch, each before and after augmentation."""
    count, known = len(images.labels), dict(enumerate(names))
    arrays = [np.frombuffer(each, np.uint8).reshape(count, *images.shape) for each in (images.before, images.after)]
    tiles = [
        Tile(arrays[which][row], f"{known.get(images.labels[row], images.labels[row])} {words}")
        for row in range(count)
        for which, words in enumerate(("before", "after"))
    ]
    styles = paint(colours.foreground), paint(colours.quiet)
    paint_tile = partial(half_blocks, greys=colours.greys, rgb_mode=colours.rgb_mode)
    lines = contact_sheet(tiles, min(width, WIDEST + 40), paint_tile, styles, in_pairs=True)
    return list(map(text_of, lines))


def _axes(colours: Palette, limits: tuple[float, float], *, log: bool = False) -> Axes:
    return Axes(tick_label, tick_label, colours.quiet.rgb, colours.background.rgb, limits, log=log)
