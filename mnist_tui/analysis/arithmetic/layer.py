"""Parts of the arithmetic of a cell: a layer with its numbers, and the terms that add up to an output."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Cell = tuple[int, ...]
"""Position in an array without batch axis, as (row, column, channel)."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer, and what it made of one image in inference. Arrays have no batch axis."""

    kind: str
    """Keras class, as in Conv2D."""
    inputs: tuple[Floats, ...]
    output: Floats
    config: Mapping[str, Any] = field(default_factory=dict)
    """Entries of Keras' get_config()."""
    weights: Mapping[str, Floats] = field(default_factory=dict)
    """Weights by their Keras names."""
    channel: int | None = None
    """Output channel or unit that the weights are of; None: of all."""

    @property
    def input(self) -> Floats:
        """The first input."""
        return self.inputs[0]

    def weight(self, name: str, count: int, default: float) -> Floats:
        """Return a weight of `count` values, or `count` times the default if the layer has no such weight."""
        return self.weights[name].reshape(-1) if name in self.weights else np.full(count, default)


@dataclass(frozen=True, eq=False, kw_only=True)
class Terms:
    """Terms of one output cell. Subclasses add what a kind of layer computes with."""

    value: float | None
    """Recomputed output in float64; None if it cannot be recomputed."""
    scale: float = 1.0
    """Sum of the magnitudes of all terms, to which the rounding errors of float32 are proportional."""


@dataclass(frozen=True, eq=False)
class Unknown(Terms):
    """A layer without arithmetic of its own here; its inputs and output can be shown."""

    reason: str


def pair_of(value: Any) -> tuple[int, int]:
    """Return two whole numbers that Keras gives as a pair, or as one number for both."""
    first, second = value if isinstance(value, list | tuple) else (value, value)
    return int(first), int(second)
