"""Keras on JAX: steps are compiled as a whole, and several processes can train together.

During `fit`, Keras keeps the training state outside the model's variables. Reading a callback's `model` writes the
state to them, and the next step starts from what they then hold.
"""

import os
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from numpy.typing import NDArray

from mnist_tui.config import ConfigError
from mnist_tui.engine.backends.backend import (
    LEAST_PROBABILITY,
    Backend,
    Feed,
    Gradient,
    Predict,
    Probe,
    StartExecution,
    Summary,
    array_batches,
    with_outputs,
)
from mnist_tui.engine.backends.jax_loop import TrainLoop, load_cudnn
from mnist_tui.engine.data.augmentation import warp
from mnist_tui.engine.hardware.detection import JAX_PLATFORMS, cpu_kind
from mnist_tui.engine.hardware.plan import Gpu, Plan
from mnist_tui.resources import cache_path, limit_folder

CACHE, CACHE_BYTES = "jax", 256 * 2**20
"""Folder of compiled programs in the user's cache, and its size limit when a process starts."""


class Jax(Backend):
    """Keras on JAX. On a CPU, a seed decides all results without further settings."""

    def versions(self) -> dict[str, str]:
        return {"jax": jax.__version__}

    def gpus(self) -> tuple[Gpu, ...]:
        try:
            devices = jax.local_devices()
        except (RuntimeError, AssertionError) as error:  # an unknown platform, or one without its device
            if platforms := os.environ.get(JAX_PLATFORMS):
                raise ConfigError(
                    f"{JAX_PLATFORMS} {platforms!r} cannot be used by JAX here: unset it, or give --device cpu"
                ) from error
            raise
        return tuple(Gpu(str(device.device_kind)) for device in devices if device.platform != "cpu")

    def is_out_of_memory(self, error: Exception) -> bool:
        return isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" in str(error)

    def prepare(self, plan: Plan) -> None:
        """Cache compiled programs on disk, for each kind of CPU by itself: several may share a user's home.

        A damaged file counts as none. Not `jax_compilation_cache_max_size`, which needs the package filelock.
        """
        cache = cache_path(CACHE)
        if cache is not None and jax.config.jax_compilation_cache_dir is None:
            limit_folder(cache, CACHE_BYTES)
            jax.config.update("jax_compilation_cache_dir", str(cache / cpu_kind()))
            jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        if plan.on_gpu:
            load_cudnn()

    def drops_partial_batches(self, plan: Plan) -> bool:
        """Return True on a GPU, where a smaller batch is a program of its own: 8 s of compiling on an H200."""
        return plan.on_gpu and plan.steps_per_execution > 1

    def batches(self, feed: Feed) -> Any:
        """Return a generator of batches that are augmented on the device and stay there."""
        return array_batches(feed, jax.jit(warp))

    def set_steps_per_execution(self, model: Any, steps: int, batch_size: int) -> None:
        """Run the steps in one program on the device; Keras' own loop returns to Python after each step."""
        super().set_steps_per_execution(model, steps, batch_size)
        model.train_function = TrainLoop(model, batch_size)

    def speculate(self, model: Any, batches: Any, learning_rate: float) -> Any:
        return model.train_function.speculate(batches, learning_rate)

    def fetch(self, variables: Sequence[Any]) -> list[NDArray[Any]]:
        """Copy all variables concurrently; copying in sequence costs an H200 10 ms at the end of an epoch."""
        return [np.array(value) for value in jax.device_get([variable.value for variable in variables])]

    def predictor(self, model: Any) -> Predict:
        return self._predictor(model)

    @lru_cache(maxsize=2)  # noqa: B019 (there is one backend a process)
    def _predictor(self, model: Any) -> Predict:
        """Return a compiled function of the variables' values, which keeps them: a speculative step may need them."""

        def probabilities(trainable: Any, others: Any, images: Any) -> Any:
            return model.stateless_call(trainable, others, images, training=False)[0]

        compiled = jax.jit(probabilities)
        return lambda images: compiled(*_values(model), images)

    def execution_starter(self, model: Any) -> StartExecution:
        if isinstance(model.train_function, TrainLoop):
            return model.train_function.start

        def start(learning_rate: float, _: float | None) -> None:
            _assign(model.optimizer.learning_rate, learning_rate)
            for variable in model.metrics_variables:
                _assign(variable, 0)

        return start

    def log_probability_gradient(self, model: Any) -> Gradient:
        """Return a compiled gradient. The class is an argument, so that one program serves all classes."""

        def score(images: Any, wanted: Any, trainable: Any, others: Any) -> Any:
            probabilities, _ = model.stateless_call(trainable, others, images, training=False)
            return jnp.log(probabilities[:, wanted] + LEAST_PROBABILITY).sum()

        gradient = jax.jit(jax.grad(score))
        return lambda images, wanted: np.asarray(gradient(images, wanted, *_values(model)))

    def probe(self, model: Any, outputs: Sequence[Any] = (), summary: Summary | None = None) -> Probe:
        forward = with_outputs(model, outputs)
        places = {id(variable): place for place, variable in enumerate(forward.trainable_variables)}
        order = [places.get(id(variable)) for variable in model.trainable_variables]

        def loss(trainable: Any, others: Any, images: Any, targets: Any) -> Any:
            results, _ = forward.stateless_call(trainable, others, images, training=False)
            predictions, *computed = keras.tree.flatten(results)
            return model.loss(targets, predictions), list(map(summary, computed)) if summary else []

        compiled = jax.jit(jax.grad(loss, has_aux=True))

        def probe(images: NDArray[np.float32], targets: NDArray[np.float32]) -> Any:
            found, summaries = jax.device_get(compiled(*_values(forward), images, targets))
            gradients = [
                np.zeros(variable.shape, np.float32) if place is None else np.asarray(found[place], dtype=np.float32)
                for variable, place in zip(model.trainable_variables, order, strict=True)
            ]
            return gradients, summaries

        return probe


def _assign(variable: Any, value: float) -> None:
    """Fill a variable with a number, keeping its sharding.

    Assigning a plain number would make each of several processes ask the others whether theirs is the same.
    """
    filled = np.full(variable.shape, value, variable.dtype)
    variable.assign(jax.make_array_from_callback(filled.shape, variable.value.sharding, lambda index: filled[index]))


def _values(model: keras.Model) -> tuple[list[Any], list[Any]]:
    return [one.value for one in model.trainable_variables], [one.value for one in model.non_trainable_variables]
