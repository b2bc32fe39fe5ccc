"""Photographs of handwriting, drawn from images of MNIST: dark ink on a sheet, turned, under uneven light."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

Image = NDArray[np.uint8]


def sheet(digits: Sequence[Image], side: int = 300, gap: int = 40, margin: int = 120, ink: float = 0.8) -> Image:
    """Draw digits `(28, 28)` in a row, enlarged to `side` pixels, as dark ink on a light sheet."""
    height, width = side + 2 * margin, len(digits) * (side + gap) - gap + 2 * margin
    paper = np.ones((height, width), np.float32)
    for number, digit in enumerate(digits):
        large = Pillow.fromarray(digit).resize((side, side), Pillow.Resampling.BICUBIC)
        left = margin + number * (side + gap)
        paper[margin : margin + side, left : left + side] -= ink * np.asarray(large, np.float32) / 255
    return np.asarray(paper * 225, np.uint8)


def photograph(
    paper: Image,
    *,
    degrees: float = 0.0,
    table: int | None = None,
    shadow: float = 0.0,
    noise: float = 0.0,
    seed: int = 0,
) -> Image:
    """Photograph a sheet.

    Args:
        paper: The sheet, `(height, width)`.
        degrees: Its rotation to the left.
        table: Grey level of the table around it; None: the photograph shows the sheet alone.
        shadow: Share of the light that is missing at the lower right corner.
        noise: Standard deviation of the sensor's noise, in grey levels.
        seed: Seed of the noise.
    """
    around = 225 if table is None else table
    turned = Pillow.fromarray(paper).rotate(degrees, Pillow.Resampling.BICUBIC, expand=True, fillcolor=around)
    picture = np.pad(np.asarray(turned, np.float32), 0 if table is None else 60, constant_values=around)
    down, across = (np.linspace(0, 1, length, dtype=np.float32) for length in picture.shape)
    picture *= 1 - shadow * (down[:, None] + across) / 2
    picture += np.random.default_rng(seed).normal(0, noise, picture.shape)
    return np.asarray(np.clip(picture, 0, 255), np.uint8)
