"""Activation functions as Keras defines them, by name and by layer."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mnist_tui.analysis.arithmetic.layer import Cell, Floats, Layer, Terms

SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
"""Constants of Klambauer et al., Self-Normalizing Neural Networks (2017)."""
_erf = np.vectorize(math.erf, otypes=[float])


@dataclass(frozen=True)
class Activation:
    """A function of one value."""

    name: str
    """Name in texts, as in ReLU."""
    function: Callable[[Floats], Floats]

    def __call__(self, value: float) -> float:
        with np.errstate(all="ignore"):  # the values of a model that has diverged are not finite
            return float(self.function(np.array([value], dtype=np.float64))[0])


@dataclass(frozen=True, eq=False)
class Softmax:
    """Softmax over the logits of all classes or channels."""

    logits: Floats
    """Shape (n,)."""
    position: int
    """Class or channel of the cell."""

    def exponentials(self, temperature: float = 1.0) -> Floats:
        """Return exp((logit - largest) / temperature): the largest one is 1, so that none overflows."""
        exponentials: Floats = np.exp((self.logits - self.logits.max()) / temperature)
        return exponentials

    def probabilities(self, temperature: float = 1.0) -> Floats:
        """Return the exponentials divided by their sum; a higher temperature makes them more equal."""
        exponentials = self.exponentials(temperature)
        return np.asarray(exponentials / exponentials.sum())


@dataclass(frozen=True, eq=False)
class Activated(Terms):
    """An activation of a single value."""

    before: float
    activation: Activation


@dataclass(frozen=True, eq=False)
class Distribution(Terms):
    """A softmax layer."""

    softmax: Softmax


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(np.where(x >= 0, 1, np.exp(-np.abs(x))) / (1 + np.exp(-np.abs(x))))


def _relu(negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Activation:
    def function(x: Floats) -> Floats:
        above = x if max_value is None else np.minimum(x, max_value)
        return np.where(x >= threshold, above, negative_slope * (x - threshold))

    return Activation("leaky ReLU" if negative_slope else "ReLU", function)


def _elu(alpha: float = 1.0) -> Activation:
    return Activation("ELU", lambda x: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))))


LINEAR = Activation("linear", lambda x: x)
ACTIVATIONS: dict[str, Activation] = {
    "linear": LINEAR,
    "relu": _relu(),
    "relu6": Activation("ReLU6", lambda x: np.clip(x, 0, 6)),
    "leaky_relu": _relu(negative_slope=0.2),
    "elu": _elu(),
    "selu": Activation("SELU", lambda x: SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * np.expm1(np.minimum(x, 0)))),
    "celu": Activation("CELU", lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0)))),
    "gelu": Activation("GELU", lambda x: x * (1 + _erf(x / math.sqrt(2))) / 2),
    "silu": Activation("swish", lambda x: x * _sigmoid(x)),
    "mish": Activation("Mish", lambda x: x * np.tanh(np.logaddexp(0, x))),
    "sigmoid": Activation("sigmoid", _sigmoid),
    "log_sigmoid": Activation("log sigmoid", lambda x: -np.logaddexp(0, -x)),
    "hard_sigmoid": Activation("hard sigmoid", lambda x: np.clip(x / 6 + 0.5, 0, 1)),
    "hard_silu": Activation("hard swish", lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    "tanh": Activation("tanh", np.tanh),
    "hard_tanh": Activation("hard tanh", lambda x: np.clip(x, -1, 1)),
    "tanh_shrink": Activation("tanh shrink", lambda x: x - np.tanh(x)),
    "softplus": Activation("softplus", lambda x: np.logaddexp(0, x)),
    "softsign": Activation("softsign", lambda x: x / (1 + np.abs(x))),
    "squareplus": Activation("squareplus", lambda x: (x + np.sqrt(x * x + 4)) / 2),
    "exponential": Activation("exponential", np.exp),
}
"""Activations of a single value, by their Keras names."""
ACTIVATIONS |= {"swish": ACTIVATIONS["silu"], "hard_swish": ACTIVATIONS["hard_silu"]}
SOFTMAX = "softmax"


def activation_of(config: Mapping[str, Any]) -> Activation | None:
    """Return the activation that a layer applies to its sum; None if it is not known, or takes all units together."""
    return ACTIVATIONS.get(str(config.get("activation")))


def activated(layer: Layer, cell: Cell, activation: Activation) -> Activated:
    """Return the terms of an activation layer."""
    before = float(layer.input[cell])
    return Activated(before, activation, value=activation(before), scale=abs(before))


def relu(layer: Layer, cell: Cell) -> Terms:
    """Return the terms of ReLU."""
    names = "negative_slope", "max_value", "threshold"
    return activated(layer, cell, _relu(**{name: layer.config[name] for name in names if name in layer.config}))


def leaky_relu(layer: Layer, cell: Cell) -> Terms:
    """Return the terms of LeakyReLU."""
    return activated(layer, cell, _relu(negative_slope=layer.config["negative_slope"]))


def prelu(layer: Layer, cell: Cell) -> Terms:
    """Return the terms of PReLU, whose slopes are weights."""
    slopes = np.broadcast_to(layer.weights["alpha"], layer.input.shape)
    return activated(layer, cell, _relu(negative_slope=float(slopes[cell])))


def elu(layer: Layer, cell: Cell) -> Terms:
    """Return the terms of ELU."""
    return activated(layer, cell, _elu(layer.config["alpha"]))


def softmax(layer: Layer, cell: Cell) -> Terms:
    """Return the terms of softmax over one axis."""
    axis = axis_of(layer.config.get("axis", -1), layer.input.ndim)
    along = tuple(slice(None) if each == axis else place for each, place in enumerate(cell))
    return distribution(Softmax(layer.input[along], cell[axis]))


def distribution(softmax: Softmax) -> Distribution:
    """Return the terms of a softmax."""
    return Distribution(softmax, value=float(softmax.probabilities()[softmax.position]))


def named(layer: Layer, cell: Cell) -> Terms:
    """Return the terms of Activation, which names its function."""
    if layer.config["activation"] == SOFTMAX:
        return softmax(layer, cell)
    return activated(layer, cell, ACTIVATIONS[layer.config["activation"]])


def axis_of(axis: Any, rank: int) -> int:
    """Return an axis of Keras, which counts the batch axis, as one of an array without it."""
    number = int(axis[0] if isinstance(axis, list | tuple) else axis)
    return number + rank if number < 0 else number - 1
