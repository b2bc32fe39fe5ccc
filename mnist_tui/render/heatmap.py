"""Colours of a confusion matrix: a quiet diagonal, and misclassifications that glow by their share of the row."""

import math
from dataclasses import dataclass
from functools import lru_cache

from mnist_tui.render.images import RGB

FULL_GLOW = 0.10
"""Share of a row that glows fully; fixed, so that a colour means the same in every epoch."""
BLACK: RGB = (0, 0, 0)
WHITE: RGB = (255, 255, 255)


@dataclass(frozen=True)
class Heat:
    """The colours of cells: of empty ones, and the shades of others from weak to strong."""

    background: RGB
    quiet: tuple[RGB, ...]
    glow: tuple[RGB, ...]
    better: tuple[RGB, ...]


def shade(count: int, row_total: int, on_diagonal: bool, heat: Heat) -> RGB:
    """Return the colour behind a count; an empty cell has the background colour."""
    if not count or not row_total:
        return heat.background
    share = count / row_total
    return _pick(heat.quiet, share) if on_diagonal else _pick(heat.glow, glow(share))


def shade_change(share: float, is_better: bool, heat: Heat) -> RGB:
    """Return the colour behind a changed cell.

    Args:
        share: The change, as a share of the row. Zero and NaN have the background colour.
        is_better: True for an improvement, False for a change for the worse.
    """
    if not share or math.isnan(share):
        return heat.background
    return _pick(heat.better if is_better else heat.glow, glow(abs(share)))


def glow(share: float) -> float:
    """Return how strongly a cell glows (0..1); the square root separates small shares of the row."""
    return math.sqrt(min(1.0, share / FULL_GLOW))


def _pick(shades: tuple[RGB, ...], strength: float) -> RGB:
    return shades[min(len(shades) - 1, int(strength * len(shades)))]


@lru_cache(maxsize=4096)
def ink_on(background: RGB) -> RGB:
    """Return black or white, whichever has more contrast (WCAG 2 contrast ratio, at least 4.5)."""
    luminance = _luminance(background)
    return WHITE if 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.05 else BLACK


def _luminance(colour: RGB) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in (each / 255 for each in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
