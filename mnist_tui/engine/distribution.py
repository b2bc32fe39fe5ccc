"""Interface between training and the processes that share it. `engine/distributed` implements it for several."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.runs.directory import RunError


class DistributionError(RunError):
    """Error of processes that cannot train together, or no longer can."""


class Distribution:
    """Single process: all hooks do nothing."""

    world_size = 1
    devices = 1
    """Number of devices of all processes, which share every batch."""

    def scope(self) -> AbstractContextManager[Any]:
        """Return a context in which to build and train the model."""
        return nullcontext()

    def local(self) -> AbstractContextManager[Any]:
        """Return a context, within `fit`, for computations of this process alone."""
        return nullcontext()

    def reader(self, model: Any) -> Callable[[], Any]:
        """Return a function that returns the model with its current weights, for use by this process alone."""
        return lambda: model

    def share(self, count: int, batch_size: int) -> tuple[slice | NDArray[np.int64], int]:
        """Return this process's rows of the next `count` examples, and its share of the batch size."""
        return slice(0, count), batch_size

    def check_data(self, checksum: str) -> None:
        """Check that all processes have the same data."""

    def restore(self, arrays: Sequence[NDArray[Any]]) -> None:
        """Send the variables of a checkpoint to all processes."""

    def fit(self, epoch: int, batch: int) -> None:
        """Announce the rest of an epoch (from 0), after `batch` completed batches."""

    def step(self, learning_rate: float) -> None:
        """Announce the next batch and its learning rate."""

    def watch(self, on_loss: Callable[[str], None]) -> None:
        """Call `on_loss` with a message, from another thread, if a process is lost while training hangs."""

    def explain_error(self, error: Exception) -> Exception:
        """Return the cause of an error within `fit`."""
        return error

    def close(self, error: str) -> None:
        """End the run on all processes. `error` is its error message or empty."""


def rows_of(rank: int, world_size: int, count: int, batch_size: int) -> NDArray[np.int64]:
    """Return the rows of `count` examples that a process trains on: its even share of every batch, in order."""
    rows = np.arange(count)
    positions, sizes = rows % batch_size, np.minimum(batch_size, count - rows // batch_size * batch_size)
    own: NDArray[np.int64] = rows[positions * world_size // sizes == rank]
    return own
