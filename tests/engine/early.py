"""What becomes of executions that JAX begins early: KERAS_BACKEND=jax python -m tests.engine.early FILE

Two epochs of few digits, whose learning rate falls with every execution, under different circumstances. FILE gets the
weights that each ended with, and how many early executions counted and how many did not.
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
from mnist_tui.engine.models.evaluation import one_hot
from mnist_tui.engine.training.callbacks import BeginSteps, BetweenBatches
from tests.engine.gradients import AT_ONCE, BATCH, DIGITS, network
from tests.engine.samples import few_digits

STEPS, EXECUTIONS = 6, 3
"""An epoch: 2 steps, 2 steps, and one with the rest of one digit."""
RATES = [0.1 / (place + 1) for place in range(2 * EXECUTIONS + 1)]


class Rates:
    """The learning rate of each execution in turn."""

    def __init__(self) -> None:
        self._places = itertools.count()
        self._place = 0

    def next(self) -> float:
        self._place = next(self._places)
        return RATES[self._place]

    def coming(self) -> float:
        return RATES[self._place + 1]


def trained(coming: Callable[[Rates], float] | None, act: Callable[[Any], None], *, speculate: bool) -> dict[str, Any]:
    """`act` is called with the network after every execution."""
    keras.utils.set_random_seed(1)
    model, backend, digits, rates = network(), backends.current(), few_digits(DIGITS), Rates()
    model.compile(keras.optimizers.Adam(), loss="categorical_crossentropy", metrics=["accuracy"])
    backend.set_steps_per_execution(model, AT_ONCE, BATCH)
    model.optimizer.build(model.trainable_variables)
    feed = Feed(digits.images[..., np.newaxis], one_hot(digits.labels, 10), BATCH, steps_per_execution=AT_ONCE)
    batches = backend.batches(feed)

    def between() -> bool:
        act(model)
        return True

    begin = BeginSteps(rates.next, None if coming is None else lambda: coming(rates))
    for epoch in range(2):
        callbacks = [begin, BetweenBatches(between)]
        model.fit(batches, steps_per_epoch=STEPS, verbose=0, shuffle=False, callbacks=callbacks)
        if not epoch:
            batches = backend.batches(feed)
            if speculate:
                batches = backend.speculate(model, batches, RATES[EXECUTIONS])
    loop = model.train_function
    weights = np.concatenate([np.ravel(array) for array in model.get_weights()])
    return {"weights": weights, "used": loop.used, "lost": loop.lost}


def leave_alone(_: Any) -> None:
    """Nothing changes between two executions."""


def touch(model: Any) -> None:
    """A variable is assigned anew, if to the same."""
    variable = model.trainable_variables[0]
    variable.assign(keras.ops.convert_to_numpy(variable))


if __name__ == "__main__":
    cases = {
        "in turn": trained(None, leave_alone, speculate=False),
        "early": trained(Rates.coming, leave_alone, speculate=True),
        "another rate": trained(lambda _: 0.5, leave_alone, speculate=False),
        "touched": trained(Rates.coming, touch, speculate=True),
    }
    jax.default_backend = lambda: "gpu"  # as far as Keras and the loop are concerned
    jax_loop.CUDA_GRAPH = {"xla_gpu_enable_command_buffer": "NOTHING_THAT_THERE_IS"}
    cases["no graph"] = trained(Rates.coming, leave_alone, speculate=True)
    arrays = {f"{case}: {name}": value for case, figures in cases.items() for name, value in figures.items()}
    np.savez(sys.argv[1], **arrays)
