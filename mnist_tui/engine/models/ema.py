"""Exponential moving average (EMA) of the weights over steps (Polyak & Juditsky 1992), by Keras' optimizers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

LONGEST_AVERAGE = 0.25
"""Steps that a moving average looks back over, 1 / (1 - decay), as a share of all steps of a run."""


def keep_ema_separate(optimizer: Any) -> None:
    """Keep an optimizer made with `use_ema` from overwriting the weights when `fit` ends, which here is every epoch."""
    optimizer.finalize_variable_values = lambda _: None


def fit_averages(model: Any, steps: int, *, with_statistics: bool = True) -> None:
    """Shorten the moving averages of a compiled model for a run of few steps, else they would hold its first values.

    Args:
        model: Compiled model that has not been trained yet.
        steps: Steps of its training.
        with_statistics: Shorten those of batch normalisation, too.
    """

    def shortened(decay: float) -> float:
        return max(0.0, min(decay, 1 - 1 / (LONGEST_AVERAGE * steps)))

    optimizer = _optimizer_of(model)
    if optimizer.use_ema:
        optimizer.ema_momentum = shortened(optimizer.ema_momentum)
    for layer in model.layers if with_statistics else ():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = shortened(layer.momentum)


@contextmanager
def use_ema_weights(model: Any) -> Iterator[None]:
    """Give a model its EMA weights inside the `with` block; a model without an EMA keeps its own weights."""
    optimizer = _optimizer_of(model)
    if not _has_averages(optimizer):
        yield
        return
    averages = optimizer._model_variables_moving_average
    swap(model.trainable_variables, averages)
    try:
        yield
    finally:
        swap(model.trainable_variables, averages)


def validated_variables(model: Any) -> list[Any]:
    """Return the variables whose values are validated: those of `model.weights`, or their averages if there are any."""
    optimizer = _optimizer_of(model)
    if not _has_averages(optimizer):
        return list(model.weights)
    averages = zip(model.trainable_variables, optimizer._model_variables_moving_average, strict=True)
    by_variable = {id(variable): average for variable, average in averages}
    return [by_variable.get(id(variable), variable) for variable in model.weights]


def _has_averages(optimizer: Any) -> bool:
    return bool(optimizer.use_ema and int(np.asarray(optimizer.iterations)))


def _optimizer_of(model: Any) -> Any:
    return getattr(model.optimizer, "inner_optimizer", model.optimizer)


def swap(variables: Sequence[Any], averages: Sequence[Any]) -> None:
    """Exchange the values exactly, which keras.callbacks.SwapEMAWeights does not: on TensorFlow it adds and subtracts.

    On JAX, values are exchanged without copies: converting them to NumPy, as Keras does, blocks on all processes, but
    only process 0 validates. A speculative step also needs the same arrays afterwards.
    """
    is_jax = keras.backend.backend() == "jax"
    for variable, average in zip(variables, averages, strict=True):
        value = variable.value if is_jax else keras.ops.copy(variable)
        variable.assign(average.value)
        average.assign(value)
