"""The model as a flow from image to prediction: a line a layer, branches side by side; and a layer's statistics."""

from collections.abc import Mapping, Sequence

from rich.text import Text
from textual import events
from textual.message import Message

from mnist_tui.control.protocol import LayerView
from mnist_tui.events import Layer
from mnist_tui.render.bars import log_share, upright_bars
from mnist_tui.render.text import cell_len, clip, clip_parts, padded, percent, shape
from mnist_tui.ui.layers.contents import figure
from mnist_tui.ui.layers.flow import Place, branch_rows, places
from mnist_tui.ui.shared.line_widget import LineWidget
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette
from mnist_tui.ui.training.layer_table import SHORT_KINDS

LEAST_LANE = 15
"""Columns of a branch below which branches are listed in sequence."""
WIDE_CELL = 34
"""Columns from which on a layer's kind and its dead share are shown."""
SHAPE_WIDTH, DEAD_WIDTH, NAME_WIDTH = 10, 5, 14
HISTOGRAM_LINES = 4


class FlowPanel(LineWidget):
    """Shows the layers; a click chooses one."""

    class LayerChosen(Message):
        """The user clicked on a layer."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._layers: Sequence[LayerView] = ()
        self._places: list[Place] = []
        self._details: Mapping[str, Layer] = {}
        self._current = ""
        self._clickable: dict[int, list[tuple[int, int, str]]] = {}

    def show(self, layers: Sequence[LayerView], details: Mapping[str, Layer], current: str) -> None:
        """Show the layers, with what the run recorded about them by name, and the current one."""
        if layers is not self._layers:
            self._layers, self._places = layers, places(layers)
        elif current == self._current:
            return
        self._details, self._current = details, current
        self.redraw()

    def draw(self) -> list[Text]:
        colours, width = palette_of(self), self.size.width
        lanes = 1 + max((place.lane for place in self._places), default=0)
        cell = width // lanes
        if lanes > 1 and cell < LEAST_LANE:
            rows = [[place] for place in self._places]
            marks = {place.layer.name: "│" * place.lane for place in self._places}
            cell = width
        else:
            rows = [[] for _ in range(1 + max((place.row for place in self._places), default=-1))]
            for place in self._places:
                rows[place.row].append(place)
            marks = {}
        chosen = next((y for y, row in enumerate(rows) if any(each.layer.name == self._current for each in row)), 0)
        branched = set() if marks else branch_rows(self._places)
        height = self.size.height - 1
        first = max(0, min(chosen - height // 2, len(rows) - height))
        lines = [self._heading(width, colours)]
        self._clickable = {}
        for y, row in enumerate(rows[first : first + height], start=1):
            line = Text(no_wrap=True)
            for place in sorted(row, key=lambda each: each.lane):
                start = 0 if marks else place.lane * cell
                room = cell if place.row in branched else width
                line.append(" " * (start - line.cell_len))
                line.append_text(self._cell(place.layer, marks.get(place.layer.name, ""), room, colours))
                self._clickable.setdefault(y, []).append((start, start + room, place.layer.name))
            lines.append(line)
        return lines

    def _heading(self, width: int, colours: Palette) -> Text:
        right = f"{'output':>{SHAPE_WIDTH}}{'dead':>{DEAD_WIDTH}} " if width >= WIDE_CELL else "output "
        words = "  layer" + padded(right, max(0, width - 7), "right")
        return Text(clip(words, width), paint(colours.quiet))

    def _cell(self, layer: LayerView, mark: str, width: int, colours: Palette) -> Text:
        is_current = layer.name == self._current
        behind = colours.plot_cursor if is_current else None
        line = Text(style=paint(behind=behind))
        line.append("▸ " if is_current else "  ", paint(colours.accent, behind, bold=True))
        if mark:
            line.append(mark + " ", paint(colours.faint, behind))
        dead = "" if layer.dead is None else percent(layer.dead, 0)
        if width >= WIDE_CELL:
            room = width - line.cell_len - SHAPE_WIDTH - DEAD_WIDTH - 1
            name = min(room, max(NAME_WIDTH, room // 2))
            line.append(padded(layer.name, name - 1) + " ", paint(colours.foreground, behind, bold=is_current))
            line.append(padded(layer_kind(layer, self._details), room - name), paint(colours.quiet, behind))
            line.append(padded(shape(layer.shape), SHAPE_WIDTH, "right"), paint(colours.foreground, behind))
            line.append(padded(dead, DEAD_WIDTH, "right") + " ", paint(colours.validation, behind))
        else:
            size = shape(layer.shape)
            room = max(4, width - line.cell_len - cell_len(size) - 2)
            line.append(padded(layer.name, room) + " ", paint(colours.foreground, behind, bold=is_current))
            line.append(size + " ", paint(colours.quiet, behind))
        line.truncate(width)
        return line

    def on_click(self, event: events.Click) -> None:
        for start, end, name in self._clickable.get(event.y - self.content_offset.y, ()):
            if start <= event.x - self.content_offset.x < end:
                self.post_message(self.LayerChosen(name))


def layer_kind(layer: LayerView, details: Mapping[str, Layer]) -> str:
    """Return kind and size of a layer, as in "Conv2D 3×3 ReLU"."""
    known = details.get(layer.name)
    kind = "input" if layer.kind == "InputLayer" else SHORT_KINDS.get(layer.kind, layer.kind)
    return f"{kind} {known.detail}".strip() if known is not None else kind


def statistics_lines(
    layer: LayerView, details: Mapping[str, Layer], norm: float | None, colours: Palette, width: int
) -> list[Text]:
    """Draw the statistics of a layer's outputs: numbers, then a histogram with its ends."""
    quiet, plain = paint(colours.quiet), paint(colours.foreground)
    known = details.get(layer.name)
    values = (("mean", layer.mean), ("deviation", layer.deviation), ("‖w‖", norm))
    lines = [Text(clip(f"{layer.name}: {layer_kind(layer, details)}", width), paint(colours.foreground, bold=True))]
    facts = [(name, figure(value)) for name, value in values if value is not None]
    if layer.dead is not None:
        facts.append(("dead", percent(layer.dead, 1)))
    if known is not None and known.parameters:
        facts.append(("parameters", f"{known.parameters:,}"))
    if layer.mean is None:
        lines.append(Text("no statistics: not all outputs are finite", quiet))
    line = Text(no_wrap=True)
    for name, value in facts:
        if line.cell_len and line.cell_len + 2 + cell_len(name) + 1 + cell_len(value) > width:
            lines.append(line)
            line = Text(no_wrap=True)
        line.append(f"{'  ' if line.cell_len else ''}{name} ", quiet).append(value, plain)
    lines.append(line)
    if len(layer.inputs) > 1:
        lines.append(Text(clip("takes " + ", ".join(layer.inputs), width), quiet))
    lines += histogram_lines(layer, colours, width)
    return lines


def histogram_lines(layer: LayerView, colours: Palette, width: int) -> list[Text]:
    """Draw the histogram of a layer's outputs, on a logarithmic scale of numbers, with its ends below."""
    if not layer.histogram:
        return []
    bins = [layer.histogram[column * len(layer.histogram) // width] for column in range(width)]
    drawn = upright_bars([log_share(count, max(bins)) for count in bins], 1, HISTOGRAM_LINES)
    low, high = (figure(edge) for edge in layer.edges)
    room = max(0, width - len(low) - len(high))
    middle = clip_parts(f"{sum(layer.histogram):,} outputs · log scale", room - 2).center(room)
    return [
        *(Text(line, paint(colours.accent)) for line in drawn),
        Text(f"{low}{middle}{high}", paint(colours.quiet)),
    ]


class LayerStatistics(LineWidget):
    """The statistics of the current layer, and what it is there for as far as there is room."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: tuple[LayerView, Mapping[str, Layer], float | None, str] | None = None

    def show(self, layer: LayerView, details: Mapping[str, Layer], norm: float | None, explanation: str) -> None:
        """Show a layer; `norm` is that of its weights."""
        shown = layer, details, norm, explanation
        if self._shown is None or self._shown[0] is not layer:
            self._shown = shown
            self.redraw()

    def draw(self) -> list[Text]:
        if self._shown is None:
            return []
        layer, details, norm, explanation = self._shown
        width = max(1, self.size.width)
        colours = palette_of(self)
        lines = statistics_lines(layer, details, norm, colours, width)
        room = self.size.height - len(lines) - 1
        if explanation and room > 0:
            words = Text(explanation, paint(colours.quiet)).wrap(self.app.console, width)
            lines += [Text(), *words[:room]]
        return lines
