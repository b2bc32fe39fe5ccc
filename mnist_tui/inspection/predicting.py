"""Conversion of a user's pictures to the images that a run's model takes, and the doubts about its predictions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.calibration import threshold_for
from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.analysis.handwriting import Box, FoundDigit, Handwriting, find_digits, step
from mnist_tui.image_layout import MNIST_SHAPE, ImageShape, shape_of
from mnist_tui.inspection.pictures import LIGHT, Picture, PictureError
from mnist_tui.inspection.predictions import VALIDATION, EvaluationPoint, PredictionFiles
from mnist_tui.render.contact_sheet import Tile, framed
from mnist_tui.render.images import blank_margin, enlarge, factor_for, luminance, shrink
from mnist_tui.render.text import percent
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.history import History

TARGETS = (0.999, 0.99, 0.95)
"""Accuracies for which an abstention threshold is chosen, the first one that answers MOST_ANSWERED."""
MOST_ANSWERED = 0.8
PLAIN_THRESHOLD = 0.5
TALLEST = 1.5
"""Height of a step on screens, as a share of its width."""


class Treatment(Enum):
    """Conversion of a picture."""

    AUTO = "auto"
    """Search for digits if the run's data are laid out like MNIST's, else resize."""
    DIGITS = "digits"
    AS_IS = "as is"


@dataclass(frozen=True)
class Target:
    """Images that a run's model takes."""

    shape: ImageShape
    is_handwriting: bool
    """True for grey images of 28x28 pixels with a blank margin, such as MNIST's."""
    is_light_on_dark: bool

    @classmethod
    def of(cls, run: RunDirectory) -> "Target":
        """Judge by the run's validation images; raises RunError."""
        path = run.digits_path(VALIDATION)
        images = run.load_arrays(path).get("images")
        shape = None if images is None or not len(images) else shape_of(images)
        if images is None or shape is None:
            raise RunError(f"{path} holds no images: the run has ended before its data were loaded")
        edge = np.concatenate([images[:, 0], images[:, -1]])
        return cls(shape, shape == MNIST_SHAPE and blank_margin(images) > 0, float(edge.mean()) < LIGHT / 2)

    def image_of(self, ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return a drawing `(height, width)`, 0 is the background, as the model takes it."""
        grey = ink if self.is_light_on_dark else 255 - ink
        return grey if self.shape[2] == 1 else np.repeat(grey[..., np.newaxis], 3, axis=-1)

    def ink_of(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return an image of the run's data as a drawing in grey."""
        grey = luminance(image)
        return grey if self.is_light_on_dark else 255 - grey


@dataclass(frozen=True)
class Threshold:
    """Confidence below which a prediction is unsure."""

    value: float
    reason: str
    """Phrase on where it comes from."""


def default_threshold(run: RunDirectory, history: History) -> Threshold:
    """Return the lowest threshold above which the best epoch's validation predictions are nearly always right."""
    best = history.best_epoch
    plain = Threshold(PLAIN_THRESHOLD, "no threshold follows from the run's validation predictions")
    if best is None:
        return plain
    try:
        read = PredictionFiles(run).load(EvaluationPoint(VALIDATION, best.epoch))
    except RunError:
        return plain
    confidence = read.probabilities.max(axis=1).astype(np.float64)
    correct = read.probabilities.argmax(axis=1) == read.labels
    for accuracy in TARGETS:
        found = threshold_for(confidence, correct, accuracy)
        if found is not None and found.share >= MOST_ANSWERED:
            reason = f"{percent(accuracy, 1)} of the validation images from there on are predicted correctly"
            return Threshold(found.threshold, reason)
    return plain


def prepared(picture: Picture, target: Target, treatment: Treatment = Treatment.AUTO) -> Handwriting:
    """Return the images in a picture, each in the shape that the model takes, and the steps to them.

    Raises:
        PictureError: There is no ink, or the model takes no handwriting of MNIST's size.
    """
    if treatment is Treatment.DIGITS and target.shape != MNIST_SHAPE:
        raise PictureError("cannot be searched for digits: the model takes no grey images of 28x28; leave --digits out")
    if treatment is Treatment.DIGITS or (treatment is Treatment.AUTO and target.is_handwriting):
        try:
            return find_digits(picture.grey)
        except AnalysisError as error:
            raise PictureError(
                f"cannot be predicted ({error}): give dark ink on light paper, or light on dark"
            ) from None
    return _fitted(picture, target, may_invert=treatment is Treatment.AUTO)


def _fitted(picture: Picture, target: Target, *, may_invert: bool) -> Handwriting:
    """Cut the middle of a picture to the model's shape, and resize it."""
    from PIL import Image

    height, width, channels = target.shape
    image = Image.fromarray(picture.pixels).convert("L" if channels == 1 else "RGB")
    steps, notes = [step("picture", np.asarray(image))], []
    scale = min(image.width / width, image.height / height)
    across, down = max(1, round(width * scale)), max(1, round(height * scale))
    left, top = (image.width - across) // 2, (image.height - down) // 2
    if (across, down) != image.size:
        image = image.crop((left, top, left + across, top + down))
        steps.append(step("middle", np.asarray(image)))
    method = Image.Resampling.BOX if scale >= 2 else Image.Resampling.BICUBIC
    pixels = np.asarray(image.resize((width, height), method))
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    if may_invert and target.is_light_on_dark and channels == 1 and np.median(edge) >= LIGHT:
        pixels = 255 - pixels
        notes.append("A light background was inverted, since the run's data have a dark one.")
    steps.append(step("resized", pixels))
    height, width = picture.pixels.shape[:2]
    digit = FoundDigit(Box(left, top, across, down), pixels)
    return Handwriting((height, width), tuple(steps), (digit,), tuple(notes))


@dataclass(frozen=True)
class Prediction:
    """The prediction for one image."""

    probabilities: tuple[float, ...]
    """Probability of each class."""
    distance: float
    """Distance to the validation images by the features of the last hidden layer."""
    is_unsure: bool
    is_unlike: bool
    """True if it is farther from the validation images than 99 % of these are from each other."""

    @property
    def ranked(self) -> list[int]:
        """Classes, the most probable first."""
        return sorted(range(len(self.probabilities)), key=lambda each: -self.probabilities[each])

    @property
    def doubts(self) -> tuple[str, ...]:
        """Words for the reasons to distrust it."""
        doubts = (("unsure", self.is_unsure), ("unlike the training data", self.is_unlike))
        return tuple(word for word, holds in doubts if holds)


def judged(
    probabilities: Sequence[tuple[float, ...]], distances: Sequence[float], limit: float, threshold: float
) -> list[Prediction]:
    """Return a prediction for each image; `limit` is the distance from which on it is unlike the training data."""
    return [
        Prediction(row, distance, max(row) < threshold, distance > limit)
        for row, distance in zip(probabilities, distances, strict=True)
    ]


def stacked(images: Sequence[Handwriting]) -> NDArray[np.uint8]:
    """Return all images of several pictures as one array."""
    return np.stack([digit.image for each in images for digit in each.digits])


def boxed(
    handwriting: Handwriting, place: int, columns: int, lines: int, colour: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """Return the picture in colour, reduced to at most `columns` x `lines`, with a frame around one of its images."""
    image = handwriting.steps[0].image
    small = shrink(image if image.ndim == 3 else np.stack([image] * 3, axis=-1), columns, lines)
    small = enlarge(small, factor_for(small.shape, columns, lines))
    box, (height, width) = handwriting.digits[place].box, small.shape[:2]
    down, across = height / handwriting.size[0], width / handwriting.size[1]
    top, left = int(box.top * down), int(box.left * across)
    bottom = min(height - 1, math.ceil((box.top + box.height) * down))
    right = min(width - 1, math.ceil((box.left + box.width) * across))
    framed_picture = small.copy()
    framed_picture[[top, bottom], left : right + 1] = colour
    framed_picture[top : bottom + 1, [left, right]] = colour
    return framed_picture


TileSize = tuple[int, int]
"""Columns and lines of an image."""


def tile_sizes(handwriting: Handwriting, columns: int) -> tuple[TileSize, TileSize]:
    """Return the sizes of the steps, and of the images that the model takes, which are at most as wide."""
    tallest = max(len(each.image) / each.image.shape[1] for each in handwriting.steps)
    height, width = handwriting.digits[0].image.shape[:2]
    across = min(columns, width)
    return (columns, max(1, math.ceil(columns * min(TALLEST, tallest) / 2))), (
        across,
        -(-across * height // width // 2),
    )


def step_tiles(handwriting: Handwriting, columns: int, place: int | None = None) -> tuple[list[Tile], list[Tile]]:
    """Return the steps, and the images that the model takes, to draw in two sheets.

    Args:
        handwriting: A picture.
        columns: Columns of the steps.
        place: Image to mark.
    """
    steps, inputs = tile_sizes(handwriting, columns)
    digits = handwriting.digits
    names = [f"input {number}" for number in range(1, len(digits) + 1)] if len(digits) > 1 else ["model's input"]
    if place is not None and len(digits) > 1:
        names[place] = f"▸ {names[place]}"
    return (
        [Tile(framed(each.image, *steps), each.name) for each in handwriting.steps],
        [Tile(framed(digit.image, *inputs), name) for digit, name in zip(digits, names, strict=True)],
    )
