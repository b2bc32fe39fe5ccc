"""The details of an item of the data screen: sentences or figures, and images below them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from rich.text import Text
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mnist_tui.render.contact_sheet import Tile, contact_sheet
from mnist_tui.render.images import half_blocks
from mnist_tui.ui.shared.paint import paint, palette_of


@dataclass(frozen=True)
class Details:
    """The content."""

    title: str
    paragraphs: Sequence[Text]
    tiles: Sequence[Tile]
    figures: Sequence[tuple[str, str]] = ()
    """Labels and texts."""
    in_pairs: bool = False
    """True if two tiles in sequence belong together."""


class DetailView(ScrollView, can_focus=False):
    """Draws details as wide as it is, and scrolls them."""

    DEFAULT_CSS = """
    DetailView { border: round $frame; border-title-color: $foreground; padding: 0 1; overflow-x: hidden; }
    DetailView { scrollbar-size-vertical: 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._details: Details | None = None
        self._strips: list[Strip] = []
        self._drawn_for: tuple[object, ...] = ()

    def show(self, details: Details) -> None:
        """Show other details from their start."""
        self._details, self._drawn_for = details, ()
        self.border_title = Text(details.title)
        self.scroll_home(animate=False)
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        width = self.size.width - 2  # room for the scroll bar, which may come and go
        surroundings = (width, self.app.theme)
        if self._details is None or width < 1 or surroundings == self._drawn_for:
            return
        self._drawn_for = surroundings
        colours = palette_of(self)
        texts = [
            line
            for paragraph in self._details.paragraphs
            for line in (*paragraph.wrap(self.app.console, width), Text())
        ]
        labels = 2 + max((len(label) for label, _ in self._details.figures), default=0)
        for label, value in self._details.figures:
            for place, line in enumerate(Text(value).wrap(self.app.console, max(1, width - labels))):
                words = "" if place else label
                texts.append(Text.assemble((words.ljust(labels), paint(colours.quiet)), line))
        texts += [Text()] if self._details.figures else []
        lines = [[*text.render(self.app.console, end="")] for text in texts]
        lines += contact_sheet(
            self._details.tiles,
            width,
            partial(half_blocks, greys=colours.greys, rgb_mode=colours.rgb_mode),
            (paint(colours.foreground, bold=True), paint(colours.quiet)),
            in_pairs=self._details.in_pairs,
        )
        self._strips = [Strip(line) for line in lines]
        self.virtual_size = Size(width, len(lines))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        self._draw()
        line = y + round(self.scroll_y)
        strip = self._strips[line] if line < len(self._strips) else Strip([])
        return strip.apply_style(self.rich_style).adjust_cell_length(self.size.width, self.rich_style)
