"""Weights that requests name: of kept epochs, and those that train right now."""

from concurrent.futures import Future
from functools import partial
from typing import Any

import numpy as np
import pytest

from mnist_tui.control.protocol import (
    Excite,
    Inspect,
    Inspection,
    NextBatch,
    Predict,
    PredictedImages,
    Request,
    RollBack,
    Weights,
)
from mnist_tui.engine.__main__ import Engine
from mnist_tui.engine.models.best_model import BestModel
from mnist_tui.engine.models.evaluation import pixels
from mnist_tui.engine.models.presets import PRESETS
from mnist_tui.engine.recording.checkpoints import TrainingState
from mnist_tui.engine.service.server import RequestError
from mnist_tui.engine.service.snapshots import Snapshots
from mnist_tui.events import AnyEvent, ResumeReason, RunEnded, RunResumed, StepEnded
from mnist_tui.image_layout import MNIST_SHAPE
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.kept_epochs import kept_epochs
from tests.engine import in_process
from tests.engine.test_resume import history_of, last_weights, save_and_crash
from tests.kit import samples

SETTINGS = {"preset": "mlp", "precision": "float32", "limit": 240, "epochs": 3, "batch_size": 40, "seed": 5}
"""6 steps an epoch."""
BLANK = bytes(784)


class Watcher:
    """A user who sends requests in turn while it trains, and others once the run has ended."""

    def __init__(self, at_steps: list[Request], at_end: list[Request]) -> None:
        self._at_steps, self._at_end = at_steps, at_end
        self.replies: list[tuple[Request, Future[Any]]] = []

    def __call__(self, engine: Engine, event: AnyEvent) -> None:
        if isinstance(event, StepEnded) and self._at_steps and all(reply.done() for _, reply in self.replies):
            self._send(engine, self._at_steps[event.step % len(self._at_steps)])
        elif isinstance(event, RunEnded):
            for request in self._at_end:
                self._send(engine, request)

    def _send(self, engine: Engine, request: Request) -> None:
        reply = engine.handle(request)
        assert reply is not None
        self.replies.append((request, reply))


def validation_images(run: RunDirectory) -> bytes:
    return bytes(run.load_arrays(run.digits_path("validation"))["images"].tobytes())


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run without any request, and one with requests after every step and at the end."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("MNIST_TUI_HOME", str(tmp_path_factory.mktemp("home")))
        quiet = in_process.new_run(**SETTINGS, kept_epochs="0")
        in_process.train(quiet)
        watched, images = in_process.new_run(**SETTINGS), validation_images(quiet)
        during: list[Request] = [
            Predict(images[:784], "current"),
            Inspect(BLANK, "dense2", weights="current"),
            Excite("dense1", 3, "current"),
            NextBatch(),
        ]
        named: list[Weights] = [0, 1, 2, 3, "best", "current"]
        after: list[Request] = [Predict(images, weights) for weights in named]
        watcher = Watcher(during, after)
        in_process.train(watched, watcher)
        yield quiet, watched, watcher.replies


def test_requests_while_it_trains_leave_a_run_as_it_is(runs: Any) -> None:
    quiet, watched, replies = runs
    for one, other in zip(last_weights(quiet), last_weights(watched), strict=True):
        assert np.array_equal(one, other)
    inspections = [reply.result() for request, reply in replies if isinstance(request, Inspect)]
    assert all(isinstance(each, Inspection) for each in inspections)
    batches = [reply.result() for request, reply in replies if isinstance(request, NextBatch)]
    assert {(each.epoch, each.batch) for each in batches} & {(1, 4), (2, 2), (2, 6), (3, 4)}
    steps = [each.step for each in inspections]
    assert len(steps) > 2
    assert steps == sorted(set(steps))
    assert len({each.probabilities for each in inspections}) == len(steps), "other weights at every step"
    searches = [reply.result() for request, reply in replies if isinstance(request, Excite)]
    assert searches
    assert searches[-1].progress == 1


def test_a_kept_epoch_predicts_what_was_recorded(runs: Any) -> None:
    quiet, watched, replies = runs
    assert kept_epochs(quiet) == ()
    assert kept_epochs(watched) == (0, 1, 2, 3)
    predicted = {request.weights: reply.result() for request, reply in replies[-6:]}
    for weights, result in predicted.items():
        assert isinstance(result, PredictedImages)
        assert len(result.distances) == len(result.probabilities)
        epoch = result.epoch
        assert epoch == {"current": 3}.get(weights, epoch) if isinstance(weights, str) else epoch == weights
        if epoch:
            recorded = watched.load_arrays(watched.predictions_path(epoch))["probabilities"]
            assert np.array(result.probabilities) == pytest.approx(recorded.astype(np.float32), abs=5e-3)
    assert np.ptp(np.array(predicted[0].probabilities)[:, 0]) < 0.9, "initial weights"


def test_epochs_after_a_crash_go_and_come_again() -> None:
    run = in_process.new_run(**SETTINGS)
    in_process.train(run, save_and_crash(7, 13))
    assert kept_epochs(run) == (0, 1, 2)
    written = run.weights_path(1).stat().st_mtime_ns
    seen: list[tuple[int, ...]] = []

    def look(engine: Engine, event: AnyEvent) -> None:
        if isinstance(event, StepEnded) and event.step == 8:
            seen.append(kept_epochs(run))
        if isinstance(event, StepEnded) and event.step == 14 and len(seen) == 1:
            seen.append(kept_epochs(run))
            engine.handle(RollBack(by="a test"))
        if isinstance(event, RunResumed) and event.reason is ResumeReason.ROLLED_BACK:
            seen.append(kept_epochs(run))

    in_process.resume(run, look)
    assert seen[0] == (0, 1)
    assert seen[1] == (0, 1, 2)
    assert len(seen[2]) <= 3
    assert kept_epochs(run) == (0, 1, 2, 3)
    assert run.weights_path(1).stat().st_mtime_ns >= written


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("gone", "epoch 2 of run .* is not kept: kept are 0, 1, 3"),
        ("torn", "epoch 2 .*cut off"),
        ("foreign", "epoch 2 .*another model"),
        ("other", "epoch 2 .*something else"),
    ],
)
def test_an_epoch_that_cannot_be_loaded_is_named(runs: Any, damage: str, reason: str) -> None:
    run = runs[1]
    path = run.weights_path(2)
    kept = path.read_bytes()
    try:
        if damage == "gone":
            path.unlink()
        elif damage == "torn":
            path.write_bytes(kept[:5_000])
        else:
            member = {"member": np.array(0)} if damage == "foreign" else {}
            run.save_arrays(path, weight_0000=np.zeros(3, np.float16), **member)
        best = BestModel(run, [partial(PRESETS["mlp"].build, MNIST_SHAPE, 10)])
        unused: Any = None
        snapshots = Snapshots(run, TrainingState.initial(samples.config()), 5, lambda: best, lambda: unused)
        with pytest.raises(RequestError, match=reason):
            snapshots.of(2)
        assert snapshots.of(1).epoch == 1
    finally:
        path.write_bytes(kept)


def test_a_run_without_checkpoints_has_the_weights_of_its_model_file(runs: Any) -> None:
    _, run, replies = runs
    best = BestModel(run, [partial(PRESETS["mlp"].build, MNIST_SHAPE, 10)])
    best.restore_from_file()
    (result,) = [reply.result() for request, reply in replies[-6:] if request.weights == "best"]
    images = run.load_arrays(run.digits_path("validation"))["images"]
    assert best.inference_model().predict_on_batch(pixels(images)) == pytest.approx(
        np.array(result.probabilities), abs=1e-5
    )
    state, history = TrainingState.initial(samples.config()), history_of(run)
    state.go_to_best(history.epochs)
    assert (state.best_epoch, state.epoch) == (result.epoch, result.epoch)
    assert state.step == history.epochs[result.epoch - 1].step
    run.model_path.rename(run.path / "moved")
    with pytest.raises(RunError, match="no checkpoint"):
        best.restore_from_file()
    (run.path / "moved").rename(run.model_path)
