"""The canvas: an image that the user draws on with the mouse or with the keys."""

import numpy as np
from rich.segment import Segment
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from mnist_tui.analysis.strokes import Drawing, Pen, Point
from mnist_tui.render.feature_maps import fitted
from mnist_tui.render.images import grey_of, half_blocks
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.shared.paint import palette_of
from mnist_tui.ui.theme import Palette

WIDTHS = (1.0, 1.6, 2.2, 3.0, 4.0, 5.5, 7.5)
"""Widths of the pen in an image of 28 pixels; strokes of MNIST's digits are about 2.2 wide."""
FIRST_WIDTH = 2
SIDE = 28
FRAME_SECONDS = 1 / 8
"""Least time between two repaints, so that fast drags cost little processor time and few bytes."""
SHADES = 7
"""Shades of the drawing; fewer colours are fewer bytes."""
LEFT, RIGHT = 1, 3
"""Buttons of the mouse."""


class Canvas(Widget, can_focus=True):
    """Draws on a Drawing. `fit` gives it the largest size that leaves its pixels square."""

    BINDINGS = bindings("canvas")
    ALLOW_SELECT = False  # while text is selected, Textual repaints the whole screen at each move of the mouse

    class Changed(Message):
        """The drawing has changed, or the pen was lifted."""

        def __init__(self, *, is_complete: bool) -> None:
            """`is_complete` is False in the middle of a stroke."""
            super().__init__()
            self.is_complete = is_complete

    def __init__(self, shape: tuple[int, int]) -> None:
        super().__init__(id="canvas")
        self.drawing = Drawing(shape)
        self._shape = shape
        self.erases = False
        """True if the pen of the keys erases."""
        self._width = FIRST_WIDTH
        self._cursor = shape[1] // 2, shape[0] // 2
        """Column and row of the pixel under the pen of the keys."""
        self._shows_cursor = True
        self._is_fine = False
        """True once the terminal has told a position within a cell."""
        self._painted: tuple[object, ...] = ()
        self._pixels = np.zeros((0, 0), np.uint8)
        """Pixels on the screen, of which each cell has two."""
        self._lines: list[Strip] = []
        self._frame: Timer | None = None
        self._is_stale = False

    @property
    def pen_width(self) -> float:
        """Width of the pen in pixels of the image."""
        return WIDTHS[self._width] * min(self._shape) / SIDE

    @property
    def is_dragging(self) -> bool:
        """True while a button of the mouse is down."""
        return self.app.mouse_captured is self

    def fit(self, columns: int, lines: int) -> int:
        """Take the largest size that fits into `columns` x `lines` with the border, and return its columns."""
        pixels: tuple[int, ...] = fitted(self.drawing.image, max(1, columns - 2), max(1, lines - 2)).shape
        self.styles.width, self.styles.height = pixels[1] + 2, -(-pixels[0] // 2) + 2
        return pixels[1] + 2

    def on_mount(self) -> None:
        self._tell()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if event.button not in (LEFT, RIGHT):
            return
        event.stop()
        self.focus()
        self.capture_mouse()
        self._shows_cursor = False
        self.drawing.begin(self._point(event), Pen(self.pen_width, erases=event.button == RIGHT))
        self._change()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if not self.is_dragging:
            return
        event.stop()
        if not event.button:  # it was released outside of the terminal
            self._lift()
            return
        self.drawing.extend(self._point(event))
        self._repaint()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self.is_dragging:
            event.stop()
            self._lift()

    def action_toggle_pen(self) -> None:
        """Put the pen down at the cursor, or lift it."""
        self._shows_cursor = True
        if self.drawing.is_drawing:
            self._lift()
        else:
            self.drawing.begin(self._cursor_point, Pen(self.pen_width, self.erases))
            self._change()

    def action_move(self, where: str) -> None:
        """Move the cursor by a pixel or to an edge; if the pen is down, it draws."""
        height, width = self._shape
        x, y = self._cursor
        x, y = {
            "left": (x - 1, y),
            "right": (x + 1, y),
            "up": (x, y - 1),
            "down": (x, y + 1),
            "home": (0, y),
            "end": (width - 1, y),
            "pageup": (x, 0),
            "pagedown": (x, height - 1),
        }[where]
        self._cursor = min(max(0, x), width - 1), min(max(0, y), height - 1)
        self._shows_cursor = True
        self.drawing.extend(self._cursor_point)
        if self.drawing.is_drawing:
            self._change()
        else:
            self._tell()
            self._repaint()

    def change_width(self, step: int) -> None:
        """Make the pen thinner (-1) or thicker (1)."""
        self._width = min(max(0, self._width + step), len(WIDTHS) - 1)
        self._tell()

    def switch_eraser(self) -> None:
        """Let the pen of the keys erase, or draw again."""
        self.erases = not self.erases
        self.drawing.end()
        self._tell()
        self._repaint()

    def update(self) -> None:
        """Show the drawing after a change from outside."""
        self._change()

    def render_line(self, y: int) -> Strip:
        if self._painted != self._surroundings:
            self._paint()
        return self._lines[y] if y < len(self._lines) else Strip.blank(self.size.width)

    @property
    def _cursor_point(self) -> Point:
        return self._cursor[0] + 0.5, self._cursor[1] + 0.5

    @property
    def _surroundings(self) -> tuple[object, ...]:
        return self.size, palette_of(self)

    def _point(self, event: events.MouseEvent) -> Point:
        """Return the place in the image under the mouse: the middle of a cell, if the terminal tells no more."""
        x, y = event.pointer_x - self.content_offset.x, event.pointer_y - self.content_offset.y
        self._is_fine |= x % 1 > 0 or y % 1 > 0
        if not self._is_fine:
            x, y = x + 0.5, y + 0.5
        height, width = self._shape
        return x * width / max(1, self._pixels.shape[1]), 2 * y * height / max(1, self._pixels.shape[0])

    def _lift(self) -> None:
        self.drawing.end()
        self.release_mouse()
        self._change()

    def _change(self) -> None:
        self._tell()
        self._repaint()
        self.post_message(self.Changed(is_complete=not self.drawing.is_drawing))

    def _tell(self) -> None:
        """Show the state of the pen on the border."""
        words = f"{'eraser' if self.erases else 'pen'} {self.pen_width:.1f} px"
        if self._shows_cursor:
            x, y = self._cursor
            words += f" {'down' if self.drawing.is_drawing else 'up'}, x {x} y {y}"
        if words != self.border_subtitle:
            self.border_subtitle = words

    def _repaint(self) -> None:
        """Repaint at once, or if that was just done, after a while."""
        self._is_stale = True
        if self._frame is None:
            self._next_frame()

    def _next_frame(self) -> None:
        self._frame = None
        if self._is_stale and self.is_attached:
            self._is_stale = False
            self._frame = self.set_timer(FRAME_SECONDS, self._next_frame)
            if self.is_dragging:
                self.post_message(self.Changed(is_complete=False))
            before = self._lines
            self._paint()
            changed = [y for y, line in enumerate(self._lines) if y >= len(before) or line != before[y]]
            if changed:
                self.refresh(Region(0, changed[0], self.size.width, changed[-1] - changed[0] + 1))

    def _paint(self) -> None:
        colours = palette_of(self)
        shades = tuple(colours.greys[round(at * (len(colours.greys) - 1) / (SHADES - 1))] for at in range(SHADES))
        self._pixels = fitted(self.drawing.image, *self.size)
        rows = half_blocks(self._pixels, shades if len(colours.greys) > SHADES else colours.greys)
        self._lines = [Strip(row, self._pixels.shape[1]) for row in rows]
        if self._shows_cursor:
            self._mark_cursor(colours)
        self._painted = self._surroundings

    def _mark_cursor(self, colours: Palette) -> None:
        """Draw the pixels under the cursor in a colour, or without colours inverted."""
        (height, width), (rows, columns) = self._shape, self._pixels.shape[:2]
        top, bottom = (self._cursor[1] + edge for edge in (0, 1))
        first, last = top * rows // height, max(top * rows // height + 1, bottom * rows // height)
        left = self._cursor[0] * columns // width
        right = max(left + 1, (self._cursor[0] + 1) * columns // width)
        if colours.needs_signs:
            marked = self._pixels.copy()
            marked[first:last, left:right] = np.where(marked[first:last, left:right] > 127, 0, 255)
            self._lines = [Strip(row, columns) for row in half_blocks(marked, colours.greys)]
            return
        colour = colours.wrong if self.erases else colours.validation if self.drawing.is_drawing else colours.accent
        for line in range(first // 2, (last + 1) // 2):
            levels = [int(self._pixels[y, left]) if y < rows else 0 for y in (2 * line, 2 * line + 1)]
            halves = [
                colour.rgb if first <= y < last else grey_of(level, colours.greys)
                for y, level in enumerate(levels, 2 * line)
            ]
            cells = half_blocks(np.array(halves, np.uint8).reshape(2, 1, 3), colours.greys, colours.rgb_mode)[0]
            strip = self._lines[line]
            segments = [Segment(cells[0].text * (right - left), cells[0].style)]
            self._lines[line] = Strip.join([strip.crop(0, left), Strip(segments), strip.crop(right)])
