"""A widget that paints only the cells that changed.

Textual paints a widget whole whenever anything in it changes; four times a second over SSH that is most of the traffic.
"""

from itertools import zip_longest
from typing import Self

from rich.text import Text
from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


class LineWidget(Widget):
    """Subclasses implement `draw`, and call `redraw` when their data have changed."""

    _titling = False  # on the class, since Textual sets titles and refreshes while it constructs

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: list[Strip] = []
        self._drawn_for: tuple[object, ...] = ()
        self._title: str | Content = ""

    def draw(self) -> list[Text]:
        """Return the lines of the content from the top; missing cells and lines are blank."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Draw, and repaint the cells that changed."""
        surroundings = (self.size, self.app.theme)
        before = self._lines if surroundings == self._drawn_for else None
        width, style = self.size.width, self.rich_style
        texts = self.draw()[: self.size.height]
        texts += [Text()] * (self.size.height - len(texts))
        self._lines = []
        for text in texts:
            text.end = ""
            # Rich's render() ignores a Text's own style, unless it has spans besides
            strip = Strip(text.render(self.app.console)).apply_style(style + self.app.console.get_style(text.style))
            self._lines.append(strip.adjust_cell_length(width, style))
        self._drawn_for = surroundings
        if before is None:
            self.refresh()
        elif regions := changed_regions(before, self._lines):
            self.refresh(*regions)

    def on_resize(self) -> None:
        self.redraw()

    def render_line(self, y: int) -> Strip:
        if self._drawn_for != (self.size, self.app.theme):
            self.redraw()
        return self._lines[y] if y < len(self._lines) else Strip.blank(self.size.width, self.rich_style)

    def set_title(self, title: str | Content) -> None:
        """Set the border's title; repaint only the top row, and only if the title changed."""
        if title == self._title:
            return
        self._title = title
        self._titling = True
        try:
            self.border_title = title
        finally:
            self._titling = False

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """Repaint only the top row for a new title; Textual would repaint the whole widget."""
        if self._titling:
            x, y = self.content_offset
            regions = (Region(-x, -y, self.outer_size.width, 1),)
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)


def changed_regions(before: list[Strip], after: list[Strip]) -> list[Region]:
    """Return, for each line that differs, the span of its changed cells."""
    regions = []
    for y, (old, new) in enumerate(zip(before, after, strict=True)):
        if old == new:
            continue
        cells = [[(letter, segment.style) for segment in strip for letter in segment.text] for strip in (old, new)]
        differing = [x for x, (one, other) in enumerate(zip_longest(*cells)) if one != other]
        if differing:
            regions.append(Region(differing[0], y, differing[-1] - differing[0] + 1, 1))
    return regions
