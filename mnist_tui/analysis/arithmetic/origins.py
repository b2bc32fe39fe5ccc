"""The maps that a vector was made of, so that weights over the vector can be seen as a picture."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mnist_tui.analysis.arithmetic.layer import Cell
from mnist_tui.analysis.arithmetic.steps import IN_TRAINING

MAP_RANK = 3
"""Axes of maps: row, column, channel."""
ELEMENTWISE = frozenset(
    {*IN_TRAINING, "Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Identity", "Rescaling", "Normalization"}
    | {"BatchNormalization", "LayerNormalization", "RMSNormalization", "UnitNormalization"}
)
"""Layers that keep every value in its place."""


class Node(Protocol):
    """A layer of a model, as LayerView in the protocol."""

    @property
    def kind(self) -> str: ...
    @property
    def inputs(self) -> tuple[str, ...]: ...
    @property
    def shape(self) -> tuple[int, ...]: ...


@dataclass(frozen=True)
class Origin:
    """Maps that part of a vector was made of, in C order."""

    layer: str
    """Name of the layer; that of the model's input if it is the image."""
    shape: tuple[int, int, int]
    """Height, width and channels."""
    start: int
    """Position of the first value in the vector."""

    @property
    def end(self) -> int:
        """Position after the last value."""
        return self.start + int(np.prod(self.shape))

    def cell(self, position: int) -> Cell:
        """Return row, column and channel of a position of the vector."""
        return tuple(map(int, np.unravel_index(position - self.start, self.shape)))


def origins(nodes: Mapping[str, Node], name: str, image: tuple[int, int, int], start: int = 0) -> tuple[Origin, ...]:
    """Return the maps that the output of a layer was flattened from; none if that cannot be told.

    Args:
        nodes: All layers of the model by name; a name without a layer is the model's input.
        name: Layer whose output is a vector.
        image: Height, width and channels of the model's input.
        start: Position of the vector in a longer one.
    """
    node = nodes.get(name)
    shape = image if node is None or node.kind == "InputLayer" else node.shape
    if len(shape) == MAP_RANK:
        return (Origin(name, (shape[0], shape[1], shape[2]), start),)
    if node is None or len(shape) != 1:
        return ()
    if node.kind == "Concatenate":
        found: list[Origin] = []
        for each in node.inputs:
            parts = origins(nodes, each, image, start)
            if not parts:
                return ()
            found += parts
            start = parts[-1].end
        return tuple(found)
    if node.kind in ELEMENTWISE or node.kind in ("Flatten", "Reshape"):
        return origins(nodes, node.inputs[0], image, start)
    return ()
