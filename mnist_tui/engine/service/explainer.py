"""Explanation of one prediction: the most similar digits, and predictions after small changes.

All of it comes from one model with fixed weights (the best epoch's), so that it agrees with what was recorded. It comes
in short pieces, so that it never delays a training for long.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from mnist_tui.control.protocol import Explanation, Neighbour, PredictedImages, Variant
from mnist_tui.engine.data.datasets import Digits
from mnist_tui.engine.data.images import SIDE
from mnist_tui.engine.models.evaluation import pixels
from mnist_tui.engine.models.features import Familiarity, Features, Floats
from mnist_tui.image_layout import ImageShape

NEIGHBOURS = 12
NOISE = 40.0
"""Standard deviation of the noisy variant, in grey levels of 255."""


@dataclass(frozen=True)
class _Change:
    """A small change of an image: rotation in degrees, translation in pixels, scale, noise."""

    name: str
    degrees: float = 0.0
    right: float = 0.0
    down: float = 0.0
    scale: float = 1.0
    noise: float = 0.0


def changes(shape: ImageShape) -> tuple[_Change, ...]:
    """Return the changes for images of a shape: shifts by 2 pixels of 28, and at least 1."""
    pixels = max(1, round(2 * min(shape[:2]) / SIDE))
    return (
        _Change(f"{pixels} px left", right=-pixels),
        _Change(f"{pixels} px right", right=pixels),
        _Change(f"{pixels} px up", down=-pixels),
        _Change(f"{pixels} px down", down=pixels),
        _Change("10° left", degrees=-10),
        _Change("10° right", degrees=10),
        _Change("20° left", degrees=-20),
        _Change("20° right", degrees=20),
        _Change("10 % smaller", scale=0.9),
        _Change("10 % larger", scale=1.1),
        _Change("noise", noise=NOISE),
    )


class Explainer:
    """Explanations by one model. `splits`, by their names, are searched for neighbours."""

    def __init__(self, model: Any, epoch: int, splits: dict[str, Digits]) -> None:
        self._model = model
        self._epoch = epoch
        self._splits = splits
        self._features = Features(model)
        self._index: Floats | None = None
        self._familiarity: Familiarity | None = None
        self._rows = [(name, row) for name, digits in splits.items() for row in range(len(digits))]

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self._model.output_shape[-1])

    def explain(self, image: NDArray[np.uint8], itself: tuple[str, int] | None = None) -> Iterator[Explanation | None]:
        """Explain one digit in pieces: yield None while there is more to do, and the Explanation at the end.

        Args:
            image: The digit, `(height, width)` grey or `(height, width, 3)` RGB, uint8.
            itself: Its split and row, if it is one of the run's own.
        """
        probabilities = self._predict(image[np.newaxis])[0]
        yield None
        variants = self.variants(image)
        for _ in self._build_index():
            yield None
        yield Explanation(
            epoch=self._epoch,
            probabilities=tuple(float(value) for value in probabilities),
            neighbours=self.neighbours(image, itself),
            variants=variants,
        )

    def predict(self, images: NDArray[np.uint8]) -> Iterator[PredictedImages | None]:
        """Predict images that may be of any origin: yield None while there is more to do, and the result at the end."""
        if self._familiarity is None:
            features = []
            for piece in self._features.pieces(self._splits["validation"].images):
                features.append(piece)
                yield None
            self._familiarity = Familiarity.of(np.concatenate(features))
        yield predicted_images(self._predict(images), self._features.of(images), self._familiarity, self._epoch)

    def variants(self, image: NDArray[np.uint8]) -> tuple[Variant, ...]:
        """Return the digit after each small change, with the predictions."""
        small_changes = changes(self._model.input_shape[1:])
        changed = np.stack([_changed(image, change) for change in small_changes])
        predictions = self._predict(changed)
        return tuple(
            Variant(change.name, int(row.argmax()), float(row.max()), image.tobytes())
            for change, image, row in zip(small_changes, changed, predictions, strict=True)
        )

    def neighbours(self, image: NDArray[np.uint8], itself: tuple[str, int] | None) -> tuple[Neighbour, ...]:
        """Return the digits with the nearest features by cosine distance, nearest first, without the digit itself.

        If the digit comes from another data set (`itself` is None), identical images are left out.
        """
        assert self._index is not None
        distances = 1 - self._index @ self._features.of(image[np.newaxis])[0]
        found: list[Neighbour] = []
        for position in np.argsort(distances):
            if len(found) == NEIGHBOURS:
                break
            name, row = self._rows[position]
            digits = self._splits[name]
            same = np.array_equal(digits.images[row], image) if itself is None else (name, row) == itself
            if not same:
                label, index = int(digits.labels[row]), int(digits.indices[row])
                distance = max(0.0, float(distances[position]))
                found.append(Neighbour(name, index, label, distance, digits.images[row].tobytes()))
        return tuple(found)

    def _build_index(self) -> Iterator[None]:
        if self._index is not None:
            return
        rows: list[Floats] = []
        for digits in self._splits.values():
            for piece in self._features.pieces(digits.images):
                rows.append(piece)
                yield
        self._index = np.concatenate(rows)

    def _predict(self, images: NDArray[np.uint8]) -> Floats:
        return np.asarray(self._model.predict_on_batch(pixels(images)), dtype=np.float32)


def predicted_images(
    probabilities: Floats, features: Floats, familiarity: Familiarity, epoch: int | None
) -> PredictedImages:
    """Return predictions as a message."""
    return PredictedImages(
        epoch=epoch,
        probabilities=tuple(map(tuple, probabilities.tolist())),
        distances=tuple(familiarity.distances(features).tolist()),
        limit=familiarity.limit,
    )


def _changed(image: NDArray[np.uint8], change: _Change) -> NDArray[np.uint8]:
    angle = math.radians(change.degrees)
    cosine, sine = math.cos(angle) / change.scale, math.sin(angle) / change.scale
    centre = (image.shape[1] - 1) / 2, (image.shape[0] - 1) / 2
    # Keras takes the inverse map, from a pixel of the changed image to one of the original.
    x_start = centre[0] - cosine * (centre[0] + change.right) - sine * (centre[1] + change.down)
    y_start = centre[1] + sine * (centre[0] + change.right) - cosine * (centre[1] + change.down)
    inverse = np.array([cosine, sine, x_start, -sine, cosine, y_start, 0, 0], dtype=np.float32)
    moved = keras.ops.image.affine_transform(
        pixels(image[np.newaxis])[0], inverse, interpolation="bilinear", fill_mode="constant"
    )
    changed = np.asarray(moved).reshape(image.shape)
    if change.noise:
        changed = changed + np.random.default_rng(0).normal(0, change.noise, changed.shape)
    return np.asarray(np.clip(np.rint(changed), 0, 255), dtype=np.uint8)
