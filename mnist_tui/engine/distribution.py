"""Hooks of the training loop for several processes. In a run of one process they do nothing.

`distributed/jax_processes.py` implements them for the coordinator of several processes.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.runs.directory import RunError


class DistributionError(RunError):
    """The processes cannot train together. The message is a sentence."""


class Distribution:
    """A run of one process."""

    processes = 1
    devices = 1
    """Devices that share every batch, over all processes."""

    def scope(self) -> AbstractContextManager[Any]:
        """Return the context in which the model is built and trained."""
        return nullcontext()

    def apart(self) -> AbstractContextManager[Any]:
        """Return the context in which this process computes by itself during `fit`."""
        return nullcontext()

    def reader(self, model: Any) -> Callable[[], Any]:
        """Return a function that returns the current model, for predictions of this process."""
        return lambda: model

    def share(self, count: int, batch_size: int) -> tuple[slice | NDArray[np.int64], int]:
        """Return the rows of `count` examples that this process trains on, and its share of the batch size."""
        return slice(0, count), batch_size

    def check_data(self, checksum: str) -> None:
        """Check that all processes have the same data; raises DistributionError."""

    def restore(self, arrays: Sequence[NDArray[Any]]) -> None:
        """Restore the variables of the model in all processes."""

    def fit(self, epoch: int, batch: int) -> None:
        """Announce that the rest of an epoch is trained next."""

    def step(self, rate: float) -> None:
        """Announce the learning rate of the next step."""

    def watch(self, rescue: Callable[[str], None]) -> None:
        """Call `rescue` with an error message, from another thread, if a process is lost and the training hangs."""

    def explain(self, error: Exception) -> Exception:
        """Return the cause of an error during `fit`."""
        return error

    def close(self, error: str) -> None:
        """End the run in all processes; `error` is empty if it ended in good order."""


def rows_of(process: int, processes: int, count: int, batch_size: int) -> NDArray[np.int64]:
    """Return the rows of `count` examples that a process trains on: an even share of every batch, in order.

    Every batch must be divisible by the number of processes.
    """
    rows = np.arange(count)
    places, sizes = rows % batch_size, np.minimum(batch_size, count - rows // batch_size * batch_size)
    mine: NDArray[np.int64] = rows[places * processes // sizes == process]
    return mine
