"""Strokes of a pen on a grey image: smooth curves with soft edges, which are undone one by one."""

import math
from collections import deque
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Point = tuple[float, float]
"""x and y in pixels from the top left corner; the centre of the first pixel is (0.5, 0.5)."""

SOFTNESS = 0.5
"""Pixels beyond half its width at which a stroke has faded."""
MOST_PIECES = 8
"""Straight pieces of a curve between two positions of the pen, at most one a pixel."""
KEPT = 500
"""States of a drawing that can be undone."""


@dataclass(frozen=True)
class Pen:
    """A round pen; `width` is in pixels."""

    width: float
    erases: bool = False


class Drawing:
    """A grey image that a pen draws on: 0 is the background, 255 full ink.

    The curve goes through the middles between the pen's positions, so that coarse positions of a mouse, and the steps
    of a cursor, become smooth lines.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        """Begin with a blank image of shape (height, width)."""
        self.image: Image = np.zeros(shape, np.uint8)
        """The image as it is now. Callers must not change it; another one takes its place."""
        self._past: deque[Image] = deque(maxlen=KEPT)
        self._future: list[Image] = []
        self._pen: Pen | None = None
        self._points: list[Point] = []
        self._settled = self.image
        """The image without the end of the stroke, which depends on the next position of the pen."""

    @property
    def is_drawing(self) -> bool:
        """True while the pen is down."""
        return self._pen is not None

    @property
    def can_undo(self) -> bool:
        """True if there is anything to undo."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """True if there is anything to redo."""
        return bool(self._future)

    def begin(self, point: Point, pen: Pen) -> None:
        """Put the pen down: a stroke begins with a dot."""
        self.end()
        self._keep()
        self._pen, self._points, self._settled = pen, [point], self.image
        self.image = drawn(self._settled, (point, point), pen)

    def extend(self, point: Point) -> None:
        """Move the pen, wherever it was last."""
        if self._pen is None or point == self._points[-1]:
            return
        previous = self._points[-1]
        middle = _middle(previous, point)
        begun = _middle(self._points[-2], previous) if len(self._points) > 1 else previous
        self._points = [previous, point]
        self._settled = drawn(self._settled, _curve(begun, previous, middle), self._pen)
        self.image = drawn(self._settled, (middle, point), self._pen)

    def end(self) -> None:
        """Lift the pen, if it is down."""
        self._pen = None

    def replace(self, image: Image) -> None:
        """Put another image of the same shape in its place, which can be undone."""
        self.end()
        self._keep()
        self.image = image

    def clear(self) -> None:
        """Make it blank."""
        self.replace(np.zeros_like(self.image))

    def invert(self) -> None:
        """Swap ink and background."""
        self.replace(255 - self.image)

    def undo(self) -> None:
        """Go back to the image before the last stroke or change."""
        self.end()
        if self._past:
            self._future.append(self.image)
            self.image = self._past.pop()

    def redo(self) -> None:
        """Bring back what was undone last."""
        self.end()
        if self._future:
            self._past.append(self.image)
            self.image = self._future.pop()

    def _keep(self) -> None:
        self._past.append(self.image)
        self._future.clear()


def drawn(image: Image, path: tuple[Point, ...], pen: Pen) -> Image:
    """Return an image with a stroke along a path of at least two points; elsewhere it keeps its ink."""
    cover = coverage(image.shape, path, pen.width)
    return np.minimum(image, 255 - cover) if pen.erases else np.maximum(image, cover)


def coverage(shape: tuple[int, ...], path: tuple[Point, ...], width: float) -> Image:
    """Return how much of each pixel a stroke covers, 0..255, by its distance to the path.

    Args:
        shape: Height and width in pixels.
        path: At least two points, joined by straight lines.
        width: Width of the stroke in pixels.
    """
    y, x = np.ogrid[0.5 : shape[0], 0.5 : shape[1]]
    nearest = np.full(shape, np.inf)
    for (left, top), (right, bottom) in pairwise(path):
        across, down = right - left, bottom - top
        share = ((x - left) * across + (y - top) * down) / max(across**2 + down**2, 1e-12)
        share = np.clip(share, 0, 1)
        np.minimum(nearest, np.hypot(x - left - share * across, y - top - share * down), out=nearest)
    return np.rint(255 * np.clip(width / 2 + SOFTNESS - nearest, 0, 1)).astype(np.uint8)


def _middle(one: Point, other: Point) -> Point:
    return (one[0] + other[0]) / 2, (one[1] + other[1]) / 2


def _curve(start: Point, control: Point, end: Point) -> tuple[Point, ...]:
    """Return points on the quadratic Bezier curve, whose ends have the directions to the control point."""
    length = math.dist(start, control) + math.dist(control, end)
    pieces = min(MOST_PIECES, max(1, math.ceil(length)))
    shares = [piece / pieces for piece in range(pieces + 1)]
    return tuple(
        (
            (1 - t) ** 2 * start[0] + 2 * t * (1 - t) * control[0] + t**2 * end[0],
            (1 - t) ** 2 * start[1] + 2 * t * (1 - t) * control[1] + t**2 * end[1],
        )
        for t in shares
    )
