"""What the engine asks of a backend beyond what Keras itself offers on all of them."""

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
"""A function of an execution's learning rate, and of the next one's where it is known, for whoever computes ahead."""
Gradient = Callable[[NDArray[np.float32], int], NDArray[np.float32]]
GradientNorms = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True)
class Feed:
    """What `fit` is fed with: digits in their order."""

    images: NDArray[np.uint8]
    """Shape (n, 28, 28, 1)."""
    targets: NDArray[np.float32]
    """Shape (n, classes)."""
    batch_size: int
    """The last batch may be smaller."""
    warps: NDArray[np.float32] | None = None
    """One a digit, by which it is bent on the way (see engine/data/augmentation.py)."""
    steps_per_execution: int = 1
    """Batches that are taken at once, and so may come in one piece."""


class Backend(ABC):
    """One library that Keras computes with. Made once a process, after Keras was told to use it."""

    @abstractmethod
    def versions(self) -> dict[str, str]:
        """The packages that a figure depends on -> their versions."""

    @abstractmethod
    def gpus(self) -> "tuple[Gpu, ...]":
        """The GPUs that it sees."""

    @abstractmethod
    def prepare(self, plan: "Plan") -> None:
        """Before the first use, once: compute as the plan says, and on a CPU let a seed decide every figure."""

    def scope(self) -> AbstractContextManager[Any]:
        """To be entered while a network is prepared and compiled: several devices share what is made in it."""
        return nullcontext()

    def prepare_model(self, model: Any, plan: "Plan") -> Any:
        """A twin of the network that trains by a plan: the same layers by name and the same weights."""
        from mnist_tui.engine.backends.precision import clone_with_policy

        return clone_with_policy(model, plan.policy)

    def is_out_of_memory(self, error: Exception) -> bool:
        """Whether a device had no room for what it was to compute."""
        return isinstance(error, MemoryError)

    def set_steps_per_execution(self, model: Any, steps: int, batch_size: int) -> None:  # noqa: ARG002
        """Let `fit` of a compiled network take so many steps with as little between them as can be."""
        model.steps_per_execution = steps

    def drops_partial_batches(self, plan: "Plan") -> bool:  # noqa: ARG002
        """Whether a last batch that is smaller had better be left for another epoch."""
        return False

    @abstractmethod
    def batches(self, feed: Feed) -> Any:
        """Digits as `fit` takes them."""

    def speculate(self, model: Any, batches: Any, rate: float) -> Any:  # noqa: ARG002
        """Get ready for a `fit` with these batches, the first of them at a learning rate: returns what to give it.

        Only for a network that was told to `take_at_once`. Nothing of it shows: what changes before that `fit` counts.
        """
        return batches

    def fetch(self, variables: Sequence[Any]) -> list[NDArray[Any]]:
        """Copies of their values."""
        import keras

        return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]

    @abstractmethod
    def execution_starter(self, model: Any) -> StartExecution:
        """A function that sets the learning rate and empties the metrics of a network whose `fit` has just begun.

        To be called before every execution from the first on.
        """

    @abstractmethod
    def log_probability_gradient(self, model: Any) -> Gradient:
        """A function (images, class) -> gradient of its log probability by the pixels: (n, 28, 28, 1) -> the same."""

    @abstractmethod
    def gradient_norms(self, model: Any) -> GradientNorms:
        """A function (images, one-hot labels) -> norm of the loss's gradient by each trainable variable in turn.

        In inference mode: dropping nothing, and leaving batch statistics as they are.
        """


def array_batches(feed: Feed, bend: Callable[[Any, Any], Any]) -> Iterator[tuple[Any, NDArray[np.float32]]]:
    """Slices of all; `bend` is engine.augmentation.warp, or faster."""
    for place in range(0, len(feed.images), feed.batch_size * feed.steps_per_execution):
        part = slice(place, place + feed.batch_size * feed.steps_per_execution)
        pictures = feed.images[part]
        yield pictures if feed.warps is None else bend(pictures, feed.warps[part]), feed.targets[part]
