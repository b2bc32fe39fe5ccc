"""Attribution of predictions to pixels, and the smallest change that turns one, for Keras models.

The methods are in analysis/attribution.py and analysis/smallest_change.py.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import keras
import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.attribution import METHODS, Floats, Method
from mnist_tui.analysis.smallest_change import NORMS, smallest_change
from mnist_tui.control.protocol import Attribute, Attribution, Perturb, Perturbation, Tensor
from mnist_tui.engine import backends
from mnist_tui.engine.backends.backend import LEAST_PROBABILITY
from mnist_tui.engine.models.evaluation import pixels
from mnist_tui.engine.models.inference import member_models
from mnist_tui.engine.service.server import RequestError
from mnist_tui.image_layout import with_channels

Row = TypeVar("Row")

CONVOLUTIONS = (
    keras.layers.Conv2D,
    keras.layers.Conv2DTranspose,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
)
BETWEEN = (
    keras.layers.AveragePooling2D,
    keras.layers.BatchNormalization,
    keras.layers.GroupNormalization,
    keras.layers.LayerNormalization,
    keras.layers.MaxPooling2D,
)
"""Layers between a convolution and its activation."""
ACTIVATIONS = (
    keras.layers.Activation,
    keras.layers.ELU,
    keras.layers.LeakyReLU,
    keras.layers.PReLU,
    keras.layers.ReLU,
)


class AttributedModel:
    """An inference model as an analysis.attribution.Model.

    Gradients and probabilities are those of the whole model, so of the mean over an ensemble's members and shifted
    copies. Feature maps are those of each member, without shifts.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        """The Keras model, whose weights may change."""
        self._gradient = backends.current().log_probability_gradient(model)
        self._maps = [_ConvolutionMaps(member) for member in member_models(model)]

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.model.output_shape[-1])

    @property
    def convolutions(self) -> tuple[str, ...]:
        """Names of the convolutions that all members have, in the model's order."""
        return tuple(name for name in self._maps[0].names if all(name in maps.names for maps in self._maps))

    def probabilities(self, images: Floats) -> Floats:
        """Return the probabilities `(n, classes)` of images `(n, height, width, channels)`."""
        return np.asarray(self.model.predict_on_batch(images), dtype=np.float32)

    def log_probabilities(self, images: Floats) -> Floats:
        return np.asarray(np.log(self.probabilities(images) + np.float32(LEAST_PROBABILITY)))

    def gradient(self, images: Floats, target: int) -> Floats:
        return np.asarray(self._gradient(images, target), dtype=np.float32)

    def feature_maps(self, image: Floats, target: int, layer: str) -> list[tuple[Floats, Floats]]:
        return [maps.of(image, target, layer) for maps in self._maps]

    def checked_target(self, target: int) -> int:
        """Return a class of a request; raises RequestError."""
        if not 0 <= target < self.classes:
            raise RequestError(f"class {target} is out of range: give a class from 0 to {self.classes - 1}")
        return target

    def checked_layer(self, method: Method, name: str) -> str:
        """Return the convolution that a method is about, the last one if none is named; raises RequestError."""
        if not method.needs_layer:
            return ""
        if not self.convolutions:
            raise RequestError(f"the model has no convolution, which {method.title} needs: choose another method")
        if name and name not in self.convolutions:
            kinds = [type(layer).__name__ for layer in self._maps[0].layers if layer.name == name]
            reason = f"is no convolution but {kinds[0]}" if kinds else "is unknown"
            raise RequestError(f"layer {name!r} {reason}: give {' or '.join(self.convolutions)}")
        return name or self.convolutions[-1]


def attribute(
    request: Attribute | Perturb, model: AttributedModel, image: NDArray[np.uint8], epoch: int | None
) -> Iterator[Attribution | Perturbation | None]:
    """Return the pieces of an attribution, or of the search for the smallest change; both raise RequestError."""
    if isinstance(request, Attribute):
        return attribution(request, model, image, epoch)
    return perturbation(request, model, image, epoch)


def attribution(
    request: Attribute, model: AttributedModel, image: NDArray[np.uint8], epoch: int | None
) -> Iterator[Attribution | None]:
    """Yield None while there is more to do, and the attribution at the end; raises RequestError.

    Args:
        request: Method, class and layer.
        model: The model.
        image: Shape (height, width) or (height, width, 3).
        epoch: Epoch of the model's weights.
    """
    method = _named(request.method, METHODS, "attribution method")
    layer = model.checked_layer(method, request.layer)
    given = pixels(image[np.newaxis])
    probabilities = model.probabilities(given)[0]
    target = model.checked_target(int(probabilities.argmax()) if request.target is None else request.target)
    values = yield from method.compute(model, given[0], target, layer)
    yield Attribution(
        epoch=epoch,
        method=request.method,
        target=target,
        layer=layer,
        layers=model.convolutions,
        map=Tensor(values.shape, values.astype("<f4").tobytes()),
        probabilities=tuple(probabilities.tolist()),
    )


def perturbation(
    request: Perturb, model: AttributedModel, image: NDArray[np.uint8], epoch: int | None
) -> Iterator[Perturbation | None]:
    """Yield None while there is more to do, and the smallest change at the end, as `attribution` does."""
    norm = _named(request.norm, NORMS, "norm")
    given = pixels(image[np.newaxis])
    probabilities = model.probabilities(given)[0]
    predicted = int(probabilities.argmax())
    runner_up = int(np.where(np.arange(model.classes) == predicted, -1, probabilities).argmax())
    target = model.checked_target(runner_up if request.target is None else request.target)
    if target == predicted:
        raise RequestError(f"the image is predicted as class {target} already: choose another class")
    found = yield from smallest_change(model, with_channels(image[np.newaxis])[0], target, norm)
    changed = found.reshape(image.shape) if found is not None else None
    yield Perturbation(
        epoch=epoch,
        norm=request.norm,
        target=target,
        image=None if changed is None else changed.tobytes(),
        size=0.0 if changed is None else norm.of(changed.astype(np.float32) - image),
        probabilities=tuple(probabilities.tolist()),
        changed=() if changed is None else tuple(model.probabilities(pixels(changed[np.newaxis]))[0].tolist()),
    )


def _named(name: str, rows: Mapping[str, Row], kind: str) -> Row:
    if name not in rows:
        raise RequestError(f"{kind} {name!r} is unknown: give {', '.join(rows)}")
    return rows[name]


class _ConvolutionMaps:
    """The feature maps of a model's convolutions, and the gradients by them."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.layers = list(_layers(model))
        self._gradients: dict[str, tuple[_Offset, Any]] = {}

    @property
    def names(self) -> list[str]:
        return [layer.name for layer in self.layers if isinstance(layer, CONVOLUTIONS)]

    def of(self, image: Floats, target: int, name: str) -> tuple[Floats, Floats]:
        layer = _activated(next(each for each in self.layers if each.name == name))
        outputs: list[Floats] = []

        def keep(output: Any) -> Any:
            outputs.append(np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(output, "float32"))))
            return output

        with _hooked(layer, keep):
            self._model(image[np.newaxis], training=False)
        if name not in self._gradients:
            offset = _Offset(self._model, layer, image.shape)
            self._gradients[name] = offset, backends.current().log_probability_gradient(offset)
        offset, gradient = self._gradients[name]
        offset.image.assign(image[np.newaxis])
        return outputs[0][0], np.asarray(gradient(np.zeros_like(outputs[0]), target), dtype=np.float32)[0]


class _Offset(keras.Model):  # type: ignore[misc]
    """The probabilities of one image as a function of an offset to a layer's output.

    No backend differentiates by the output of a layer, but all do by an input.
    """

    def __init__(self, model: Any, layer: Any, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.inner = model
        self.layer = layer
        self.image = self.add_weight(shape=(1, *shape), initializer="zeros", trainable=False, dtype="float32")
        self.built = True  # it has no other variables of its own

    def call(self, offset: Any, training: bool = False) -> Any:  # noqa: ARG002
        with _hooked(self.layer, lambda output: output + keras.ops.cast(offset, output.dtype)):
            return self.inner(keras.ops.convert_to_tensor(self.image), training=False)


def _layers(model: Any) -> Iterator[Any]:
    """Yield the layers of a model and of the models in it."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        else:
            yield layer


def _activated(convolution: Any) -> Any:
    """Return the activation layer that follows a convolution, maybe after normalisation and pooling, or itself.

    Grad-CAM weighs activations (Selvaraju et al. 2017): before a normalisation, the zero of a map means nothing.
    """
    layer = convolution
    while getattr(layer, "activation", None) in (None, keras.activations.linear):
        following = [node.operation for node in layer._outbound_nodes]
        if len(following) != 1 or not isinstance(following[0], (*BETWEEN, *ACTIVATIONS)):
            return convolution
        layer = following[0]
        if isinstance(layer, ACTIVATIONS):
            break
    return layer


@contextmanager
def _hooked(layer: Any, hook: Callable[[Any], Any]) -> Iterator[None]:
    """Let a function change what a layer returns, in nested models as well."""
    call = layer.call
    layer.call = lambda *arguments, **options: hook(call(*arguments, **options))
    try:
        yield
    finally:
        del layer.call
