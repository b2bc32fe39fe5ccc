"""Keras callbacks -> events; the learning rate, and what is to happen between two batches, come back through them."""

import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from mnist_tui.engine import backends
from mnist_tui.engine.backends.backend import StartExecution
from mnist_tui.engine.recording.checkpoints import TrainingState
from mnist_tui.engine.recording.event_writer import Emit
from mnist_tui.events import Phase, PhaseChanged, StepEnded
from mnist_tui.metrics import StepContext, step_metrics


class EmitSteps(keras.callbacks.Callback):
    """Emits step_ended after every execution, and keeps the sums of an epoch. Goes with BeginSteps.

    An execution is one step, or as many as the network takes at once (`steps_per_execution`). One of several may have
    begun with the end of the one before (see backends/jax_loop.py), which is where its seconds are counted from.
    """

    def __init__(self, emit: Emit, state: TrainingState, batch_size: int, train_count: int) -> None:
        super().__init__()
        self._emit = emit
        self._state = state
        self._batch_size = batch_size
        self._train_count = train_count
        self._first = True
        self._began: float | None = None
        self._speed = 0.0
        self.loss = self.accuracy = float("nan")
        """Of the newest execution."""
        self.count = 0
        """Its steps."""

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """A first execution of several steps may be under way for long, which is told with the speed before it."""
        is_unknown = self.model.steps_per_execution > 1 and self._speed > 0
        self._began = None if is_unknown else time.monotonic()

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Note when the execution begins."""
        if self.model.steps_per_execution == 1:
            self._began = time.monotonic()

    def stood_still(self) -> None:
        """What was computed meanwhile says nothing of the speed: the next execution is told with that of the last."""
        self._began = None

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Emit the execution's last step."""
        logs, state = logs or {}, self._state
        self.loss, self.accuracy = float(logs["loss"]), float(logs["accuracy"])
        left = self._train_count - state.digits
        count = min(self._batch_size * self.model.steps_per_execution, left)
        self.count = -(-count // self._batch_size)
        state.step += self.count
        state.batch += self.count
        state.digits += count
        now, ended = time.time(), time.monotonic()
        if self._began is not None:
            self._speed = count / max(1e-9, ended - self._began)
        self._began = ended
        if self._first:
            self._first = False
            self._emit(PhaseChanged(time=now, phase=Phase.TRAINING))
        learning_rate = float(np.asarray(self.model.optimizer.learning_rate))
        metrics = step_metrics(StepContext(logs, learning_rate, self._speed))
        state.add(metrics, count)
        self._emit(StepEnded(time=now, step=state.step, epoch=state.epoch + 1, metrics=metrics))


class BeginSteps(keras.callbacks.Callback):
    """Sets the learning rate before every execution to what the schedule says, and empties the metrics.

    Keras reports running means; emptied metrics make an execution's figures its own, so that one NaN does not blot out
    the rest of the epoch.
    """

    def __init__(self, rate: Callable[[], float], coming: Callable[[], float] | None = None) -> None:
        """`rate` gives the learning rate of an execution that begins, `coming` that of the next one if all goes on."""
        super().__init__()
        self._rate, self._coming = rate, coming
        self._begin: StartExecution | None = None

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Ask the schedule."""
        model = self.model  # on JAX this brings the variables up to date: here, before the schedule reads them
        if self._begin is None:
            self._begin = backends.current().execution_starter(model)
        self._begin(self._rate(), self._coming() if self._coming is not None else None)


class BetweenBatches(keras.callbacks.Callback):
    """Calls `act` after every execution, and ends `fit` when that says False."""

    def __init__(self, act: Callable[[], bool]) -> None:
        super().__init__()
        self._act = act

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Act."""
        model = self.model  # on JAX this brings the variables up to date, which are looked at and saved
        if not self._act():
            model.stop_training = True
