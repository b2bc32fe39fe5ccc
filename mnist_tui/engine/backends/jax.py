"""Keras on JAX: compiled as a whole, and the way past one machine.

While `fit` runs, Keras keeps the network's state outside its variables; whoever goes through a callback's `model` finds
it in them, and the next step begins with what is in them then.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from numpy.typing import NDArray

from mnist_tui.engine.augmentation import warp
from mnist_tui.engine.backends.backend import Backend, Gradient, GradientNorms, array_batches
from mnist_tui.engine.devices import Plan
from mnist_tui.engine.nvidia import Gpu


class Jax(Backend):
    """See Backend."""

    def versions(self) -> dict[str, str]:
        """JAX's."""
        return {"jax": jax.__version__}

    def gpus(self) -> tuple[Gpu, ...]:
        """Its accelerators."""
        return tuple(Gpu(str(device.device_kind)) for device in jax.local_devices() if device.platform != "cpu")

    def prepare(self, plan: Plan) -> None:
        """Nothing: what is read at the import is in the table of backends, and a seed decides every figure anyway."""

    def batches(
        self,
        images: NDArray[np.uint8],
        targets: NDArray[np.float32],
        batch_size: int,
        warps: NDArray[np.float32] | None = None,
    ) -> Any:
        """A generator of slices."""
        return array_batches(images, targets, batch_size, warps, jax.jit(warp))

    def step_beginner(self, model: Any) -> Callable[[float], None]:
        """By assigning to variables, whose values Keras takes up before the step."""

        def begin(rate: float) -> None:
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
