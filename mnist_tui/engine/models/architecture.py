"""Description of a Keras model's layers for the run_started event, with the cost of each."""

import math
from collections.abc import Sequence
from typing import Any

import keras

from mnist_tui.events import Layer

ACTIVATIONS = {"relu": "ReLU", "linear": "", "gelu": "GELU", "selu": "SELU", "elu": "ELU"}


def describe_layers(model: Any) -> tuple[Layer, ...]:
    """Describe every layer except the input, in topological order, one branch after the other."""
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


def conv_channels(layers: tuple[Layer, ...]) -> tuple[int, ...]:
    """Return the number of channels of each convolution's feature map."""
    return tuple(layer.output_shape[-1] for layer in layers if layer.kind == "Conv2D")


def _branch_by_branch(layers: Sequence[Any]) -> list[Any]:
    """Sort layers depth first, each after its inputs. Keras sorts by depth, which interleaves branches."""
    source = {id(layer.output): layer for layer in layers}
    order: list[Any] = []

    def add(layer: Any) -> None:
        if layer not in order:
            for tensor in keras.tree.flatten(layer.input):
                inbound = source.get(id(tensor), layer)
                if inbound is not layer:  # an input layer's input is its own output
                    add(inbound)
            order.append(layer)

    add(layers[-1])
    return order


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
    """Count the multiply-adds of one image's forward pass in convolutions and dense layers, over 99 % of all."""
    if isinstance(layer, keras.layers.Conv2D):
        positions = math.prod(layer.output.shape[1:3])
        return int(positions * math.prod(layer.kernel.shape))
    if isinstance(layer, keras.layers.Dense):
        return int(math.prod(layer.kernel.shape))
    return 0
