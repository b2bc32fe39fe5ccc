"""Two processes that train one network on JAX, over the loopback address."""

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from mnist_tui.cli.wiring import catalogue, launch
from mnist_tui.cluster import Cluster
from mnist_tui.control import client
from mnist_tui.control.protocol import Continue, Pause, SetLearningRate, Stop
from mnist_tui.engine.distributed.wire import free_port
from mnist_tui.events import EndReason, RunEnded, RunFailed, RunResumed, StepEnded
from mnist_tui.runs.directory import HOME_VARIABLE, RunDirectory
from tests.e2e.conftest import kill_engine
from tests.engine.conftest import Start, events_until
from tests.engine.test_resume import history_of, is_step

pytestmark = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")

HOST = "127.0.0.1"
SETTINGS = {"backend": "jax", "limit": 720, "batch_size": 66, "epochs": 2, "seed": 5}
"""10 steps an epoch, 33 digits a process."""
SMOOTH = {"optimizer": "sgd", "learning_rate": 0.01}
"""An update that is linear in the gradient. Adam divides by the gradient's size and so amplifies its rounding."""
ROUNDING = 20 * 16 * 2**-24
"""Relative difference of the losses: 20 steps, each adding at most one float32 rounding for each of the 16 levels of
a pairwise sum over a batch's feature maps (66 x 24 x 24 values)."""
PATIENCE = 240

Follow = Callable[[Cluster], "subprocess.Popen[str]"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "home"
    monkeypatch.setenv(HOME_VARIABLE, str(path))
    return path


@pytest.fixture
def follow(home: Path) -> Iterator[Follow]:
    """Start a second process; it writes into no run directory, so it needs no settings but where the first one is."""
    started: list[subprocess.Popen[str]] = []

    def starter(place: Cluster) -> "subprocess.Popen[str]":
        flags = ("--coordinator", place.address, "--process-id", "1", "--processes", "2")
        command = [sys.executable, "-m", "mnist_tui", "train", "--backend", "jax", *flags]
        env = os.environ | {HOME_VARIABLE: str(home)}
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env, start_new_session=True))
        return started[-1]

    yield starter
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def lead(home: Path) -> "Iterator[Coordinator]":
    """Start the first process on a new run."""
    started: list[RunDirectory] = []

    def starter(place: Cluster, **changes: object) -> RunDirectory:
        settings = catalogue().complete({key: str(value) for key, value in (SETTINGS | changes).items()})
        assert home
        started.append(launch(settings, place))
        return started[-1]

    yield starter
    for run in started:
        kill_engine(run)


Coordinator = Callable[..., RunDirectory]


def test_two_processes_have_the_losses_of_one(start: Start, lead: Coordinator, follow: Follow) -> None:
    place = Cluster(HOST, free_port(HOST), 0, 2)
    run, second = lead(place, **SMOOTH), follow(place)
    events = events_until(run)
    assert isinstance(events[-1], RunEnded), run.log_path.read_text()[-2000:]
    assert events[-1].reason is EndReason.COMPLETED
    said, _ = second.communicate(timeout=PATIENCE)
    assert second.returncode == 0
    assert said.splitlines()[-1] == "process 1 of 2: the run is over"

    alone = start(**(SETTINGS | SMOOTH))
    events_until(alone)
    one, two = history_of(alone), history_of(run)
    assert len(one.steps.column("loss")) == 20
    assert np.allclose(two.steps.column("loss"), one.steps.column("loss"), rtol=ROUNDING)
    assert np.array_equal(two.steps.column("learning_rate"), one.steps.column("learning_rate"))
    for ours, theirs in zip(two.epochs, one.epochs, strict=True):
        assert ours.validation["loss"] == pytest.approx(theirs.validation["loss"], rel=ROUNDING)


def test_a_team_is_steered_and_ends_with_a_checkpoint_when_one_is_killed(lead: Coordinator, follow: Follow) -> None:
    place = Cluster(HOST, free_port(HOST), 0, 2)
    run, second = lead(place, preset="best", limit=240, batch_size=22), follow(place)  # bends, and means of weights
    events_until(run, is_step(2))
    client.send(run, Pause(by="a test"))
    client.send(run, SetLearningRate(by="a test", value=0.002))
    client.send(run, Continue(by="a test"))
    events_until(run, is_step(6))
    os.killpg(second.pid, signal.SIGKILL)
    failed = events_until(run)[-1]
    assert isinstance(failed, RunFailed)
    assert failed.error.startswith("process 1 (its connection broke) is gone: a checkpoint is saved, start all")
    assert "\n" not in failed.error
    done = max(event.step for event in events_until(run) if isinstance(event, StepEnded))
    assert history_of(run).max_learning_rate == 0.002

    place = Cluster(HOST, free_port(HOST), 0, 2)
    client.resume(run, "a test", epochs=50, cluster=place)
    second = follow(place)
    events_until(run, is_step(done + 2))
    resumed = next(event for event in events_until(run, is_step(done + 2)) if isinstance(event, RunResumed))
    assert 0 < resumed.step <= done
    client.send(run, Stop(by="a test"))
    ended = events_until(run)[-1]
    assert isinstance(ended, RunEnded), run.log_path.read_text()[-2000:]
    assert ended.reason is EndReason.STOPPED
    second.communicate(timeout=PATIENCE)
    assert second.returncode == 0


def test_a_process_whose_first_one_is_killed_ends_with_a_line(lead: Coordinator, follow: Follow) -> None:
    place = Cluster(HOST, free_port(HOST), 0, 2)
    run, second = lead(place), follow(place)
    events_until(run, is_step(2))
    kill_engine(run)
    said, _ = second.communicate(timeout=PATIENCE)
    assert second.returncode == 1
    assert said.splitlines()[-1].startswith("process 1 of 2: ")
