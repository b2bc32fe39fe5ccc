"""The running mean of a network's weights over its steps (Polyak & Juditsky 1992), kept by Keras' own optimizers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np


def average(optimizer: Any) -> None:
    """Let an optimizer made with `use_ema` keep the mean beside the weights until somebody asks for it.

    By itself it would replace the weights by their mean whenever a `fit` ends, which here is every epoch.
    """
    optimizer.finalize_variable_values = lambda _: None


@contextmanager
def averaged(model: Any) -> Iterator[None]:
    """Inside, the network has its mean weights, if its optimizer keeps a mean; outside, those it trains with."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    if not optimizer.use_ema or not int(np.asarray(optimizer.iterations)):
        yield
        return
    swap = keras.callbacks.SwapEMAWeights()
    swap.set_model(model)
    swap.on_test_begin()
    try:
        yield
    finally:
        swap.on_test_end()
