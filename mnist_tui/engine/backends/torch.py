"""Keras on PyTorch."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import torch
from numpy.typing import NDArray

from mnist_tui.engine.backends.backend import (
    LEAST_PROBABILITY,
    Backend,
    Feed,
    Gradient,
    Probe,
    StartExecution,
    Summary,
    array_batches,
    with_outputs,
)
from mnist_tui.engine.data.augmentation import warp
from mnist_tui.engine.hardware.plan import Gpu, Plan

SEED_STRIDE = 1_000_003
"""Distance between the generator seeds of two runs: more than the steps that a run usually takes."""


class Torch(Backend):
    """Keras on PyTorch. On a CPU, a seed decides all results without further settings."""

    def versions(self) -> dict[str, str]:
        return {"torch": str(torch.__version__)}

    def gpus(self) -> tuple[Gpu, ...]:
        if torch.backends.mps.is_available():
            return (Gpu("Apple GPU"),)
        numbers = range(torch.cuda.device_count())
        return tuple(Gpu(torch.cuda.get_device_name(one), torch.cuda.get_device_capability(one)) for one in numbers)

    def prepare(self, plan: Plan) -> None:
        if plan.threads is not None:
            torch.set_num_threads(plan.threads)

    def is_out_of_memory(self, error: Exception) -> bool:
        return isinstance(error, torch.OutOfMemoryError)

    def batches(self, feed: Feed) -> Any:
        return array_batches(feed, lambda images, warps: keras.ops.convert_to_numpy(warp(images, warps)))

    def execution_starter(self, model: Any) -> StartExecution:
        """Return a function that also seeds PyTorch's generator by the step.

        Dropout draws from that generator, whose state no Keras variable holds. So a resumed run drops the same units.
        """
        seed = torch.initial_seed()  # set by keras.utils.set_random_seed

        def start(learning_rate: float, _: float | None) -> None:
            torch.manual_seed((seed * SEED_STRIDE + int(model.optimizer.iterations)) % 2**63)
            model.optimizer.learning_rate = learning_rate
            for metric in model.metrics:
                metric.reset_state()

        return start

    def log_probability_gradient(self, model: Any) -> Gradient:
        def gradient(images: NDArray[np.float32], wanted: int) -> NDArray[np.float32]:
            inputs = keras.ops.convert_to_tensor(images).requires_grad_()
            score = torch.log(model(inputs, training=False)[:, wanted] + LEAST_PROBABILITY).sum()
            return np.asarray(torch.autograd.grad(score, inputs)[0].cpu())

        return gradient

    def probe(self, model: Any, outputs: Sequence[Any] = (), summary: Summary | None = None) -> Probe:
        forward = with_outputs(model, outputs)

        def probe(images: NDArray[np.float32], targets: NDArray[np.float32]) -> Any:
            predictions, *computed = keras.tree.flatten(forward(images, training=False))
            loss = model.loss(keras.ops.convert_to_tensor(targets), predictions)
            variables = [variable.value for variable in model.trainable_variables]
            found = torch.autograd.grad(loss, variables, allow_unused=True)
            gradients = [
                np.zeros(tuple(variable.shape), np.float32) if gradient is None else gradient.float().cpu().numpy()
                for variable, gradient in zip(variables, found, strict=True)
            ]
            with torch.no_grad():
                return gradients, list(map(summary, computed)) if summary else []

        return probe
