"""Training with two JAX processes over the loopback address."""

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from mnist_tui.cli.wiring import catalogue, launch
from mnist_tui.cluster import Cluster
from mnist_tui.control import client
from mnist_tui.control.protocol import Continue, Pause, SetLearningRate, Stop
from mnist_tui.engine.distributed.wire import free_port
from mnist_tui.events import EndReason, RunEnded, RunFailed, RunResumed, StepEnded
from mnist_tui.runs.directory import RunDirectory
from tests.e2e.conftest import kill_engine
from tests.engine.conftest import Start, events_until
from tests.engine.held import hold_at
from tests.engine.test_resume import history_of, is_step

pytestmark = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")

HOST = "127.0.0.1"
SETTINGS = {"backend": "jax", "precision": "float32", "limit": 720, "batch_size": 66, "seed": 5}
"""10 steps an epoch; each process trains on 33 images a step."""
SGD = {"optimizer": "sgd", "learning_rate": 0.01}
"""An update that is linear in the gradient. Adam divides by the gradient's size, which amplifies rounding."""
STEPS = 15
ROUNDING = STEPS * 16 * 2**-24
"""Relative difference of the losses: each step adds at most one float32 rounding for each of the 16 levels of a
pairwise sum over a batch's feature maps (66 x 24 x 24 values)."""
PATIENCE = 240

StartWorker = Callable[[Cluster], "subprocess.Popen[str]"]


@pytest.fixture
def start_worker() -> Iterator[StartWorker]:
    """Start process 1, which gets its settings from process 0 and has no run directory."""
    started: list[subprocess.Popen[str]] = []

    def starter(cluster: Cluster) -> "subprocess.Popen[str]":
        flags = ("--coordinator", cluster.address, "--process-id", "1", "--processes", "2")
        command = [sys.executable, "-m", "mnist_tui", "train", "--backend", "jax", *flags]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True))
        return started[-1]

    yield starter
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def start_coordinator() -> "Iterator[StartCoordinator]":
    """Start process 0 on a new run."""
    started: list[RunDirectory] = []

    def starter(cluster: Cluster, **settings: object) -> RunDirectory:
        started.append(launch(catalogue().complete({key: str(value) for key, value in settings.items()}), cluster))
        return started[-1]

    yield starter
    for run in started:
        kill_engine(run)


StartCoordinator = Callable[..., RunDirectory]


def new_cluster() -> Cluster:
    return Cluster(HOST, free_port(HOST), 0, 2)


def test_two_processes_have_the_losses_of_one(
    start: Start, start_coordinator: StartCoordinator, start_worker: StartWorker
) -> None:
    cluster = new_cluster()
    settings = SETTINGS | SGD | {"epochs": 2}
    run = start_coordinator(cluster, **settings)
    worker = start_worker(cluster)
    hold_at(run, STEPS)
    client.send(run, Stop(by="a test"))
    ended = events_until(run)[-1]
    assert isinstance(ended, RunEnded), run.log_path.read_text()[-2000:]
    assert ended.reason is EndReason.STOPPED
    output, _ = worker.communicate(timeout=PATIENCE)
    assert worker.returncode == 0
    assert output.splitlines()[-1].startswith("process 1 of 2: ")

    single = start(**settings)
    events_until(single)
    one, two = history_of(single), history_of(run)
    losses = two.steps.column("loss")
    assert STEPS <= len(losses) <= 20
    np.testing.assert_allclose(losses, one.steps.column("loss")[: len(losses)], rtol=ROUNDING)
    assert np.array_equal(two.steps.column("learning_rate"), one.steps.column("learning_rate")[: len(losses)])
    assert two.epochs[0].validation["loss"] == pytest.approx(one.epochs[0].validation["loss"], rel=ROUNDING)


def test_two_processes_are_steered_and_each_survives_the_loss_of_the_other(
    start_coordinator: StartCoordinator, start_worker: StartWorker
) -> None:
    cluster = new_cluster()
    run = start_coordinator(cluster, preset="mlp", epochs=1_000, **SETTINGS)
    worker = start_worker(cluster)
    events_until(run, is_step(2))
    client.send(run, Pause(by="a test"))
    client.send(run, SetLearningRate(by="a test", value=0.002))
    client.send(run, Continue(by="a test"))
    events_until(run, is_step(6))
    os.killpg(worker.pid, signal.SIGKILL)
    events = events_until(run)
    failed = events[-1]
    assert isinstance(failed, RunFailed)
    assert failed.error.startswith("process 1 (its connection broke) is gone: ")
    assert f"mnist-tui resume {run.id}" in failed.error
    assert "\n" not in failed.error
    done = max(event.step for event in events if isinstance(event, StepEnded))
    assert history_of(run).max_learning_rate == 0.002

    cluster = new_cluster()
    client.resume(run, "a test", epochs=2_000, cluster=cluster)
    worker = start_worker(cluster)
    resumed = next(event for event in events_until(run, is_step(done + 2)) if isinstance(event, RunResumed))
    assert 0 < resumed.step <= done
    kill_engine(run)
    output, _ = worker.communicate(timeout=PATIENCE)
    assert worker.returncode == 1
    assert output.splitlines()[-1].startswith("process 1 of 2: ")
