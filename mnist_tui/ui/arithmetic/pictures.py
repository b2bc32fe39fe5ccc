"""Pictures beside a calculation: the map that the cell sees, with its patch, and the map that it is in."""

import numpy as np
from rich.text import Text
from textual.geometry import Size

from mnist_tui.analysis.arithmetic.layer import Cell, Floats, Layer, Terms
from mnist_tui.analysis.arithmetic.moves import Move
from mnist_tui.analysis.arithmetic.sums import Convolution, Merged, WeightedSum
from mnist_tui.analysis.arithmetic.windows import Pooling
from mnist_tui.render.feature_maps import fitted, patch_blocks, signed_blocks
from mnist_tui.render.text import cell_len, clip, figure
from mnist_tui.ui.arithmetic.words import Page
from mnist_tui.ui.shared.paint import text_of
from mnist_tui.ui.theme import Palette

Patch = tuple[int, int, int, int]
"""Top, left, bottom (excluded) and right (excluded)."""
MAP_RANK = 3


def pictures_of(page: Page, terms: Terms, room: Size) -> list[Text]:
    """Return the lines of at most two pictures that fit into `room`; none if the layer has no maps.

    Args:
        page: The calculation.
        terms: Terms of the cell.
        room: Columns and lines.
    """
    layer, cell = page.layer, page.cell
    if isinstance(terms, WeightedSum):
        return _contributions(page, terms, room)
    found = []
    seen = _seen(layer, cell, terms, page.source)
    if seen is not None:
        channel, maps, patch = seen
        found.append((f"input, channel {channel}", maps[..., channel], patch))
    if layer.output.ndim == MAP_RANK:
        row, column, channel = cell
        found.append((f"output, channel {channel}", layer.output[..., channel], (row, column, row + 1, column + 1)))
    lines = room.height // 2 - 1
    if room.width < 1 or lines < 1:
        return []
    return [
        line
        for title, values, patch in found
        for line in _picture(title, values, patch, (room.width, lines), page.colours)
    ]


def _seen(layer: Layer, cell: Cell, terms: Terms, source: int) -> tuple[int, Floats, Patch] | None:
    """Return the channel, the input maps and the patch that the cell is computed from."""
    maps, place = layer.input, cell
    if isinstance(terms, Convolution | Pooling):
        rows, columns = terms.window.rows, terms.window.columns
        channel = terms.sources[source] if isinstance(terms, Convolution) else terms.channel
        return channel, maps, (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)
    if isinstance(terms, Merged):
        maps, place = layer.inputs[source], terms.cells[source]
    if isinstance(terms, Move):
        if terms.source is None:
            return None
        maps, place = layer.inputs[terms.number], terms.source
    if maps.ndim != MAP_RANK or len(place) != MAP_RANK or place[-1] >= maps.shape[-1]:
        return None
    row, column, channel = place
    return channel, maps, (row, column, row + 1, column + 1)


def _picture(title: str, values: Floats, patch: Patch, room: tuple[int, int], colours: Palette) -> list[Text]:
    low, high = float(values.min()), float(values.max())
    greys = np.rint((values - low) / (high - low or 1) * 255).astype(np.uint8)
    rows = patch_blocks(greys, patch, room, colours.greys, colours.accent.rgb)
    return [_heading(title, f"{figure(low)} to {figure(high)}", room[0], colours), *map(text_of, rows)]


def _contributions(page: Page, terms: WeightedSum, room: Size) -> list[Text]:
    """Return what each place of the maps that were flattened adds to a unit, as a picture for each of them."""
    height = room.height // max(1, len(page.origins)) - 1
    if height < 1 or room.width < 1:
        return []
    lines = []
    for origin in page.origins:
        sums = terms.products[origin.start : origin.end].reshape(origin.shape).sum(axis=-1).astype(np.float32)
        limit = float(np.abs(sums).max()) or 1.0
        shown = fitted(sums, room.width, height)
        rows = signed_blocks(shown, limit, page.colours.positive, page.colours.negative)
        lines += [
            _heading(f"added by {origin.layer}", f"±{figure(limit)}", room.width, page.colours),
            *map(text_of, rows),
        ]
    return lines


def _heading(title: str, scale: str, width: int, colours: Palette) -> Text:
    """Return the title, with the scale if both fit into one line."""
    if cell_len(title) + 2 + cell_len(scale) > width:
        return Text(clip(title, width), "bold")
    return Text.assemble((title, "bold"), (f"  {scale}", colours.quiet.hex))
