"""A worker process: python -m mnist_tui.engine.distributed.worker HOST PORT RANK WORLD_SIZE.

It has no run directory: it hears from process 0 what is trained and from where, computes its share of every batch, and
prints plain lines. It ends with process 0.
"""

import os
import signal
import sys
import time
import traceback
from contextlib import suppress
from typing import Any

from mnist_tui.cluster import Cluster
from mnist_tui.config import ConfigError, RunConfig
from mnist_tui.engine import backends
from mnist_tui.engine.backends.planning import plan
from mnist_tui.engine.backends.runtime import detect_machine
from mnist_tui.engine.data import datasets
from mnist_tui.engine.data.datasets import DataSet
from mnist_tui.engine.distributed.messages import Data, End, Fit, Order, Restore, StepOrder
from mnist_tui.engine.distributed.wire import WorkerWire
from mnist_tui.engine.distribution import DistributionError
from mnist_tui.engine.hardware import detection
from mnist_tui.runs.directory import RunError

SAY_SECONDS = 10.0
"""Between two lines about the steps."""


class Interrupted(Exception):  # noqa: N818 (not a failure: another order)
    """Instead of the next step came another order."""

    def __init__(self, order: Order) -> None:
        super().__init__()
        self.order = order


class Worker:
    """Does what process 0 says, on this process' share of the digits."""

    def __init__(self, cluster: Cluster, wire: WorkerWire, config: RunConfig, jax_port: int) -> None:
        from mnist_tui.engine.distributed.jax_processes import JaxDistribution

        self._cluster, self._wire, self._config = cluster, wire, config
        self._distribution = JaxDistribution(cluster, config, jax_port)
        self._said = 0.0

    def prepare(self, data: DataSet) -> None:
        """Split the digits and build the network, as process 0 does."""
        from mnist_tui.engine.models.compiled import CompiledModel
        from mnist_tui.engine.training.feed import EpochFeed

        config, classes = self._config, len(data.class_names)
        machine = detect_machine(config.device)
        backends.current().prepare(plan(config, machine))
        split = datasets.split(data, config.seed, config.limit)
        self._compiled = CompiledModel(config, 0, machine, classes, self._distribution)
        self._digits = EpochFeed(config, split.train, classes, self._distribution, self._compiled.plan)

    def work(self) -> str:
        """Follow orders until the end; returns what went wrong with the run, empty when nothing did."""
        order = self._wire.receive()
        while not isinstance(order, End):
            if isinstance(order, Data):
                self._take_data(order)
            elif isinstance(order, Restore):
                self._restore()
            elif isinstance(order, Fit):
                try:
                    self._fit(order)
                except Interrupted as interrupted:
                    order = interrupted.order
                    continue
            order = self._wire.receive()
        return order.error

    def _take_data(self, order: Data) -> None:
        data = datasets.load(self._config.data)
        if data.checksum != order.checksum:
            raise ConfigError(f"data {self._config.data!r} is not what process 0 has: copy its file here")
        self._wire.say_ready()
        self.prepare(data)

    def _restore(self) -> None:
        import numpy as np
        from jax.experimental import multihost_utils

        zeros = [np.zeros(variable.shape, variable.dtype) for variable in self._compiled.variables]
        for variable, array in zip(self._compiled.variables, multihost_utils.broadcast_one_to_all(zeros), strict=True):
            variable.assign(np.asarray(array))
        self._say("takes over a checkpoint")

    def _fit(self, order: Fit) -> None:
        from mnist_tui.engine.training.callbacks import BeginSteps, BetweenBatches

        epoch, self._batch = order.epoch, order.batch

        def rate() -> float:
            following = self._wire.receive()
            if not isinstance(following, StepOrder):
                raise Interrupted(following)
            return following.rate

        def count() -> bool:
            self._batch += 1
            if time.monotonic() > self._said + SAY_SECONDS:
                self._say(f"epoch {epoch + 1}  step {self._batch}/{self._digits.steps} of it")
            return True

        with self._distribution.scope():
            batches = self._digits.remaining_batches(epoch, order.batch, self._compiled.preset.augmentation)
            callbacks: list[Any] = [BeginSteps(rate), BetweenBatches(count)]
            left = self._digits.steps - order.batch
            self._compiled.model.fit(batches, verbose=0, steps_per_epoch=left, shuffle=False, callbacks=callbacks)

    def _say(self, words: str) -> None:
        self._said = time.monotonic()
        say(self._cluster, words)


def say(cluster: Cluster, words: str) -> None:
    """Print a line, unless stdout is closed."""
    with suppress(OSError):
        print(f"process {cluster.process} of {cluster.processes}: {words}", flush=True)


def follow(cluster: Cluster) -> int:
    """Join, train and leave; returns the exit status."""
    wire = WorkerWire(cluster)
    say(cluster, f"joins at {cluster.address}")
    settings = wire.join()
    config = settings.config
    try:
        backends.select(config.backend)
        detection.restrict_gpus(config.device)
        follower = Worker(cluster, wire, config, settings.jax_port)
        say(cluster, f"trains {config.preset}, {config.batch_size // cluster.processes} digits of every batch")
        error = follower.work()
    except DistributionError:
        raise
    except (ConfigError, RunError) as reason:
        wire.leave(str(reason))
        raise
    except Exception as reason:
        wire.leave(f"{type(reason).__name__}, see its log")
        raise
    say(cluster, error or "the run is over")
    return 1 if error else 0


def main(host: str, port: str, process: str, processes: str) -> int:
    """Follow, and turn what goes wrong into one line."""
    with suppress(ValueError):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a dropped connection ends no training
    sys.stdout = os.fdopen(os.dup(1), "w")  # what is printed by native code goes where its other messages go
    os.dup2(2, 1)
    cluster = Cluster(host, int(port), int(process), int(processes))
    detection.lower_priority()
    try:
        return follow(cluster)
    except (ConfigError, RunError) as error:
        say(cluster, str(error))
    except Exception as error:
        traceback.print_exc()
        first = (str(error) or "no message").splitlines()[0]
        say(cluster, f"cannot go on without the others ({type(error).__name__}: {first})")
    return 1


if __name__ == "__main__":
    status = main(*sys.argv[1:])
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)  # JAX would wait for the others, who may be gone
