"""A Keras model -> the layers as events tell them, with the cost of each."""

import math
from collections.abc import Sequence
from typing import Any

import keras

from mnist_tui.events import Layer

ACTIVATIONS = {"relu": "ReLU", "linear": "", "gelu": "GELU", "selu": "SELU", "elu": "ELU"}


def describe_layers(model: Any) -> tuple[Layer, ...]:
    """Every layer but the input, in order; where branches meet, those of the first come before those of the second."""
    return tuple(
        Layer(
            name=layer.name,
            kind=type(layer).__name__,
            detail=_detail(layer),
            output_shape=tuple(int(axis) for axis in layer.output.shape[1:]),
            parameters=layer.count_params(),
            multiply_adds=_multiply_adds(layer),
        )
        for layer in _branch_by_branch(model.layers)
        if not isinstance(layer, keras.layers.InputLayer)
    )


def _branch_by_branch(layers: Sequence[Any]) -> list[Any]:
    """Layers of a network, each after all that it follows from, one branch after the other; Keras goes by depth."""
    made_by = {id(layer.output): layer for layer in layers}
    order: list[Any] = []

    def take(layer: Any) -> None:
        if layer not in order:
            for tensor in keras.tree.flatten(layer.input):
                maker = made_by.get(id(tensor), layer)
                if maker is not layer:  # an input layer's input is its own output
                    take(maker)
            order.append(layer)

    take(layers[-1])
    return order


def conv_channels(layers: tuple[Layer, ...]) -> tuple[int, ...]:
    """Of each convolution's feature map."""
    return tuple(layer.output_shape[-1] for layer in layers if layer.kind == "Conv2D")


def _detail(layer: Any) -> str:
    parts: list[str] = []
    if isinstance(layer, keras.layers.Conv2D):
        parts.append("×".join(str(size) for size in layer.kernel_size))
    if isinstance(layer, keras.layers.MaxPooling2D | keras.layers.AveragePooling2D):
        parts.append("×".join(str(size) for size in layer.pool_size))
    if isinstance(layer, keras.layers.Dropout):
        parts.append(f"{layer.rate:g}")
    activation = getattr(layer, "activation", None)
    if activation is not None:
        parts.append(ACTIVATIONS.get(activation.__name__, activation.__name__))
    return " ".join(part for part in parts if part)


def _multiply_adds(layer: Any) -> int:
    """Of one digit's forward pass. Only products with trained kernels count: the rest is under a hundredth of them."""
    if isinstance(layer, keras.layers.Conv2D):
        positions = math.prod(layer.output.shape[1:3])
        return int(positions * math.prod(layer.kernel.shape))
    if isinstance(layer, keras.layers.Dense):
        return int(math.prod(layer.kernel.shape))
    return 0
