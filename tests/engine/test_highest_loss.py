"""Training images of the highest loss: within the budget, also compiled and with several steps per execution."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from numpy.typing import NDArray

from mnist_tui.engine import backends
from mnist_tui.engine.distribution import Distribution
from mnist_tui.engine.hardware.plan import Plan
from mnist_tui.engine.recording.checkpoints import TrainingState
from mnist_tui.engine.recording.retrying_writer import RetryingWriter
from mnist_tui.engine.training import highest_loss
from mnist_tui.engine.training.feed import EpochFeed
from mnist_tui.engine.training.highest_loss import HighestLoss
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.highest_loss import HIGHEST_LOSS, HighestLosses
from tests.engine.samples import few_digits
from tests.kit import samples

STEP_SECONDS, SLICE_SECONDS = 0.03, 0.01


@pytest.mark.parametrize(("jit", "at_once"), [(False, 1), (True, 10), (True, 30)])
def test_the_time_is_bounded_and_the_worst_images_are_kept(tmp_path: Path, jit: bool, at_once: int) -> None:
    run, digits, config = RunDirectory(tmp_path), few_digits(300), samples.config(batch_size=10)
    state, writer = TrainingState.initial(config), RetryingWriter(run, lambda _: None)
    context: Any = SimpleNamespace(run=run, writer=writer, steering=SimpleNamespace(state=state))
    feed = EpochFeed(config, digits, 10, Distribution(), Plan(on_gpu=False))
    now, sizes, written = [1_000.0], list[int](), list[HighestLosses]()

    def predict(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Predict class 3, the more surely the more ink there is."""
        now[0] += SLICE_SECONDS
        sizes.append(len(images))
        probabilities = np.full((len(images), 10), 0.01, np.float32)
        probabilities[:, 3] = images.reshape(len(images), -1).mean(axis=1) / 255
        return probabilities

    clock = SimpleNamespace(monotonic=lambda: now[0], thread_time=time.thread_time)
    plan = SimpleNamespace(jit=jit, steps_per_execution=at_once)
    compiled: Any = SimpleNamespace(preset=SimpleNamespace(augmentation=None), plan=plan, reader=lambda: None)
    with (
        patch.object(highest_loss, "time", clock),
        patch.object(backends.current(), "predictor", lambda _: predict),
        patch.object(HighestLosses, "write", lambda found, _: written.append(found)),
    ):
        kept = HighestLoss(context, feed, digits, 2.0, 100)
        kept.start_member(compiled)
        for _ in range(40):
            for state.batch in range(at_once, 31, at_once):
                now[0] += STEP_SECONDS * at_once
                state.step += at_once
                kept.after_execution(at_once)
            kept.end_epoch()
        writer.wait()
    assert set(sizes) == {100 if jit else 10}
    share = len(sizes) * SLICE_SECONDS / (now[0] - 1_000)
    assert 0.002 < share < 0.005
    newest = written[-1]
    assert newest.predicted_count <= newest.trained <= 300
    assert np.all(np.diff(newest.losses) <= 0)
    rows = [digits.indices.tolist().index(index) for index in newest.indices]
    np.testing.assert_array_equal(newest.images, digits.images[rows])
    np.testing.assert_array_equal(newest.labels, digits.labels[rows])
    expected = -np.log(np.maximum(predict(newest.images)[np.arange(len(newest.labels)), newest.labels], 1e-7))
    np.testing.assert_allclose(newest.losses, expected)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    run.save_arrays(run.path / HIGHEST_LOSS, images=np.zeros((2, 28, 28), np.uint8), epoch=np.array(1))
    with pytest.raises(RunError, match="damaged"):
        HighestLosses.read(run)
