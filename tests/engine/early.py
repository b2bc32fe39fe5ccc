"""Outcomes of speculative executions on JAX: KERAS_BACKEND=jax python -m tests.engine.early FILE

Trains two epochs of few images under several circumstances, with a learning rate that falls with every execution.
Writes the final weights and the counts of hits and misses.
"""

import itertools
import sys
from collections.abc import Callable
from typing import Any

import jax
import keras
import numpy as np

from mnist_tui.engine import backends
from mnist_tui.engine.backends import jax_loop
from mnist_tui.engine.backends.backend import Feed
from mnist_tui.engine.models.ema import swap
from mnist_tui.engine.models.evaluation import one_hot
from mnist_tui.engine.training.callbacks import AfterExecution, PrepareExecution
from tests.engine.gradients import BATCH, DIGITS, STEPS_PER_EXECUTION, small_model
from tests.engine.samples import few_digits

STEPS, EXECUTIONS = 6, 3
"""Per epoch: executions of 2 and 2 steps, and one of a step and a smaller batch."""
RATES = [0.1 / (place + 1) for place in range(2 * EXECUTIONS + 1)]


class Rates:
    """Learning rates of the executions in turn."""

    def __init__(self) -> None:
        self._places = itertools.count()
        self._place = 0

    def next(self) -> float:
        self._place = next(self._places)
        return RATES[self._place]

    def coming(self) -> float:
        return RATES[self._place + 1]


def train(coming: Callable[[Rates], float] | None, act: Callable[[Any], None], *, speculate: bool) -> dict[str, Any]:
    """Train two epochs; `act` is called with the model after every execution."""
    keras.utils.set_random_seed(1)
    model, backend, digits, rates = small_model(), backends.current(), few_digits(DIGITS), Rates()
    model.compile(keras.optimizers.Adam(), loss="categorical_crossentropy", metrics=["accuracy"])
    backend.set_steps_per_execution(model, STEPS_PER_EXECUTION, BATCH)
    model.optimizer.build(model.trainable_variables)
    targets = one_hot(digits.labels, 10)
    feed = Feed(digits.images[..., np.newaxis], targets, BATCH, steps_per_execution=STEPS_PER_EXECUTION)
    batches = backend.batches(feed)

    def between() -> bool:
        act(model)
        return True

    begin = PrepareExecution(rates.next, None if coming is None else lambda: coming(rates))
    for epoch in range(2):
        callbacks = [begin, AfterExecution(between)]
        model.fit(batches, steps_per_epoch=STEPS, verbose=0, shuffle=False, callbacks=callbacks)
        if not epoch:
            batches = backend.batches(feed)
            if speculate:
                batches = backend.speculate(model, batches, RATES[EXECUTIONS])
    loop = model.train_function
    weights = np.concatenate([np.ravel(array) for array in model.get_weights()])
    return {"weights": weights, "hits": loop.hits, "misses": loop.misses}


def leave_alone(_: Any) -> None:
    pass


def touch(model: Any) -> None:
    """Assign the same value to a variable again."""
    variable = model.trainable_variables[0]
    variable.assign(keras.ops.convert_to_numpy(variable))


def predict(model: Any) -> None:
    """Exchange the weights, as those of an EMA are, and predict with others in between."""
    others = [keras.Variable(variable.value * 0.5) for variable in model.trainable_variables]
    swap(model.trainable_variables, others)
    images = few_digits(BATCH).images[..., np.newaxis]
    np.asarray(backends.current().predictor(model)(images))
    swap(model.trainable_variables, others)


if __name__ == "__main__":
    cases = {
        "in turn": train(None, leave_alone, speculate=False),
        "early": train(Rates.coming, leave_alone, speculate=True),
        "another rate": train(lambda _: 0.5, leave_alone, speculate=False),
        "predicted": train(Rates.coming, predict, speculate=True),
        "touched": train(Rates.coming, touch, speculate=True),
    }
    jax.default_backend = lambda: "gpu"  # as far as Keras and the loop are concerned
    jax_loop.CUDA_GRAPH = {"xla_gpu_enable_command_buffer": "UNSUPPORTED"}
    cases["no graph"] = train(Rates.coming, leave_alone, speculate=True)
    arrays = {f"{case}: {name}": value for case, figures in cases.items() for name, value in figures.items()}
    np.savez(sys.argv[1], **arrays)
