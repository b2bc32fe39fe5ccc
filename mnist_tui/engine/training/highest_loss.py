"""Training images of the highest loss: between two steps, images of the newest batches are predicted within a budget.

As in a rolling evaluation, variables and random generators stay as they are, so that a run trains bit for bit as
without. The weights are those in training, without an EMA. The images are those before augmentation.
"""

import contextlib
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.predicted import predicted_classes
from mnist_tui.engine import backends
from mnist_tui.engine.data.datasets import Digits
from mnist_tui.engine.models.compiled import CompiledModel
from mnist_tui.engine.training.context import RunContext
from mnist_tui.engine.training.feed import EpochFeed
from mnist_tui.engine.training.rolling import MARGIN, Slice
from mnist_tui.image_layout import with_channels
from mnist_tui.runs.directory import RunError
from mnist_tui.runs.highest_loss import HIGHEST_LOSS, HighestLosses

SHARE = 0.25
"""Share of the time of rolling evaluation, which has its own besides: 0.5 % of the training time by default."""
MOST_KEPT, MOST_BYTES = 64, 500_000
"""Images that are kept, and their bytes, at most."""
SLICE = 64
"""Images of a slice whose size can be chosen."""
FIRST_SECONDS, NEWS_SECONDS = 0.5, 3.0
"""Seconds to the first slice, and at least between two writes."""


@dataclass(frozen=True, order=True)
class Trained:
    """Prediction for an image of the training split."""

    loss: float
    row: int
    predicted: int
    confidence: float
    step: int


class HighestLoss:
    """Images of the highest loss in the epoch that trains, of those that the budget allowed to predict."""

    def __init__(self, context: RunContext, feed: EpochFeed, train: Digits, percent: float, compiled_size: int) -> None:
        """Take the percentage of the time for rolling evaluation.

        `compiled_size` is the number of images for which a rolling evaluation has compiled the prediction; 0: none.
        """
        self._run, self._writer, self._state = context.run, context.writer, context.steering.state
        self._feed, self._train, self._compiled_size = feed, train, compiled_size
        self._share = SHARE * MARGIN * percent / 100 if compiled_size else 0.0
        self._most = max(1, min(MOST_KEPT, MOST_BYTES // train.images[0].size))
        self._path = context.run.path / HIGHEST_LOSS
        self._next = self._next_news = 0.0
        """Times of the next slice and the next write."""
        self._file_seconds = 0.0
        """CPU time of writing files that no slice has counted yet."""
        self._clear()

    def _clear(self) -> None:
        self._worst: dict[int, Trained] = {}
        self._seen = np.zeros(len(self._train), np.bool_)
        self._pending: Slice | None = None

    def start_member(self, compiled: CompiledModel) -> None:
        """Start with the first step of an ensemble member."""
        self._compiled = compiled
        self._next = max(self._next, time.monotonic() + FIRST_SECONDS)
        self._clear()

    def rewind(self, step: int) -> None:
        """Forget what was predicted after a step, since training has returned to it."""
        self._clear()
        self._writer.forget(HIGHEST_LOSS)
        with contextlib.suppress(RunError, OSError):
            if HighestLosses.read(self._run).steps.max(initial=0) > step:
                self._path.unlink()

    def end_epoch(self) -> None:
        """Write the images of the epoch, and start with the next one."""
        if self._pending is not None:
            self._finish(self._pending)
        if self._worst:
            self._write()
        self._clear()

    def after_execution(self, count: int) -> None:
        """Predict images of the last `count` batches if the budget allows it.

        As in a rolling evaluation, what takes several steps per execution is fetched after the next execution.
        """
        began = time.monotonic()
        if not self._share or (self._pending is None and began < self._next):
            return
        compiled, state = self._compiled, self._state
        if self._pending is None:
            rows = self._feed.trained_rows(state.epoch, state.batch, count, compiled.preset.augmentation)
            rows = rows[-(self._compiled_size if compiled.plan.jit else SLICE) :]
            images = self._train.images[np.resize(rows, self._compiled_size) if compiled.plan.jit else rows]
            predicted = backends.current().predictor(compiled.reader())(with_channels(images))
            self._pending = Slice(state.step, rows, predicted, time.monotonic() - began)
            if compiled.plan.steps_per_execution > 1:
                return
        self._finish(self._pending)

    def _finish(self, done: Slice) -> None:
        """Take what was predicted, and plan the next slice."""
        began, self._pending = time.monotonic(), None
        self._note(done.step, done.rows, np.asarray(done.predicted, np.float32)[: len(done.rows)])
        now = time.monotonic()
        if now >= self._next_news:
            self._next_news = now + NEWS_SECONDS
            self._write()
        cost, self._file_seconds = done.cost + time.monotonic() - began + self._file_seconds, 0.0
        self._next = time.monotonic() + cost / self._share

    def _note(self, step: int, rows: NDArray[np.int64], probabilities: NDArray[np.float32]) -> None:
        self._seen[rows] = True
        read = predicted_classes(self._train.labels[rows], probabilities)
        for row, loss, label, confidence in zip(rows, read.loss, read.predicted, read.confidence, strict=True):
            self._worst[int(row)] = Trained(float(loss), int(row), int(label), float(confidence), step)
        kept = sorted(self._worst.values(), reverse=True)[: self._most]
        self._worst = {each.row: each for each in kept}

    def _write(self) -> None:
        kept, state, train = list(self._worst.values()), self._state, self._train
        rows = np.array([each.row for each in kept])
        found = HighestLosses(
            epoch=state.epoch + 1,
            trained=min(state.batch * self._feed.batch_size, self._feed.count),
            predicted_count=int(self._seen.sum()),
            indices=train.indices[rows],
            labels=train.labels[rows],
            images=train.images[rows],
            predicted=np.array([each.predicted for each in kept], np.uint8),
            confidences=np.array([each.confidence for each in kept], np.float32),
            losses=np.array([each.loss for each in kept], np.float32),
            steps=np.array([each.step for each in kept], np.int32),
        )

        def write() -> None:
            began = time.thread_time()
            try:
                found.write(self._run)
            finally:
                self._file_seconds += time.thread_time() - began

        self._writer.write_in_background(HIGHEST_LOSS, write, lambda: None, step=state.step, epoch=state.epoch + 1)
