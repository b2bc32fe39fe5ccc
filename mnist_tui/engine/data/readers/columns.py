"""Columns of a table with one image a row: which hold the labels, and in which order the pixels are."""

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isqrt, prod

from mnist_tui.engine.data.readers.reader import ReaderError, shown
from mnist_tui.image_layout import MAX_SIDE, MIN_SIDE

LABEL_NAMES = ("label", "labels", "class", "target", "y")
"""Headings of the column with the labels, in any case."""
ONE_HOT = re.compile(rf"(?:{'|'.join(LABEL_NAMES)})[ _.-](?P<name>.+)", re.IGNORECASE)
"""Headings of columns that hold one-hot labels."""
INDEX_NAMES = ("", "index", "id", "imageid", "unnamed: 0")
"""Headings of a column that numbers the rows."""


@dataclass(frozen=True)
class Columns:
    """Places of the columns of a table."""

    pixels: tuple[int, ...]
    """Columns of the pixels, row by row of an image."""
    labels: tuple[int, ...] = ()
    """Column of the labels; several for one-hot labels."""
    class_names: tuple[str, ...] = ()
    """Names in the headings of one-hot labels."""
    notes: tuple[str, ...] = ()

    @property
    def side(self) -> int:
        """Height and width of an image."""
        return isqrt(len(self.pixels))


def columns_of(headings: Sequence[str]) -> Columns:
    """Return what the columns of a table hold.

    Raises:
        ReaderError: A heading occurs twice, a pixel column is missing, or the images would not be square.
    """
    names = [heading.strip() for heading in headings]
    twice = next((name for name, count in Counter(names).items() if name and count > 1), None)
    if twice is not None:
        raise ReaderError(f"has two columns named {shown(twice)}, expected different names", "rename one of them")
    found = Columns((), tuple(place for place, name in enumerate(names) if name.lower() in LABEL_NAMES))
    if len(found.labels) > 1:
        both = " and ".join(shown(names[place]) for place in found.labels[:2])
        raise ReaderError(f"has the columns {both}, expected one column of labels", "rename the other one")
    if not found.labels:
        one_hot = {place: match["name"] for place, name in enumerate(names) if (match := ONE_HOT.fullmatch(name))}
        found = replace(found, labels=tuple(one_hot), class_names=tuple(one_hot.values()))
    rest = [place for place in range(len(names)) if place not in found.labels]
    stems = Counter(stem for place in rest if "#" in (stem := _stem(names[place])))
    if stems and stems.most_common(1)[0][1] * 2 > len(rest):
        stem = stems.most_common(1)[0][0]
        found, rest = _without_others(found, names, [place for place in rest if _stem(names[place]) != stem], rest)
        rest, in_order = _ordered(names, rest, stem), rest
        if rest != in_order:
            found = replace(found, notes=(*found.notes, "pixel columns were put in the order of their numbers"))
    check_square(len(rest))
    return replace(found, pixels=tuple(rest))


def check_square(count: int) -> None:
    """Raise ReaderError unless `count` pixels are a square image of a supported size."""
    if isqrt(count) ** 2 != count or not MIN_SIDE <= isqrt(count) <= MAX_SIDE:
        raise ReaderError(
            f"has {count:,} pixel columns, expected a square number from {MIN_SIDE**2} to {MAX_SIDE**2:,}, such as 784"
            " for 28x28"
        )


def _stem(name: str) -> str:
    return re.sub(r"\d+", "#", name)


def _without_others(
    found: Columns, names: Sequence[str], others: Sequence[int], rest: Sequence[int]
) -> tuple[Columns, list[int]]:
    """Return the columns and the rest without those that are not named like the pixels: row numbers and labels."""
    for place in others:
        if names[place].lower() in INDEX_NAMES:
            found = replace(
                found,
                notes=(*found.notes, f"column {place + 1} ({shown(names[place])}) numbers the rows and was left out"),
            )
        elif not found.labels:
            note = f"column {place + 1} ({shown(names[place])}) was taken for the labels"
            found = replace(found, labels=(place,), notes=(*found.notes, note))
        else:
            raise ReaderError(
                f"has a column {shown(names[place])}, expected pixels and one column of labels", "remove the column"
            )
    return found, [place for place in rest if place not in others]


def _ordered(names: Sequence[str], places: Sequence[int], stem: str) -> list[int]:
    """Return the columns of pixels in the order of the numbers in their headings, such as pixel0 or 1x1."""
    keys = {tuple(map(int, re.findall(r"\d+", names[place]))): place for place in places}
    if len(keys) < len(places):
        raise ReaderError(f"has two columns with the same number in {shown(stem)}", "rename one of them")
    ordered = sorted(keys)
    axes = [sorted({key[axis] for key in ordered}) for axis in range(len(ordered[0]))]
    if len(axes) == 1:
        axes = [list(range(axes[0][0], axes[0][0] + len(keys)))]
    is_grid = prod(map(len, axes)) < 2 * len(keys)
    missing = sorted(set(itertools.product(*axes)) - keys.keys()) if is_grid else []
    if missing:
        numbers = iter(missing[0])
        name = re.sub("#", lambda _: str(next(numbers)), stem)
        raise ReaderError(f"has no column {shown(name)}, expected all pixels in order", "add the column")
    return [keys[key] for key in ordered]
