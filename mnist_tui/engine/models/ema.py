"""The running mean of a network's weights over its steps (Polyak & Juditsky 1992), kept by Keras' own optimizers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np


def keep_ema_separate(optimizer: Any) -> None:
    """Let an optimizer made with `use_ema` keep the mean beside the weights until somebody asks for it.

    By itself it would replace the weights by their mean whenever a `fit` ends, which here is every epoch.
    """
    optimizer.finalize_variable_values = lambda _: None


@contextmanager
def use_ema_weights(model: Any) -> Iterator[None]:
    """Inside, the network has its mean weights, if its optimizer keeps a mean; outside, those it trains with."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    if not optimizer.use_ema or not int(np.asarray(optimizer.iterations)):
        yield
        return
    if keras.backend.backend() == "jax":
        swap = swap_back = _jax_swap(model, optimizer)
    else:
        callback = keras.callbacks.SwapEMAWeights()
        callback.set_model(model)
        swap, swap_back = callback.on_test_begin, callback.on_test_end
    swap()
    try:
        yield
    finally:
        swap_back()


def _jax_swap(model: Any, optimizer: Any) -> Callable[[], None]:
    """Keras' own goes by way of numpy: among several processes that waits for all, but only the first one validates."""
    means = optimizer._model_variables_moving_average

    def swap() -> None:
        for variable, mean in zip(model.trainable_variables, means, strict=True):
            now = variable.value
            variable.assign(mean.value)
            mean.assign(now)

    return swap
