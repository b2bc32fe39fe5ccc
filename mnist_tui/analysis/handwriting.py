"""Digits in a picture of handwriting: found, cut out and centred as the images of MNIST were.

MNIST's digits keep their aspect ratio in a box of 20x20 pixels, whose centre of mass is the centre of 28x28 pixels
(LeCun, Cortes and Burges, The MNIST Database of Handwritten Digits). A picture may be a photograph: of a sheet that is
turned, on a table, under uneven light.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.centring import BOX_SIDE, EDGE_LEVEL, centred
from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.analysis.ink import (
    FAINTEST_INK,
    NO_INK,
    SIDE,
    WORKING_SIDE,
    Bools,
    Floats,
    Image,
    as_image,
    background_of,
    find_paper,
    ink_of,
    inked,
    is_light_on_dark,
    is_two_toned,
    reduced,
    resized,
    rotated,
)

SHOWN_SIDE = 320
"""Longest side of the image of a step."""
SMALLEST = 0.01
"""Height and width of the smallest digit, as a share of the picture's shorter side."""
SPECK = 0.3
"""Height and width below which a part is a speck, as a share of the digits' height."""
BREAK = 0.06
"""Gap in a broken stroke, as a share of the digits' height."""
STACKED_GAP = 0.3
"""Vertical gap between two parts of a digit, as a share of the digits' height."""
ROW_GAP = 0.1
"""Vertical gap between two rows of digits, as a share of the height of both."""
INSIDE = 0.3
"""Overlap of the boxes of two parts of a digit, as a share of the smaller one."""
TALLEST = 1.3
"""Height of a digit of several parts, as a share of the digits' height."""
THINNEST_STROKE, THICKENED_STROKE = 1.6, 2.2
"""Width of a stroke in the box of 20x20 pixels below which it is thickened, and to which."""
FINE_SIDE = 200
"""Height or width to which a large digit is reduced first."""
MOST_DIGITS, MOST_PARTS = 200, 1_000
"""Digits and parts of a picture that are looked at, the largest first."""


class Box(NamedTuple):
    """A rectangle in the given picture, in pixels."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, eq=False)
class Step:
    """A step from the picture to its digits."""

    name: str
    image: Image
    """Shape (height, width) or (height, width, 3), reduced to at most SHOWN_SIDE; 0 is black."""


@dataclass(frozen=True, eq=False)
class FoundDigit:
    """A digit of a picture."""

    box: Box
    image: Image
    """Shape (28, 28): 0 is the background, 255 full ink."""


@dataclass(frozen=True, eq=False)
class Handwriting:
    """The digits of a picture, row by row from the left, and how they were found."""

    size: tuple[int, int]
    """Height and width of the picture, in which the boxes are."""
    steps: tuple[Step, ...]
    digits: tuple[FoundDigit, ...]
    notes: tuple[str, ...] = ()
    """Sentences on what was changed, such as "Thin strokes were thickened."."""


def find_digits(grey: Image) -> Handwriting:
    """Find the digits in a grey picture of any size; one of 28x28 pixels is a digit already.

    Args:
        grey: Shape (height, width); dark ink on a light background, or the other way round.

    Raises:
        AnalysisError: The picture holds no ink.
    """
    return _whole(grey) if grey.shape == (SIDE, SIDE) else _searched(grey)


def _whole(grey: Image) -> Handwriting:
    """Take an image of MNIST's size as it is, or inverted."""
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    is_dark = np.median(border) > 127
    image = 255 - grey if is_dark else grey
    if int(image.max()) - int(np.median(image)) < FAINTEST_INK * 255:
        raise AnalysisError(NO_INK)
    steps, notes = [Step("grey", grey)], []
    if is_dark:
        steps.append(Step("inverted", image))
        notes.append("Dark ink on a light background was inverted.")
    return Handwriting((SIDE, SIDE), tuple(steps), (FoundDigit(Box(0, 0, SIDE, SIDE), image),), tuple(notes))


def _searched(grey: Image) -> Handwriting:
    picture = reduced(grey, WORKING_SIDE)
    steps, notes = [step("grey", picture)], []
    paper = find_paper(picture)
    if paper is None and is_light_on_dark(picture):
        picture = 255 - picture
        steps.append(step("inverted", picture))
    ink = ink_of(picture, background_of(picture), paper)
    if paper is None and not ink.any() and is_two_toned(picture):  # strokes wider than WIDEST_STROKE
        ink = ink_of(picture, np.full(picture.shape, np.percentile(picture, 95), np.float32), paper)
    steps.append(step("ink only", as_image(ink)))
    degrees = paper.degrees if paper is not None else 0.0
    turned = rotated(ink, degrees)
    groups, mask = _groups(turned)
    if paper is None and (slope := _slope(groups)):
        degrees = slope
        turned = rotated(ink, degrees)
        groups, mask = _groups(turned)
    if degrees:
        steps.append(step(f"turned {abs(degrees):.0f}°", as_image(turned)))
    steps.append(step("threshold", as_image(mask)))
    kept = np.isin(groups.labels, np.concatenate([np.array(group.parts) for group in groups.members]))
    steps.append(step("digits", as_image(kept)))
    digits, is_thickened = [], False
    for group in groups.members:
        image, thickened = _centred(turned, np.isin(groups.labels, group.parts), group)
        is_thickened |= thickened
        digits.append(FoundDigit(_original_box(group, turned.shape, ink.shape, degrees, grey.shape), image))
    if is_thickened:
        notes.append("Thin strokes were thickened.")
    height, width = grey.shape
    return Handwriting((height, width), tuple(steps), tuple(digits), tuple(notes))


def step(name: str, image: Image) -> Step:
    """Return a step with its image reduced to what screens can show."""
    return Step(name, reduced(image, SHOWN_SIDE))


def _slope(groups: "_Groups") -> float:
    """Return the degrees by which a row of at least three digits descends to the right; 0 if it is level."""
    middles = np.array([((box.left + box.width / 2), (box.top + box.height / 2)) for box in groups.members])
    if len(middles) < 3:
        return 0.0
    gradient, start = np.polyfit(middles[:, 0], middles[:, 1], 1)
    errors = np.abs(middles[:, 1] - gradient * middles[:, 0] - start)
    degrees = math.degrees(math.atan(gradient))
    is_row = float(errors.max()) < 0.5 * float(np.median([box.height for box in groups.members]))
    return degrees if is_row and 6 <= abs(degrees) <= 40 else 0.0


def _original_box(
    group: "_Group", turned: tuple[int, ...], shape: tuple[int, ...], degrees: float, original: tuple[int, ...]
) -> Box:
    """Return the box in the given picture around a box in the turned and reduced one."""
    angle = math.radians(degrees)
    across, down = (
        np.array([start + part * length for part in parts]) - middle / 2
        for start, length, middle, parts in (
            (group.left, group.width, turned[1], (0, 1, 0, 1)),
            (group.top, group.height, turned[0], (0, 0, 1, 1)),
        )
    )
    x = math.cos(angle) * across - math.sin(angle) * down + shape[1] / 2
    y = math.sin(angle) * across + math.cos(angle) * down + shape[0] / 2
    factor = original[0] / shape[0], original[1] / shape[1]
    left, right = (round(min(max(value * factor[1], 0), original[1])) for value in (x.min(), x.max()))
    top, bottom = (round(min(max(value * factor[0], 0), original[0])) for value in (y.min(), y.max()))
    return Box(left, top, right - left, bottom - top)


# From the ink to digits


@dataclass(frozen=True)
class _Group:
    """Parts that make up one digit, and their box."""

    parts: tuple[int, ...]
    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    def joined(self, other: "_Group") -> "_Group":
        return _Group(
            self.parts + other.parts,
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )


@dataclass(frozen=True, eq=False)
class _Groups:
    labels: NDArray[np.intp]
    """Number of the part that each pixel belongs to; 0 is the background."""
    members: list[_Group]
    """Row by row, from the left."""


def _groups(ink: Floats) -> tuple[_Groups, Bools]:
    """Group the connected parts of the ink into digits; raises AnalysisError if there are none."""
    from scipy import ndimage

    mask = inked(ink)
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    largest = 1 + np.argsort(-sizes[1:], kind="stable")[:MOST_PARTS]
    boxes = ndimage.find_objects(labels)
    parts = [
        _Group(
            (int(part),),
            boxes[part - 1][1].start,
            boxes[part - 1][0].start,
            boxes[part - 1][1].stop,
            boxes[part - 1][0].stop,
        )
        for part in largest
    ]
    smallest = max(4, SMALLEST * min(mask.shape))
    parts = [each for each in _without_border(parts, labels) if max(each.width, each.height) >= smallest]
    if not parts:
        raise AnalysisError(NO_INK)
    tallest = max(each.height for each in parts)
    height = float(np.median([each.height for each in parts if each.height > tallest / 2]))
    parts = [each for each in parts if sizes[each.parts[0]] > (SPECK / 6 * height) ** 2]
    found = [each for each in _joined(parts, height) if max(each.width, each.height) >= SPECK * height]
    if not found:
        raise AnalysisError(NO_INK)
    return _Groups(labels, _in_reading_order(found[:MOST_DIGITS])), mask


def _without_border(parts: list[_Group], labels: NDArray[np.intp]) -> list[_Group]:
    """Leave out what the border cuts off, such as the table beside the paper; a digit alone may touch the border."""
    height, width = labels.shape
    inside = [each for each in parts if each.left > 0 and each.top > 0 and each.right < width and each.bottom < height]
    corners = {int(labels[y, x]) for y in (0, -1) for x in (0, -1)}
    large = [each for each in inside if max(each.width, each.height) > 0.05 * min(labels.shape)]
    return inside if large else [each for each in parts if not corners & set(each.parts)]


def _joined(parts: list[_Group], height: float) -> list[_Group]:
    """Join the parts of each digit: across small gaps, and where one stands above the other."""
    groups: list[_Group] = []
    for part in sorted(parts, key=lambda each: -each.width * each.height):
        joined = part
        for other in list(groups):
            if _belong_together(joined, other, height):
                groups.remove(other)
                joined = joined.joined(other)
        groups.append(joined)
    return groups


def _belong_together(one: _Group, other: _Group, height: float) -> bool:
    """Return True if two parts overlap, nearly touch, or stand above each other as the parts of one digit do."""
    across = max(one.left, other.left) - min(one.right, other.right)
    down = max(one.top, other.top) - min(one.bottom, other.bottom)
    both, smaller = one.joined(other), min(one, other, key=lambda each: each.width * each.height)
    if across < 0 and down < 0 and across * down > INSIDE * smaller.width * smaller.height:
        return True
    if max(across, down) <= BREAK * both.height and -down < 0.3 * min(one.height, other.height):
        return True  # a stroke that broke; two digits would be beside each other
    is_stacked = -across >= 0.5 * min(one.width, other.width)
    if both.height > TALLEST * height:  # one of two rows, or all digits of the picture are broken
        return is_stacked and down <= ROW_GAP * both.height
    is_near = max(across, down) <= BREAK * height and both.width <= height
    return is_near or (is_stacked and down <= STACKED_GAP * height)


def _in_reading_order(groups: list[_Group]) -> list[_Group]:
    """Sort digits into rows from the top, and each row from the left."""
    rows: list[list[_Group]] = []
    for group in sorted(groups, key=lambda each: each.top + each.bottom):
        middle = (group.top + group.bottom) / 2
        row = next((row for row in rows if any(each.top <= middle <= each.bottom for each in row)), None)
        if row is None:
            rows.append([group])
        else:
            row.append(group)
    return [group for row in rows for group in sorted(row, key=lambda each: each.left)]


def _centred(ink: Floats, mask: Bools, group: _Group) -> tuple[Image, bool]:
    """Return a digit as an image of MNIST, and whether its strokes were thickened."""
    from scipy import ndimage

    margin = max(group.width, group.height) // 4 + 4
    window = tuple(
        slice(max(0, start - margin), stop + margin)
        for start, stop in ((group.top, group.bottom), (group.left, group.right))
    )
    part, levels = mask[window], ink[window]
    longest = max(group.width, group.height)
    if longest > FINE_SIDE:
        shape = tuple(max(1, round(length * FINE_SIDE / longest)) for length in part.shape)
        part, levels = resized(part, shape, smooth=False) >= 0.5, resized(levels, shape, smooth=False)
        longest = FINE_SIDE
    soft = ndimage.binary_dilation(part, iterations=max(1, longest // BOX_SIDE))
    levels = np.clip(levels / np.median(levels[part]), 0, 1) * soft
    depth = ndimage.distance_transform_edt(np.pad(part, 1))[1:-1, 1:-1][part].mean() - 0.5
    stroke = 4 * float(depth) * BOX_SIDE / longest  # the mean depth of a long bar is a quarter of its width
    is_thin = stroke < THINNEST_STROKE
    if is_thin:
        radius = round((THICKENED_STROKE - stroke) / 2 * longest / BOX_SIDE)
        offsets = np.hypot(*np.mgrid[-radius : radius + 1, -radius : radius + 1])
        levels = ndimage.grey_dilation(np.pad(levels, radius), footprint=offsets <= radius)
    rows, columns = (np.flatnonzero((levels > EDGE_LEVEL).any(axis=axis)) for axis in (1, 0))
    return centred(levels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]), is_thin
