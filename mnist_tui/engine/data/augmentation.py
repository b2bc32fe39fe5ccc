"""Augmentation of training images: random rotation, shear, scaling, shift and elastic deformation, new in every epoch.

Elastic deformations are free-form: cubic B-splines over a coarse grid of control points (Rueckert et al. 1999). A warp
is linear in its coefficients. So the warps of an epoch follow from seed and epoch alone, and a resumed run uses the
same ones.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.engine.data.images import SIDE, Augmentation
from mnist_tui.image_layout import MNIST_SHAPE, ImageShape, with_channels

KNOT_PIXELS = 9.0
"""Distance of two control points in pixels of 28: about the width of a loop of a digit."""
KNOTS = 6
"""Control points along a side; the outermost lie outside the image."""
STREAM = 1
"""Stream of random numbers, apart from the one that shuffles an epoch's examples."""

Floats = NDArray[np.float32]


def draw_warps(
    augmentation: Augmentation, count: int, seed: int, epoch: int, shape: ImageShape = MNIST_SHAPE
) -> Floats:
    """Draw random warps for `count` images: coefficients of shape (count, basis functions, 2)."""
    scale = np.array(shape[:2], np.float32) / SIDE
    random = np.random.default_rng([seed, epoch, STREAM])

    def uniform(limit: float, size: tuple[int, ...] = (count,)) -> NDArray[np.float64]:
        return random.uniform(-limit, limit, size)

    angle = np.deg2rad(uniform(augmentation.degrees))
    height, width = np.exp(uniform(augmentation.scale)), np.exp(uniform(augmentation.scale))
    shear = uniform(augmentation.shear)
    cosine, sine = np.cos(angle), np.sin(angle)
    warps = np.zeros((count, 3 + KNOTS**2, 2), np.float32)
    warps[:, 0, 0], warps[:, 0, 1] = cosine * height, sine * height  # image of the unit vector down
    warps[:, 1, 0], warps[:, 1, 1] = (shear * cosine - sine) * width, (cosine + shear * sine) * width  # and right
    warps[:, 2] = uniform(augmentation.pixels, (count, 2)) * scale
    knots = random.standard_normal((count, KNOTS**2, 2), dtype=np.float32)
    warps[:, 3:] = knots * np.float32(augmentation.elastic / knot_gain(shape)) * scale
    return warps


@cache
def basis(height: int, width: int) -> Floats:
    """Return what each coefficient adds to each pixel's source position: shape (pixels, 3 + KNOTS * KNOTS)."""
    rows, columns = np.meshgrid(_positions(height), _positions(width), indexing="ij")
    splines = np.einsum("ik,jl->ijkl", _splines(height), _splines(width)).reshape(height * width, KNOTS**2)
    return np.column_stack([rows.ravel(), columns.ravel(), np.ones(height * width), splines]).astype(np.float32)


@cache
def knot_gain(shape: ImageShape) -> float:
    """Return the mean standard deviation of a pixel's displacement if that of the control points is 1."""
    return float(np.sqrt((basis(*shape[:2])[:, 3:] ** 2).sum(axis=1)).mean())


def _positions(side: int) -> NDArray[np.float64]:
    return np.arange(side, dtype=np.float64) - (side - 1) / 2


def _splines(side: int) -> NDArray[np.float64]:
    """Evaluate the spline of each control point along a side: shape (side, KNOTS)."""
    distance = KNOT_PIXELS * (side / SIDE)
    knots = (np.arange(KNOTS) - (KNOTS - 1) / 2) * distance
    return _cubic_spline(np.abs(_positions(side)[:, None] - knots[None, :]) / distance)


def _cubic_spline(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Evaluate the uniform cubic B-spline at a distance from its centre, in knots."""
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = np.clip(2 - distance, 0, None) ** 3 / 6
    return np.where(distance < 1, near, far)


def warp(images: Any, warps: Any) -> Any:
    """Transform a batch of images (n, height, width, channels): float32, 0..255. Keras operations, for every backend.

    Each pixel is interpolated bilinearly at its source position; outside the image is background.
    """
    from keras import ops

    height, width, channels = images.shape[1:]
    sides = np.array([height, width], np.float32)
    row = width + 3  # with one background pixel before and two after, every position has four neighbours
    padded = ops.pad(ops.cast(images, "float32"), ((0, 0), (1, 2), (1, 2), (0, 0)))
    positions = ops.matmul(ops.convert_to_tensor(basis(height, width)), warps) + (sides - 1) / 2
    positions = ops.clip(positions, -1.0, sides) + 1.0
    corner = ops.floor(positions)
    lower, right = (share[..., 0] for share in ops.split(positions - corner, 2, axis=-1))
    corner = ops.cast(corner, "int32")
    first = corner[..., 0] * row + corner[..., 1]

    def interpolated(channel: int) -> Any:
        flat = ops.reshape(padded[..., channel], (-1, (height + 3) * row))

        def at(offset: int) -> Any:
            return ops.take_along_axis(flat, first + offset, axis=1)

        upper_row = at(0) * (1 - right) + at(1) * right
        lower_row = at(row) * (1 - right) + at(row + 1) * right
        return ops.reshape(upper_row * (1 - lower) + lower_row * lower, (-1, height, width))

    return ops.stack([interpolated(channel) for channel in range(channels)], axis=-1)


def warped_images(images: NDArray[np.uint8], warps: Floats) -> NDArray[np.uint8]:
    """Return images as `warp` transforms them, rounded, in the layout they came in."""
    from keras import ops

    warped = np.asarray(ops.convert_to_numpy(warp(with_channels(images), warps)))
    return np.clip(np.round(warped), 0, 255).astype(np.uint8).reshape(images.shape)
