"""The shape of the images, and the limits of their augmentation. Imports nothing heavy."""

from dataclasses import dataclass

SIDE = 28
"""Height and width of an image in pixels."""
IMAGE_SHAPE = (SIDE, SIDE, 1)
"""Height, width and channels of an image."""


@dataclass(frozen=True)
class Augmentation:
    """Limits of the random transformation of a training image.

    Each amount is drawn uniformly between minus and plus its limit.
    """

    degrees: float = 13.0
    """Turned."""
    scale: float = 0.13
    """Logarithm of the factor, of height and width each."""
    shear: float = 0.13
    """Pixels sideways, a pixel of height."""
    pixels: float = 2.0
    """Moved, along each axis."""
    elastic: float = 0.4
    """Standard deviation of each pixel's own displacement, in pixels: normally distributed."""
