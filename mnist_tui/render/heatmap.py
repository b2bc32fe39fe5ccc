"""The colours of a confusion matrix: the diagonal quiet, mistakes glowing by their share of the row."""

from dataclasses import dataclass
from functools import lru_cache

from mnist_tui.render.pictures import RGB, mix

FULL_GLOW = 0.10
"""Share of a row that glows fully. Fixed, so that a colour means the same at every epoch."""
LEAST_GLOW = 0.12
"""Where the glow of a single mistake starts: it must be seen in a row of a thousand."""
BLACK: RGB = (0, 0, 0)
WHITE: RGB = (255, 255, 255)


@dataclass(frozen=True)
class Heat:
    """The colours that shades are mixed from."""

    background: RGB
    quiet: RGB
    glow: RGB


def shade(count: int, row_total: int, on_diagonal: bool, heat: Heat) -> RGB:
    """The colour behind a count; an empty cell has the background's own."""
    if not count or not row_total:
        return heat.background
    share = count / row_total
    if on_diagonal:
        return mix(heat.background, heat.quiet, 0.14 + 0.16 * share)
    return mix(heat.background, heat.glow, glow(share))


def shade_change(share: float, better: RGB | None, heat: Heat) -> RGB:
    """The colour behind a cell whose share of its row changed by so much: towards `better`, or the glow where that is
    None; NaN and no change have the background's own."""
    if not share or share != share:
        return heat.background
    return mix(heat.background, heat.glow if better is None else better, glow(abs(share)))


def glow(share: float) -> float:
    """How strongly a mistake glows, 0..1, from its share of the row: the root makes room for the many small ones."""
    return LEAST_GLOW + (1 - LEAST_GLOW) * min(1.0, share / FULL_GLOW) ** 0.5 if share else 0.0


@lru_cache(maxsize=4096)
def ink_on(background: RGB) -> RGB:
    """Black or white, whichever stands out more (contrast ratio as in WCAG 2, never below 4.5 for the better one)."""
    luminance = _luminance(background)
    return WHITE if 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.05 else BLACK


def _luminance(colour: RGB) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in (each / 255 for each in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
