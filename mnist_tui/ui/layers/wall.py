"""The wall: a scrolling grid of cells, one for each channel of a layer; only visible ones are drawn."""

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

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._content: Content | str = ""
        self._channel = 0
        self._zoom = 0
        self._cell = (1, 1)
        self._cells: dict[tuple[int, bool], list[Strip]] = {}
        self._drawn_for: tuple[object, ...] = ()

    @property
    def content(self) -> Content | str:
        """The content, or the sentence, that is shown."""
        return self._content

    def show(self, content: Content | str, channel: int = 0, zoom: int = 0) -> None:
        """Show a content with the cursor on a channel, or a sentence."""
        if content is self._content and (channel, zoom) == (self._channel, self._zoom):
            return
        if content is not self._content or zoom != self._zoom:
            self._cells.clear()
        moved = channel != self._channel
        self._content, self._channel, self._zoom = content, channel, zoom
        self._lay_out(follow=moved)

    @property
    def per_row(self) -> int:
        """Cells side by side."""
        return max(1, self.scrollable_content_region.width // self._cell[0])

    @property
    def page(self) -> int:
        """Cells that fit."""
        return self.per_row * max(1, self.size.height // self._cell[1])

    def on_resize(self) -> None:
        self._lay_out(follow=True)

    def on_click(self, event: events.Click) -> None:
        place = event.get_content_offset(self)
        if place is None or isinstance(self._content, str):
            return
        row, column = (place.y + round(self.scroll_y)) // self._cell[1], place.x // self._cell_width
        position = row * self.per_row + column
        if column < self.per_row and position < len(self._content.channels):
            self.post_message(self.ChannelChosen(int(self._content.channels[position])))

    def render_line(self, y: int) -> Strip:
        colours, content = palette_of(self), self._content
        blank = paint(behind=colours.background)
        width = self.size.width
        if isinstance(content, str):
            return self._sentence(y, colours).adjust_cell_length(width, blank)
        row, line = divmod(y + round(self.scroll_y), self._cell[1])
        first = row * self.per_row
        positions = range(first, min(first + self.per_row, len(content.channels)))
        return Strip.join([self._drawn(each, content, colours)[line] for each in positions]).adjust_cell_length(
            width, blank
        )

    @property
    def _cell_width(self) -> int:
        """Columns of a cell; the cells of a row share the width evenly."""
        return max(self._cell[0], self.scrollable_content_region.width // self.per_row)

    @property
    def _position(self) -> int:
        if isinstance(self._content, str):
            return 0
        channels = self._content.channels
        return next((place for place, each in enumerate(channels) if each == self._channel), 0)

    def _lay_out(self, *, follow: bool) -> None:
        if isinstance(self._content, str):
            self._cell, self.virtual_size = (1, 1), self.size
            self.refresh()
            return
        width, height = max(1, self.container_size.width - 1), max(1, self.size.height)
        self._cell = self._content.cell_size(width, height, self._zoom)
        rows = -(-len(self._content.channels) // self.per_row)
        self.virtual_size = Size(self.size.width, rows * self._cell[1])
        if follow:
            top = self._position // self.per_row * self._cell[1]
            target = min(top, max(round(self.scroll_y), top + self._cell[1] - self.size.height))
            self.scroll_to(y=max(0, target), animate=False)
        self.refresh()

    def _drawn(self, position: int, content: Content, colours: Palette) -> list[Strip]:
        size = self._cell_width, self._cell[1]
        if self._drawn_for != (size, colours):
            self._cells.clear()
            self._drawn_for = (size, colours)
        has_cursor = int(content.channels[position]) == self._channel
        key = position, has_cursor
        if key not in self._cells:
            self._cells[key] = content.draw(position, size, colours, has_cursor=has_cursor)
        return self._cells[key]

    def _sentence(self, y: int, colours: Palette) -> Strip:
        style = paint(colours.quiet, colours.background)
        lines = Text(str(self._content)).wrap(self.app.console, max(1, self.size.width - 2))
        return Strip([Segment(f" {lines[y].plain}", style)] if y < len(lines) else [])
