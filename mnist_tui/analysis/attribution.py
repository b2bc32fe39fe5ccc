"""Methods that attribute the prediction of an image to its pixels, over a model that is given as functions.

An image is `(height, width, channels)` float32 of 0..255. A map is `(height, width)`; that of an RGB image is the sum
over its channels.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Pieces = Generator[None, None, Floats]
"""Work in short pieces: yields None between two of them, and returns a map."""
PATH_STEPS = 48
"""Points on the path from a blank image to the image, for integrated gradients."""
SAMPLES = 24
"""Noisy copies of an image, for SmoothGrad."""
NOISE_SHARE = 0.15
"""Standard deviation of SmoothGrad's noise, as a share of the range of an image's values; 0.1 to 0.2 in the paper."""
WINDOW_SHARE = 6 / 28
"""Side of the window that occlusion moves over an image, as a share of the image's shorter side."""
BATCH = 24
"""Images that a model predicts in one piece of work: about 30 ms for `reference` on two cores."""
GRADIENT_BATCH = 4
"""Images whose gradients it computes in one piece: about 60 ms for `reference`."""


class Model(Protocol):
    """A classifier of `n` images `(n, height, width, channels)`."""

    def log_probabilities(self, images: Floats) -> Floats:
        """Return the logarithms of the probabilities, `(n, classes)`."""

    def gradient(self, images: Floats, target: int) -> Floats:
        """Return the gradients of a class' log probability, shaped like the images."""

    def feature_maps(self, image: Floats, target: int, layer: str) -> list[tuple[Floats, Floats]]:
        """Return a convolution's outputs for one image and the gradient of a class' log probability by them.

        Both are `(rows, columns, channels)`. There is a pair for each member of an ensemble.
        """


Compute = Callable[[Model, Floats, int, str], Pieces]
"""Function (model, image, class, layer) -> map in pieces. `layer` is empty for methods that need none."""


@dataclass(frozen=True)
class Method:
    """One method."""

    title: str
    shows: str
    """Meaning of a map, in at most 60 characters."""
    unit: str
    """Unit of a map's values."""
    plus: str
    """Meaning of a positive value."""
    minus: str
    """Meaning of a negative value; empty if there are none."""
    source: str
    compute: Compute
    needs_layer: bool = False
    """True if the method is about a convolution of the model."""


def gradient(model: Model, image: Floats, target: int, layer: str) -> Pieces:  # noqa: ARG001
    """Return the gradient of the log probability (Simonyan et al. 2014), with its sign."""
    yield
    return np.asarray(model.gradient(image[np.newaxis], target)[0].sum(axis=-1))


def integrated_gradients(model: Model, image: Floats, target: int, layer: str) -> Pieces:  # noqa: ARG001
    """Return integrated gradients of the log probability from a blank image (Sundararajan et al. 2017).

    They are computed by the midpoint rule. They add up to the difference in log probability between the image and a
    blank one.
    """
    shares = ((np.arange(PATH_STEPS) + 0.5) / PATH_STEPS).astype(np.float32)
    mean = yield from _mean_gradient(model, shares[:, None, None, None] * image, target)
    return np.asarray((mean * image).sum(axis=-1))


def smooth_gradient(model: Model, image: Floats, target: int, layer: str) -> Pieces:  # noqa: ARG001
    """Return SmoothGrad: the mean gradient over noisy copies of the image (Smilkov et al. 2017)."""
    deviation = NOISE_SHARE * float(np.ptp(image))
    noise = np.random.default_rng(0).normal(0, deviation, (SAMPLES, *image.shape)).astype(np.float32)
    mean = yield from _mean_gradient(model, image + noise, target)
    return np.asarray(mean.sum(axis=-1))


def grad_cam(model: Model, image: Floats, target: int, layer: str) -> Pieces:
    """Return Grad-CAM of a convolution, the mean over an ensemble's members (Selvaraju et al. 2017).

    Each channel is weighted by its mean gradient; what is left of the sum above 0 is stretched over the image.
    """
    from scipy.ndimage import zoom

    yield
    maps = []
    for outputs, gradients in model.feature_maps(image, target, layer):
        coarse = np.maximum(outputs @ gradients.mean(axis=(0, 1)), 0)
        factors = [size / cells for size, cells in zip(image.shape, coarse.shape, strict=False)]
        maps.append(zoom(coarse, factors, order=1, mode="mirror", grid_mode=True))
    return np.asarray(np.mean(maps, axis=0), dtype=np.float32)


def occlusion(model: Model, image: Floats, target: int, layer: str) -> Pieces:  # noqa: ARG001
    """Return how much log probability is lost while a window hides a pixel, the mean over all windows that do.

    The window takes the colour of the background: 0 in grey images, the mean colour in RGB (Zeiler & Fergus 2014).
    """
    height, width, channels = image.shape
    side = max(2, round(WINDOW_SHARE * min(height, width)))
    stride = max(1, side // 3)
    background = image.mean(axis=(0, 1)) if channels > 1 else np.zeros(1, np.float32)
    places = [(top, left) for top in _starts(height, side, stride) for left in _starts(width, side, stride)]
    windows = [(slice(top, top + side), slice(left, left + side)) for top, left in places]
    before = float(model.log_probabilities(image[np.newaxis])[0, target])
    lost, counts = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    for first in range(0, len(windows), BATCH):
        yield
        part = windows[first : first + BATCH]
        hidden = np.repeat(image[np.newaxis], len(part), axis=0)
        for copy, window in zip(hidden, part, strict=True):
            copy[window] = background
        for after, window in zip(model.log_probabilities(hidden)[:, target], part, strict=True):
            lost[window] += before - float(after)
            counts[window] += 1
    return lost / counts


METHODS: dict[str, Method] = {
    "integrated": Method(
        "Integrated gradients",
        "Each pixel's share in the log probability, against a blank",
        "log probability",
        "for",
        "against",
        "Sundararajan et al. 2017",
        integrated_gradients,
    ),
    "gradient": Method(
        "Gradient",
        "How the log probability changes if a pixel gets brighter",
        "log probability per grey level",
        "brighter helps",
        "brighter hurts",
        "Simonyan et al. 2014",
        gradient,
    ),
    "smoothgrad": Method(
        "SmoothGrad",
        "The mean gradient over noisy copies of the image",
        "log probability per grey level",
        "brighter helps",
        "brighter hurts",
        "Smilkov et al. 2017",
        smooth_gradient,
    ),
    "gradcam": Method(
        "Grad-CAM",
        "Where a convolution finds what speaks for the class",
        "activation × gradient",
        "for",
        "",
        "Selvaraju et al. 2017",
        grad_cam,
        needs_layer=True,
    ),
    "occlusion": Method(
        "Occlusion",
        "The log probability that is lost if a window hides a pixel",
        "log probability lost",
        "hiding it hurts",
        "hiding it helps",
        "Zeiler & Fergus 2014",
        occlusion,
    ),
}
"""All methods by their names; the first is the default."""


def _mean_gradient(model: Model, images: Floats, target: int) -> Pieces:
    total = np.zeros(images.shape[1:], np.float32)
    for first in range(0, len(images), GRADIENT_BATCH):
        yield
        total += model.gradient(images[first : first + GRADIENT_BATCH], target).sum(axis=0)
    return total / np.float32(len(images))


def _starts(length: int, side: int, stride: int) -> list[int]:
    """Return where windows start along an axis; the last one ends with the axis."""
    return sorted({*range(0, length - side, stride), length - side})
