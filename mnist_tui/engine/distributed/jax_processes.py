"""Data-parallel training with several JAX processes: keras.distribution.DataParallel over jax.distributed.

Every process has all weights and computes its even share of every batch; JAX sums the gradients. Batch size and
learning rate mean the same as with one process. Process 0 decides what to train next (see wire.py).
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import keras
import numpy as np
from jax.experimental import multihost_utils
from numpy.typing import NDArray

from mnist_tui.cluster import Cluster
from mnist_tui.config import ConfigError, RunConfig
from mnist_tui.engine.distributed.messages import Data, Fit, Restore, Setup, StepOrder
from mnist_tui.engine.distributed.wire import CoordinatorWire, free_port
from mnist_tui.engine.distribution import Distribution, DistributionError, rows_of

NOTICE_SECONDS = 5.0
"""Maximum time from a failed step until the lost process that caused it is known."""
HANG_SECONDS = 15.0
"""Maximum time that a step may hang after a process is lost: a GPU library may never report it."""


class JaxDistribution(Distribution):
    """One of several JAX processes."""

    def __init__(self, cluster: Cluster, config: RunConfig, jax_port: int) -> None:
        """Connect all processes; call this before any computation on JAX. Raise ConfigError."""
        keras.utils.set_random_seed(config.seed)  # else Keras broadcasts a seed
        jax_coordinator = Cluster(cluster.host, jax_port, cluster.rank, cluster.world_size).address
        keras.distribution.initialize(jax_coordinator, cluster.world_size, cluster.rank)
        self._rank, self.world_size = cluster.rank, cluster.world_size
        devices = keras.distribution.list_devices()
        self.devices = len(devices)
        if config.batch_size % self.devices:
            raise ConfigError(
                f"batch_size {config.batch_size} does not divide evenly among the {self.devices} devices of"
                f" {cluster.world_size} processes: give a multiple of {self.devices}"
            )
        if len(config.members) > 1:
            raise ConfigError("several processes cannot train an ensemble: leave ensemble out")
        self._distribution = keras.distribution.DataParallel(devices=devices, auto_shard_dataset=False)

    def scope(self) -> AbstractContextManager[Any]:
        scope: AbstractContextManager[Any] = self._distribution.scope()
        return scope

    @contextmanager
    def local(self) -> Iterator[None]:
        distribution = keras.distribution.distribution()
        keras.distribution.set_distribution(None)
        try:
            yield
        finally:
            keras.distribution.set_distribution(distribution)

    def share(self, count: int, batch_size: int) -> tuple[slice | NDArray[np.int64], int]:
        return rows_of(self._rank, self.world_size, count, batch_size), batch_size // self.world_size


class Coordinator(JaxDistribution):
    """Process 0. It announces each of its actions to the workers first."""

    def __init__(self, cluster: Cluster, config: RunConfig) -> None:
        """Wait for all workers. Raise DistributionError."""
        self._wire = CoordinatorWire(cluster)
        self._wire.gather()
        port = free_port(cluster.host)
        self._wire.send(Setup(config, port))
        super().__init__(cluster, config, port)

    def reader(self, model: Any) -> Callable[[], Any]:
        """Return a function that copies the current weights to a model on this process's own device."""
        copy = keras.models.clone_model(model)
        copy.compile("sgd", loss=model.loss)

        def read() -> Any:
            copy.set_weights(model.get_weights())
            return copy

        return read

    def check_data(self, checksum: str) -> None:
        self._wire.send(Data(checksum))
        self._wire.wait_until_ready()

    def restore(self, arrays: Sequence[NDArray[Any]]) -> None:
        self._wire.send(Restore())
        multihost_utils.broadcast_one_to_all(list(arrays))

    def fit(self, epoch: int, batch: int) -> None:
        self._wire.send(Fit(epoch, batch))

    def step(self, learning_rate: float) -> None:
        self._wire.send(StepOrder(learning_rate))

    def watch(self, on_loss: Callable[[str], None]) -> None:
        """Call `on_loss` HANG_SECONDS after a worker is lost. Training usually fails by itself before."""

        def on_lost() -> None:
            timer = threading.Timer(HANG_SECONDS, lambda: on_loss(f"{self._wire.lost} is gone"))
            timer.daemon = True
            timer.start()

        self._wire.on_lost = on_lost

    def explain_error(self, error: Exception) -> Exception:
        """Return a DistributionError if a worker is lost: that breaks the current step."""
        deadline = time.monotonic() + NOTICE_SECONDS
        while not self._wire.lost and time.monotonic() < deadline:
            time.sleep(0.05)
        return DistributionError(f"{self._wire.lost} is gone") if self._wire.lost else error

    def close(self, error: str) -> None:
        self._wire.close(error)
