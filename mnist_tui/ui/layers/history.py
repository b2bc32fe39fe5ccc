"""Weights, gradients and activations of each layer over the steps, and how large the updates are."""

import math
from textwrap import wrap
from typing import Literal, get_args

import numpy as np
from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Container

from mnist_tui.events import Histogram, LayerHistograms
from mnist_tui.render.histograms import comparable, history_image, value_ticks
from mnist_tui.render.images import grey_of, half_blocks
from mnist_tui.render.plot import Axes, Series, draw
from mnist_tui.render.text import padded
from mnist_tui.render.ticks import nice_ticks, tick_label
from mnist_tui.runs.history import History
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.run.screen import RunScreen
from mnist_tui.ui.session import RunSession, RunView
from mnist_tui.ui.shared.line_widget import LineWidget
from mnist_tui.ui.shared.paint import paint, palette_of, text_of
from mnist_tui.ui.training.layer_table import thin_samples

Quantity = Literal["weights", "gradients", "activations"]
QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)
GUIDE = -3.0
"""Logarithm of the update-to-weight ratio that is a common rule of thumb (Karpathy, "makemore" part 3, 2022)."""
FAR = 1.0
"""Powers of ten from the guide at which the learning rate is probably wrong."""
LABEL_WIDTH = 8
"""Columns of the value axis."""
SHADES = " ░▒▓█"
"""Shades of a heat map where there are too few colours."""
LEGEND_SHARES = (0.0, 0.01, 0.05, 0.2, 0.5)
"""Shares of the values whose shades the legend shows."""


def sampled_layers(history: History) -> tuple[str, ...]:
    """Return the names of the layers in the newest histograms."""
    return tuple(layer.name for layer in history.layer_histograms[-1].layers) if history.layer_histograms else ()


def samples_of(samples: list[LayerHistograms], layer: str, quantity: Quantity) -> list[tuple[int, Histogram]]:
    """Return the histograms of a layer by their steps, those with the newest one's bins."""
    found = [
        (sample.step, histogram)
        for sample in samples
        for each in sample.layers
        if each.name == layer and (histogram := getattr(each, quantity)) is not None
    ]
    return comparable(found)


def update_ratios(history: History, layer: str) -> tuple[list[int], list[float]]:
    """Return the steps of the layer's samples, and log10 of the update's norm divided by that of the weights."""
    pairs = [
        (sample.step, math.log10(stat.relative_step))
        for sample in thin_samples(history.layer_stats)
        for stat in sample.layers
        if stat.name == layer and stat.relative_step is not None and stat.relative_step > 0
    ]
    return [step for step, _ in pairs], [ratio for _, ratio in pairs]


def ratio_words(ratio: float) -> str:
    """Return what a ratio's logarithm means, beside the rule of thumb."""
    if ratio >= GUIDE + FAR:
        verdict = "the learning rate is probably too high"
    elif ratio <= GUIDE - FAR:
        verdict = "the learning rate is probably too low, or at its end"
    else:
        verdict = "close to it"
    return f"{GUIDE:.0f} is a common rule of thumb (Karpathy); {ratio:.1f} here: {verdict}"


class LayerList(LineWidget):
    """The layers, one a line, with the newest ratio of each."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[str, str]] = []
        self.selected = 0

    def draw(self) -> list[Text]:
        colours, (width, height) = palette_of(self), self.size
        first = min(max(0, self.selected - height // 2), max(0, len(self.rows) - height))
        lines = []
        for place, (name, ratio) in enumerate(self.rows[first : first + height], first):
            chosen = place == self.selected
            style = paint(colours.foreground, bold=True) if chosen else paint(colours.quiet)
            mark = ("▸ ", paint(colours.accent, bold=True)) if chosen else ("  ", style)
            lines.append(Text.assemble(mark, (padded(name, width - 8), style), (ratio.rjust(6), style)))
        return lines


class HeatMap(LineWidget):
    """Histograms over the steps: a column for a range of steps, the values from positive to negative."""

    def __init__(self) -> None:
        super().__init__()
        self.samples: list[tuple[int, Histogram]] = []
        self.last_step = 0
        self.sentence = ""
        """Shown in place of a map without samples."""

    def draw(self) -> list[Text]:
        colours, columns, rows = palette_of(self), self.size.width - LABEL_WIDTH, self.size.height - 3
        if not self.samples or columns < 8 or rows < 3:
            return [Text(self.sentence or "too small for the map", paint(colours.quiet))]
        ticks = value_ticks(self.samples[-1][1], rows)
        if colours.needs_signs:
            image = history_image(self.samples, self.last_step, columns, rows)
            shades = np.minimum((image.astype(int) + 63) // 64, len(SHADES) - 1)
            cells = [Text("".join(SHADES[shade] for shade in row)) for row in shades.tolist()]
        else:
            image = history_image(self.samples, self.last_step, columns, 2 * rows)
            cells = list(map(text_of, half_blocks(image, colours.greys)))
        quiet = paint(colours.quiet)
        lines = [
            Text.assemble((ticks.get(row, "").rjust(LABEL_WIDTH - 1) + "│", quiet), cells[row]) for row in range(rows)
        ]
        return [*lines, *self._step_axis(columns), self._legend()]

    def _step_axis(self, columns: int) -> list[Text]:
        line, labels = list("─" * columns), [" "] * columns
        ticks = nice_ticks(0, max(1, self.last_step), max(2, columns // 14))
        for tick in ticks:
            place = min(columns - 1, round(tick / max(1, self.last_step) * (columns - 1)))
            line[place] = "┴"
            label = tick_label(tick, 0)
            start = min(max(0, place - len(label) // 2), columns - len(label))
            labels[start : start + len(label)] = label
        quiet = paint(palette_of(self).quiet)
        return [
            Text(" " * (LABEL_WIDTH - 1) + "└" + "".join(line), quiet),
            Text("steps".rjust(LABEL_WIDTH - 2) + "  " + "".join(labels), quiet),
        ]

    def _legend(self) -> Text:
        """Return the shades of some shares of the values."""
        colours, legend = palette_of(self), Text("share of the values: ", paint(palette_of(self).quiet))
        for share in LEGEND_SHARES:
            level = math.ceil(255 * math.sqrt(share))
            if colours.needs_signs:
                legend.append(f" {SHADES[min((level + 63) // 64, len(SHADES) - 1)] * 2}")
            else:
                shade = grey_of(level, colours.greys)
                legend.append(" ").append("  ", Style.parse(f"on rgb({shade[0]},{shade[1]},{shade[2]})"))
            legend.append(f" {share:.0%}".replace("%", " %"), paint(colours.quiet))
        return legend


class RatioPlot(LineWidget):
    """Logarithm of the update-to-weight ratio over the steps, with the guide."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[int] = []
        self.ratios: list[float] = []
        self.last_step = 0

    def draw(self) -> list[Text]:
        colours, (columns, rows) = palette_of(self), self.size
        if not self.ratios or columns < 1:
            return [Text("no weights, so no updates", paint(colours.quiet))]
        words = [Text(line, paint(colours.foreground)) for line in wrap(ratio_words(self.ratios[-1]), columns)]
        limits = 0.0, float(max(1, self.last_step))
        guide = Series(np.array(limits), np.array([GUIDE, GUIDE]), colours.faint.rgb)
        line = Series(np.array(self.steps, dtype=float), np.array(self.ratios), colours.train.rgb)
        axes = Axes(tick_label, tick_label, colours.quiet.rgb, colours.background.rgb, limits)
        plot = draw([guide, line], axes, columns, rows - len(words))
        return [*words, *(plot.lines if plot is not None else [])]


class HistoryView(Container):
    """The layers, the heat map of one of them, and its update-to-weight ratio."""

    def __init__(self, layer: str = "") -> None:
        super().__init__()
        self.selected = layer
        """Name of the selected layer; the first one if the run has no such layer."""
        self.quantity: Quantity = "weights"
        self._view: RunView | None = None

    def compose(self) -> ComposeResult:
        yield LayerList()
        with Container(id="over-time"):
            yield HeatMap()
            yield RatioPlot()

    def on_mount(self) -> None:
        self.query_one(LayerList).border_title = "Layers"
        self.query_one(LayerList).border_subtitle = "log10 ratio"
        self.query_one(RatioPlot).border_title = "Update to weight ratio, log10"

    def show(self, view: RunView) -> None:
        """Show the histograms of a run so far."""
        self._view = view
        history, names = view.history, sampled_layers(view.history)
        self.selected = self.selected if self.selected in names else names[0] if names else ""
        heat, plot, listed = self.query_one(HeatMap), self.query_one(RatioPlot), self.query_one(LayerList)
        heat.samples = samples_of(history.layer_histograms, self.selected, self.quantity)
        heat.last_step = plot.last_step = history.last_step
        heat.sentence = self._sentence(view, names)
        heat.border_title = f"{self.quantity.capitalize()} of {self.selected}" if self.selected else "Histograms"
        others = [each for each in QUANTITIES if each != self.quantity]
        heat.border_subtitle = f"Tab: {', '.join(others)}"
        plot.steps, plot.ratios = update_ratios(history, self.selected)
        listed.rows = [(name, self._newest_ratio(history, name)) for name in names]
        listed.selected = names.index(self.selected) if self.selected else 0
        for widget in (listed, heat, plot):
            widget.redraw()

    def go_to_layer(self, step: int) -> None:
        """Select the layer below (1) or above (-1)."""
        names = sampled_layers(self._view.history) if self._view is not None else ()
        if self._view is not None and names:
            self.selected = names[min(max(0, names.index(self.selected) + step), len(names) - 1)]
            self.show(self._view)

    def next_quantity(self, step: int) -> None:
        """Show the next of weights, gradients and activations."""
        self.quantity = QUANTITIES[(QUANTITIES.index(self.quantity) + step) % len(QUANTITIES)]
        if self._view is not None:
            self.show(self._view)

    def _sentence(self, view: RunView, names: tuple[str, ...]) -> str:
        if names:
            return f"{self.selected} has no {self.quantity}."
        if view.status.is_live:
            return "The first histograms come some seconds after the first step."
        return "This run has no histograms: it ended too early, or an earlier version recorded it."

    @staticmethod
    def _newest_ratio(history: History, name: str) -> str:
        for stat in history.layer_stats[-1].layers if history.layer_stats else ():
            if stat.name == name and stat.relative_step:
                return f"{math.log10(stat.relative_step):.1f}"
        return ""


class HistoryScreen(RunScreen):
    """Histograms over time, above the layers screen."""

    BINDINGS = bindings("history")
    KEY_GROUPS = ("history", "run", "steering", "screens", "everywhere")
    CSS_PATH = "history.tcss"

    def __init__(self, session: RunSession, layer: str = "") -> None:
        super().__init__(session)
        self._layer = layer

    def compose_body(self) -> ComposeResult:
        yield HistoryView(self._layer)

    def subject(self, view: RunView) -> str:  # noqa: ARG002
        return "layers over time"

    def show(self, view: RunView) -> None:
        self.query_one(HistoryView).show(view)

    def action_go_to_layer(self, step: int) -> None:
        self.query_one(HistoryView).go_to_layer(step)

    def action_next_quantity(self, step: int) -> None:
        self.query_one(HistoryView).next_quantity(step)
