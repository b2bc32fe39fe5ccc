"""Ink in a picture of handwriting, set apart from paper, shadows, noise and the table around the paper."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.errors import AnalysisError

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

SIDE = 28
"""Pixels per side of MNIST's images; pictures that are hardly larger are not smoothed."""
COARSE_SIDE = 240
"""Longest side of the picture from which background and paper are estimated."""
WORKING_SIDE = 1_600
"""Longest side of the picture in which digits are searched; larger ones are reduced."""
WIDEST_STROKE = 0.4
"""Widest stroke, as a share of the picture's shorter side; what is wider belongs to the background."""
FAINTEST_INK = 0.12
"""Share of the light that ink takes away at least."""
LINK = 0.5
"""Share of the threshold that ink reaches which only continues other ink."""
NOISE_FACTOR = 6.0
"""Standard deviations of the noise above which a pixel may be ink."""
NO_INK = "no ink found"


def reduced(grey: Image, side: int) -> Image:
    """Return a picture whose longest side is at most `side`."""
    from PIL import Image as Pillow

    factor = side / max(grey.shape[:2])
    if factor >= 1:
        return grey
    height, width = (max(1, round(length * factor)) for length in grey.shape[:2])
    return np.asarray(Pillow.fromarray(grey).resize((width, height), Pillow.Resampling.BOX))


def resized(image: NDArray[Any], shape: tuple[int, ...], *, smooth: bool = True) -> Floats:
    from PIL import Image as Pillow

    method = Pillow.Resampling.BILINEAR if smooth else Pillow.Resampling.BOX
    return np.asarray(Pillow.fromarray(image.astype(np.float32)).resize((shape[1], shape[0]), method))


def as_image(values: NDArray[Any]) -> Image:
    return np.asarray(np.rint(np.clip(values.astype(np.float32), 0, 1) * 255), dtype=np.uint8)


def is_light_on_dark(picture: Image) -> bool:
    """Return True if the rarer shade near each place is clearly the lighter one."""
    from scipy import ndimage

    small = reduced(picture, COARSE_SIDE // 3).astype(np.float32)
    deviation = small - ndimage.median_filter(small, size=max(3, min(small.shape) // 2 | 1), mode="nearest")
    spread = float((deviation**2).mean()) ** 1.5
    return bool(spread > 0 and (deviation**3).mean() > 0.5 * spread)


def is_two_toned(picture: Image) -> bool:
    """Return True if the picture consists of two shades, and is no gradient."""
    total, is_light = float(picture.var()), picture > otsu(picture)
    within = sum(float(picture[part].var()) * float(part.mean()) for part in (is_light, ~is_light) if part.any())
    return within < 0.1 * total


def background_of(picture: Image) -> Floats:
    """Return the light of the paper without the ink: dark structures narrower than a window are closed."""
    from scipy import ndimage

    small = ndimage.gaussian_filter(reduced(picture, COARSE_SIDE).astype(np.float32), 1)
    window = max(5, round(min(small.shape) * WIDEST_STROKE) | 1)
    # padded, since each half of a closing would pad for itself, and brighten dark corners
    closed = ndimage.grey_closing(np.pad(small, window, "edge"), size=(window, window))[window:-window, window:-window]
    return resized(ndimage.gaussian_filter(closed, 1), picture.shape)


def ink_of(picture: Image, background: Floats, paper: "Paper | None") -> Floats:
    """Return the share of the background's light that each pixel lacks, 0..1; 0 where that may be noise."""
    from scipy import ndimage

    grain = max(picture.shape) / WORKING_SIDE if min(picture.shape) > 3 * SIDE else 0.0
    light = ndimage.gaussian_filter(picture.astype(np.float32), grain) if grain else picture.astype(np.float32)
    mask = np.ones(light.shape, bool) if paper is None else paper.mask
    lack = background - light
    lack -= np.median(lack[mask])
    lag = math.ceil(4 * grain) + 1  # so far apart, the noise of two pixels is independent
    noise = 1.4826 / math.sqrt(2) * float(np.median(np.abs(light[:, lag:] - light[:, :-lag]))) if grain else 0.0
    faintest = np.maximum(FAINTEST_INK * background, NOISE_FACTOR * noise)
    return np.where(mask & (lack > faintest), np.minimum(lack / np.maximum(background, 1), 1), np.float32(0))


def inked(ink: Floats) -> Bools:
    """Return the pixels that are ink, by Otsu's threshold over the ink and its surroundings, and faint links of it.

    Over the whole picture, a little ink would not count beside so much paper (Otsu, A Threshold Selection Method from
    Gray-Level Histograms, 1979).
    """
    from scipy import ndimage

    candidates = ink > 0
    if not candidates.any():
        raise AnalysisError(NO_INK)
    around = ndimage.binary_dilation(candidates, iterations=max(1, round(max(ink.shape) / 200)))
    level = max(otsu(ink[around]), FAINTEST_INK)
    labels, count = ndimage.label(ink > max(level * LINK, FAINTEST_INK), np.ones((3, 3)))
    is_inked = np.zeros(count + 1, bool)
    is_inked[labels[ink > level]] = True
    is_inked[0] = False
    return np.asarray(is_inked[labels])


def otsu(values: NDArray[Any], bins: int = 256) -> float:
    """Return the threshold between two groups of values that maximises the variance between them."""
    counts, edges = np.histogram(values, bins)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts).astype(float)
    above = below[-1] - below
    sums = np.cumsum(counts * middles)
    with np.errstate(invalid="ignore", divide="ignore"):
        difference = sums / below - (sums[-1] - sums) / above
    variance = np.nan_to_num(below * above * difference**2)
    best = np.flatnonzero(variance >= variance.max() * (1 - 1e-9))
    return float(edges[1:][best].mean())  # the middle of an empty gap


@dataclass(frozen=True, eq=False)
class Paper:
    """A sheet of paper in a picture."""

    mask: Bools
    """Shape (height, width): True inside its edges."""
    degrees: float
    """Rotation that sets it upright, positive to the left."""


def find_paper(picture: Image) -> Paper | None:
    """Find a sheet of paper that is lighter than what it lies on, by two sharp edges at a right angle."""
    from scipy import ndimage

    small = ndimage.gaussian_filter(reduced(picture, COARSE_SIDE).astype(np.float32), 1.5)
    parts, count = ndimage.label(small > otsu(small))
    if not count:
        return None
    largest = 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
    mask = ndimage.binary_fill_holes(parts == largest)
    if not 0.15 < mask.mean() < 0.97:
        return None
    contrast = float(np.median(small[mask]) - np.median(small[~mask]))
    edge = mask & ~ndimage.binary_erosion(mask, border_value=1)
    down, right = ndimage.sobel(small, 0)[edge] / 8, ndimage.sobel(small, 1)[edge] / 8
    strength = np.hypot(down, right)
    if contrast < 40 or edge.sum() < sum(small.shape) / 4 or np.median(strength) < 0.08 * contrast:
        return None
    direction = np.arctan2(down, right)
    mean = np.sum(strength * np.exp(4j * direction)) / strength.sum()
    degrees = math.degrees(float(np.angle(mean))) / 4
    quarter = np.rint((np.degrees(direction) - degrees) / 90).astype(int) % 2
    if abs(mean) < 0.85 or min(strength[quarter == side].sum() for side in (0, 1)) < 0.15 * strength.sum():
        return None
    inner = ndimage.binary_erosion(mask, iterations=4, border_value=1)
    return Paper(resized(inner, picture.shape) > 0.99, degrees if abs(degrees) >= 1 else 0.0)


def rotated(ink: Floats, degrees: float) -> Floats:
    """Rotate ink to the left, on a picture that is large enough for all of it."""
    from PIL import Image as Pillow

    if not degrees:
        return ink
    return np.asarray(Pillow.fromarray(ink).rotate(degrees, Pillow.Resampling.BILINEAR, expand=True))
