"""Keras callbacks that emit events, set the learning rate and run work between batches."""

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


class RecordSteps(keras.callbacks.Callback):
    """Callback that emits StepEnded after every execution. It needs PrepareExecution.

    An execution of several steps may begin when the previous one ends (see backends/jax_loop.py), so its time is
    counted from there.
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
        self.count = 0
        """Steps of the newest execution."""

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        # A speculative first execution may have started long ago: report the previous speed for it.
        is_unknown = self.model.steps_per_execution > 1 and self._speed > 0
        self._began = None if is_unknown else time.monotonic()

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self.model.steps_per_execution == 1:
            self._began = time.monotonic()

    def restart_timing(self) -> None:
        """Report the previous speed for the next execution, whose time includes a pause."""
        self._began = None

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
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


class PrepareExecution(keras.callbacks.Callback):
    """Callback that sets the learning rate and resets the metrics before every execution.

    Keras reports running means. Without a reset, one NaN would hide the rest of the epoch.
    """

    def __init__(self, rate: Callable[[], float], following_rate: Callable[[], float] | None = None) -> None:
        """Take functions that return the learning rates of this execution and, optionally, of the next one."""
        super().__init__()
        self._rate, self._following_rate = rate, following_rate
        self._begin: StartExecution | None = None

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        model = self.model  # on JAX this updates the variables, before the schedule reads them
        if self._begin is None:
            self._begin = backends.current().execution_starter(model)
        self._begin(self._rate(), self._following_rate() if self._following_rate is not None else None)


class AfterExecution(keras.callbacks.Callback):
    """Callback that calls `act` after every execution and ends `fit` if it returns False."""

    def __init__(self, act: Callable[[], bool]) -> None:
        super().__init__()
        self._act = act

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        model = self.model  # on JAX this updates the variables, which `act` reads and saves
        if not self._act():
            model.stop_training = True
