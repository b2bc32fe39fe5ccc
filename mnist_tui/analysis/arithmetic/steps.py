"""Layers that change each value in a few steps: normalisations, rescaling, dropout and noise."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mnist_tui.analysis.arithmetic.activations import axis_of
from mnist_tui.analysis.arithmetic.layer import Cell, Floats, Layer, Terms


@dataclass(frozen=True)
class Step:
    """A step of a calculation."""

    words: str
    """The operation, as in "− mean"."""
    operand: float
    value: float
    """Value after the step."""


@dataclass(frozen=True, eq=False)
class Calculation(Terms):
    """The steps from an input cell to an output cell."""

    before: float
    steps: tuple[Step, ...]
    source: Cell
    formula: str
    in_training: str
    """The difference in training, in sentences."""
    parts: tuple[tuple[str, float], ...] = ()
    """Numbers that an operand is made of."""


MOVING = (
    "In training, mean and variance are those of the batch: of this channel in all its images and cells. "
    "The moving ones, which inference uses, follow them with momentum {momentum:g}."
)
OWN = "Training does the same: mean and variance are those of this image alone, not of the batch."
NORMALIZED = "y = gamma × (x − mean) / √(variance + epsilon) + beta"


def batch_normalization(layer: Layer, cell: Cell) -> Terms:
    """Return the terms of BatchNormalization in inference (Ioffe & Szegedy 2015)."""
    channel = cell[axis_of(layer.config.get("axis", -1), layer.input.ndim)]
    mean, variance = (float(layer.weights[f"moving_{name}"].reshape(-1)[channel]) for name in ("mean", "variance"))
    words = MOVING.format(momentum=layer.config.get("momentum", 0.99))
    return _normalized(layer, cell, channel, "moving ", mean, variance, words)


def layer_normalization(layer: Layer, cell: Cell) -> Terms:
    """Return the terms of LayerNormalization (Ba, Kiros & Hinton 2016), by default over the channels of a cell."""
    rank = layer.input.ndim
    axes = layer.config.get("axis", -1)
    normalized = sorted(axis_of(each, rank) for each in (axes if isinstance(axes, list | tuple) else [axes]))
    along = tuple(slice(None) if each in normalized else place for each, place in enumerate(cell))
    values = layer.input[along]
    lengths = tuple(layer.input.shape[each] for each in normalized)
    place = int(np.ravel_multi_index(tuple(cell[each] for each in normalized), lengths))
    if layer.config.get("rms_scaling") or layer.kind == "RMSNormalization":
        return _by_mean_square(layer, cell, values, place)
    return _normalized(layer, cell, place, "", float(values.mean()), float(values.var()), OWN)


def group_normalization(layer: Layer, cell: Cell) -> Terms:
    """Return the terms of GroupNormalization (Wu & He 2018) over the last axis."""
    channels = layer.input.shape[-1]
    groups = int(layer.config["groups"])
    size = channels // (channels if groups == -1 else groups)
    start = cell[-1] // size * size
    values = layer.input[..., start : start + size]
    return _normalized(layer, cell, cell[-1], "", float(values.mean()), float(values.var()), OWN)


def unit_normalization(layer: Layer, cell: Cell) -> Terms:
    """Return the terms of UnitNormalization: each vector has length 1."""
    values, before = layer.input[cell[:-1]], float(layer.input[cell])
    length = float(np.sqrt(max(float((values**2).sum()), 1e-12)))
    steps = (Step("÷ length of the vector", length, before / length),)
    return Calculation(before, steps, cell, "y = x / ‖x‖", "Training does the same.", value=before / length)


def normalization(layer: Layer, cell: Cell) -> Terms:
    """Return the terms of Normalization, whose mean and variance were measured before the training."""
    mean, variance = (
        float(np.broadcast_to(_unbatched(layer.weights[name], layer.input.ndim), layer.input.shape)[cell])
        for name in ("mean", "variance")
    )
    before, deviation = float(layer.input[cell]), max(variance**0.5, 1e-7)
    centred = before - mean
    steps = (Step("− mean", mean, centred), Step("÷ √variance", deviation, centred / deviation))
    words = "Training does the same: mean and variance were measured on the data before."
    scale = (abs(before) + abs(mean)) / deviation
    return Calculation(before, steps, cell, "y = (x − mean) / √variance", words, value=steps[-1].value, scale=scale)


def rescaling(layer: Layer, cell: Cell) -> Terms:
    """Return the terms of Rescaling."""
    before = float(layer.input[cell])
    factor, offset = (
        float(np.broadcast_to(np.asarray(layer.config[name], dtype=float), layer.input.shape)[cell])
        for name in ("scale", "offset")
    )
    scaled = before * factor
    steps = (Step("× scale", factor, scaled), Step("+ offset", offset, scaled + offset))
    words = "Training does the same; nothing is learned here."
    scale = abs(scaled) + abs(offset)
    return Calculation(before, steps, cell, "y = scale × x + offset", words, value=scaled + offset, scale=scale)


def unchanged(layer: Layer, cell: Cell) -> Terms:
    """Return the terms of a layer that changes nothing in inference."""
    before = float(layer.input[cell])
    words = IN_TRAINING[layer.kind](layer.config.get, before) if layer.kind in IN_TRAINING else ""
    return Calculation(before, (), cell, "y = x", words or "Training does the same.", value=before, scale=abs(before))


def _dropped(what: str, rate: float, before: float) -> str:
    if not rate < 1:
        return f"In training, all of {what} are set to 0."
    return (
        f"In training, each of {what} is set to 0 with probability {rate:g}, anew for each image. The others are"
        f" divided by 1 − {rate:g}, which keeps the mean: {before:.4g} would be 0 or {before / (1 - rate):.4g}."
    )


IN_TRAINING: dict[str, Callable[[Callable[..., Any], float], str]] = {
    "Dropout": lambda get, before: _dropped("the values", float(get("rate", 0)), before),
    "SpatialDropout2D": lambda get, before: _dropped("the channels", float(get("rate", 0)), before),
    "GaussianDropout": lambda get, _: (
        f"In training, each value is multiplied by a random factor around 1, as strong as dropout of"
        f" {get('rate', 0):g}."
    ),
    "GaussianNoise": lambda get, _: f"In training, noise with standard deviation {get('stddev', 0):g} is added.",
    "AlphaDropout": lambda get, _: (
        f"In training, each value is replaced with probability {get('rate', 0):g}, so that mean and variance stay the"
        " same."
    ),
    "ActivityRegularization": lambda _get, _before: (
        "In training, large values add to the loss; the values stay as they are."
    ),
}
"""Sentences on what layers do in training that change nothing in inference, from the config and the value."""


def _normalized(
    layer: Layer, cell: Cell, place: int, adjective: str, mean: float, variance: float, words: str
) -> Calculation:
    before, epsilon = float(layer.input[cell]), float(layer.config.get("epsilon", 1e-3))
    gamma, beta = (float(layer.weight(name, place + 1, default)[place]) for name, default in DEFAULTS)
    deviation = (variance + epsilon) ** 0.5
    centred = before - mean
    normalized = centred / deviation
    steps = [
        Step(f"− {adjective}mean", mean, centred),
        Step(f"÷ √({adjective}variance + epsilon)", deviation, normalized),
    ]
    if "gamma" in layer.weights:
        steps.append(Step("× gamma", gamma, normalized * gamma))
    if "beta" in layer.weights:
        steps.append(Step("+ beta", beta, normalized * gamma + beta))
    return Calculation(
        before,
        tuple(steps),
        cell,
        NORMALIZED,
        words,
        ((f"{adjective}variance", variance), ("epsilon", epsilon)),
        value=normalized * gamma + beta,
        scale=(abs(before) + abs(mean)) / deviation * abs(gamma) + abs(beta),
    )


DEFAULTS = (("gamma", 1.0), ("beta", 0.0))
"""Values of weights that a normalisation may leave out."""


def _by_mean_square(layer: Layer, cell: Cell, values: Floats, place: int) -> Calculation:
    before, epsilon = float(layer.input[cell]), float(layer.config.get("epsilon", 1e-6))
    weight = layer.weight("scale" if layer.kind == "RMSNormalization" else "gamma", place + 1, 1.0)
    mean_square, factor = float((values**2).mean()), float(weight[place])
    root = (mean_square + epsilon) ** 0.5
    steps = (
        Step("÷ √(mean of squares + epsilon)", root, before / root),
        Step("× scale", factor, before / root * factor),
    )
    formula = "y = scale × x / √(mean of squares + epsilon)"
    parts = (("mean of squares", mean_square), ("epsilon", epsilon))
    return Calculation(before, steps, cell, formula, OWN, parts, value=steps[-1].value, scale=abs(steps[-1].value))


def _unbatched(weight: Floats, rank: int) -> Floats:
    """Return a weight that may have a batch axis of length 1, without it."""
    return weight[0] if weight.ndim > rank else weight
