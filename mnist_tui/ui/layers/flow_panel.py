"""The model as a flow from image to prediction: a line a layer, and branches side by side."""

from collections.abc import Mapping, Sequence

from rich.text import Text
from textual import events
from textual.message import Message

from mnist_tui.control.protocol import LayerView
from mnist_tui.events import Layer
from mnist_tui.render.text import cell_len, clip, padded, percent, shape
from mnist_tui.ui.layers.flow import Place, branch_rows, places
from mnist_tui.ui.shared.line_widget import LineWidget
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette
from mnist_tui.ui.training.layer_table import SHORT_KINDS

LEAST_LANE = 15
"""Columns of a branch below which branches are listed in sequence."""
WIDE_CELL = 34
"""Columns from which on a layer's kind and its dead share are shown."""
LEAST_KIND = 8
"""Columns of a layer's kind, below which it is left out."""
SHAPE_WIDTH, DEAD_WIDTH, NAME_WIDTH = 10, 5, 14


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
            name = room if room - name < LEAST_KIND else name
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
