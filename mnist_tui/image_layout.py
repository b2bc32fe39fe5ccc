"""Layout of images in arrays: uint8, (n, height, width) grey or (n, height, width, 3) RGB, 0 is the background."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ImageShape = tuple[int, int, int]
"""Height, width and channels (1 or 3) of an image."""
MNIST_SHAPE: ImageShape = (28, 28, 1)
MIN_SIDE, MAX_SIDE = 8, 96
"""Limits of height and width in pixels."""
MIN_CLASSES, MAX_CLASSES = 2, 100


def shape_of(images: "NDArray[Any]") -> ImageShape | None:
    """Return height, width and channels of images; None if their layout or size is not supported."""
    channels = images.shape[3] if images.ndim == 4 else 1
    if images.dtype != "uint8" or images.ndim not in (3, 4) or channels != (3 if images.ndim == 4 else 1):
        return None
    height, width = images.shape[1:3]
    return (height, width, channels) if all(MIN_SIDE <= side <= MAX_SIDE for side in (height, width)) else None


def with_channels(images: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
    """Return images with an axis of channels, as models take them: shape (n, height, width, channels)."""
    return images if images.ndim == 4 else images[..., None]


def shape_in_words(shape: ImageShape) -> str:
    """Return a shape as 28x28 grey or 32x32 RGB."""
    height, width, channels = shape
    return f"{height}x{width} {'RGB' if channels == 3 else 'grey'}"
