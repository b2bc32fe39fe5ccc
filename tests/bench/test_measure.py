"""An engine trains as long as it is measured, and its steps give a speed."""

import os
from pathlib import Path

import pytest

from mnist_tui.bench.engines import failure_reason, temporary_home
from mnist_tui.bench.measure import plan_ahead, speed_of
from mnist_tui.bench.timing import Timing
from mnist_tui.control.protocol import SetEpochs
from mnist_tui.events import Phase
from mnist_tui.runs.directory import HOME_VARIABLE, RunDirectory, create_run
from mnist_tui.runs.history import History
from tests.kit import samples
from tests.kit.fake_engine import FakeEngine


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    return create_run(samples.config())


def stepped(step: int, epochs: int) -> Timing:
    """A run in epochs of 550 steps of 100 images, ten steps per second."""
    history = History(samples.record(epochs=epochs))
    history.apply_all([samples.run_started(), samples.phase_changed(Phase.TRAINING, 8), *samples.steps(step)])
    return Timing(history)


@pytest.mark.parametrize(
    ("step", "epochs", "wanted"),
    [(0, 100, None), (10, 100, 6), (10, 6, None), (1_000, 6, None), (2_500, 6, 10), (10, 1, 6)],
    ids=["not before the first step", "not for ever", "as planned", "far from the end", "near the end", "one epoch"],
)
def test_some_thousand_steps_are_planned_ahead(run: RunDirectory, step: int, epochs: int, wanted: int | None) -> None:
    with FakeEngine(run) as engine:
        plan_ahead(run, stepped(step, epochs))
        assert [request.epochs for request in engine.sent() if isinstance(request, SetEpochs)] == (
            [] if wanted is None else [wanted]
        )


def test_speed_is_the_median_of_slices_after_the_warm_up() -> None:
    speed = speed_of(samples.config(), stepped(221, 1), None)
    assert speed.images_per_second == pytest.approx(1_000)
    assert (speed.n, speed.steps, speed.error) == (10, 200, None)
    assert speed.measured_seconds == pytest.approx(20)
    assert speed.epoch_seconds == pytest.approx(55)


def test_too_few_steps_and_a_failure_are_errors() -> None:
    assert "more training images" in (speed_of(samples.config(), stepped(5, 1), None).error or "")
    failed = speed_of(samples.config(), stepped(221, 1), "out of memory: choose a smaller batch size")
    assert failed.error == "out of memory: choose a smaller batch size"
    assert failed.images_per_second is None


def test_a_crash_is_reported_with_the_last_line_of_the_log(run: RunDirectory) -> None:
    run.log_path.write_text("starting\nSegmentation fault\n\n")
    assert failure_reason(run, stepped(5, 1).history) == "the engine crashed: Segmentation fault"
    run.log_path.unlink()
    assert failure_reason(run, stepped(5, 1).history) == "the engine crashed: it left no message"
    ended = stepped(550, 1).history
    ended.apply(samples.run_ended())
    assert failure_reason(run, ended) is None


def test_the_home_is_restored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    with temporary_home() as folder:
        assert create_run(samples.config()).path.parent == folder
    assert not folder.exists()
    assert os.environ[HOME_VARIABLE] == str(tmp_path)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.delenv(HOME_VARIABLE)
    with temporary_home():
        pass
    assert HOME_VARIABLE not in os.environ
