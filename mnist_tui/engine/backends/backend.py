"""What the engine asks of a backend beyond what Keras itself offers on all of them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from mnist_tui.engine.devices import Plan
    from mnist_tui.engine.nvidia import Gpu

Gradient = Callable[[NDArray[np.float32], int], NDArray[np.float32]]
GradientNorms = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]


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

    def prepare_network(self, model: Any, plan: "Plan") -> Any:
        """A twin of the network that trains by a plan: the same layers by name and the same weights."""
        from mnist_tui.engine.precision import rebuilt

        return rebuilt(model, plan.policy)

    def is_out_of_memory(self, error: Exception) -> bool:
        """Whether a device had no room for what it was to compute."""
        return isinstance(error, MemoryError)

    @abstractmethod
    def batches(
        self,
        images: NDArray[np.uint8],
        targets: NDArray[np.float32],
        batch_size: int,
        warps: NDArray[np.float32] | None = None,
    ) -> Any:
        """Digits in this order, batch by batch, as `fit` takes them: images (n, 28, 28, 1), targets (n, classes).

        With `warps`, one a digit, they are bent on the way (see engine/augmentation.py).
        """

    @abstractmethod
    def step_beginner(self, model: Any) -> Callable[[float], None]:
        """A function that sets the learning rate and empties the metrics of a network whose `fit` has just begun.

        To be called before every step from the first on.
        """

    @abstractmethod
    def log_probability_gradient(self, model: Any) -> Gradient:
        """A function (images, class) -> gradient of its log probability by the pixels: (n, 28, 28, 1) -> the same."""

    @abstractmethod
    def gradient_norms(self, model: Any) -> GradientNorms:
        """A function (images, one-hot labels) -> norm of the loss's gradient by each trainable variable in turn.

        In inference mode: dropping nothing, and leaving batch statistics as they are.
        """


def array_batches(
    images: NDArray[np.uint8],
    targets: NDArray[np.float32],
    batch_size: int,
    warps: NDArray[np.float32] | None,
    bend: Callable[[Any, Any], Any],
) -> Iterator[tuple[NDArray[Any], NDArray[np.float32]]]:
    """Slices of all in their order; the last may be smaller. `bend` is engine.augmentation.warp, or faster."""
    import keras

    for place in range(0, len(images), batch_size):
        part = slice(place, place + batch_size)
        pictures = images[part]
        bent = pictures if warps is None else keras.ops.convert_to_numpy(bend(pictures, warps[part]))
        yield bent, targets[part]
