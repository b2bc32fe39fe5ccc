"""The inside of a model for one image: the outputs, statistics and weights of its layers."""

import math
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from mnist_tui.control.protocol import Inspection, LayerView, Tensor
from mnist_tui.engine.models.architecture import is_relu
from mnist_tui.engine.models.evaluation import pixels
from mnist_tui.engine.models.layer_graph import Floats, LayerGraph, Node
from mnist_tui.engine.service.server import RequestError
from mnist_tui.untrusted import sanitize, sanitized

BINS = 24
MAX_WEIGHT_BYTES = 4 << 20
"""Bytes of a layer's weights up to which all of them are sent, and not only those of one channel."""


Outputs = dict[str, list[Floats]]
"""Outputs of all layers for one image, by their names."""


def outputs_of(graph: LayerGraph, image: NDArray[np.uint8]) -> Outputs:
    """Return the outputs of all layers for an image `(height, width)` grey or `(height, width, 3)` RGB, uint8."""
    return graph.values([pixels(image[np.newaxis])], {node.name for node in graph.nodes})


def inspect(graph: LayerGraph, values: Outputs, layer: str, channel: int, epoch: int | None, step: int) -> Inspection:
    """Return what becomes of one image in a model.

    Args:
        graph: Layers of the model.
        values: Their outputs for the image.
        layer: Layer whose outputs and weights are wanted; empty: the statistics of all layers.
        channel: Output channel whose weights are wanted if all of them are too many.
        epoch: Epoch of the weights, if they are those of an epoch's end.
        step: Step of the weights.

    Raises:
        RequestError: There is no such layer or channel, or the layer has no output that can be shown.
    """
    probabilities = tuple(values[graph.nodes[-1].name][0][0].ravel().tolist())
    if not layer:
        layers = tuple(_view(node, values[node.name]) for node in graph.nodes)
        return Inspection(epoch=epoch, step=step, layers=layers, probabilities=probabilities)
    asked = find(graph, layer)
    feeding = [node for node in graph.nodes if node.name in asked.inputs]
    weights, of_channel = _weights(asked, channel)
    views = [
        *(_view(node, values[node.name], with_output=True) for node in feeding),
        _view(asked, values[asked.name], with_output=True, weights=weights, channel=of_channel),
    ]
    return Inspection(epoch=epoch, step=step, layers=tuple(views), probabilities=probabilities)


def find(graph: LayerGraph, layer: str) -> Node:
    """Return the node of a name, which has one output; raises RequestError."""
    node = next((node for node in graph.nodes if sanitize(node.name) == layer), None)
    if node is None:
        raise RequestError(f"the model has no layer {sanitize(layer)!r}: inspect it without a layer for their names")
    if len(node.shapes) != 1:
        raise RequestError(f"layer {layer!r} returns {len(node.shapes)} tensors: choose a layer that returns one")
    return node


def _view(
    node: Node,
    outputs: list[Floats],
    *,
    with_output: bool = False,
    weights: dict[str, Tensor] | None = None,
    channel: int | None = None,
) -> LayerView:
    values = np.concatenate([each.ravel() for each in outputs]) if outputs else np.zeros(0, np.float32)
    mean, deviation, histogram, edges = _statistics(values)
    is_single = len(outputs) == 1
    return LayerView(
        name=sanitize(node.name),
        kind=type(node.operation).__name__,
        inputs=tuple(map(sanitize, node.inputs)),
        shape=outputs[0].shape[1:] if is_single else (),
        config=_config(node.operation),
        mean=mean,
        deviation=deviation,
        dead=_dead_share(outputs[0][0]) if is_single and is_relu(node.operation) else None,
        histogram=histogram,
        edges=edges,
        output=_tensor(outputs[0][0]) if with_output and is_single else None,
        weights=weights or {},
        channel=channel,
    )


def _statistics(values: Floats) -> tuple[float | None, float | None, tuple[int, ...], tuple[float, float]]:
    if not values.size or not np.isfinite(values).all():
        return None, None, (), (0.0, 0.0)
    low, high = float(values.min()), float(values.max())
    counts, _ = np.histogram(values, BINS, (low, high) if high > low else (low - 0.5, low + 0.5))
    mean, deviation = float(values.mean(dtype=np.float64)), float(values.std(dtype=np.float64))
    return mean, deviation, tuple(counts.tolist()), (low, high)


def _dead_share(output: Floats) -> float:
    """Return the share of channels that are 0 at all positions, for an output `(..., channels)`."""
    channels = output.reshape(-1, output.shape[-1]) if output.ndim else output.reshape(1, 1)
    return float((channels <= 0).all(axis=0).mean())


def _config(operation: Any) -> dict[str, Any]:
    try:
        config = operation.get_config()
    except Exception:  # of a user's own layer
        return {}
    plain = {name: _listed(value) for name, value in config.items() if name != "name"}
    return {sanitize(name): sanitized(value) for name, value in plain.items() if _is_plain(value)}


def _listed(value: Any) -> Any:
    """Return a value with lists for tuples, as in JSON."""
    return [_listed(each) for each in value] if isinstance(value, list | tuple) else value


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, str | int)


def _weights(node: Node, channel: int) -> tuple[dict[str, Tensor], int | None]:
    """Return the weights of a layer by name: all of them, or those of a channel with the channel, an axis of 1."""
    variables = getattr(node.operation, "weights", [])
    names = _unique(each.name for each in variables)
    arrays = {name: _array(each) for name, each in zip(names, variables, strict=True)}
    if sum(array.nbytes for array in arrays.values()) <= MAX_WEIGHT_BYTES:
        return {name: _tensor(array) for name, array in arrays.items()}, None
    shape = node.shapes[0]
    channels = shape[-1] if shape else None
    check_channel(node, channel)
    of_channel = {
        name: array[..., channel : channel + 1]
        for name, array in arrays.items()
        if array.ndim and array.shape[-1] == channels
    }
    return {name: _tensor(array) for name, array in of_channel.items()}, channel


def check_channel(node: Node, channel: int) -> None:
    """Raise RequestError if the output of a node has no such channel."""
    shape = node.shapes[0]
    count = shape[-1] if shape and shape[-1] is not None else 1
    if not 0 <= channel < count:
        raise RequestError(f"channel {channel} is out of range: {sanitize(node.name)} has 0 to {count - 1}")


def _unique(names: Iterable[str]) -> list[str]:
    found: list[str] = []
    for name in map(sanitize, names):
        count = sum(each.partition(":")[0] == name for each in found)
        found.append(f"{name}:{count + 1}" if count else name)
    return found


def _array(variable: Any) -> Floats:
    return np.asarray(keras.ops.convert_to_numpy(variable)).astype(np.float32)


def _tensor(array: Floats) -> Tensor:
    return Tensor(tuple(array.shape), np.ascontiguousarray(array, dtype="<f4").tobytes())
