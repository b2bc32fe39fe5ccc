"""Description of a Keras model's layers for the run_started event, with the cost of each."""

import math
from typing import Any

import keras

from mnist_tui.events import Layer

ACTIVATIONS = {"relu": "ReLU", "linear": "", "gelu": "GELU", "selu": "SELU", "elu": "ELU"}


def describe_layers(model: Any) -> tuple[Layer, ...]:
    """Describe every layer and operation except the input, in topological order, one branch after the other."""
    return tuple(
        Layer(
            name=layer.name,
            kind="Model" if isinstance(layer, keras.Model) else type(layer).__name__,
            detail=_detail(layer),
            output_shape=tuple(int(axis or 0) for axis in keras.tree.flatten(layer.output)[0].shape[1:]),
            parameters=layer.count_params() if isinstance(layer, keras.layers.Layer) else 0,
            multiply_adds=_multiply_adds(layer),
        )
        for layer in _branch_by_branch(model)
        if not isinstance(layer, keras.layers.InputLayer)
    )


def conv_channels(layers: tuple[Layer, ...]) -> tuple[int, ...]:
    """Return the number of channels of each convolution's feature map."""
    return tuple(layer.output_shape[-1] for layer in layers if layer.kind == "Conv2D")


def _branch_by_branch(model: Any) -> list[Any]:
    """Sort operations depth first, each after its inputs. Keras sorts by depth, which interleaves branches."""
    order: list[Any] = []

    def add(tensor: Any) -> None:
        operation, node, _ = tensor._keras_history
        if operation not in order:
            for each in operation._inbound_nodes[node].input_tensors:
                add(each)
            order.append(operation)

    for output in model.outputs:
        add(output)
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
    return sum(map(_multiply_adds, layer.layers)) if isinstance(layer, keras.Model) else 0


def is_relu(operation: Any) -> bool:
    """Return True if the outputs of a layer are those of a ReLU."""
    activation = getattr(operation, "activation", None)
    return isinstance(operation, keras.layers.ReLU) or getattr(activation, "__name__", "") == "relu"
