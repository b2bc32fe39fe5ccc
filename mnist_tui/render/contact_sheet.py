"""A contact sheet: images with captions, as many beside each other as fit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style

from mnist_tui.render.images import enlarge, factor_for, luminance, shrink

SMALL, LARGE = 16, 32
"""Widest images in columns, where there is little room and where there is much."""
LARGE_FROM = 3 * (LARGE + 1)
"""Columns from which images are large."""
NARROWEST = 12
"""Columns that a caption gets at least."""
GAP = 1
"""Blanks between two images."""
SHADES = " .:-=+*#%@"
"""Characters from background to ink, for output without colours."""

Line = list[Segment]


@dataclass(frozen=True)
class Tile:
    """An image and its caption."""

    image: NDArray[np.uint8]
    """Shape (height, width) or (height, width, 3)."""
    heading: str
    caption: str = ""


def contact_sheet(
    tiles: Sequence[Tile],
    width: int,
    draw: Callable[[NDArray[np.uint8]], list[Line]],
    styles: tuple[Style, Style],
    *,
    in_pairs: bool = False,
    widest: int | None = None,
    most_rows: int | None = None,
) -> list[Line]:
    """Draw tiles in rows, with a blank line after each row.

    Args:
        tiles: Images of one size.
        width: Columns that there are.
        draw: Draws an image as rows of cells, as many as its pixels are wide.
        styles: Styles of heading and caption.
        in_pairs: True to keep the tiles 2n and 2n + 1 in one row, if there is room for two.
        widest: Columns of the widest image; by default by the width.
        most_rows: Rows of tiles; None: as many as it takes.
    """
    if not tiles:
        return []
    widest = min(widest or (LARGE if width >= LARGE_FROM else SMALL), width)
    images = [fitted(tile.image, widest) for tile in tiles]
    column = min(width, max(NARROWEST, images[0].shape[1]))
    per_row = max(1, (width + GAP) // (column + GAP))
    if in_pairs and per_row > 1:
        per_row -= per_row % 2
    lines: list[Line] = []
    for start in range(0, len(tiles), per_row)[:most_rows]:
        row = range(start, min(start + per_row, len(tiles)))
        for style, words in zip(styles, ("heading", "caption"), strict=True):
            texts = [getattr(tiles[place], words) for place in row]
            if any(texts):
                lines.append([part for text in texts for part in _padded([Segment(text, style)], column)])
        drawn = [draw(images[place]) for place in row]
        lines += [[part for rows in drawn for part in _padded(rows[y], column)] for y in range(len(drawn[0]))]
        lines.append([])
    return lines


def sheet_height(count: int, columns: int, lines: int, width: int) -> int:
    """Return the lines of a sheet of `count` tiles of this size with headings alone, and all blank lines."""
    per_row = max(1, (width + GAP) // (min(width, max(NARROWEST, columns)) + GAP))
    return -(-count // per_row) * (lines + 2)


def framed(image: NDArray[np.uint8], columns: int, lines: int) -> NDArray[np.uint8]:
    """Fit an image of any size into the middle of 2 * lines x columns pixels, so that tiles have one size."""
    small = shrink(image, columns, lines)
    small = enlarge(small, factor_for(small.shape, columns, lines))
    height, width = small.shape[:2]
    top, left = (2 * lines - height) // 2, (columns - width) // 2
    around = [(top, 2 * lines - height - top), (left, columns - width - left), (0, 0)]
    return np.pad(small, around[: small.ndim])


def _padded(line: Line, column: int) -> Line:
    """Return a line of `column` cells and the gap; a text that is too long is cut."""
    length = sum(cell_len(part.text) for part in line)
    if length > column:
        (text, style, _), *_ = line
        return [Segment(set_cell_size(text, column - 1) + "…" + " " * GAP, style)]
    return [*line, Segment(" " * (column - length + GAP))]


def fitted(image: NDArray[np.uint8], widest: int) -> NDArray[np.uint8]:
    """Enlarge an image by a whole factor, or shrink it, so that no side is longer than `widest` pixels."""
    lines = widest // 2
    return shrink(enlarge(image, factor_for(image.shape, widest, lines)), widest, lines)


def shades(image: NDArray[np.uint8]) -> list[Line]:
    """Draw an image with characters, two pixels a cell, for output without colours."""
    grey = luminance(image)
    if len(grey) % 2:
        grey = np.concatenate([grey, np.zeros_like(grey[:1])])
    levels = (grey.reshape(-1, 2, grey.shape[1]).mean(axis=1) / 256 * len(SHADES)).astype(int)
    return [[Segment("".join(SHADES[level] for level in row))] for row in levels.tolist()]
