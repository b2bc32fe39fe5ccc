"""Recognition of pixel values: layouts and ranges become uint8 from 0 (background) to 255."""

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from math import isqrt
from typing import TYPE_CHECKING, Any

from mnist_tui.engine.data.readers.reader import Raw, ReaderError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ROWS = 1_000
"""Images that are converted at a time, which bounds the memory."""
RANGES = "0 to 1, 0 to 16 (sklearn's digits), 0 to 255 or 0 to 65,535"
"""Ranges of values that are recognised."""
WHITES = {1: "0 to 1", 15: "0 to 15", 16: "0 to 16", 65_535: "16-bit values"}
"""Value of white -> name of its range in a note."""
TWELVE_BITS = 4_095
RARE = 0.01
"""Share of the values that are not 0. Fewer ones above a range, or between its whole numbers, are mistakes."""
LIMITS = (1, 16, 255)
"""Largest values of the ranges that values can be above by mistake."""


@dataclass
class _Range:
    """Range of the values of all arrays of images."""

    high: float = 0.0
    lit: int = 0
    """Number of values that are not 0."""
    fractions: int = 0
    above: dict[int, int] = field(default_factory=lambda: dict.fromkeys(LIMITS, 0))
    """Limit -> number of values above it."""

    def is_rare(self, count: int) -> bool:
        """Return True if `count` values are too few to be meant."""
        return 0 < count < RARE * self.lit


def recognised(raw: Raw) -> "tuple[dict[str, NDArray[np.uint8]], list[str]]":
    """Return the images of a file as uint8, and notes about what was converted.

    Returned shapes are (n, height, width) grey or (n, height, width, 3) RGB.

    Raises:
        ReaderError: A value is not a number or out of range, or the range is ambiguous.
    """
    notes: list[str] = []
    images = {name: _laid_out(name, array, notes) for name, array in raw.arrays.items() if name.startswith("x")}
    white = raw.white or _white(_range_of(images, raw), images, raw)
    kinds = {array.dtype for array in images.values()}
    if any(kind != "uint8" for kind in kinds) or white != 255:
        notes += _notes(white, kinds)
        images = {name: _scaled(array, white) for name, array in images.items()}
    return images, list(dict.fromkeys(notes))


def _laid_out(name: str, array: "NDArray[Any]", notes: list[str]) -> "NDArray[Any]":
    """Return images of one of the two shapes, and note what was changed."""
    import numpy as np

    shape = array.shape
    if array.dtype.kind not in "buif":
        raise ReaderError(f"holds {array.dtype} in {name}, expected numbers")
    if 0 in shape[1:]:
        raise ReaderError(f"holds {name} of shape {shape}, expected pixels")
    if array.ndim == 2 and isqrt(shape[1]) ** 2 == shape[1]:
        side = isqrt(shape[1])
        notes.append(f"rows of {shape[1]:,} values were read as images of {side}x{side}")
        return array.reshape(-1, side, side)
    if array.ndim == 4 and shape[3] == 1:
        return array[..., 0]
    if array.ndim == 4 and shape[1] == 3 != shape[3]:
        notes.append("colours were moved from the second axis to the last")
        return np.moveaxis(array, 1, 3)
    if array.ndim == 4 and shape[1] == 1 and shape[3] != 3:
        return array[:, 0]
    if array.ndim == 3 or (array.ndim == 4 and shape[3] == 3):
        return array
    raise ReaderError(
        f"holds {name} of shape {shape}, expected (n, height, width) grey or (n, height, width, 3) RGB",
        "reshape the array",
    )


def _blocks(array: "NDArray[Any]") -> "Iterator[tuple[int, NDArray[Any]]]":
    for start in range(0, len(array), ROWS):
        yield start, array[start : start + ROWS]


def _range_of(images: "Mapping[str, NDArray[Any]]", raw: Raw) -> _Range:
    """Return the range of all values; raises ReaderError at the first one that is not finite or below 0."""
    import numpy as np

    found = _Range()
    for name, array in images.items():
        for start, block in _blocks(array):
            if array.dtype.kind in "if" and not (block.min() >= 0 and np.isfinite(block.max())):
                _refuse(
                    raw, name, array[start:], lambda block: ~((block >= 0) & np.isfinite(block)), "0 or more", start
                )
            found.high = max(found.high, float(block.max()))
            found.lit += int(np.count_nonzero(block))
            if array.dtype.kind == "f":
                found.fractions += int(np.count_nonzero(block != np.rint(block)))
            for limit in LIMITS:
                if found.high > limit:
                    found.above[limit] += int(np.count_nonzero(block > limit))
    return found


def _white(values: _Range, images: "Mapping[str, NDArray[Any]]", raw: Raw) -> int:
    """Return the value of white; raises ReaderError if it is ambiguous, or a value is a mistake."""
    import numpy as np

    high, whole = values.high, not values.fractions
    for limit in LIMITS:
        if values.is_rare(values.above[limit]):
            for name, array in images.items():
                _refuse(raw, name, array, partial(operator.lt, limit), f"0 to {limit} like the others")
    if high > 1 and values.is_rare(values.fractions):
        for name, array in images.items():
            _refuse(raw, name, array, lambda block: block != np.rint(block), "a whole number like the others")
    if high <= 1:
        return 1 if high else 255
    if whole and high in (15, 16):
        return int(high)
    if 16 < high <= 255:
        return 255
    if whole and TWELVE_BITS < high <= 65_535:
        return 65_535
    kind = "whole numbers" if whole else "fractions"
    raise ReaderError(f"holds pixels from 0 to {high:,.6g} ({kind}), expected {RANGES}", "scale them to one of these")


def _refuse(
    raw: Raw,
    name: str,
    array: "NDArray[Any]",
    is_wrong: "Callable[[NDArray[Any]], NDArray[np.bool_]]",
    expected: str,
    start: int = 0,
) -> None:
    """Raise ReaderError at the first wrong value of an array, if it has one."""
    import numpy as np

    for first, block in _blocks(array):
        wrong = is_wrong(block)
        if wrong.any():
            row, *place = map(int, np.unravel_index(int(wrong.argmax()), block.shape))
            index = (start + first + row, *place)
            value = f"{block[row, *place]:g}"
            raise ReaderError(f"has {value} in {raw.where(name, index)}, expected {expected}", "correct the value")


def _notes(white: int, kinds: "set[np.dtype[Any]]") -> list[str]:
    if any(kind.kind == "b" for kind in kinds):
        return ["False and True became 0 and 255"]
    if white == 65_535:
        return ["16-bit values were divided by 257"]
    if white in WHITES:
        return [f"values from {WHITES[white]} were scaled to 0 to 255"]
    fractional = any(kind.kind == "f" for kind in kinds)
    return [f"values from 0 to 255 were {'rounded to' if fractional else 'stored as'} 8-bit numbers"]


def _scaled(array: "NDArray[Any]", white: int) -> "NDArray[np.uint8]":
    import numpy as np

    scaled = np.empty(array.shape, np.uint8)
    for start, block in _blocks(array):
        values = block if white == 255 and block.dtype.kind != "f" else np.rint(block * np.float32(255 / white))
        scaled[start : start + ROWS] = values
    return scaled
