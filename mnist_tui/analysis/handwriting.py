"""Digits in a picture of handwriting: found, cut out and centred as the images of MNIST were.

MNIST's digits keep their aspect ratio in a box of 20x20 pixels, whose centre of mass is the centre of 28x28 pixels
(LeCun, Cortes and Burges, The MNIST Database of Handwritten Digits). A picture may be a photograph: of a sheet that is
turned, on a table, under uneven light.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.errors import AnalysisError

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

SIDE, BOX_SIDE, CENTRE = 28, 20, 14
"""MNIST's image, the box of its digits, and the pixel of their centre of mass."""
WORKING_SIDE = 1_600
"""Longest side of the picture in which digits are searched; larger ones are reduced."""
SHOWN_SIDE = 320
"""Longest side of the image of a step."""
COARSE_SIDE = 240
"""Longest side of the picture from which background and paper are estimated."""
WIDEST_STROKE = 0.4
"""Widest stroke, as a share of the picture's shorter side; what is wider belongs to the background."""
FAINTEST_INK = 0.12
"""Share of the light that ink takes away at least."""
LINK = 0.5
"""Share of the threshold that ink reaches which only continues other ink."""
NOISE_FACTOR = 6.0
"""Standard deviations of the noise above which a pixel may be ink."""
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
EDGE_LEVEL = 0.12
"""Share of full ink at which a digit begins; MNIST's digits have soft edges."""
MOST_DIGITS, MOST_PARTS = 200, 1_000
"""Digits and parts of a picture that are looked at, the largest first."""
NO_INK = "no ink found"


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
    picture = _reduced(grey, WORKING_SIDE)
    steps, notes = [step("grey", picture)], []
    paper = _paper(picture)
    if paper is None and _is_light_on_dark(picture):
        picture = 255 - picture
        steps.append(step("inverted", picture))
    ink = _ink(picture, _background(picture), paper)
    if paper is None and not ink.any() and _is_two_toned(picture):  # strokes wider than WIDEST_STROKE
        ink = _ink(picture, np.full(picture.shape, np.percentile(picture, 95), np.float32), paper)
    steps.append(step("ink only", _as_image(ink)))
    degrees = paper.degrees if paper is not None else 0.0
    turned = _turned(ink, degrees)
    groups, mask = _groups(turned)
    if paper is None and (slope := _slope(groups)):
        degrees = slope
        turned = _turned(ink, degrees)
        groups, mask = _groups(turned)
    if degrees:
        steps.append(step(f"turned {abs(degrees):.0f}°", _as_image(turned)))
    steps.append(step("threshold", _as_image(mask)))
    kept = np.isin(groups.labels, np.concatenate([np.array(group.parts) for group in groups.members]))
    steps.append(step("digits", _as_image(kept)))
    digits, is_thickened = [], False
    for group in groups.members:
        image, thickened = _centred(turned, np.isin(groups.labels, group.parts), group)
        is_thickened |= thickened
        digits.append(FoundDigit(_original_box(group, turned.shape, ink.shape, degrees, grey.shape), image))
    if is_thickened:
        notes.append("Thin strokes were thickened.")
    height, width = grey.shape
    return Handwriting((height, width), tuple(steps), tuple(digits), tuple(notes))


# From the picture to its ink


def _reduced(grey: Image, side: int) -> Image:
    """Return a picture whose longest side is at most `side`."""
    from PIL import Image as Pillow

    factor = side / max(grey.shape[:2])
    if factor >= 1:
        return grey
    height, width = (max(1, round(length * factor)) for length in grey.shape[:2])
    return np.asarray(Pillow.fromarray(grey).resize((width, height), Pillow.Resampling.BOX))


def _resized(image: NDArray[Any], shape: tuple[int, ...], *, smooth: bool = True) -> Floats:
    from PIL import Image as Pillow

    method = Pillow.Resampling.BILINEAR if smooth else Pillow.Resampling.BOX
    return np.asarray(Pillow.fromarray(image.astype(np.float32)).resize((shape[1], shape[0]), method))


def step(name: str, image: Image) -> Step:
    """Return a step with its image reduced to what screens can show."""
    return Step(name, _reduced(image, SHOWN_SIDE))


def _as_image(values: NDArray[Any]) -> Image:
    return np.asarray(np.rint(np.clip(values.astype(np.float32), 0, 1) * 255), dtype=np.uint8)


def _is_light_on_dark(picture: Image) -> bool:
    """Return True if the rarer shade near each place is clearly the lighter one."""
    from scipy import ndimage

    small = _reduced(picture, COARSE_SIDE // 3).astype(np.float32)
    deviation = small - ndimage.median_filter(small, size=max(3, min(small.shape) // 2 | 1), mode="nearest")
    spread = float((deviation**2).mean()) ** 1.5
    return bool(spread > 0 and (deviation**3).mean() > 0.5 * spread)


def _is_two_toned(picture: Image) -> bool:
    """Return True if the picture consists of two shades, and is no gradient."""
    total, is_light = float(picture.var()), picture > otsu(picture)
    within = sum(float(picture[part].var()) * float(part.mean()) for part in (is_light, ~is_light) if part.any())
    return within < 0.1 * total


def _background(picture: Image) -> Floats:
    """Return the light of the paper without the ink: dark structures narrower than a window are closed."""
    from scipy import ndimage

    small = ndimage.gaussian_filter(_reduced(picture, COARSE_SIDE).astype(np.float32), 1)
    window = max(5, round(min(small.shape) * WIDEST_STROKE) | 1)
    # padded, since each half of a closing would pad for itself, and brighten dark corners
    closed = ndimage.grey_closing(np.pad(small, window, "edge"), size=(window, window))[window:-window, window:-window]
    return _resized(ndimage.gaussian_filter(closed, 1), picture.shape)


def _ink(picture: Image, background: Floats, paper: "_Paper | None") -> Floats:
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


def _threshold(ink: Floats) -> Bools:
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


# Paper on a table, and its turn


@dataclass(frozen=True, eq=False)
class _Paper:
    mask: Bools
    degrees: float
    """Rotation that sets it upright, positive to the left."""


def _paper(picture: Image) -> _Paper | None:
    """Find a sheet of paper that is lighter than what it lies on, by two sharp edges at a right angle."""
    from scipy import ndimage

    small = ndimage.gaussian_filter(_reduced(picture, COARSE_SIDE).astype(np.float32), 1.5)
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
    return _Paper(_resized(inner, picture.shape) > 0.99, degrees if abs(degrees) >= 1 else 0.0)


def _turned(ink: Floats, degrees: float) -> Floats:
    """Rotate ink to the left, on a picture that is large enough for all of it."""
    from PIL import Image as Pillow

    if not degrees:
        return ink
    return np.asarray(Pillow.fromarray(ink).rotate(degrees, Pillow.Resampling.BILINEAR, expand=True))


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

    mask = _threshold(ink)
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
        part, levels = _resized(part, shape, smooth=False) >= 0.5, _resized(levels, shape, smooth=False)
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


def centred(levels: Floats) -> Image:
    """Fit a digit `(height, width)`, 0..1, into 20x20 pixels, and its centre of mass into the middle of 28x28."""
    longest = max(levels.shape)
    height, width = (max(1, round(length * BOX_SIDE / longest)) for length in levels.shape)
    small = np.clip(_resized(levels, (height, width), smooth=longest < 2 * BOX_SIDE), 0, 1)
    total = float(small.sum())
    down, right = (
        min(max(0, round(CENTRE - float((small.sum(axis=1 - axis) @ np.arange(length)) / total))), SIDE - length)
        for axis, length in enumerate((height, width))
    )
    image = np.zeros((SIDE, SIDE), np.uint8)
    image[down : down + height, right : right + width] = _as_image(small)
    return image
