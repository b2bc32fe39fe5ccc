"""Worker process: python -m mnist_tui.engine.distributed.worker HOST PORT RANK WORLD_SIZE.

It follows the orders of process 0, computes its share of every batch and prints plain lines. It has no run directory.
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
from mnist_tui.engine.backends.runtime import prepare_machine
from mnist_tui.engine.data import datasets
from mnist_tui.engine.data.datasets import DataSet, Split
from mnist_tui.engine.distributed.messages import Data, End, Fit, Leaving, Order, Ready, Restore, StepOrder
from mnist_tui.engine.distributed.wire import WorkerWire
from mnist_tui.engine.distribution import DistributionError
from mnist_tui.engine.hardware import detection
from mnist_tui.engine.temporaries import exit_now, use_own_folder
from mnist_tui.runs.directory import RunError

PROGRESS_SECONDS = 10.0
"""Seconds between two lines of progress."""


class Interrupted(Exception):  # noqa: N818 (not an error: process 0 sent another order)
    """Order that arrived in place of the next step."""

    def __init__(self, order: Order) -> None:
        super().__init__()
        self.order = order


class Worker:
    """Worker that trains as process 0 orders."""

    def __init__(self, cluster: Cluster, wire: WorkerWire, config: RunConfig, jax_port: int) -> None:
        from mnist_tui.engine.distributed.jax_processes import JaxDistribution

        self._cluster, self._wire, self._config = cluster, wire, config
        self._distribution = JaxDistribution(cluster, config, jax_port)
        self._printed_at = 0.0

    def work(self) -> str:
        """Follow orders until the end of the run, and return its error message or an empty string."""
        order = self._wire.receive()
        while not isinstance(order, End):
            if isinstance(order, Data):
                self._load_data(order)
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

    def _load_data(self, order: Data) -> None:
        data, split = datasets.load_of_run(self._config)
        if data.checksum != order.checksum:
            raise ConfigError(f"data {self._config.data!r} differs from that of process 0: copy its file here")
        self._wire.send(Ready())
        self._build(data, split)

    def _build(self, data: DataSet, split: Split) -> None:
        from mnist_tui.engine.models.compiled import CompiledModel
        from mnist_tui.engine.training.feed import EpochFeed

        config, classes = self._config, len(data.class_names)
        machine = prepare_machine(config)
        self._compiled = CompiledModel(config, 0, machine, data.facts, self._distribution)
        self._feed = EpochFeed(config, split.train, classes, self._distribution, self._compiled.plan)
        self._compiled.fit_averages(config.epochs * self._feed.steps)

    def _restore(self) -> None:
        import numpy as np
        from jax.experimental import multihost_utils

        zeros = [np.zeros(variable.shape, variable.dtype) for variable in self._compiled.variables]
        for variable, array in zip(self._compiled.variables, multihost_utils.broadcast_one_to_all(zeros), strict=True):
            variable.assign(np.asarray(array))
        self._print("restores a checkpoint")

    def _fit(self, order: Fit) -> None:
        from mnist_tui.engine.training.callbacks import AfterExecution, PrepareExecution

        epoch, batch, steps = order.epoch, order.batch, self._feed.steps

        def learning_rate() -> float:
            following = self._wire.receive()
            if not isinstance(following, StepOrder):
                raise Interrupted(following)
            return following.learning_rate

        def print_progress() -> bool:
            nonlocal batch
            batch += 1
            if time.monotonic() > self._printed_at + PROGRESS_SECONDS:
                self._print(f"epoch {epoch + 1}, step {batch} of {steps}")
            return True

        with self._distribution.scope():
            batches = self._feed.remaining_batches(epoch, batch, self._compiled.preset.augmentation)
            callbacks: list[Any] = [PrepareExecution(learning_rate), AfterExecution(print_progress)]
            self._compiled.model.fit(
                batches, verbose=0, steps_per_epoch=steps - batch, shuffle=False, callbacks=callbacks
            )

    def _print(self, text: str) -> None:
        self._printed_at = time.monotonic()
        print_line(self._cluster, text)


def print_line(cluster: Cluster, text: str) -> None:
    """Print a plain line, unless stdout is closed."""
    with suppress(OSError):
        print(f"process {cluster.rank} of {cluster.world_size}: {text}", flush=True)


def train(cluster: Cluster) -> int:
    """Join process 0, train until the end of the run and return the exit status."""
    wire = WorkerWire(cluster)
    print_line(cluster, f"joins at {cluster.address}")
    setup = wire.join()
    config = setup.config
    try:
        backends.select(config.backend)
        detection.restrict_gpus(config.device)
        worker = Worker(cluster, wire, config, setup.jax_port)
        share = config.batch_size // cluster.world_size
        print_line(cluster, f"trains {config.preset} on {share} examples of every batch")
        error = worker.work()
    except DistributionError:
        raise
    except (ConfigError, RunError) as reason:
        wire.send(Leaving(str(reason)))
        raise
    except Exception as reason:
        wire.send(Leaving(f"{type(reason).__name__}, see its log"))
        raise
    print_line(cluster, error or "the run is over")
    return 1 if error else 0


def main(host: str, port: str, rank: str, world_size: str) -> int:
    """Run a worker and print errors as one line."""
    with suppress(ValueError):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # training outlives a dropped connection
    sys.stdout = os.fdopen(os.dup(1), "w")  # native code prints to stderr, with its other messages
    os.dup2(2, 1)
    cluster = Cluster(host, int(port), int(rank), int(world_size))
    detection.lower_priority()
    use_own_folder()
    try:
        return train(cluster)
    except (ConfigError, RunError) as error:
        print_line(cluster, str(error))
    except Exception as error:
        traceback.print_exc()
        first = (str(error) or "no message").splitlines()[0]
        print_line(cluster, f"cannot continue without the other processes ({type(error).__name__}: {first})")
    return 1


if __name__ == "__main__":
    status = main(*sys.argv[1:])
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    exit_now(status)  # JAX would wait for the other processes, which may be gone
