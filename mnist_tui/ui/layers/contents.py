"""Contents of a layer's wall, a cell for each channel: framed pictures, or lines with bars and numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.segment import Segment
from textual.color import Color
from textual.strip import Strip

from mnist_tui.control.protocol import Excitations
from mnist_tui.render.feature_maps import Floats, fitted, fitted_cells, patch_blocks, signed_blocks
from mnist_tui.render.images import RGB
from mnist_tui.render.text import cell_len, clip, figure, padded, percent, rule_bar, widest
from mnist_tui.ui.shared.paint import paint
from mnist_tui.ui.theme import Palette

FRAME = 2
"""Columns and lines of a frame around a picture."""
NOTE_FRAME = 3
"""Columns of a frame's inner line that words in it cannot use."""
LEAST_WIDTH = 11
"""Columns of a frame that its number and its note need."""
WANTED = 12
"""Pictures that fit at least, or all if there are fewer; they become smaller for it."""
LEAST_SHARE = 0.8
"""Share of the side up to which they become smaller still if more of them fit then."""
SMALLEST, ENLARGED, LARGEST = 12, 32, 96
"""Pixels of the longer side of a picture: at least if reduced, at most if enlarged, and at most by zooming."""
SYMBOLS = {"gamma": "γ", "beta": "β", "moving_mean": "μ", "moving_variance": "σ²"}
"""Names of the weights of batch normalisation in formulas."""
BAR_WIDTH, MOST_BAR = 30, 60
"""Columns of a line with a bar, of which as many as fit stand side by side, and of the longest bar."""


class Content:
    """Cells of equal size. `channels` are the layer's channels or units in the order they are shown."""

    channels: Sequence[int]

    def cell_size(self, width: int, height: int, zoom: int) -> tuple[int, int]:
        """Return the least columns and the lines of a cell in a wall of `width` x `height`."""
        raise NotImplementedError

    def draw(self, position: int, size: tuple[int, int], colours: Palette, *, has_cursor: bool) -> list[Strip]:
        """Draw a cell as lines of `size[0]` cells."""
        raise NotImplementedError


class Pictures(Content):
    """Framed pictures of one shape, with the channel above and a note below."""

    shape: tuple[int, ...]

    def title(self, position: int) -> str:
        """Return the words in the frame above a picture."""
        return str(self.channels[position])

    def note(self, position: int, room: int) -> str:
        """Return the words in the frame below a picture, in `room` cells if that is possible."""
        raise NotImplementedError

    def blocks(self, position: int, columns: int, lines: int, colours: Palette) -> list[list[Segment]]:
        """Draw a picture, fitted into `columns` x `lines`."""
        raise NotImplementedError

    def cell_size(self, width: int, height: int, zoom: int) -> tuple[int, int]:
        sides = picture_sides(max(self.shape[:2]))
        sizes = [self._framed(side) for side in sides]
        fitting = [(width // columns) * (height // lines) for columns, lines in sizes]
        wanted = min(WANTED, len(self.channels))
        shown = [place for place, side in enumerate(sides) if side <= max(ENLARGED, max(self.shape[:2]))]
        first = next((place for place in shown if fitting[place] >= wanted), shown[-1])
        similar = [place for place in shown if sides[first] >= sides[place] >= LEAST_SHARE * sides[first]]
        best = max(similar, key=lambda place: min(fitting[place], len(self.channels)))
        columns, lines = sizes[min(max(0, best - zoom), len(sizes) - 1)]
        return min(columns, max(LEAST_WIDTH, width)), lines

    def _framed(self, side: int) -> tuple[int, int]:
        columns, lines = fitted_cells(self.shape, side, -(-side // 2))
        return max(LEAST_WIDTH, columns + FRAME), lines + FRAME

    def draw(self, position: int, size: tuple[int, int], colours: Palette, *, has_cursor: bool) -> list[Strip]:
        inner = size[0] - FRAME
        top_left, top_right, bottom_left, bottom_right, across, down = "┏┓┗┛━┃" if has_cursor else "╭╮╰╯─│"
        frame = paint(colours.accent if has_cursor else colours.faint, colours.background, bold=has_cursor)
        words = paint(colours.foreground if has_cursor else colours.quiet, colours.background, bold=has_cursor)
        background, side = paint(behind=colours.background), Segment(down, frame)
        strips = [Strip(_border(top_left, across, top_right, self.title(position), inner, frame, words), size[0])]
        rows = self.blocks(position, inner, size[1] - FRAME, colours)
        above = (size[1] - FRAME - len(rows)) // 2
        for y in range(size[1] - FRAME):
            row = rows[y - above] if 0 <= y - above < len(rows) else []
            columns = sum(len(segment.text) for segment in row)
            left = (inner - columns) // 2
            blanks = Segment(" " * left, background), Segment(" " * (inner - columns - left), background)
            strips.append(Strip([side, blanks[0], *row, blanks[1], side], size[0]))
        strips.append(
            Strip(
                _border(
                    bottom_left, across, bottom_right, self.note(position, inner - NOTE_FRAME), inner, frame, words
                ),
                size[0],
            )
        )
        return strips


def _border(left: str, across: str, right: str, words: str, inner: int, frame: object, style: object) -> list[Segment]:
    text = f" {clip(words, inner - NOTE_FRAME)} " if words else ""
    rest = across * max(0, inner - 1 - cell_len(text))
    return [Segment(left + across, frame), Segment(text, style), Segment(rest + right, frame)]  # type: ignore[arg-type]


def picture_sides(longest: int) -> list[int]:
    """Return the sides in pixels at which a picture can be drawn, the largest first: multiples, then reductions."""
    factors = max(1, LARGEST // longest)
    reduced = range((longest - 1) // 2 * 2, SMALLEST - 1, -2)
    return [longest * factor for factor in range(factors, 0, -1)] + list(reduced)


@dataclass(frozen=True, eq=False)
class Maps(Pictures):
    """Feature maps or kernels."""

    values: Floats
    """Shape (n, height, width)."""
    channels: Sequence[int]
    limits: Floats
    """Shape (n,): distance from 0 that has the full colour."""
    is_signed: bool

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        return self.values.shape[1:]

    def note(self, position: int, room: int) -> str:
        values = self.values[position]
        finite = values[np.isfinite(values)]
        if not finite.size:
            return "NaN"
        low, high = float(finite.min()), float(finite.max())
        if not low and not high:
            return "all 0"
        if low >= 0:
            return f"to {figure(high)}"
        ends = f"{figure(low, 2)}…{figure(high, 2)}"
        return ends if len(ends) <= room else f"±{figure(max(-low, high), 2)}"

    def blocks(self, position: int, columns: int, lines: int, colours: Palette) -> list[list[Segment]]:
        positive, negative = shades(colours, is_signed=self.is_signed)
        limit = float(self.limits[position])
        return signed_blocks(fitted(self.values[position], columns, lines), limit, positive, negative)


def shades(colours: Palette, *, is_signed: bool) -> tuple[tuple[RGB, ...], tuple[RGB, ...]]:
    """Return the shades of values above and below 0; grey, as images, if none is below."""
    return (colours.positive, colours.negative) if is_signed else (colours.greys, colours.greys)


@dataclass(frozen=True, eq=False)
class Excited(Pictures):
    """The images that excite one channel most, with the patch that its strongest cell sees."""

    found: Excitations
    images: NDArray[np.uint8]
    """Shape (n, height, width) grey or (n, height, width, 3) RGB."""
    names: tuple[str, ...]
    """Class names."""

    @property
    def channels(self) -> Sequence[int]:  # type: ignore[override]
        return range(len(self.images))

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]
        return self.images.shape[1:]

    def title(self, position: int) -> str:
        return f"#{self.found.images[position].index:05d}"

    def note(self, position: int, room: int) -> str:
        image = self.found.images[position]
        name = self.names[image.label] if image.label < len(self.names) else str(image.label)
        value = figure(image.value)
        return f"{clip(name, max(3, room - len(value) - 3))} · {value}"

    def blocks(self, position: int, columns: int, lines: int, colours: Palette) -> list[list[Segment]]:
        patch = self.found.images[position].patch
        return patch_blocks(self.images[position], patch, (columns, lines), colours.greys, colours.accent.rgb)


@dataclass(frozen=True, eq=False)
class Bars(Content):
    """Units as bars, the strongest first."""

    values: Floats
    """Shape (n,)."""
    channels: Sequence[int]
    limit: float
    """Value of a full bar."""

    def cell_size(self, width: int, height: int, zoom: int) -> tuple[int, int]:  # noqa: ARG002
        return min(width, BAR_WIDTH), 1

    def draw(self, position: int, size: tuple[int, int], colours: Palette, *, has_cursor: bool) -> list[Strip]:
        channel = int(self.channels[position])
        value = float(self.values[channel])
        colour = Color(*(colours.negative if value < 0 else colours.positive)[-1])
        words = str(channel).rjust(5), figure(value)
        return [_bar_line(words, abs(value) / self.limit, size[0], colour, colours, has_cursor=has_cursor)]


@dataclass(frozen=True, eq=False)
class Probabilities(Content):
    """Classes with their probabilities."""

    values: Floats
    names: tuple[str, ...]

    @property
    def channels(self) -> Sequence[int]:  # type: ignore[override]
        return range(len(self.values))

    def cell_size(self, width: int, height: int, zoom: int) -> tuple[int, int]:  # noqa: ARG002
        return width, 2 if 2 * len(self.values) <= height else 1

    def draw(self, position: int, size: tuple[int, int], colours: Palette, *, has_cursor: bool) -> list[Strip]:
        value = float(self.values[position])
        name = padded(self.names[position], min(widest(self.names), size[0] // 3))
        is_predicted = position == int(np.argmax(self.values))
        colour = colours.predicted_class if is_predicted else colours.quiet
        line = _bar_line((name, percent(value, 1)), value, size[0], colour, colours, has_cursor=has_cursor)
        return [line, Strip.blank(size[0], paint(behind=colours.background))][: size[1]]


def _bar_line(
    words: tuple[str, str], share: float, width: int, colour: Color, colours: Palette, *, has_cursor: bool
) -> Strip:
    """Draw a name, a bar, which is full for a share of 1, and a number in `width` cells."""
    name, number = words
    background = colours.background
    room = max(1, min(MOST_BAR, width - cell_len(name) - 13))
    segments = [
        Segment("▸ " if has_cursor else "  ", paint(colours.accent, background, bold=True)),
        Segment(f"{name} ", paint(colours.foreground, background, bold=has_cursor)),
        Segment(rule_bar(share if math.isfinite(share) else 0.0, room), paint(colour, background)),
        Segment(f"{number:>9}", paint(colours.foreground, background, bold=has_cursor)),
    ]
    return Strip(segments).adjust_cell_length(width, paint(behind=background))


@dataclass(frozen=True, eq=False)
class Numbers(Content):
    """Weights of one value a channel, as batch normalisation has them: a line for each channel."""

    columns: dict[str, Floats]
    """Name of the weights to their values, shape (n,)."""

    @property
    def channels(self) -> Sequence[int]:  # type: ignore[override]
        return range(len(next(iter(self.columns.values()))))

    def cell_size(self, width: int, height: int, zoom: int) -> tuple[int, int]:  # noqa: ARG002
        return width, 1

    def draw(self, position: int, size: tuple[int, int], colours: Palette, *, has_cursor: bool) -> list[Strip]:
        background = colours.background
        segments = [
            Segment("▸" if has_cursor else " ", paint(colours.accent, background, bold=True)),
            Segment(f"{position:>4} ", paint(colours.foreground, background, bold=has_cursor)),
        ]
        for name, values in self.columns.items():
            segments.append(Segment(f" {SYMBOLS.get(name, clip(name, 12))} ", paint(colours.quiet, background)))
            segments.append(Segment(f"{figure(float(values[position])):<7}", paint(colours.foreground, background)))
        return [Strip(segments).adjust_cell_length(size[0], paint(behind=background))]
