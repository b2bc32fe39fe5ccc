"""Projection of the validation images by their features, for the map screen."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from mnist_tui.analysis.projection import principal_components
from mnist_tui.control.protocol import Projection, Tensor
from mnist_tui.engine.data.datasets import Digits
from mnist_tui.engine.models.evaluation import batch_of, pixels
from mnist_tui.engine.models.features import CHUNK, Features, Floats

COMPONENTS = 32
"""Components that are sent: two for the map, all for UMAP."""
MOST_IMAGES = 5_000
"""Images that are projected; of more, evenly spaced ones."""


def projection(source: Callable[[], Any], digits: Digits, epoch: int | None, step: int) -> Iterator[Projection | None]:
    """Project images in pieces: yield None while there is more to do, and the Projection at the end.

    The features are those of the last hidden layer, of an ensemble those of all its members side by side.

    Args:
        source: Function that returns the inference model, always the same object, with the weights. It is called
            before each piece, since the model may have other weights in between.
        digits: The images; of more than MOST_IMAGES, evenly spaced ones are taken.
        epoch, step: Time of the weights.
    """
    hidden = Features(source())
    shown = digits.take(np.linspace(0, len(digits) - 1, min(MOST_IMAGES, len(digits))).round().astype(np.intp))
    chunk = batch_of(shown.images, CHUNK)
    features, predicted = list[Floats](), list[int]()
    for start in range(0, len(shown), chunk):
        images = shown.images[start : start + chunk]
        predicted += np.asarray(source().predict_on_batch(pixels(images))).argmax(axis=1).tolist()
        features.append(hidden.raw(images))
        yield None
    components, shares = principal_components(np.concatenate(features), COMPONENTS)
    yield Projection(
        epoch=epoch,
        step=step,
        indices=tuple(shown.indices.tolist()),
        components=Tensor(components.shape, components.astype("<f4").tobytes()),
        shares=tuple(shares.tolist()),
        dimensions=features[0].shape[1],
        predicted=tuple(predicted),
    )
