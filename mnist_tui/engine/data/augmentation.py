"""Training digits, each bent a little otherwise in every epoch: turned, sheared, scaled, moved, and warped elastically.

Elastic warps are free-form deformations: cubic B-splines over a coarse grid of control points (Rueckert et al. 1999).
A warp is linear in its coefficients, so that an epoch's warps are drawn at once, by numpy, from seed and epoch alone,
and a run that is resumed in the middle of an epoch goes on with the same ones.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.engine.data.images import SIDE, Augmentation

KNOT_PIXELS = 9.0
"""Between two control points: about the width of a loop of a digit."""
KNOTS = 6
"""Control points along a side; those at the rim lie outside the picture."""
STREAM = 1
"""Beside the stream of random numbers that orders an epoch's digits."""

Floats = NDArray[np.float32]


def draw_warps(augmentation: Augmentation, count: int, seed: int, epoch: int) -> Floats:
    """Warps for so many digits: shape (count, basis functions, 2)."""
    random = np.random.default_rng([seed, epoch, STREAM])

    def evenly(most: float, size: tuple[int, ...] = (count,)) -> NDArray[np.float64]:
        return random.uniform(-most, most, size)

    angle = np.deg2rad(evenly(augmentation.degrees))
    tall, wide, lean = (
        np.exp(evenly(augmentation.scale)),
        np.exp(evenly(augmentation.scale)),
        evenly(augmentation.shear),
    )
    cosine, sine = np.cos(angle), np.sin(angle)
    warps = np.zeros((count, 3 + KNOTS**2, 2), np.float32)
    warps[:, 0, 0], warps[:, 0, 1] = cosine * tall, sine * tall  # where a pixel downwards leads to
    warps[:, 1, 0], warps[:, 1, 1] = (lean * cosine - sine) * wide, (cosine + lean * sine) * wide
    warps[:, 2] = evenly(augmentation.pixels, (count, 2))
    knots = random.standard_normal((count, KNOTS**2, 2), dtype=np.float32)
    warps[:, 3:] = knots * np.float32(augmentation.elastic / knot_gain())
    return warps


@cache
def basis() -> Floats:
    """What each coefficient does to each pixel's place: shape (SIDE * SIDE, 3 + KNOTS * KNOTS)."""
    place = np.arange(SIDE) - (SIDE - 1) / 2
    down, right = (each.ravel() for each in np.meshgrid(place, place, indexing="ij"))
    knots = (np.arange(KNOTS) - (KNOTS - 1) / 2) * KNOT_PIXELS
    along = _cubic_spline(np.abs(place[:, None] - knots[None, :]) / KNOT_PIXELS)
    bumps = np.einsum("ik,jl->ijkl", along, along).reshape(SIDE * SIDE, KNOTS**2)
    return np.column_stack([down, right, np.ones_like(down), bumps]).astype(np.float32)


@cache
def knot_gain() -> float:
    """Standard deviation of a pixel's displacement when that of the control points is 1: the mean over the pixels."""
    return float(np.sqrt((basis()[:, 3:] ** 2).sum(axis=1)).mean())


def _cubic_spline(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """The uniform cubic B-spline by the distance from its centre, in knots."""
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = np.clip(2 - distance, 0, None) ** 3 / 6
    return np.where(distance < 1, near, far)


def warp(images: Any, warps: Any) -> Any:
    """A batch of pictures (n, 28, 28, 1), bent: float32, 0..255. In Keras' operations, so that every backend has it.

    Each pixel is read, bilinearly, from where its warp leads to; beyond the rim there is blank paper.
    """
    from keras import ops

    width = SIDE + 3  # one blank pixel before, two behind: every place has four neighbours
    paper = ops.reshape(ops.pad(ops.cast(images, "float32"), ((0, 0), (1, 2), (1, 2), (0, 0))), (-1, width * width))
    places = ops.matmul(ops.convert_to_tensor(basis()), warps) + (SIDE - 1) / 2
    places = ops.clip(places, -1.0, float(SIDE)) + 1.0
    corner = ops.floor(places)
    lower, righter = (share[..., 0] for share in ops.split(places - corner, 2, axis=-1))
    corner = ops.cast(corner, "int32")
    first = corner[..., 0] * width + corner[..., 1]

    def at(offset: int) -> Any:
        return ops.take_along_axis(paper, first + offset, axis=1)

    upper_row = at(0) * (1 - righter) + at(1) * righter
    lower_row = at(width) * (1 - righter) + at(width + 1) * righter
    bent = upper_row * (1 - lower) + lower_row * lower
    return ops.reshape(bent, (-1, SIDE, SIDE, 1))
