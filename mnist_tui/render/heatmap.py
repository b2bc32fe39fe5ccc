"""Colours of a confusion matrix: a quiet diagonal, and misclassifications that glow by their share of the row."""

import math
from dataclasses import dataclass
from functools import lru_cache

from mnist_tui.render.images import RGB, mix

FULL_GLOW = 0.10
"""Share of a row that glows fully; fixed, so that a colour means the same in every epoch."""
MIN_GLOW = 0.12
"""The weakest glow, visible for one misclassified digit in a row of a thousand."""
BLACK: RGB = (0, 0, 0)
WHITE: RGB = (255, 255, 255)


@dataclass(frozen=True)
class Heat:
    """The colours that cells are mixed from."""

    background: RGB
    quiet: RGB
    glow: RGB


def shade(count: int, row_total: int, on_diagonal: bool, heat: Heat) -> RGB:
    """Return the colour behind a count; an empty cell has the background colour."""
    if not count or not row_total:
        return heat.background
    share = count / row_total
    if on_diagonal:
        return mix(heat.background, heat.quiet, 0.14 + 0.16 * share)
    return mix(heat.background, heat.glow, glow(share))


def shade_change(share: float, better: RGB | None, heat: Heat) -> RGB:
    """Return the colour behind a changed cell.

    Args:
        share: The change, as a share of the row. Zero and NaN have the background colour.
        better: The colour of an improvement; None for a change for the worse.
    """
    if not share or math.isnan(share):
        return heat.background
    return mix(heat.background, heat.glow if better is None else better, glow(abs(share)))


def glow(share: float) -> float:
    """Return how strongly a cell glows (0..1); the square root separates small shares of the row."""
    return MIN_GLOW + (1 - MIN_GLOW) * min(1.0, share / FULL_GLOW) ** 0.5 if share else 0.0


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
