"""Limits of the augmentation of images. Imports nothing heavy."""

from dataclasses import dataclass

SIDE = 28
"""Height and width of MNIST's images in pixels."""


@dataclass(frozen=True)
class Augmentation:
    """Limits of the random transformation of a training image.

    Each amount is drawn uniformly between minus and plus its limit, except for elastic displacements.
    """

    degrees: float = 13.0
    """Rotation."""
    scale: float = 0.13
    """Logarithm of the scale factor, of height and width each."""
    shear: float = 0.13
    """Horizontal shift in pixels per pixel of height."""
    pixels: float = 2.0
    """Shift along each axis."""
    elastic: float = 0.4
    """Standard deviation of each pixel's elastic displacement in pixels; normally distributed."""
