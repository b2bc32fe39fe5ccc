"""Layers of a model with their outputs: nested models are flattened, and a layer that is called twice counts twice.

This file alone reads Keras' graph of operations, whose attributes are private.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from mnist_tui.engine.models.source_code import is_functional

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Node:
    """One call of a layer or operation."""

    name: str
    """Unique name: nested models precede it, as in "encoder/conv1"; a second call of a layer ends with ":2"."""
    operation: Any
    """The Keras layer or operation."""
    inputs: tuple[str, ...]
    """Names of the nodes whose outputs it takes."""
    shapes: tuple[tuple[int | None, ...], ...]
    """Shape of each output without the batch axis."""


class LayerGraph:
    """Nodes of a Functional or Sequential model in order, one branch after the other."""

    def __init__(self, model: Any, prefix: str = "", sources: Sequence[str] = ()) -> None:
        """Take a built model; of a nested one also the prefix of its names and the nodes that feed it."""
        self._model = model
        self._tensors: dict[str, list[Any]] = {}
        self._nested: list[tuple[LayerGraph, list[Any]]] = []
        self._makers: dict[int, str] = {}
        self._probes: dict[frozenset[str], Any] = {}
        self.nodes: list[Node] = []
        feeding = iter(sources)
        for operation, call in _calls(model):
            made = call.output_tensors
            if sources and isinstance(operation, keras.layers.InputLayer):
                self._makers[id(made[0])] = next(feeding)
                continue
            inputs = tuple(self._makers[id(each)] for each in call.input_tensors)
            if _is_nested(operation) and len(call.input_tensors) == len(operation.inputs):
                graph = LayerGraph(operation, f"{prefix}{operation.name}/", inputs)
                makers = [graph._makers[id(each)] for each in operation.outputs]
                self.nodes += graph.nodes
                self._nested.append((graph, call.input_tensors))
            else:
                name = self._free_name(f"{prefix}{operation.name}")
                makers = [name] * len(made)
                self._tensors[name] = made
                shapes = tuple(tuple(each.shape[1:]) for each in made)
                self.nodes.append(Node(name, operation, tuple(dict.fromkeys(inputs)), shapes))
            self._makers |= {id(tensor): maker for tensor, maker in zip(made, makers, strict=True)}

    def values(self, inputs: Sequence[Any], wanted: Collection[str]) -> dict[str, list[Floats]]:
        """Return the outputs of some nodes in inference, `(n, *shape)` each.

        Args:
            inputs: Input of the model with a batch axis; of a nested model one for each of its inputs.
            wanted: Names of the nodes.
        """
        own = [name for name in self._tensors if name in wanted]
        nested = [(graph, taken) for graph, taken in self._nested if graph.has(wanted)]
        asked = [*(self._tensors[name] for name in own), *(taken for _, taken in nested)]
        key = frozenset(wanted)
        if key not in self._probes:
            if len(self._probes) > 1:  # that of all nodes, and the newest
                self._probes.popitem()
            self._probes[key] = keras.Model(self._model.inputs, [tensor for tensors in asked for tensor in tensors])
        # Called eagerly: a compiled function would first be traced, which takes longer than an image.
        results = iter(keras.tree.flatten(self._probes[key](list(inputs), training=False)))
        parts = [[next(results) for _ in tensors] for tensors in asked]
        found = {name: [_floats(each) for each in part] for name, part in zip(own, parts, strict=False)}
        for (graph, _), part in zip(nested, parts[len(own) :], strict=True):
            found |= graph.values(part, wanted)
        return found

    def has(self, wanted: Collection[str]) -> bool:
        """Return True if one of these nodes is in the graph."""
        return any(node.name in wanted for node in self.nodes)

    def _free_name(self, name: str) -> str:
        count = sum(node.name.partition(":")[0] == name for node in self.nodes)
        return f"{name}:{count + 1}" if count else name


def _calls(model: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each operation with its call, depth first. Keras sorts by depth, which interleaves branches."""
    seen: set[int] = set()

    def calls(tensor: Any) -> Iterator[tuple[Any, Any]]:
        operation, place, _ = tensor._keras_history
        call = operation._inbound_nodes[place]
        if id(call) not in seen:
            seen.add(id(call))
            for each in call.input_tensors:
                yield from calls(each)
            yield operation, call

    for tensor in [*model.inputs, *model.outputs]:
        yield from calls(tensor)


def _is_nested(operation: Any) -> bool:
    return isinstance(operation, keras.Sequential) or (isinstance(operation, keras.Model) and is_functional(operation))


def _floats(tensor: Any) -> Floats:
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32")), dtype=np.float32)
