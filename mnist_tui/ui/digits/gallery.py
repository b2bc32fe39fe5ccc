"""Digits side by side, each in a frame with its index and what it was read as; scrolls through thousands."""

from collections.abc import Sequence

from rich.segment import Segment
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mnist_tui.render.images import crop, half_blocks
from mnist_tui.render.text import clip
from mnist_tui.ui.digits.digit_list import Digit, DigitList
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette

PICTURE = 22
"""Pixels a side of the cropped picture, and columns that it takes."""
TILE_WIDTH = PICTURE + 2
TILE_HEIGHT = PICTURE // 2 + 3
SELECTED = " ✔ "
KEPT_TILES = 256
"""Drawn tiles that are kept: several screens full, so that scrolling back draws nothing anew."""


class Gallery(ScrollView, can_focus=True):
    """As many digits a row as fit. Only visible tiles are drawn, and kept while they may be seen again.

    One that cannot take the focus opens a digit at the first click; without a cursor none is marked.
    """

    BINDINGS = bindings("cursor")
    DEFAULT_CSS = "Gallery { overflow-x: hidden; }"

    cursor: reactive[int] = reactive(0, repaint=False)
    """Position of the chosen digit in the list."""

    class DigitMoved(Message):
        """The cursor stands on another digit."""

        def __init__(self, position: int) -> None:
            super().__init__()
            self.position = position

    class DigitOpened(Message):
        """Enter, or a click on the digit under the cursor."""

        def __init__(self, position: int) -> None:
            super().__init__()
            self.position = position

    def __init__(self, id: str | None = None, *, can_focus: bool = True, with_cursor: bool = True) -> None:
        super().__init__(id=id)
        self.can_focus = can_focus
        self._with_cursor = with_cursor
        self._digits: DigitList | None = None
        self._tiles: dict[tuple[int, bool, bool], list[Strip]] = {}
        self._selected: frozenset[int] = frozenset()
        self._drawn_for: tuple[int, Palette] | None = None

    @property
    def digits(self) -> DigitList | None:
        """What is shown."""
        return self._digits

    def show(self, digits: DigitList) -> None:
        """Show a list. The cursor stays on its digit if the list has it; another filter else starts at the top."""
        before = self._digits.digit(self.cursor).index if self._digits else None
        same_wish = self._digits is not None and self._digits.wanted == digits.wanted
        self._digits = digits
        self._tiles.clear()
        found = None if before is None else digits.position_of(before)
        self._lay_out()
        self.cursor = found if found is not None else self.cursor if same_wish else 0
        self._reveal()
        self.refresh()

    def select(self, indices: frozenset[int]) -> None:
        """Mark the digits with these indices of the data set as selected, and no others."""
        if indices != self._selected:
            self._selected = indices
            self.refresh()

    def open(self) -> None:
        """Ask for the digit under the cursor, large."""
        if self._digits:
            self.post_message(self.DigitOpened(self.cursor))

    def go_to(self, position: int) -> None:
        """Put the cursor on a digit."""
        self.cursor = position

    @property
    def per_row(self) -> int:
        """Digits side by side."""
        return max(1, self.scrollable_content_region.width // TILE_WIDTH)

    @property
    def tile_width(self) -> int:
        """Columns of a frame: what is left over widens all of them."""
        return max(TILE_WIDTH, self.scrollable_content_region.width // self.per_row)

    def action_move(self, where: str) -> None:
        """Move the cursor: along the row, by a row, by the rows of a screen, to the first or the last digit."""
        page = max(1, self.size.height // TILE_HEIGHT) * self.per_row
        last = self._count - 1
        step = {
            "left": -1,
            "right": 1,
            "up": -self.per_row,
            "down": self.per_row,
            "pageup": -page,
            "pagedown": page,
            "home": -self.cursor,
            "end": last - self.cursor,
        }[where]
        place = self.cursor + step
        if where in ("up", "pageup") and place < 0:
            place = self.cursor % self.per_row
        elif where == "down" and place > last and self.cursor // self.per_row == last // self.per_row:
            place = self.cursor
        self.cursor = place

    def validate_cursor(self, position: int) -> int:
        """Keep the cursor on the list."""
        return min(max(0, position), max(0, self._count - 1))

    def watch_cursor(self, old: int, new: int) -> None:
        """Repaint the old and the new frame, bring the new one into view, and say so."""
        for position in (old, new):
            self.refresh(self._region(position).translate(-self.scroll_offset))
        self._reveal()
        self.post_message(self.DigitMoved(new))

    def on_resize(self) -> None:
        """As many a row as now fit."""
        self._lay_out()
        self._reveal()

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor; on the digit under it, or without the focus, it opens."""
        place = event.get_content_offset(self)
        if place is None:
            return
        row, column = (place.y + round(self.scroll_y)) // TILE_HEIGHT, place.x // self.tile_width
        position = row * self.per_row + column
        if column >= self.per_row or position >= self._count:
            return
        opens = position == self.cursor or not self.can_focus
        self.cursor = position
        if opens:
            self.open()

    def render_line(self, y: int) -> Strip:
        """One line through the frames of a row."""
        row, line = divmod(y + round(self.scroll_y), TILE_HEIGHT)
        first = row * self.per_row
        tiles = [self._tile(position)[line] for position in range(first, min(first + self.per_row, self._count))]
        blank = paint(behind=palette_of(self).background)
        return Strip.join(tiles).adjust_cell_length(self.size.width, blank)

    @property
    def _count(self) -> int:
        return len(self._digits) if self._digits is not None else 0

    def _lay_out(self) -> None:
        # A scrollbar where it costs no digit: at 120 columns five fill the row, and the screen says where one is.
        width = self.container_size.width
        self.styles.scrollbar_size_vertical = 1 if (width - 1) // TILE_WIDTH == width // TILE_WIDTH else 0
        rows = -(-self._count // self.per_row)
        self.virtual_size = Size(self.size.width, rows * TILE_HEIGHT)
        self.refresh()

    def _region(self, position: int) -> Region:
        row, column = divmod(position, self.per_row)
        return Region(column * self.tile_width, row * TILE_HEIGHT, self.tile_width, TILE_HEIGHT)

    def _reveal(self) -> None:
        """Scroll so that the whole frame under the cursor is seen."""
        top = self._region(self.cursor).y
        lowest = top + TILE_HEIGHT - self.size.height
        target = min(top, max(round(self.scroll_y), lowest))
        self.scroll_to(y=max(0, target), animate=False)

    def _tile(self, position: int) -> list[Strip]:
        """The lines of one framed digit, drawn when first seen."""
        assert self._digits is not None
        colours = palette_of(self)
        if self._drawn_for != (self.tile_width, colours):
            self._tiles.clear()
            self._drawn_for = (self.tile_width, colours)
        digits = self._digits
        selected = int(digits.predictions.indices[digits.rows[position]]) in self._selected
        key = (position, self._with_cursor and position == self.cursor, selected)
        if key not in self._tiles:
            if len(self._tiles) >= KEPT_TILES:
                self._tiles.pop(next(iter(self._tiles)))
            self._tiles[key] = tile(digits.digit(position), digits.names, self.tile_width, colours, key[1], selected)
        return self._tiles[key]


def tile(
    digit: Digit, names: Sequence[str], width: int, colours: Palette, chosen: bool, selected: bool = False
) -> list[Strip]:
    """One framed digit, TILE_HEIGHT lines of `width` cells. The chosen one has a heavy frame in the accent.

    A selected one says so at the top; when it was learned or lost stands in the lower edge.
    """
    top_left, top_right, bottom_left, bottom_right, across, down = "┏┓┗┛━┃" if chosen else "╭╮╰╯─│"
    frame = paint(
        colours.accent if chosen else colours.quiet.blend(colours.background, 0.45), colours.background, bold=chosen
    )
    if selected:
        frame = paint(colours.accent, colours.background, bold=chosen)
    paper = paint(behind=colours.background)
    title = f" #{digit.index:05d} "
    mark = SELECTED if selected else ""
    fate = f" {clip(digit.fate, width - 6)} " if digit.fate else ""
    inner = width - 2
    side = Segment(down, frame)
    left = (inner - PICTURE) // 2
    lines = [
        [
            Segment(top_left + across, frame),
            Segment(title, paint(colours.foreground if chosen else colours.quiet, colours.background, bold=chosen)),
            Segment(across * (inner - 2 - len(title) - len(mark)), frame),
            Segment(mark, paint(colours.accent, colours.background, bold=True)),
            Segment(across + top_right, frame),
        ]
    ]
    lines += [
        [side, Segment(" " * left, paper), *row, Segment(" " * (inner - PICTURE - left), paper), side]
        for row in half_blocks(crop(digit.image, PICTURE), colours.background.rgb, colours.foreground.rgb)
    ]
    lines.append([side, *caption(digit, names, inner, colours), side])
    lines.append(
        [
            Segment(bottom_left + across, frame),
            Segment(fate, paint(colours.quiet, colours.background)),
            Segment(across * (inner - 1 - len(fate)) + bottom_right, frame),
        ]
    )
    return [Strip(segments, width) for segments in lines]


def caption(digit: Digit, names: Sequence[str], width: int, colours: Palette) -> list[Segment]:
    """`4 read as 9   99.8 %` in `width` cells; a digit that was read right says so."""
    background = colours.background
    sure = f"{digit.confidence:.1%}".replace("%", " %")
    right = digit.true == digit.predicted
    words = " read right" if right else " read as "
    room = max(1, (width - len(words) - len(sure) - 3) // (1 if right else 2))
    true, predicted = clip(names[digit.true], room), "" if right else clip(names[digit.predicted], room)
    gap = max(1, width - 2 - len(true) - len(words) - len(predicted) - len(sure))
    return [
        Segment(" ", paint(behind=background)),
        Segment(true, paint(colours.true_class, background, bold=True)),
        Segment(words, paint(colours.foreground, background)),
        Segment(predicted, paint(colours.predicted_class, background, bold=True)),
        Segment(" " * gap + sure + " ", paint(colours.quiet, background)),
    ]
