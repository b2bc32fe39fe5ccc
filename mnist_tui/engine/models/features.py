"""Features of images in the last hidden layer, and how far an image is from the validation images by them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.engine.models.evaluation import batch_of, pixels
from mnist_tui.engine.models.inference import feature_model, member_models

CHUNK = 400
"""Images of 28x28 whose features are computed in one piece: about 30 ms for `fast` on two cores."""
DIMENSIONS = 64
"""Most dimensions in which features are compared, by random projection (Johnson & Lindenstrauss 1984)."""
NEAREST = 5
"""Validation images whose distance counts."""
FAMILIAR_SHARE = 0.99
"""Share of the validation images that are less far from the others than the limit."""

Floats = NDArray[np.float32]


class Features:
    """Features of a model: the input of the last layer with weights, of all members of an ensemble."""

    def __init__(self, model: Any) -> None:
        self._models = [feature_model(each) for each in member_models(model)]

    def raw(self, images: NDArray[np.uint8]) -> Floats:
        """Return the outputs of the hidden layers for n images side by side, one row an image."""
        outputs = [np.asarray(each.predict_on_batch(pixels(images)), dtype=np.float32) for each in self._models]
        return np.concatenate([each.reshape(len(images), -1) for each in outputs], axis=1)

    def of(self, images: NDArray[np.uint8]) -> Floats:
        """Return the features of n images as unit vectors `(n, d)`, d at most DIMENSIONS."""
        features = self.raw(images)
        if features.shape[1] > DIMENSIONS:
            shape = (features.shape[1], DIMENSIONS)
            features = features @ np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
        norms = np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
        return np.asarray(features / norms, dtype=np.float32)

    def pieces(self, images: NDArray[np.uint8], count: int = CHUNK) -> Iterator[Floats]:
        """Yield the features of many images in short pieces of `count` images of 28x28, in their order."""
        chunk = batch_of(images, count)
        for start in range(0, len(images), chunk):
            yield self.of(images[start : start + chunk])


@dataclass(frozen=True, eq=False)
class Familiarity:
    """Similarity of images to the validation images, which are like the training images but not learned.

    The distance of an image is the mean cosine distance to its NEAREST validation images (Sun et al., Out-of-
    Distribution Detection with Deep Nearest Neighbors, ICML 2022).
    """

    reference: Floats
    """Features of the validation images, `(n, d)`."""
    limit: float
    """Distance that FAMILIAR_SHARE of the validation images keep to the others."""

    @classmethod
    def of(cls, reference: Floats) -> "Familiarity":
        """Measure the validation images against each other."""
        distances = np.concatenate(
            [_nearest(part, reference, skipped=1) for part in np.array_split(reference, -(-len(reference) // CHUNK))]
        )
        return cls(reference, float(np.quantile(distances, FAMILIAR_SHARE)))

    def distances(self, features: Floats) -> Floats:
        """Return the distances of images `(n,)`, 0..2, from their features."""
        return _nearest(features, self.reference)


def _nearest(features: Floats, reference: Floats, skipped: int = 0) -> Floats:
    """Return the mean distance to the nearest references, without the first `skipped` ones, which are the same."""
    distances = 1 - features @ reference.T
    count = min(NEAREST + skipped, distances.shape[1])
    nearest = np.sort(np.partition(distances, count - 1, axis=1)[:, :count], axis=1)[:, min(skipped, count - 1) :]
    return np.asarray(np.maximum(nearest.mean(axis=1), 0), dtype=np.float32)
