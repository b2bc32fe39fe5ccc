"""Rolling evaluation: a few validation images are predicted between two steps, within a share of the training time.

It predicts with the weights that a validation would take at that step, an EMA included, and leaves variables and random
generators as they are. So a run trains bit for bit as it would without. Of an ensemble, it is the member in training
alone. Of several processes, only process 0 predicts; the others wait for its next step, which the budget counts.
"""

import contextlib
import statistics
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from mnist_tui.engine import backends
from mnist_tui.engine.data.datasets import Digits
from mnist_tui.engine.models.compiled import CompiledModel
from mnist_tui.engine.models.ema import use_ema_weights
from mnist_tui.engine.models.evaluation import batch_size_for, confusion_of, one_hot, to_float16
from mnist_tui.engine.recording.retrying_writer import ROLLING
from mnist_tui.engine.training.context import RunContext
from mnist_tui.events import Metrics, RollingEvaluated
from mnist_tui.image_layout import with_channels
from mnist_tui.metrics import ValidationContext, validation_metrics
from mnist_tui.runs.thinning import spread

MARGIN = 0.65
"""Share of the budget that measured time may take. The rest is for what cannot be measured, such as cold caches."""
SLICE_SECONDS = 0.03
"""Longest time of a slice whose size can be chosen: about a step of `fast` on a CPU, so that no pause is noticed."""
FIRST_IMAGES, SECOND_IMAGES, LEAST_IMAGES = 100, 32, 16
"""Images of the first slice, which is not counted: it includes compiling, which the validation then saves.

The second one shows how long an image takes. From then on, the budget decides, down to the least.
"""
NEWS_SECONDS = 0.7
"""Shortest time between two events."""
FIRST_INTERVAL, SLICE_INTERVAL, LONGEST_INTERVAL = 0.7, 1.2, 1.8
"""Seconds to the second slice, between later ones, and between those of a budget that is overdrawn."""
CELLS_AT_ONCE, CELLS_PER_SECOND = 1_000_000, 500
"""Cells of confusion matrices in the event log, at first and then per second. Fewer than 27 classes never get there."""
LEAST_FILES, MOST_FILES, MOST_BYTES = 4, 40, 16_000_000
"""Number of files of predictions that may stay: as many as MOST_BYTES allows, within these limits."""
TYPICAL, UNCERTAIN = 5, 3
"""Newest slices whose median time is the typical one. Fewer may all have been interrupted by other programs."""


@dataclass(frozen=True)
class Slice:
    """Images that are being predicted."""

    step: int
    rows: NDArray[np.int64]
    predicted: Any
    """Probabilities, or what np.asarray turns into them once the device has computed them."""
    cost: float
    """Seconds so far."""


class RollingEvaluation:
    """Rolling evaluation of the ensemble member in training."""

    def __init__(self, context: RunContext, digits: Digits, classes: int, percent: float) -> None:
        """Take the validation images and the percentage of the training time; 0 turns it off."""
        self._run, self._writer, self._state = context.run, context.writer, context.steering.state
        self._emit, self._digits, self._classes = context.event_writer.emit, digits, classes
        self._share = MARGIN * percent / 100 if len(digits) else 0.0
        self._order = stratified_order(digits.labels)
        self._most_images = min(len(digits), batch_size_for(digits.images))
        self._cells = 0
        """Cells of the matrices so far."""
        self._file_seconds = 0.0
        """CPU time of writing files that no slice has counted yet."""
        self._clear()

    @property
    def compiled_size(self) -> int:
        """Images of a slice for which a prediction is compiled that takes no other number; 0 if none is predicted."""
        return self._most_images if self._share else 0

    def _clear(self) -> None:
        count = len(self._digits)
        self._probabilities = np.zeros((count, self._classes), np.float32)
        self._losses = np.zeros(count, np.float32)
        self._steps = np.zeros(count, np.int32)
        """Step of each image's newest prediction; 0: none."""
        self._place = 0
        """Place in the order at which the next slice begins."""
        self._pending: Slice | None = None
        self._images = min(FIRST_IMAGES, self._most_images)
        self._next = self._next_news = self._planned = 0.0
        """Times of the next slice and the next event, and when they were planned."""
        self._debt = 0.0
        """Seconds of past slices that the budget has not made up for yet."""
        self._cost = self._news_cost = 0.0
        """Seconds of slices since the last event, and of that event itself."""
        self._per_image: deque[float] = deque(maxlen=TYPICAL)
        """Seconds per image of the newest slices."""

    def start_member(self, compiled: CompiledModel) -> None:
        """Start with the first step of an ensemble member."""
        self._model, self._reader, self._plan = compiled.model, compiled.reader, compiled.plan
        self._is_compiled = False
        self._clear()

    def rewind(self, step: int) -> None:
        """Forget all predictions, since training has returned to a step, and remove the files of later ones."""
        self._writer.forget(ROLLING)
        for each in self._run.rolling_steps():
            if each > step:
                self._remove(each)
        self._clear()

    def take_over(self, probabilities: NDArray[np.float32] | None) -> None:
        """Take the model's predictions in a validation, shape (n, classes), as the newest ones, if there are any."""
        self._pending = None
        if self._share and probabilities is not None:
            self._note(self._state.step, np.arange(len(self._digits)), probabilities)

    def after_execution(self) -> None:
        """Predict a slice if the budget allows it.

        With several steps per execution, the device computes it after the next execution, which has been dispatched
        already. So its outcome is fetched after that one, and the device never waits.
        """
        began = time.monotonic()
        if not self._share or (self._pending is None and began < self._next):
            return
        if self._pending is None:
            rows = self._next_rows()
            with use_ema_weights(self._model):
                predicted = backends.current().predictor(self._reader())(with_channels(self._digits.images[rows]))
            self._pending = Slice(self._state.step, rows, predicted, time.monotonic() - began)
            if self._plan.steps_per_execution > 1:
                return
            began = time.monotonic()
        done, self._pending = self._pending, None
        self._note(done.step, done.rows, np.asarray(done.predicted, np.float32))
        self._plan_next(done, done.cost + time.monotonic() - began)

    def _next_rows(self) -> NDArray[np.int64]:
        """Return the rows of the next slice, which continues where the last one ended."""
        count = len(self._digits)
        size = self._most_images if self._plan.jit else self._images
        rows = self._order[np.arange(self._place, self._place + size) % count]
        self._place = (self._place + size) % count
        return rows

    def _note(self, step: int, rows: NDArray[np.int64], probabilities: NDArray[np.float32]) -> None:
        """Keep predictions as the newest ones; those from the first half of the training so far no longer count."""
        self._probabilities[rows], self._steps[rows] = probabilities, step
        self._steps[2 * self._steps < step] = 0
        self._losses[rows] = losses(self._model.loss, one_hot(self._digits.labels[rows], self._classes), probabilities)

    def _plan_next(self, done: Slice, cost: float) -> None:
        """Report the state if it is time, and plan the next slice by what this one took.

        If a slice took longer than planned, the next ones are smaller until the budget is kept again.
        """
        self._cost += cost
        if self._is_compiled:
            self._per_image.append(cost / len(done.rows))
        began = time.monotonic()
        if began >= self._next_news:
            self._report(done.step)
            self._news_cost = time.monotonic() - began
            cost += self._news_cost
        now, before = time.monotonic(), self._planned
        self._planned = now
        if not self._is_compiled:
            self._is_compiled, self._next = True, now + FIRST_INTERVAL
            self._images = min(SECOND_IMAGES, self._most_images)
            return
        per_image, share = statistics.median(self._per_image), self._share
        cost, self._file_seconds = cost + self._file_seconds, 0.0
        self._debt = max(0.0, self._debt - share * (now - before)) + cost
        wait = self._debt / share
        least = (self._most_images if self._plan.jit else LEAST_IMAGES) * min(self._per_image) + self._news_cost
        if least <= share * LONGEST_INTERVAL or len(self._per_image) < UNCERTAIN:
            wait = min(wait, LONGEST_INTERVAL)
        left = share * SLICE_INTERVAL - max(0.0, self._debt - share * wait) - self._news_cost
        self._images = min(self._most_images, max(LEAST_IMAGES, int(min(left, SLICE_SECONDS) / per_image)))
        self._next = now + wait

    def _report(self, step: int) -> None:
        """Emit an event once its predictions are written."""
        began = time.monotonic()
        rows = np.flatnonzero(self._steps)
        labels, probabilities, steps = self._digits.labels[rows], self._probabilities[rows], self._steps[rows]
        losses_of_rows = self._losses[rows]
        context = ValidationContext(labels, probabilities, float(losses_of_rows.mean()))
        epoch, cells = self._state.epoch + 1, self._classes**2
        event = RollingEvaluated(
            time=time.time(),
            step=step,
            first_step=int(steps.min()),
            epoch=epoch,
            count=len(rows),
            validation=_metrics(context),
            confusion=confusion_of(labels, probabilities),
            seconds=self._cost + time.monotonic() - began,
            loss_error=float(losses_of_rows.std(ddof=1)) / len(rows) ** 0.5 if len(rows) > 1 else None,
        )
        waiting = [event]

        def write() -> None:
            used = time.thread_time()
            try:
                self._save(step, rows, probabilities, steps)
            finally:
                if waiting:  # else the disk was full, and the event is written
                    self._emit(replace(waiting.pop(), time=time.time()))  # the log is in the order of time
                self._file_seconds += time.thread_time() - used

        self._writer.write_in_background(ROLLING, write, lambda: None, step=step, epoch=epoch)
        self._cost = 0.0
        self._cells += cells
        rarer = cells / CELLS_PER_SECOND if self._cells > CELLS_AT_ONCE else 0.0
        self._next_news = began + max(NEWS_SECONDS, rarer)

    def _save(
        self, step: int, rows: NDArray[np.int64], probabilities: NDArray[np.float32], steps: NDArray[np.int32]
    ) -> None:
        """Write the predictions of an event, and remove those of earlier ones that are too many."""
        path = self._run.rolling_path(step)
        self._run.save_arrays(
            path,
            indices=self._digits.indices[rows],
            labels=self._digits.labels[rows],
            probabilities=to_float16(probabilities),
            steps=steps,
        )
        kept = self._run.rolling_steps()
        most = max(LEAST_FILES, min(MOST_FILES, MOST_BYTES // path.stat().st_size))
        if len(kept) > most:
            for each in set(kept) - spread(kept, most):
                self._remove(each)

    def _remove(self, step: int) -> None:
        with contextlib.suppress(OSError):  # a read-only disk must not end the run
            self._run.rolling_path(step).unlink()


def stratified_order(labels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return an order of examples, shape (n,), in which every stretch has about the classes' shares of all of them."""
    places = np.empty(len(labels))
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        places[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
    return np.argsort(places, kind="stable")


def losses(loss: Any, targets: NDArray[np.float32], probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the loss of each image, shape (n,), or the loss of all for each if it is not their mean.

    Args:
        loss: Keras loss.
        targets: One-hot labels, shape (n, classes).
        probabilities: Shape (n, classes).
    """
    import keras

    if loss.reduction in ("sum_over_batch_size", "mean"):
        each = np.asarray(
            keras.ops.convert_to_numpy(
                loss.call(keras.ops.convert_to_tensor(targets), keras.ops.convert_to_tensor(probabilities))
            ),
            np.float32,
        )
        if each.shape == targets.shape[:1]:
            return each
    return np.full(len(targets), float(loss(targets, probabilities)), np.float32)


def _metrics(context: ValidationContext) -> Metrics:
    try:
        return validation_metrics(context)
    except Exception:  # a user's own metric may need every class, or more images
        accuracy = float((context.probabilities.argmax(axis=1) == context.labels).mean())
        return {"loss": context.loss, "accuracy": accuracy}
