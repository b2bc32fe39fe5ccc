"""Preparation of a run without its directory: imports, data, and a compiled model.

A warm engine does this before its run begins (see warm.py). Importing this module imports nothing heavy.
"""

import os
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mnist_tui.config import RunConfig
from mnist_tui.engine import backends
from mnist_tui.engine.data import datasets
from mnist_tui.engine.hardware import detection
from mnist_tui.engine.hardware.plan import Machine

if TYPE_CHECKING:
    from mnist_tui.engine.models.compiled import CompiledModel
    from mnist_tui.engine.training.layer_stats import LayerSampler


_before: dict[str, str | None] = {}
"""Earlier values of the environment variables that selecting a backend has changed."""


@dataclass(frozen=True)
class Prepared:
    """Devices, data and first model of a run, in the state in which the run itself would have made them."""

    machine: Machine
    data: datasets.DataSet
    split: datasets.Split
    compiled: "CompiledModel"
    layer_sampler: "LayerSampler"


def import_backend(backend: str, device: str) -> None:
    """Import Keras with a backend that sees the selected devices, once a process; raises ConfigError."""
    before = dict(os.environ)
    backends.select(backend)
    detection.restrict_gpus(device)
    names = before.keys() | os.environ.keys()
    _before.update({name: before.get(name) for name in names if before.get(name) != os.environ.get(name)})
    backends.import_keras()


def own_environment() -> dict[str, str]:
    """Return the environment variables of this process as they were before the backend was selected."""
    variables: dict[str, str | None] = {**os.environ, **_before}
    return {name: value for name, value in variables.items() if value is not None}


def prepare(config: RunConfig) -> Prepared:
    """Load the data, build the first model, and compile its training step by taking one.

    The step is undone: variables and random states are as before, so that the run computes the same figures.

    Raises:
        ConfigError: The data or the devices cannot be used.
    """
    import keras
    import numpy as np

    from mnist_tui.engine.backends.runtime import prepare_machine
    from mnist_tui.engine.distribution import Distribution
    from mnist_tui.engine.models.compiled import CompiledModel
    from mnist_tui.engine.training.callbacks import AfterExecution, PrepareExecution
    from mnist_tui.engine.training.feed import EpochFeed
    from mnist_tui.engine.training.layer_stats import LayerSampler

    machine, distribution = prepare_machine(config), Distribution()
    data, split = datasets.load_of_run(config)
    compiled = CompiledModel(config, 0, machine, data.facts, distribution)
    states = random.getstate(), np.random.get_state()
    backend, model = backends.current(), compiled.model
    values = backend.fetch(compiled.variables)
    feed = EpochFeed(config, split.train, len(data.class_names), distribution, compiled.plan)
    compiled.fit_averages(config.epochs * feed.steps)
    model.fit(
        feed.remaining_batches(0, 0, compiled.preset.augmentation),
        verbose=0,
        steps_per_epoch=feed.steps,
        shuffle=False,
        callbacks=[PrepareExecution(lambda: config.learning_rate), AfterExecution(lambda: False)],
    )
    for variable, value in zip(compiled.variables, values, strict=True):
        variable.assign(value)
    model.reset_metrics()
    layer_sampler = LayerSampler(compiled.reader, split.train, len(data.class_names))
    layer_sampler.compile()
    random.setstate(states[0])
    np.random.set_state(states[1])
    assert keras.backend.backend() == config.backend
    return Prepared(machine, data, split, compiled, layer_sampler)
