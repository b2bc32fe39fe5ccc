"""The wall: a scrolling grid of cells, one for each channel of a layer; only visible ones are drawn."""

from collections.abc import Iterator

from rich.segment import Segment
from rich.text import Text
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mnist_tui.ui.layers.contents import Content
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette


class Wall(ScrollView, can_focus=False):
    """Shows a content and a cursor on one of its channels, or a sentence instead."""

    DEFAULT_CSS = """
    Wall { overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; background: $background; }
    """

    class ChannelChosen(Message):
        """The user clicked on a channel."""

        def __init__(self, channel: int) -> None:
            super().__init__()
            self.channel = channel

    class Scrolled(Message):
        """The wall shows other rows."""

        def __init__(self, wall: "Wall") -> None:
            super().__init__()
            self.wall = wall

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._content: Content | str = ""
        self._channel = 0
        self._zoom = 0
        self._cell = (1, 1)
        """Columns and lines of a cell; the cells of a row share the width evenly."""
        self._per_row = 1
        self._rows: dict[int, list[Strip]] = {}
        """Drawn rows of cells, each a strip for each of its lines."""
        self._drawn_for: tuple[Size, Palette] | None = None

    @property
    def content(self) -> Content | str:
        """The content, or the sentence, that is shown."""
        return self._content

    def show(self, content: Content | str, channel: int = 0, zoom: int = 0) -> None:
        """Show a content with the cursor on a channel, or a sentence."""
        moved = channel != self._channel
        if content == self._content and zoom == self._zoom:
            if moved:
                self._rows.pop(self._row, None)
                self._channel = channel
                self._rows.pop(self._row, None)
                self._follow()
                self.refresh()
            return
        counts = [0 if isinstance(each, str) else len(each.channels) for each in (content, self._content)]
        self._content, self._channel, self._zoom = content, channel, zoom
        self._lay_out()
        if moved or counts[0] != counts[1]:  # else the user may have scrolled, while epochs are played
            self._follow()

    @property
    def page(self) -> int:
        """Cells that fit."""
        return self._per_row * max(1, self.size.height // self._cell[1])

    def on_resize(self) -> None:
        self._lay_out()
        self._follow()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.post_message(self.Scrolled(self))

    def on_click(self, event: events.Click) -> None:
        place = event.get_content_offset(self)
        if place is None or isinstance(self._content, str):
            return
        row, column = (place.y + round(self.scroll_y)) // self._cell[1], place.x // self._cell[0]
        position = row * self._per_row + column
        if column < self._per_row and position < len(self._content.channels):
            self.post_message(self.ChannelChosen(int(self._content.channels[position])))

    def render_line(self, y: int) -> Strip:
        colours, content = palette_of(self), self._content
        blank = paint(behind=colours.background)
        width = self.size.width
        if isinstance(content, str):
            return self._sentence(y, colours).adjust_cell_length(width, blank)
        drawn_for = self.size, colours
        if self._drawn_for != drawn_for:
            self._rows.clear()
            self._drawn_for = drawn_for
        row, line = divmod(y + round(self.scroll_y), self._cell[1])
        if row not in self._rows:
            self._rows[row] = [
                Strip.join(strips).adjust_cell_length(width, blank) for strips in self._cells(row, content, colours)
            ]
        return self._rows[row][line]

    def _cells(self, row: int, content: Content, colours: Palette) -> Iterator[tuple[Strip, ...]]:
        """Draw the cells of a row; yield the strips side by side, a line after the other."""
        first = row * self._per_row
        positions = range(first, min(first + self._per_row, len(content.channels)))
        cells = [
            content.draw(each, self._cell, colours, has_cursor=int(content.channels[each]) == self._channel)
            for each in positions
        ]
        return zip(*cells, strict=True) if cells else iter([()] * self._cell[1])

    @property
    def _row(self) -> int:
        """The row of the cursor."""
        if isinstance(self._content, str):
            return 0
        channels = self._content.channels
        return next((place for place, each in enumerate(channels) if each == self._channel), 0) // self._per_row

    def _lay_out(self) -> None:
        self._rows.clear()
        if isinstance(self._content, str):
            self._cell, self._per_row, self.virtual_size = (1, 1), 1, self.size
        else:
            width = max(1, self.container_size.width - 1)  # the last column is for a scroll bar
            columns, lines = self._content.cell_size(width, max(1, self.size.height), self._zoom)
            self._per_row = max(1, width // columns)
            self._cell = width // self._per_row, lines
            rows = -(-len(self._content.channels) // self._per_row)
            self.virtual_size = Size(self.size.width, rows * lines)
        self.refresh()

    def _follow(self) -> None:
        """Scroll to the cursor."""
        top = self._row * self._cell[1]
        target = min(top, max(round(self.scroll_y), top + self._cell[1] - self.size.height))
        self.scroll_to(y=max(0, target), animate=False)

    def _sentence(self, y: int, colours: Palette) -> Strip:
        style = paint(colours.quiet, colours.background)
        lines = Text(str(self._content)).wrap(self.app.console, max(1, self.size.width - 2))
        return Strip([Segment(f" {lines[y].plain}", style)] if y < len(lines) else [])
