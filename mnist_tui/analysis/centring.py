"""Digits in the box and the place that MNIST's have.

They keep their aspect ratio in a box of 20x20 pixels, whose centre of mass is the centre of 28x28 pixels (LeCun, Cortes
and Burges, The MNIST Database of Handwritten Digits).
"""

from dataclasses import dataclass

import numpy as np

from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.analysis.ink import NO_INK, SIDE, Floats, Image, as_image, resized

BOX_SIDE = 20
"""Pixels per side of the box in an image of 28x28."""
EDGE_LEVEL = 0.12
"""Share of full ink at which a digit begins; MNIST's digits have soft edges."""


@dataclass(frozen=True, eq=False)
class MnistView:
    """A drawing as MNIST would have it, and what was changed."""

    image: Image
    """Shape of the drawing, (height, width)."""
    is_inverted: bool
    """True if the ink was darker than the background."""
    ink: tuple[int, int]
    """Height and width of the ink, in pixels."""
    fitted: tuple[int, int]
    """Height and width of the ink in its box."""
    moved: tuple[int, int]
    """Pixels down and to the right by which its centre of mass moved."""

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps in words."""
        (height, width), (fitted_height, fitted_width), box = self.ink, self.fitted, max(self.fitted)
        size = "kept its size" if self.ink == self.fitted else f"resized to {fitted_width}x{fitted_height}"
        down, right = self.moved
        moves = (
            f"{abs(down)} {'down' if down > 0 else 'up'}" if down else "",
            f"{abs(right)} {'right' if right > 0 else 'left'}" if right else "",
        )
        return (
            "grey: light ink on dark" + (", inverted" if self.is_inverted else ""),
            f"cut out: {width}x{height} pixels of ink",
            f"box {box}x{box}: {size}",
            f"centred: {', '.join(filter(None, moves)) or 'it was already'}",
        )


def centred(levels: Floats) -> Image:
    """Fit a digit `(height, width)`, 0..1, into 20x20 pixels, and its centre of mass into the middle of 28x28."""
    return _placed(levels, (SIDE, SIDE))[0]


def as_mnist(ink: Image) -> MnistView:
    """Return a drawing as MNIST would have it: light on dark, cut out, in a box, its centre of mass in the middle.

    In images of another size, box and middle are those of MNIST in proportion.

    Args:
        ink: Shape (height, width), 0 is the background.

    Raises:
        AnalysisError: There is no ink.
    """
    border = np.concatenate([ink[0], ink[-1], ink[:, 0], ink[:, -1]])
    is_inverted = bool(np.median(border) > 127)
    levels: Floats = (255 - ink if is_inverted else ink).astype(np.float32) / np.float32(255)
    is_inked = levels > EDGE_LEVEL
    if not is_inked.any():
        raise AnalysisError(NO_INK)
    rows, columns = (np.flatnonzero(is_inked.any(axis=axis)) for axis in (1, 0))
    part = levels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    image, fitted, middle = _placed(part, (ink.shape[0], ink.shape[1]))
    before = _centre_of_mass(part)
    down, right = (
        round(now - first - was) for now, first, was in zip(middle, (rows[0], columns[0]), before, strict=True)
    )
    return MnistView(image, is_inverted, (part.shape[0], part.shape[1]), fitted, (down, right))


def _placed(levels: Floats, shape: tuple[int, int]) -> tuple[Image, tuple[int, int], tuple[float, float]]:
    """Return an image of a shape with a digit, the digit's height and width in it, and its centre of mass."""
    box = round(BOX_SIDE / SIDE * min(shape))
    longest = max(levels.shape)
    height, width = (max(1, round(length * box / longest)) for length in levels.shape)
    small = np.clip(resized(levels, (height, width), smooth=longest < 2 * box), 0, 1)
    centre = _centre_of_mass(small)
    down, right = (
        min(max(0, round(side // 2 - middle)), side - length)
        for side, middle, length in zip(shape, centre, (height, width), strict=True)
    )
    image = np.zeros(shape, np.uint8)
    image[down : down + height, right : right + width] = as_image(small)
    return image, (height, width), (down + centre[0], right + centre[1])


def _centre_of_mass(levels: Floats) -> tuple[float, float]:
    """Return row and column."""
    rows, columns = (levels.sum(axis=axis) for axis in (1, 0))
    total = float(rows.sum())
    return float(rows @ np.arange(len(rows))) / total, float(columns @ np.arange(len(columns))) / total
