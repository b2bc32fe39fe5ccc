"""Several processes that train one network on JAX: keras.distribution.DataParallel over jax.distributed.

Every process has all weights and computes its even share of every batch; JAX adds the gradients up. So the batch size
is the whole batch's, and the learning rate stays what it is. What is trained next is said by process 0 (team_wire.py).
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
from mnist_tui.engine.distributed.messages import Data, Fit, Restore, Settings, StepOrder
from mnist_tui.engine.distributed.wire import CoordinatorWire, free_port
from mnist_tui.engine.distribution import Distribution, DistributionError, rows_of

NOTICE_SECONDS = 5.0
"""Seconds from an error during a step until the lost process must be known."""
HANG_SECONDS = 15.0
"""Seconds that a step may hang after a process is lost: a GPU library may never report it."""


class JaxDistribution(Distribution):
    """One of several processes."""

    def __init__(self, cluster: Cluster, config: RunConfig, jax_port: int) -> None:
        """Wait until all processes are there; before anything else is computed on JAX. Raises ConfigError."""
        keras.utils.set_random_seed(config.seed)  # else they would agree on one
        meeting = Cluster(cluster.host, jax_port, cluster.process, cluster.processes)
        keras.distribution.initialize(meeting.address, cluster.processes, cluster.process)
        self._cluster = cluster
        self.processes = cluster.processes
        devices = keras.distribution.list_devices()
        self.devices = len(devices)
        if config.batch_size % self.devices:
            raise ConfigError(
                f"batch_size {config.batch_size} cannot be shared by the {self.devices} devices of {cluster.processes}"
                f" processes evenly: give a multiple of {self.devices}"
            )
        if len(config.members) > 1:
            raise ConfigError("an ensemble cannot be trained by several processes: leave ensemble out")
        self._distribution = keras.distribution.DataParallel(devices=devices, auto_shard_dataset=False)

    def scope(self) -> AbstractContextManager[Any]:
        """Return the context that places variables on the devices of all processes."""
        scope: AbstractContextManager[Any] = self._distribution.scope()
        return scope

    @contextmanager
    def apart(self) -> Iterator[None]:
        """No distribution for now."""
        whole = keras.distribution.distribution()
        keras.distribution.set_distribution(None)
        try:
            yield
        finally:
            keras.distribution.set_distribution(whole)

    def share(self, count: int, batch_size: int) -> tuple[slice | NDArray[np.int64], int]:
        return rows_of(self._cluster.process, self.processes, count, batch_size), batch_size // self.processes


class Coordinator(JaxDistribution):
    """Process 0: what it does, it tells the others first."""

    def __init__(self, cluster: Cluster, config: RunConfig) -> None:
        """Gather the others; raises DistributionError."""
        self._wire = CoordinatorWire(cluster)
        self._wire.gather()
        port = free_port(cluster.host)
        self._wire.send(Settings(config, port))
        super().__init__(cluster, config, port)

    def reader(self, model: Any) -> Callable[[], Any]:
        """A twin on this process' own device, with the weights of now."""
        twin = keras.models.clone_model(model)
        twin.compile("sgd", loss=model.loss)

        def read() -> Any:
            twin.set_weights(model.get_weights())
            return twin

        return read

    def check_data(self, checksum: str) -> None:
        """The others compare, and say that they are ready."""
        self._wire.send(Data(checksum))
        self._wire.wait_until_ready()

    def restore(self, arrays: Sequence[NDArray[Any]]) -> None:
        """The others take the arrays over; each then assigns them."""
        self._wire.send(Restore())
        multihost_utils.broadcast_one_to_all(list(arrays))

    def fit(self, epoch: int, batch: int) -> None:
        """The others begin as well."""
        self._wire.send(Fit(epoch, batch))

    def step(self, rate: float) -> None:
        """The others take it as well."""
        self._wire.send(StepOrder(rate))

    def watch(self, rescue: Callable[[str], None]) -> None:
        """Give the training HANG_SECONDS to notice a lost process."""

        def on_lost() -> None:
            timer = threading.Timer(HANG_SECONDS, lambda: rescue(f"{self._wire.lost} is gone"))
            timer.daemon = True
            timer.start()

        self._wire.on_lost = on_lost

    def explain(self, error: Exception) -> Exception:
        """Return the loss of a process as the cause of a failed step."""
        deadline = time.monotonic() + NOTICE_SECONDS
        while not self._wire.lost and time.monotonic() < deadline:
            time.sleep(0.05)
        return DistributionError(f"{self._wire.lost} is gone") if self._wire.lost else error

    def close(self, error: str) -> None:
        """The others leave."""
        self._wire.close(error)
