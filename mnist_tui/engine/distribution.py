"""The processes that train one network together, as the training meets them: one alone, or process 0 of several.

What several need is done in backends/jax_team.py; here are the hooks, which do nothing for a process alone.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.runs.directory import RunError


class DistributionError(RunError):
    """The processes cannot train together (any more). The message is a sentence."""


class Distribution:
    """A process alone."""

    processes = 1
    devices = 1
    """That share every batch, over all processes."""

    def scope(self) -> AbstractContextManager[Any]:
        """To be entered where the network that is trained is made, and where it is trained."""
        return nullcontext()

    def apart(self) -> AbstractContextManager[Any]:
        """To be entered in the midst of `fit` for what this process computes by itself."""
        return nullcontext()

    def reader(self, model: Any) -> Callable[[], Any]:
        """A function that gives the trained network as it is now, for this process to ask by itself."""
        return lambda: model

    def share(self, count: int, batch_size: int) -> tuple[slice | NDArray[np.int64], int]:
        """This process' rows of so many digits that are trained on next, and how many of each batch they are."""
        return slice(0, count), batch_size

    def check_data(self, checksum: str) -> None:
        """All must have the same digits."""

    def restore(self, arrays: Sequence[NDArray[Any]]) -> None:
        """The network that is trained goes back to these, here and everywhere."""

    def fit(self, epoch: int, batch: int) -> None:
        """What is left of an epoch is trained on next."""

    def step(self, rate: float) -> None:
        """The next batch is trained on at this learning rate."""

    def watch(self, rescue: Callable[[str], None]) -> None:
        """Call `rescue` with a sentence, from another thread, when somebody is gone and the training is not aware."""

    def explain(self, error: Exception) -> Exception:
        """What an error in the midst of `fit` comes from."""
        return error

    def close(self, error: str) -> None:
        """The run is over; `error` is a sentence, empty when all went well."""


def rows_of(process: int, processes: int, count: int, batch_size: int) -> NDArray[np.int64]:
    """A process' rows of `count` digits: its even share of every batch, in order. All batches must divide evenly."""
    rows = np.arange(count)
    places, sizes = rows % batch_size, np.minimum(batch_size, count - rows // batch_size * batch_size)
    mine: NDArray[np.int64] = rows[places * processes // sizes == process]
    return mine
