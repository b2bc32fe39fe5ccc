"""Keras on JAX: compiled as a whole, and the way past one machine.

While `fit` runs, Keras keeps the network's state outside its variables; whoever goes through a callback's `model` finds
it in them, and the next step begins with what is in them then.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from mnist_tui.engine.backends.backend import Backend, Feed, Gradient, GradientNorms, StartExecution, array_batches
from mnist_tui.engine.backends.jax_loop import Loop, load_cudnn
from mnist_tui.engine.data.augmentation import warp
from mnist_tui.engine.hardware.plan import Gpu, Plan

CACHE_BYTES = 256 * 2**20
"""What programs may take of the disk before the oldest go."""


class Jax(Backend):
    """See Backend."""

    def versions(self) -> dict[str, str]:
        """JAX's."""
        return {"jax": jax.__version__}

    def gpus(self) -> tuple[Gpu, ...]:
        """Its accelerators."""
        return tuple(Gpu(str(device.device_kind)) for device in jax.local_devices() if device.platform != "cpu")

    def is_out_of_memory(self, error: Exception) -> bool:
        """XLA has a word for it, and no class of its own."""
        is_xla = isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" in str(error)
        return is_xla or super().is_out_of_memory(error)

    def prepare(self, plan: Plan) -> None:
        """On a GPU keep the compiled programs for later runs; a seed decides every figure on a CPU anyway."""
        if plan.on_gpu and jax.config.jax_compilation_cache_dir is None:
            jax.config.update("jax_compilation_cache_dir", str(user_cache_path("mnist-tui") / "jax"))
            jax.config.update("jax_compilation_cache_max_size", CACHE_BYTES)
            jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        if plan.on_gpu:
            load_cudnn()

    def drops_partial_batches(self, plan: Plan) -> bool:
        """Else the last batch is a program of its own: 8 s of compiling on an H200, 13 epochs of `reference`."""
        return plan.on_gpu and plan.steps_per_execution > 1

    def batches(self, feed: Feed) -> Any:
        """A generator of slices, bent on the device and not brought back."""
        return array_batches(feed, jax.jit(warp))

    def set_steps_per_execution(self, model: Any, steps: int, batch_size: int) -> None:
        """In one program that loops on the device; Keras' own would go back to Python after every step."""
        super().set_steps_per_execution(model, steps, batch_size)
        model.train_function = Loop(model, batch_size)

    def speculate(self, model: Any, batches: Any, rate: float) -> Any:
        """Begin with them."""
        return model.train_function.speculate(batches, rate)

    def fetch(self, variables: Sequence[Any]) -> list[NDArray[Any]]:
        """All under way at once: one after the other took 10 ms of an H200's time, `reference` at an epoch's end."""
        return [np.array(value) for value in jax.device_get([variable.value for variable in variables])]

    def execution_starter(self, model: Any) -> StartExecution:
        """By assigning to variables, whose values Keras takes up before the step."""
        if isinstance(model.train_function, Loop):
            return model.train_function.begin

        def begin(rate: float, coming: float | None) -> None:  # noqa: ARG001
            _assign(model.optimizer.learning_rate, rate)
            for variable in model.metrics_variables:
                _assign(variable, 0)

        return begin

    def log_probability_gradient(self, model: Any) -> Gradient:
        """By jax.grad, compiled: the class is an argument, so that there is one program for all."""

        def score(images: Any, wanted: Any, trained: Any, kept: Any) -> Any:
            probabilities, _ = model.stateless_call(trained, kept, images, training=False)
            return jnp.log(probabilities[:, wanted] + 1e-12).sum()

        gradient = jax.jit(jax.grad(score))
        return lambda images, wanted: np.asarray(gradient(images, wanted, *_values(model)))

    def gradient_norms(self, model: Any) -> GradientNorms:
        """By jax.grad, compiled."""

        def loss(trained: Any, kept: Any, images: Any, targets: Any) -> Any:
            probabilities, _ = model.stateless_call(trained, kept, images, training=False)
            return model.loss(targets, probabilities)

        def norms(trained: Any, kept: Any, images: Any, targets: Any) -> Any:
            gradients = jax.grad(loss)(trained, kept, images, targets)
            return jnp.stack([jnp.linalg.norm(gradient.ravel()) for gradient in gradients])

        compiled = jax.jit(norms)
        return lambda images, targets: np.asarray(compiled(*_values(model), images, targets))


def _assign(variable: Any, value: float) -> None:
    """One number everywhere, where the variable lies.

    With a plain number, each of several processes would first ask all others whether theirs is the same.
    """
    filled = np.full(variable.shape, value, variable.dtype)
    variable.assign(jax.make_array_from_callback(filled.shape, variable.value.sharding, lambda place: filled[place]))


def _values(model: keras.Model) -> tuple[list[Any], list[Any]]:
    """Of the trainable and of the other variables."""
    return [one.value for one in model.trainable_variables], [one.value for one in model.non_trainable_variables]
