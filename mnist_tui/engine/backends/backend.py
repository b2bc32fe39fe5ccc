"""Backend: the interface to what the engine needs beyond Keras' own backend-independent functions."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from mnist_tui.engine.hardware.plan import Gpu, Plan

StartExecution = Callable[[float, float | None], None]
"""Function (learning rate of the execution, learning rate of the next one if known) to call before each execution."""
Predict = Callable[[NDArray[np.uint8]], Any]
"""Function (images) -> probabilities (n, classes), which a device may still compute: np.asarray waits for them."""
Gradient = Callable[[NDArray[np.float32], int], NDArray[np.float32]]
LEAST_PROBABILITY = 1e-30
"""Added to probabilities before the logarithm: a smaller one has no gradient, from which no change could start."""
Probe = Callable[[NDArray[np.float32], NDArray[np.float32]], tuple[list[NDArray[np.float32]], list[Any]]]
Summary = Callable[[Any], Any]
"""Function of one output of a layer -> tensors, in operations of `keras.ops`."""


@dataclass(frozen=True)
class Feed:
    """The training examples that `fit` gets, in order."""

    images: NDArray[np.uint8]
    """Shape (n, height, width, channels)."""
    targets: NDArray[np.float32]
    """One-hot labels, shape (n, classes)."""
    batch_size: int
    """Examples per step; the last batch may be smaller."""
    warps: NDArray[np.float32] | None = None
    """Random transformation of each image (see engine/data/augmentation.py); None: no augmentation."""
    steps_per_execution: int = 1


class Backend(ABC):
    """A library that Keras computes with. There is one instance a process, created after Keras has been imported."""

    @abstractmethod
    def versions(self) -> dict[str, str]:
        """Return the versions of the packages that results depend on, by package."""

    @abstractmethod
    def gpus(self) -> "tuple[Gpu, ...]":
        """Return the GPUs that the backend sees."""

    @abstractmethod
    def prepare(self, plan: "Plan") -> None:
        """Configure the backend for a plan, once and before its first use. On a CPU, a seed must decide all results."""

    def scope(self) -> AbstractContextManager[Any]:
        """Return a context in which models are built and compiled, so that several devices share their variables."""
        return nullcontext()

    def prepare_model(self, model: Any, plan: "Plan") -> Any:
        """Return a copy of a model that trains by a plan, with the same layer names and weights."""
        from mnist_tui.engine.backends.precision import clone_with_policy

        return clone_with_policy(model, plan.policy)

    def has_fast_bfloat16(self) -> bool:
        """Measure, once prepared for a CPU with units for bfloat16, whether the backend uses them."""
        return True

    def is_out_of_memory(self, error: Exception) -> bool:  # noqa: ARG002
        """Return True if an error of the backend means that a device ran out of memory."""
        return False

    def set_steps_per_execution(self, model: Any, steps: int, batch_size: int) -> None:  # noqa: ARG002
        """Let `fit` of a compiled model run several steps in one execution."""
        model.steps_per_execution = steps

    def drops_partial_batches(self, plan: "Plan") -> bool:  # noqa: ARG002
        """Return True if a smaller last batch is too costly to train on. Its examples are left for other epochs."""
        return False

    @abstractmethod
    def batches(self, feed: Feed) -> Any:
        """Return the batches in a form that `fit` takes."""

    def speculate(self, model: Any, batches: Any, learning_rate: float) -> Any:  # noqa: ARG002
        """Start the first execution of a coming `fit` early, if the backend can; return the batches for that `fit`.

        The model must have several steps per execution. If it changes before `fit`, the early results are discarded.
        """
        return batches

    def fetch(self, variables: Sequence[Any]) -> list[NDArray[Any]]:
        """Copy the values of variables to NumPy arrays."""
        import keras

        return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]

    def predictor(self, model: Any) -> Predict:
        """Return a function that predicts a batch in inference mode and leaves all variables of the model as they are.

        It compiles what `predict` needs, too.
        """
        others = model.non_trainable_variables

        def predict(images: NDArray[np.uint8]) -> Any:
            before = self.fetch(others)
            probabilities = model.predict_on_batch(images)
            for variable, old, new in zip(others, before, self.fetch(others), strict=True):
                if not np.array_equal(old, new):  # of a layer that draws random numbers in inference, say
                    variable.assign(old)
            return probabilities

        return predict

    def predict(self, model: Any, images: NDArray[np.uint8], batch_size: int) -> NDArray[np.float32]:
        """Return the probabilities (n, classes) that a model predicts for images (n, height, width, channels)."""
        predict = self.predictor(model)
        parts = [predict(images[start : start + batch_size]) for start in range(0, len(images), batch_size)]
        return np.concatenate([np.asarray(part, np.float32) for part in parts])

    @abstractmethod
    def execution_starter(self, model: Any) -> StartExecution:
        """Return a function that sets the learning rate and resets the metrics before each execution of `fit`."""

    @abstractmethod
    def log_probability_gradient(self, model: Any) -> Gradient:
        """Return a function (images, class) -> gradient of the class' log probability, both shaped like the images."""

    @abstractmethod
    def probe(self, model: Any, outputs: Sequence[Any] = (), summary: Summary | None = None) -> Probe:
        """Return a function (images, one-hot labels) -> gradients of the loss, summaries of layers' outputs.

        There is one gradient per trainable variable, 0 for one that the loss does not depend on. The model runs in
        inference mode: without dropout, and with unchanged batch statistics.

        Args:
            model: Compiled model.
            outputs: Symbolic outputs of its layers.
            summary: What is computed of each output, on the device. So outputs stay there, which can be large.
        """


def with_outputs(model: Any, outputs: Sequence[Any]) -> Any:
    """Return a model with the same layers that returns a list: the model's predictions, then these outputs.

    Keras returns the predictions alone without a list.
    """
    import keras

    return keras.Model(model.inputs[0], [model.outputs[0], *outputs])


def array_batches(feed: Feed, warp: Callable[[Any, Any], Any]) -> Iterator[tuple[Any, NDArray[np.float32]]]:
    """Yield (images, targets), one execution at a time; `warp` augments a batch of images."""
    size = feed.batch_size * feed.steps_per_execution
    for start in range(0, len(feed.images), size):
        rows = slice(start, start + size)
        images = feed.images[rows]
        yield images if feed.warps is None else warp(images, feed.warps[rows]), feed.targets[rows]
