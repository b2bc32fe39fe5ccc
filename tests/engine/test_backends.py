"""Every installed backend of Keras computes the same, and trains, stops and resumes like any other."""

import json
import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

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
from tests.e2e.conftest import kill_engine
from tests.engine.conftest import Start, events_until
from tests.engine.gradients import results
from tests.engine.held import go_on, hold_at
from tests.engine.test_resume import history_of

ROUNDING = 1e-3
"""Relative bound for six steps of float32 sums over at most 784 terms in another order: 6 * 784 * 2^-24 = 3e-4."""
PATIENCE = 60.0

others = pytest.mark.parametrize(
    "backend",
    [
        pytest.param(name, marks=pytest.mark.skipif(not spec.is_installed(), reason=f"{name} is not installed"))
        for name, spec in BACKENDS.items()
        if name != "tensorflow"
    ],
)


@others
def test_gradients_augmentation_and_training_are_those_of_tensorflow(backend: str, tmp_path: Path) -> None:
    path = tmp_path / "results.npz"
    command = [sys.executable, "-m", "tests.engine.gradients", str(path)]
    subprocess.run(command, env=os.environ | {"KERAS_BACKEND": backend}, check=True, capture_output=True)
    expected = results()
    assert np.abs(expected["pixels"]).max() > 0
    with np.load(path) as got:
        for name, array in expected.items():
            assert got[name].shape == array.shape
            assert np.allclose(got[name], array, rtol=ROUNDING, atol=ROUNDING * np.abs(array).max()), name


@others
def test_a_killed_and_resumed_run_ends_as_one_that_was_not(start: Start, backend: str) -> None:
    settings = {"backend": backend, "preset": "mlp", "limit": 360, "batch_size": 66, "epochs": 2}
    settings |= {"seed": 5, "checkpoint_seconds": 0.1}  # 5 steps an epoch
    broken = start(**settings)
    hold_at(broken, 4)
    go_on(broken)
    kill_engine(broken)
    client.resume(broken, "a test")
    events = events_until(broken)
    assert isinstance(events[-1], RunEnded), broken.log_path.read_text()[-2000:]
    assert events[-1].reason is EndReason.COMPLETED
    assert summarize(broken).status is Status.FINISHED
    assert backend in broken.record().versions
    assert np.isfinite(events[-1].test_accuracy or np.nan)

    whole = start(**settings)
    events_until(whole)
    for one, other in zip(last_weights(whole), last_weights(broken), strict=True):
        assert np.array_equal(one, other)
    first, second = (history_of(run).steps.column("loss") for run in (whole, broken))
    assert len(first) == 10
    assert np.array_equal(first, second)


def last_weights(run: RunDirectory) -> list[np.ndarray]:
    checkpoint = checkpoints.read(run)
    assert checkpoint is not None
    assert checkpoint.state.step == 10
    return checkpoint.variables


@others
def test_layers_are_sampled_and_digits_explained_while_a_run_trains_and_validates(start: Start, backend: str) -> None:
    run = start(preset="mlp", backend=backend, limit=120, batch_size=120, epochs=10_000)  # each step ends an epoch
    stats = events_until(run, lambda event: isinstance(event, LayerStats))[-1]
    assert isinstance(stats, LayerStats)
    assert stats.gradient_norm is not None
    assert stats.gradient_norm > 0
    assert all((layer.relative_step or 1) > 0 for layer in stats.layers)
    events_until(run, lambda event: isinstance(event, EpochEnded) and event.step > stats.step)
    hold_at(run)  # questions are answered between two steps, faster if there is nothing else to do
    index = int(run.load_arrays(run.digits_path("validation"))["indices"][3])
    explanation = client.send(run, Explain(split="validation", index=index), PATIENCE).explanation
    assert explanation is not None
    assert sum(explanation.probabilities) == pytest.approx(1, abs=1e-3)
    steps = summarize(run).steps_done
    go_on(run)
    events_until(run, lambda event: isinstance(event, StepEnded) and event.step > steps)


def test_an_unknown_backend_and_one_that_is_not_installed_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKENDS, "abacus", BackendSpec("no_such_package", "abacus:Abacus", extra="abacus"))
    with pytest.raises(ConfigError, match=r"'abacus' is not installed here: run pip install 'mnist-tui\[abacus\]'$"):
        backends.check("abacus")
    with pytest.raises(ConfigError, match="'theano' is not known: choose one of tensorflow, jax, torch, abacus"):
        backends.check("theano")


@pytest.mark.skipif(not BACKENDS["jax"].is_installed(), reason="jax is not installed")
def test_jax_is_imported_alone_whatever_the_users_configuration_of_keras_says(tmp_path: Path) -> None:
    settings = {"floatx": "float16", "epsilon": 1e-3, "backend": "torch", "image_data_format": "channels_first"}
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    script = (
        "import sys; from mnist_tui.engine import backends; backends.select('jax'); backends.import_keras();"
        "import keras; keras.utils.set_random_seed(1); config = keras.config;"
        "print(config.floatx(), config.epsilon(), config.backend(), config.image_data_format(), config.max_epochs(),"
        "*{'pandas', 'sklearn', 'tensorflow'} & sys.modules.keys())"
    )
    environment = {"KERAS_HOME": str(tmp_path), "KERAS_MAX_EPOCHS": "1", "KERAS_BACKEND": "torch"}
    done = subprocess.run([sys.executable, "-c", script], env=os.environ | environment, capture_output=True, text=True)
    assert done.stdout.split() == ["float32", "1e-07", "jax", "channels_last", "None"], done.stderr
    assert json.loads((tmp_path / "keras.json").read_text()) == settings


@pytest.mark.parametrize(("platforms", "error"), [("cuda", AssertionError()), ("foo", RuntimeError("unknown"))])
def test_platforms_that_jax_does_not_have_are_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, platforms: str, error: Exception
) -> None:
    jax = pytest.importorskip("jax")
    monkeypatch.setattr(jax, "local_devices", Mock(side_effect=error))
    monkeypatch.setenv("JAX_PLATFORMS", platforms)
    with pytest.raises(ConfigError, match=f"^JAX_PLATFORMS '{platforms}' cannot be used by JAX here: unset it"):
        BACKENDS["jax"].load().gpus()


def test_the_setting_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    backends.select("tensorflow")
    assert os.environ["KERAS_BACKEND"] == "tensorflow"
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "0"
