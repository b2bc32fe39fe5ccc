"""Keras on PyTorch."""

from typing import Any

import keras
import numpy as np
import torch
from numpy.typing import NDArray

from mnist_tui.engine.backends.backend import Backend, Feed, Gradient, GradientNorms, StartExecution, array_batches
from mnist_tui.engine.data.augmentation import warp
from mnist_tui.engine.hardware.plan import Gpu, Plan

SEED_STRIDE = 1_000_003
"""Between the seeds of two runs: more than the steps that they usually take."""


class Torch(Backend):
    """See Backend."""

    def versions(self) -> dict[str, str]:
        """PyTorch's."""
        return {"torch": str(torch.__version__)}

    def gpus(self) -> tuple[Gpu, ...]:
        """NVIDIA's, or Apple's one."""
        if torch.backends.mps.is_available():
            return (Gpu("Apple GPU"),)
        numbers = range(torch.cuda.device_count())
        return tuple(Gpu(torch.cuda.get_device_name(one), torch.cuda.get_device_capability(one)) for one in numbers)

    def prepare(self, plan: Plan) -> None:
        """PyTorch takes a GPU's memory as it needs it, and on a CPU a seed decides every figure anyway."""
        if plan.threads is not None:
            torch.set_num_threads(plan.threads)

    def is_out_of_memory(self, error: Exception) -> bool:
        """PyTorch has an error for it."""
        return isinstance(error, torch.OutOfMemoryError | MemoryError)

    def batches(self, feed: Feed) -> Any:
        """A generator of slices."""
        return array_batches(feed, lambda pictures, warps: keras.ops.convert_to_numpy(warp(pictures, warps)))

    def execution_starter(self, model: Any) -> StartExecution:
        """By assigning to variables.

        Dropout without a seed draws from PyTorch's own generator, whose state no Keras variable holds: it is seeded by
        the step, so that a resumed run drops the same units.
        """
        seed = torch.initial_seed()  # as keras.utils.set_random_seed left it

        def begin(rate: float, coming: float | None) -> None:  # noqa: ARG001
            torch.manual_seed((seed * SEED_STRIDE + int(model.optimizer.iterations)) % 2**63)
            model.optimizer.learning_rate = rate
            for metric in model.metrics:
                metric.reset_state()

        return begin

    def log_probability_gradient(self, model: Any) -> Gradient:
        """By autograd."""

        def gradient(images: NDArray[np.float32], wanted: int) -> NDArray[np.float32]:
            pictures = keras.ops.convert_to_tensor(images).requires_grad_()
            score = torch.log(model(pictures, training=False)[:, wanted] + 1e-12).sum()
            return np.asarray(torch.autograd.grad(score, pictures)[0].cpu())

        return gradient

    def gradient_norms(self, model: Any) -> GradientNorms:
        """By autograd."""

        def norms(images: NDArray[np.float32], targets: NDArray[np.float32]) -> NDArray[np.float32]:
            loss = model.loss(keras.ops.convert_to_tensor(targets), model(images, training=False))
            gradients = torch.autograd.grad(loss, [variable.value for variable in model.trainable_variables])
            return np.asarray(torch.stack([gradient.norm() for gradient in gradients]).cpu())

        return norms
