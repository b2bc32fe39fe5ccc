"""The arithmetic behind one answer: what spoke for a class, which digits the network takes for alike, small changes.

Everything is asked of one network with fixed weights (the best epoch's), so that it agrees with what was recorded, and
comes in short pieces, so that a training that goes on is never held up for long.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from mnist_tui.control.protocol import Explanation, Neighbour, Variant
from mnist_tui.engine import backends
from mnist_tui.engine.data.datasets import Digits
from mnist_tui.engine.models.evaluation import pixels
from mnist_tui.engine.models.inference import member_models

PATH_STEPS = 24
"""Points on the way from blank paper to the digit, for integrated gradients."""
NEIGHBOURS = 12
CHUNK = 400
"""Digits whose features are computed in one piece: about 30 ms of `fast` on two cores."""
DIMENSIONS = 64
"""Of the space that features are compared in; more are projected into it at random (Johnson & Lindenstrauss 1984)."""
NOISE = 40.0
"""Standard deviation of the noisy variant, of 255."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class _Change:
    """A small change of a picture: turned by degrees, moved by pixels, scaled; or noise laid over it."""

    name: str
    degrees: float = 0.0
    right: float = 0.0
    down: float = 0.0
    scale: float = 1.0
    noise: float = 0.0


CHANGES = (
    _Change("2 px left", right=-2),
    _Change("2 px right", right=2),
    _Change("2 px up", down=-2),
    _Change("2 px down", down=2),
    _Change("10° left", degrees=-10),
    _Change("10° right", degrees=10),
    _Change("20° left", degrees=-20),
    _Change("20° right", degrees=20),
    _Change("10 % smaller", scale=0.9),
    _Change("10 % larger", scale=1.1),
    _Change("noise", noise=NOISE),
)


class Explainer:
    """Questions to one network. `parts`, by the names of their splits, are where neighbours are looked for."""

    def __init__(self, model: Any, epoch: int, parts: dict[str, Digits]) -> None:
        self._model = model
        self._gradient = backends.current().log_probability_gradient(model)
        self._epoch = epoch
        self._parts = parts
        self._features = [keras.Model(each.inputs[0], each.layers[-1].input) for each in member_models(model)]
        self._index: Floats | None = None
        self._places = [(name, row) for name, digits in parts.items() for row in range(len(digits))]

    @property
    def classes(self) -> int:
        """How many classes the network tells apart."""
        return int(self._model.output_shape[-1])

    def explain(
        self, image: NDArray[np.uint8], label: int, itself: tuple[str, int] | None = None
    ) -> Iterator[Explanation | None]:
        """All about one digit, in pieces: None while there is more to do, and the Explanation at the end.

        `itself` is its split and its row in it, where it is one of the run's own.
        """
        probabilities = self._predict(image[np.newaxis])[0]
        predicted = int(probabilities.argmax())
        yield None
        saliency = self.saliency(image, (predicted, label))
        yield None
        variants = self.variants(image)
        for _ in self._build_index():
            yield None
        yield Explanation(
            epoch=self._epoch,
            probabilities=tuple(float(value) for value in probabilities),
            for_predicted=quantized(saliency[0]),
            for_true=quantized(saliency[1]),
            neighbours=self.neighbours(image, itself),
            variants=variants,
        )

    def saliency(self, image: NDArray[np.uint8], classes: Sequence[int]) -> Floats:
        """How much each pixel spoke for each of the classes: shape (len(classes), 28, 28), positive: for it.

        Integrated gradients of the log probability from blank paper (Sundararajan et al. 2017), by the midpoint rule:
        they add up to the difference that the whole digit makes.
        """
        shares = ((np.arange(PATH_STEPS) + 0.5) / PATH_STEPS).astype(np.float32)
        path = shares[:, None, None, None] * pixels(image[np.newaxis])
        gradients = [self._gradient(path, one).mean(axis=0) for one in classes]
        return np.stack([gradient[..., 0] * image.astype(np.float32) for gradient in gradients])

    def variants(self, image: NDArray[np.uint8]) -> tuple[Variant, ...]:
        """The digit under small changes, and the answers."""
        changed = np.stack([_changed(image, change) for change in CHANGES])
        answers = self._predict(changed)
        return tuple(
            Variant(change.name, int(row.argmax()), float(row.max()), picture.tobytes())
            for change, picture, row in zip(CHANGES, changed, answers, strict=True)
        )

    def neighbours(self, image: NDArray[np.uint8], itself: tuple[str, int] | None) -> tuple[Neighbour, ...]:
        """The digits whose features are nearest by cosine distance, the nearest first; the digit itself left out.

        Of a digit that was given from elsewhere (`itself` is None), that is every one with the very same picture.
        """
        assert self._index is not None
        distances = 1 - self._index @ self._direction(image[np.newaxis])[0]
        found: list[Neighbour] = []
        for place in np.argsort(distances):
            if len(found) == NEIGHBOURS:
                break
            name, row = self._places[place]
            digits = self._parts[name]
            same = np.array_equal(digits.images[row], image) if itself is None else (name, row) == itself
            if not same:
                label, index = int(digits.labels[row]), int(digits.indices[row])
                picture = digits.images[row].tobytes()
                found.append(Neighbour(name, index, label, max(0.0, float(distances[place])), picture))
        return tuple(found)

    def _build_index(self) -> Iterator[None]:
        """Features of all parts' digits, a chunk a piece; nothing to do when they are there."""
        if self._index is not None:
            return
        rows: list[Floats] = []
        for digits in self._parts.values():
            for start in range(0, len(digits), CHUNK):
                rows.append(self._direction(digits.images[start : start + CHUNK]))
                yield
        self._index = np.concatenate(rows)

    def _direction(self, images: NDArray[np.uint8]) -> Floats:
        """Features of pictures (n, 28, 28), as unit vectors of at most DIMENSIONS: shape (n, d)."""
        answers = [np.asarray(each.predict_on_batch(pixels(images)), dtype=np.float32) for each in self._features]
        features = np.concatenate([each.reshape(len(images), -1) for each in answers], axis=1)
        if features.shape[1] > DIMENSIONS:
            shape = (features.shape[1], DIMENSIONS)
            features = features @ np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
        norms = np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
        return np.asarray(features / norms, dtype=np.float32)

    def _predict(self, images: NDArray[np.uint8]) -> Floats:
        return np.asarray(self._model.predict_on_batch(pixels(images)), dtype=np.float32)


def quantized(saliency: Floats) -> bytes:
    """A map of shape (28, 28) as 784 signed bytes, 127 (or -127) where it is strongest."""
    strongest = float(np.abs(saliency).max())
    scaled = np.zeros_like(saliency) if not strongest > 0 else saliency * (127 / strongest)
    return np.rint(scaled).astype(np.int8).tobytes()


def _changed(image: NDArray[np.uint8], change: _Change) -> NDArray[np.uint8]:
    angle = math.radians(change.degrees)
    cosine, sine = math.cos(angle) / change.scale, math.sin(angle) / change.scale
    centre = (image.shape[1] - 1) / 2, (image.shape[0] - 1) / 2
    # Keras wants the way back: from a pixel of the changed picture to one of the old
    x_start = centre[0] - cosine * (centre[0] + change.right) - sine * (centre[1] + change.down)
    y_start = centre[1] + sine * (centre[0] + change.right) - cosine * (centre[1] + change.down)
    way_back = np.array([cosine, sine, x_start, -sine, cosine, y_start, 0, 0], dtype=np.float32)
    moved = keras.ops.image.affine_transform(
        image.astype(np.float32)[..., np.newaxis], way_back, interpolation="bilinear", fill_mode="constant"
    )
    picture = np.asarray(moved)[..., 0]
    if change.noise:
        picture = picture + np.random.default_rng(0).normal(0, change.noise, picture.shape)
    return np.asarray(np.clip(np.rint(picture), 0, 255), dtype=np.uint8)
