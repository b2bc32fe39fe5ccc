"""Every backend of Keras that is installed computes the same, and trains, stops and goes on like any other."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mnist_tui.config import ConfigError
from mnist_tui.control import client
from mnist_tui.control.protocol import Explain
from mnist_tui.engine import backends
from mnist_tui.engine.backends import BACKENDS, BackendSpec
from mnist_tui.engine.recording import checkpoints
from mnist_tui.events import EndReason, EpochEnded, LayerStats, RunEnded, StepEnded
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.runs.status import Status
from mnist_tui.runs.summary import summarize
from tests.engine.conftest import Start, events_until
from tests.engine.held import go_on, hold_at
from tests.engine.test_resume import history_of, kill

ROUNDING = 1e-3
"""Relative: convolutions are summed in another order."""
PATIENCE = 60.0

installed = [name for name, row in BACKENDS.items() if row.is_installed()]
others = pytest.mark.parametrize(
    "backend",
    [
        pytest.param(name, marks=pytest.mark.skipif(name not in installed, reason=f"{name} is not installed"))
        for name in BACKENDS
        if name != "tensorflow"
    ],
)


def gradients(backend: str, folder: Path) -> dict[str, np.ndarray]:
    path = folder / f"{backend}.npz"
    command = [sys.executable, "-m", "tests.engine.gradients", str(path)]
    subprocess.run(command, env=os.environ | {"KERAS_BACKEND": backend}, check=True, capture_output=True)
    with np.load(path) as archive:
        return dict(archive)


@others
def test_gradients_are_those_of_tensorflow(backend: str, tmp_path: Path) -> None:
    expected, got = gradients("tensorflow", tmp_path), gradients(backend, tmp_path)
    assert np.abs(expected["pixels"]).max() > 0
    for name, array in expected.items():
        assert got[name].shape == array.shape
        assert np.allclose(got[name], array, rtol=ROUNDING, atol=ROUNDING * np.abs(array).max())


@others
def test_a_killed_and_resumed_run_ends_as_one_that_was_not(start: Start, backend: str) -> None:
    settings = {"backend": backend, "limit": 720, "batch_size": 66, "epochs": 2, "seed": 5, "checkpoint_seconds": 0.1}
    broken = start(**settings)  # 10 steps an epoch
    hold_at(broken, 4)
    go_on(broken)
    kill(broken)
    client.resume(broken, "a test")
    events = events_until(broken)
    assert isinstance(events[-1], RunEnded), broken.log_path.read_text()[-2000:]
    assert events[-1].reason is EndReason.COMPLETED
    assert summarize(broken).status is Status.FINISHED
    assert backend in broken.record().versions
    assert np.isfinite(events[-1].test_accuracy or np.nan)

    whole = start(**settings)
    events_until(whole)
    assert last_weights(whole).keys() == last_weights(broken).keys()
    assert all(np.array_equal(one, last_weights(broken)[name]) for name, one in last_weights(whole).items())
    first, second = (history_of(run).steps.column("loss") for run in (whole, broken))
    assert len(first) == 20
    assert np.array_equal(first, second)


def last_weights(run: RunDirectory) -> dict[int, np.ndarray]:
    checkpoint = checkpoints.read(run)
    assert checkpoint is not None
    assert checkpoint.state.step == 20
    return dict(enumerate(checkpoint.variables))


@others
def test_a_run_is_watched_and_questioned_while_it_trains(start: Start, backend: str) -> None:
    run = start(backend=backend, limit=720, batch_size=66, epochs=1_000)
    stats = events_until(run, lambda event: isinstance(event, LayerStats))[-1]
    assert isinstance(stats, LayerStats)
    assert stats.gradient_norm is not None
    assert stats.gradient_norm > 0
    assert all((layer.relative_step or 1) > 0 for layer in stats.layers)
    events_until(run, lambda event: isinstance(event, EpochEnded))
    index = int(run.load_arrays(run.digits_path("validation"))["indices"][3])
    explanation = client.send(run, Explain(split="validation", index=index), PATIENCE).explanation
    assert explanation is not None
    assert sum(explanation.probabilities) == pytest.approx(1, abs=1e-3)
    events_until(run, lambda event: isinstance(event, StepEnded))


@others
def test_a_network_that_is_looked_at_after_the_last_step_of_an_epoch_is_validated_as_it_is(
    start: Start, backend: str
) -> None:
    run = start(preset="mlp", backend=backend, limit=120, batch_size=120, epochs=10_000)  # each step is an epoch's last
    stats = events_until(run, lambda event: isinstance(event, LayerStats))[-1]
    assert isinstance(stats, LayerStats)
    events_until(run, lambda event: isinstance(event, EpochEnded) and event.step > stats.step)


def test_what_is_not_known_or_not_installed_is_told_with_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKENDS, "abacus", BackendSpec("no_such_package", "abacus:Abacus", extra="abacus"))
    with pytest.raises(ConfigError, match=r"'abacus' is not installed here: run pip install 'mnist-tui\[abacus\]'$"):
        backends.check("abacus")
    with pytest.raises(ConfigError, match="'theano' is not known: choose one of tensorflow, jax, torch, abacus"):
        backends.check("theano")


def test_the_setting_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    backends.select("tensorflow")
    assert os.environ["KERAS_BACKEND"] == "tensorflow"
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "0"
