"""What the engine asks of a backend beyond what Keras itself offers on all of them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Gradient = Callable[[NDArray[np.float32], int], NDArray[np.float32]]
GradientNorms = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]


class Backend(ABC):
    """One library that Keras computes with. Made once a process, after Keras was told to use it."""

    @abstractmethod
    def versions(self) -> dict[str, str]:
        """The packages that a figure depends on -> their versions."""

    @abstractmethod
    def gpu_name(self) -> str | None:
        """The GPU that will be used, in words; None where the CPU is."""

    @abstractmethod
    def prepare(self) -> None:
        """Before the first use: leave room for others on a GPU; on a CPU let a seed decide every figure."""

    def prepare_network(self, model: Any) -> Any:
        """A twin of the network that trains fastest here: the same layers by name and the same weights."""
        import keras

        twin = keras.models.clone_model(model)
        twin.set_weights(model.get_weights())
        return twin

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
        """A function that sets the learning rate and empties the metrics of a network whose `fit` has begun."""

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
