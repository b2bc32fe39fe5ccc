"""Keras callbacks -> events, and the two that act on what comes back: the learning rate and the stop."""

import threading
import time
from collections.abc import Callable
from typing import Any

import keras

from mnist_tui.events import Event, Phase, PhaseChanged, StepEnded

Emit = Callable[[Event], None]


class EmitSteps(keras.callbacks.Callback):
    """Emits step_ended after every batch, and keeps the sums that an epoch's means are made of.

    Keras reports running means; the metrics are reset after each batch, so that a step's figures are its own and one
    NaN does not blot out the rest of the epoch.
    """

    def __init__(self, emit: Emit, batch_size: int, train_count: int) -> None:
        super().__init__()
        self._emit = emit
        self._batch_size = batch_size
        self._train_count = train_count
        self._epoch = 0
        self.step = 0
        self.loss_sum = self.accuracy_sum = 0.0
        self.digits = 0
        self.epoch_began = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Start the epoch's sums."""
        self._epoch = epoch + 1
        self.loss_sum = self.accuracy_sum = 0.0
        self.digits = 0
        self.epoch_began = time.monotonic()
        if epoch > 0:
            self._emit(PhaseChanged(time=time.time(), phase=Phase.TRAINING))

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Note when the step begins."""
        self._began = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Emit the step."""
        figures = logs or {}
        loss, accuracy = float(figures["loss"]), float(figures["accuracy"])
        count = min(self._batch_size, self._train_count - self.digits)
        self.step += 1
        self.digits += count
        self.loss_sum += loss * count
        self.accuracy_sum += accuracy * count
        now = time.time()
        if self.step == 1:
            self._emit(PhaseChanged(time=now, phase=Phase.TRAINING))
        self._emit(
            StepEnded(
                time=now,
                step=self.step,
                epoch=self._epoch,
                loss=loss,
                accuracy=accuracy,
                learning_rate=float(self.model.optimizer.learning_rate),
                images_per_second=count / max(1e-9, time.monotonic() - self._began),
            )
        )
        self.model.reset_metrics()


class FollowSchedule(keras.callbacks.Callback):
    """Sets the learning rate before every step to what the schedule says."""

    def __init__(self, rate_of: Callable[[int], float]) -> None:
        super().__init__()
        self._rate_of = rate_of
        self._step = 0

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Steps count from 0 over all epochs."""
        self.model.optimizer.learning_rate = self._rate_of(self._step)
        self._step += 1


class StopWhenAsked(keras.callbacks.Callback):
    """Ends `fit` after the current batch once the event is set; the epoch's end is still reached and evaluated."""

    def __init__(self, asked: threading.Event) -> None:
        super().__init__()
        self._asked = asked

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Stop if asked."""
        if self._asked.is_set():
            self.model.stop_training = True


class AtEpochEnd(keras.callbacks.Callback):
    """Calls `act(epoch)` when all batches of an epoch (counted from 1) are done."""

    def __init__(self, act: Callable[[int], None]) -> None:
        super().__init__()
        self._act = act

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Act."""
        self._act(epoch + 1)
