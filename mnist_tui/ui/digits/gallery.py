"""Gallery of digits: framed thumbnails with index, classes and confidence; only visible ones are drawn."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mnist_tui.render.images import enlarge, factor_for, fitted_size, half_blocks, shrink
from mnist_tui.render.text import cell_len, clip, clip_pair, percent, widest
from mnist_tui.ui.digits.digit_list import Digit, DigitList
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette

FRAME = 3
"""Lines of a frame around the image: top, caption, bottom."""
LEAST_WIDTH, NAMES_WIDTH = 19, 26
"""Columns of a frame that its caption needs, and those up to which long class names widen it."""
MNIST_SIDES = (22, 12)
"""Pixels per side of images whose margin is cut off: the first with which a frame fits is taken."""
LARGEST, ENLARGED, SMALLEST = 32, 24, 12
"""Pixels of the longer side of other images: at most, at most if enlarged, and at least if reduced."""
FEWEST = 3
"""Whole frames that fit at least; other images become smaller for it."""
LEAST_SHARE = 0.8
"""Share of the side up to which they become smaller still if more whole frames fit then."""
SELECTED = " ✔ "
CACHED = 256
"""Drawn thumbnails that are kept: several screens full."""


class Gallery(ScrollView, can_focus=True):
    """A scrolling grid of digits.

    A gallery without the focus opens a digit at the first click; one without a cursor marks none.
    """

    BINDINGS = bindings("cursor")
    DEFAULT_CSS = "Gallery { overflow-x: hidden; }"

    cursor: reactive[int] = reactive(0, repaint=False)
    """Position of the digit under the cursor."""

    class DigitMoved(Message):
        """The cursor has moved."""

    class DigitOpened(Message):
        """The user pressed Enter, or clicked on the digit under the cursor."""

        def __init__(self, position: int) -> None:
            super().__init__()
            self.position = position

    def __init__(self, *, can_focus: bool = True, with_cursor: bool = True) -> None:
        super().__init__()
        self.can_focus = can_focus
        self._with_cursor = with_cursor
        self._digits: DigitList | None = None
        self._thumbnails: dict[tuple[int, bool, bool], list[Strip]] = {}
        self._selected: frozenset[int] = frozenset()
        self._drawn_for: tuple[int, int, Palette] | None = None
        self._side = LARGEST
        """Pixels of the longer side of an image."""
        self._image_size = (LARGEST, LARGEST // 2)
        """Columns and lines of an image."""

    @property
    def digits(self) -> DigitList | None:
        """List that is shown."""
        return self._digits

    def show(self, digits: DigitList) -> None:
        """Show a list; the cursor stays on its digit, or else goes to the first one if the filter has changed."""
        before = self._digits.digit(self.cursor).index if self._digits else None
        same_filter = self._digits is not None and self._digits.wanted == digits.wanted
        self._digits = digits
        self._thumbnails.clear()
        found = None if before is None else digits.position_of(before)
        self._lay_out()
        self.cursor = found if found is not None else self.cursor if same_filter else 0
        self._scroll_to_cursor()
        self.refresh()

    def select(self, indices: frozenset[int]) -> None:
        """Mark exactly the digits with these indices of the data set as selected."""
        if indices != self._selected:
            self._selected = indices
            self.refresh()

    def open(self) -> None:
        """Post DigitOpened for the digit under the cursor."""
        if self._digits:
            self.post_message(self.DigitOpened(self.cursor))

    def go_to(self, position: int) -> None:
        """Move the cursor."""
        self.cursor = position

    @property
    def per_row(self) -> int:
        """Digits per row."""
        return max(1, self.scrollable_content_region.width // self._least_width)

    @property
    def frame_width(self) -> int:
        """Columns of a frame, which share the width evenly."""
        return max(self._least_width, self.scrollable_content_region.width // self.per_row)

    @property
    def frame_height(self) -> int:
        """Lines of a frame."""
        return self._image_size[1] + FRAME

    @property
    def _least_width(self) -> int:
        return max(self._caption_width, self._image_size[0] + 2)

    @property
    def _caption_width(self) -> int:
        names = self._digits.names if self._digits is not None else ()
        return max(LEAST_WIDTH, min(NAMES_WIDTH, 2 * widest(names) + len("│  →  │")))

    def action_move(self, where: str) -> None:
        page = max(1, self.size.height // self.frame_height) * self.per_row
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
        target = self.cursor + step
        if where in ("up", "pageup") and target < 0:
            target = self.cursor % self.per_row
        elif where == "down" and target > last and self.cursor // self.per_row == last // self.per_row:
            target = self.cursor
        self.cursor = target

    def validate_cursor(self, position: int) -> int:
        return min(max(0, position), max(0, self._count - 1))

    def watch_cursor(self, old: int, new: int) -> None:
        for position in (old, new):
            self.refresh(self._region(position).translate(-self.scroll_offset))
        self._scroll_to_cursor()
        self.post_message(self.DigitMoved())

    def on_resize(self) -> None:
        self._lay_out()
        self._scroll_to_cursor()

    def on_click(self, event: events.Click) -> None:
        place = event.get_content_offset(self)
        if place is None:
            return
        row, column = (place.y + round(self.scroll_y)) // self.frame_height, place.x // self.frame_width
        position = row * self.per_row + column
        if column >= self.per_row or position >= self._count:
            return
        opens = position == self.cursor or not self.can_focus
        self.cursor = position
        if opens:
            self.open()

    def render_line(self, y: int) -> Strip:
        row, line = divmod(y + round(self.scroll_y), self.frame_height)
        first = row * self.per_row
        strips = [self._thumbnail(position)[line] for position in range(first, min(first + self.per_row, self._count))]
        blank = paint(behind=palette_of(self).background)
        return Strip.join(strips).adjust_cell_length(self.size.width, blank)

    @property
    def _count(self) -> int:
        return len(self._digits) if self._digits is not None else 0

    def _lay_out(self) -> None:
        if self._digits:
            margin, shape = self._digits.predictions.margin, self._digits.predictions.images.shape[1:3]
            self._side, self._image_size = image_size(
                shape, margin, self._caption_width, self.container_size.width, self.size.height
            )
        # No scrollbar if it would cost a digit per row, as at 120 columns; the line below gives the position.
        width = self.container_size.width
        least = self._least_width
        self.styles.scrollbar_size_vertical = 1 if (width - 1) // least == width // least else 0
        rows = -(-self._count // self.per_row)
        self.virtual_size = Size(self.size.width, rows * self.frame_height)
        self.refresh()

    def _region(self, position: int) -> Region:
        row, column = divmod(position, self.per_row)
        return Region(column * self.frame_width, row * self.frame_height, self.frame_width, self.frame_height)

    def _scroll_to_cursor(self) -> None:
        top = self._region(self.cursor).y
        lowest = top + self.frame_height - self.size.height
        target = min(top, max(round(self.scroll_y), lowest))
        self.scroll_to(y=max(0, target), animate=False)

    def _thumbnail(self, position: int) -> list[Strip]:
        assert self._digits is not None
        colours = palette_of(self)
        drawn_for = (self.frame_width, self.frame_height, colours)
        if self._drawn_for != drawn_for:
            self._thumbnails.clear()
            self._drawn_for = drawn_for
        digits = self._digits
        has_cursor = self._with_cursor and position == self.cursor
        selected = int(digits.predictions.indices[digits.rows[position]]) in self._selected
        key = (position, has_cursor, selected)
        if key not in self._thumbnails:
            if len(self._thumbnails) >= CACHED:
                self._thumbnails.pop(next(iter(self._thumbnails)))
            digit = digits.digit(position)
            room = self._side, -(-self._side // 2)
            image = shrink(digit.image, *room, digits.predictions.margin)
            image = enlarge(image, factor_for(image.shape, *room))
            self._thumbnails[key] = thumbnail(
                digit, image, digits.names, self.frame_width, colours, has_cursor, selected
            )
        return self._thumbnails[key]


def image_size(shape: tuple[int, ...], margin: int, least: int, width: int, height: int) -> tuple[int, tuple[int, int]]:
    """Return the pixels of the longer side of an image in a gallery, and its columns and lines.

    Args:
        shape: Height and width of the images in pixels.
        margin: Pixels at each side that may be cut off.
        least: Columns of a frame at least.
        width: Columns of the gallery.
        height: Lines of the gallery.
    """
    longest = max(shape)
    if margin:
        sides, shape = list(MNIST_SIDES), (1, 1)
    elif longest <= ENLARGED:
        sides = [longest * factor for factor in range(ENLARGED // longest, 0, -1)]
    else:
        sides = [min(longest, LARGEST), *range((min(longest, LARGEST) - 1) // 2 * 2, SMALLEST - 1, -2)]
    sizes = {side: _columns_and_lines(shape, side) for side in sides}
    fitting = {
        side: (width // max(least, columns + 2)) * (height // (lines + FRAME))
        for side, (columns, lines) in sizes.items()
    }
    enough = 1 if margin else max(1, min(FEWEST, max(fitting.values())))
    first = next((side for side in sides if fitting[side] >= enough), sides[-1])
    similar = [side for side in sides if first >= side >= (1 if margin else LEAST_SHARE) * first]
    side = max(similar, key=fitting.__getitem__)
    return side, sizes[side]


def _columns_and_lines(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    """Return the size of an image that is drawn with at most `side` x `side` pixels."""
    room = side, -(-side // 2)
    height, width = fitted_size(shape, *room)
    factor = factor_for((height, width), *room)
    return width * factor, -(-height * factor // 2)


def thumbnail(
    digit: Digit,
    image: NDArray[np.uint8],
    names: Sequence[str],
    width: int,
    colours: Palette,
    has_cursor: bool,
    selected: bool,
) -> list[Strip]:
    """Draw one framed digit in `width` cells, and lines for its `image` and 3 more.

    The frame under the cursor is heavy, a selected one is marked at the top, and the note is at the bottom.
    """
    top_left, top_right, bottom_left, bottom_right, across, down = "┏┓┗┛━┃" if has_cursor else "╭╮╰╯─│"
    frame_colour = colours.accent if has_cursor or selected else colours.faint
    frame = paint(frame_colour, colours.background, bold=has_cursor)
    background = paint(behind=colours.background)
    title = f" #{digit.index:05d} "
    mark = SELECTED if selected else ""
    note = f" {clip(digit.note, width - 6)} " if digit.note else ""
    inner = width - 2
    confidence = percent(digit.confidence, 1)
    is_crowded = 2 * widest(names) + len(" →  100.0 %  ") > inner  # then the names need the caption for themselves
    share = f" {confidence} " if is_crowded else ""
    side = Segment(down, frame)
    columns = image.shape[1]
    left = (inner - columns) // 2
    title_colour = colours.foreground if has_cursor else colours.quiet
    lines = [
        [
            Segment(top_left + across, frame),
            Segment(title, paint(title_colour, colours.background, bold=has_cursor)),
            Segment(across * max(0, inner - 2 - len(title) - len(mark) - len(share)), frame),
            Segment(share, paint(colours.quiet, colours.background)),
            Segment(mark, paint(colours.accent, colours.background, bold=True)),
            Segment(across + top_right, frame),
        ]
    ]
    lines += [
        [side, Segment(" " * left, background), *row, Segment(" " * (inner - columns - left), background), side]
        for row in half_blocks(image, colours.greys, colours.rgb_mode)
    ]
    lines.append([side, *caption(digit, names, "" if is_crowded else confidence, inner, colours), side])
    lines.append(
        [
            Segment(bottom_left + across, frame),
            Segment(note, paint(colours.quiet, colours.background)),
            Segment(across * (inner - 1 - len(note)) + bottom_right, frame),
        ]
    )
    return [Strip(segments, width) for segments in lines]


def caption(digit: Digit, names: Sequence[str], confidence: str, width: int, colours: Palette) -> list[Segment]:
    """Draw `4 → 9   99.8 %` (true class, predicted class), or `4 correct   99.8 %`, in `width` cells."""
    background = colours.background
    correct = digit.true == digit.predicted
    words = " correct" if correct else " → "
    room = max(1, width - len(words) - len(confidence) - 3)
    true, predicted = clip_pair(names[digit.true], "" if correct else names[digit.predicted], room)
    gap = max(1, width - 2 - cell_len(true + predicted) - len(words) - len(confidence))
    return [
        Segment(" ", paint(behind=background)),
        Segment(true, paint(colours.true_class, background, bold=True)),
        Segment(words, paint(colours.foreground, background)),
        Segment(predicted, paint(colours.predicted_class, background, bold=True)),
        Segment(" " * gap + confidence + " ", paint(colours.quiet, background)),
    ]
