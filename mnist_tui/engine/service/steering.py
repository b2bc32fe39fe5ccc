"""Steering of a training: requests come in on the socket's thread, and the training thread acts between two batches.

A request is checked and recorded at once, so that it gets its reply even while the first step compiles.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from enum import Enum, auto
from functools import partial
from typing import Any, get_args

from mnist_tui.config import ConfigError, EarlyStopping, Target, command_words
from mnist_tui.control.protocol import (
    Computed,
    Continue,
    Pause,
    Request,
    Result,
    RollBack,
    SaveCheckpoint,
    SetEarlyStopping,
    SetEpochs,
    SetLearningRate,
    SetOnEnd,
    SetUntil,
    Step,
    Stop,
)
from mnist_tui.engine.recording.checkpoints import TrainingState
from mnist_tui.engine.recording.event_writer import Emit
from mnist_tui.engine.service.pending import PendingExplanation
from mnist_tui.engine.service.server import RequestError
from mnist_tui.events import EndReason, SettingChanged
from mnist_tui.settings import SETTINGS_BY_KEY

MAX_STEPS = 100_000
MAX_PENDING_EXPLANATIONS = 8
LOOK_SECONDS = 1.0
"""Seconds after which a paused training looks for removed files."""
RETRY_SECONDS = 1.0
"""Seconds between two attempts to save what the disk has refused, after the training."""


class DivergedError(Exception):
    """The loss is not finite again, and no viewer is attached to decide. The message is a sentence."""


class Action(Enum):
    """The next action of the training thread."""

    TRAIN = auto()
    SAVE_CHECKPOINT = auto()
    EXPLAIN = auto()
    """Compute the next piece of the oldest pending explanation."""
    PAUSE = auto()
    STOP = auto()
    ROLL_BACK = auto()
    TRAIN_ON = auto()
    """Train more epochs after the end."""
    EXIT = auto()


class Steering:
    """The requests of all viewers. The socket's thread calls `handle` and `set_viewers`, the training thread the rest.

    Both change `state` under one lock; every checkpoint contains it.
    """

    def __init__(self, state: TrainingState, emit: Emit, *, ended: bool = False) -> None:
        self.state = state
        self.ended = ended
        """True after the training has ended, while the engine tests, or waits for explain requests or more epochs."""
        self.is_ensemble = False
        """True if several models train for the same number of epochs each."""
        self.lowest_loss = 0.0
        """Validation loss of the best possible model."""
        self.steps_per_execution = 1
        """Batches trained per call into the device; `step` rounds up to a multiple."""
        self.awaiting_decision = False
        """True while a loss that is not finite waits for a viewer's decision."""
        self.origin = ""
        """Origin of the request behind the last ROLL_BACK or TRAIN_ON."""
        self._emit = emit
        self._changed = threading.Condition()
        self._paused = False
        self._steps_left = 0
        self._stop = False
        self._roll_back = False
        self._checkpoint = False
        self._train_on = False
        self._exiting = False
        self._viewers = 0
        self.is_retrying = False
        """True after the training has ended, while failed writes are repeated."""
        self._gave_up = False
        self._awaits_viewer = True
        self._explanations: deque[PendingExplanation] = deque()

    def handle(self, request: Request) -> "Future[Result] | None":
        """Accept a request; raises RequestError. The result of an explain or predict request comes later."""
        handler = HANDLERS[type(request)]
        with self._changed:
            pending = handler(self, request)
            self._changed.notify_all()
            return pending

    def set_viewers(self, count: int) -> None:
        """Set the number of attached viewers."""
        with self._changed:
            self._viewers = count
            self._awaits_viewer = self._awaits_viewer and not count
            self._changed.notify_all()

    def _accept_explain(self, request: Computed) -> "Future[Result]":
        if self._exiting:
            raise RequestError("the engine is about to exit: try again")
        if len(self._explanations) >= MAX_PENDING_EXPLANATIONS:
            raise RequestError(f"{MAX_PENDING_EXPLANATIONS} explain requests are pending: try again later")
        pending = PendingExplanation(request)
        self._explanations.append(pending)
        return pending.result

    def _accept_pause(self, request: Pause) -> None:
        self._check_training()
        if self._paused and not self._steps_left:
            raise RequestError("the run is already paused")
        self._record("pause", "after this batch", request.by)
        self._paused, self._steps_left = True, 0

    def _accept_step(self, request: Step) -> None:
        self._check_training()
        if not 1 <= request.count <= MAX_STEPS:
            raise RequestError(f"step count {request.count} is out of range: give 1 to {MAX_STEPS:,}")
        if self.awaiting_decision:
            raise RequestError("the loss is not finite: roll back, continue or stop first")
        self._record("step", f"{request.count:,}", request.by)
        self._paused, self._steps_left = True, self._steps_left + request.count

    def _accept_continue(self, request: Continue) -> None:
        self._check_training()
        if not self._paused and not self.awaiting_decision:
            raise RequestError("the run is not paused")
        self._record("continue", "despite the alert" if self.awaiting_decision else "training", request.by)
        self._paused, self._steps_left, self.awaiting_decision = False, 0, False

    def _accept_stop(self, request: Stop) -> None:
        if request.now:
            self._record("stop", "at once", request.by)
            return
        if self.is_retrying:
            self._gave_up = True
        if self._stop or self.is_retrying:
            return
        self._check_training()
        self._record("stop", "after this batch", request.by)
        self._stop = True

    def _accept_roll_back(self, request: RollBack) -> None:
        self._check_training()
        self._roll_back, self.origin, self._paused = True, request.by, False

    def _accept_checkpoint(self, request: SaveCheckpoint) -> None:
        self._check_training()
        self._record("checkpoint", "now", request.by)
        self._checkpoint = True

    def _accept_epochs(self, request: SetEpochs) -> None:
        self._check_single_model("number of epochs")
        state, setting = self.state, SETTINGS_BY_KEY["epochs"]
        planned = (state.epochs_planned if request.epochs is None else request.epochs) + request.change
        least = state.epoch + 1 if self.ended or state.batch or not state.epoch else state.epoch
        if planned < least:
            reason = f"epochs done: {state.epoch}" if self.ended else f"epoch {least} is under way"
            raise RequestError(f"epochs {planned} is too few ({reason}): give at least {least}")
        if planned > setting.maximum:
            raise RequestError(f"epochs {planned:,} is out of range: give at most {setting.maximum:,.0f}")
        if self._exiting:
            raise RequestError("the engine is about to exit: resume the run instead")
        if planned != state.epochs_planned:
            state.epochs_planned = planned
            self._record("epochs", str(planned), request.by)
        if self.ended:
            self.drop_met_target(request.by)
            self._train_on, self.origin = True, request.by

    def _accept_learning_rate(self, request: SetLearningRate) -> None:
        self._check_training()
        setting = SETTINGS_BY_KEY["learning_rate"]
        rate = (self.state.max_learning_rate if request.value is None else request.value) * request.factor
        if not setting.minimum <= rate <= setting.maximum:  # also false for NaN
            bounds = f"give {setting.minimum:g} to {setting.maximum:g}"
            raise RequestError(f"learning rate {rate:g} is out of range: {bounds}")
        self._set_learning_rate(rate, request.by)

    def _set_learning_rate(self, rate: float, by: str) -> None:
        text = f"{rate:.6g}"
        self.state.max_learning_rate = float(text)  # the value that a resumed engine reads
        self._record("learning_rate", text, by)

    def _accept_early_stopping(self, request: SetEarlyStopping) -> None:
        self._set_rule("early_stopping", request.rule, request.by, EarlyStopping.parse)

    def _accept_until(self, request: SetUntil) -> None:
        self._set_rule("until", request.target, request.by, partial(Target.parse, lowest_loss=self.lowest_loss))

    def _accept_on_end(self, request: SetOnEnd) -> None:
        self._set("on_end", request.command, request.by, command_words)

    def _set_rule(self, key: str, text: str, by: str, parse: Callable[[str], object]) -> None:
        self._check_training()
        self._check_single_model("target" if key == "until" else "early stopping")
        self._set(key, text, by, parse)

    def _set(self, key: str, text: str, by: str, parse: Callable[[str], object]) -> None:
        try:
            parse(text)
        except ConfigError as error:
            raise RequestError(str(error)) from None
        setattr(self.state, key, text)
        self._record(key, text, by)

    def drop_met_target(self, by: str) -> None:
        """Train on past a target that is met, since a user asked for more epochs."""
        if self.state.has_met_target:
            self.state.until = "off"
            self._record("until", "off", by)

    def _check_training(self) -> None:
        if self.ended:
            raise RequestError("the training has ended: add epochs to train on")

    def _check_single_model(self, what: str) -> None:
        if self.is_ensemble:
            raise RequestError(f"the {what} of an ensemble cannot change: all its models train for the same epochs")

    def _record(self, setting: str, value: str, by: str) -> None:
        self._emit(SettingChanged(time=time.time(), setting=setting, value=value, by=by, step=self.state.step))

    @property
    def trains_on(self) -> bool:
        """True if an ended run has been given more epochs, and their training has not begun."""
        return self._train_on

    # Called by the training thread

    @property
    def has_viewers(self) -> bool:
        """True if a viewer is attached, whose user could decide."""
        return self._viewers > 0

    def scale_learning_rate(self, factor: float, by: str) -> None:
        """Multiply the maximum learning rate, but not to less than its minimum."""
        with self._changed:
            least = SETTINGS_BY_KEY["learning_rate"].minimum
            self._set_learning_rate(max(least, self.state.max_learning_rate * factor), by)

    def end_reason(self, *, is_early: bool) -> EndReason | None:
        """Return why the training ends now, or None if it goes on.

        From its end on, requests that would come too late are rejected, and more epochs are trained after the test.

        Args:
            is_early: True if the early-stopping rule is met.
        """
        with self._changed:
            reason = None
            if self.state.has_met_target:
                reason = EndReason.TARGET
            elif is_early:
                reason = EndReason.EARLY
            elif self.state.epoch >= self.state.epochs_planned:
                reason = EndReason.COMPLETED
            elif self._stop and self.state.step:  # before the first batch, a stop waits for it
                reason = EndReason.STOPPED
            if reason is not None:
                self.ended = self._stop = True
            return reason

    def next_action(self, *, wait: bool, explain: bool = True) -> Action:
        """Return what to do now; a request that takes effect once is consumed.

        Args:
            wait: Wait until the answer is anything but PAUSE, or LOOK_SECONDS have passed.
            explain: Whether there is time for EXPLAIN.
        """
        with self._changed:
            if wait:
                self._changed.wait_for(lambda: self._action(explain) is not Action.PAUSE, LOOK_SECONDS)
            action = self._action(explain)
            if action is Action.SAVE_CHECKPOINT:
                self._checkpoint = False
            elif action is Action.ROLL_BACK:
                self._roll_back = False
            elif action is Action.TRAIN and self._paused:
                self._steps_left = max(0, self._steps_left - self.steps_per_execution)
            return action

    def _action(self, explain: bool) -> Action:
        if self._checkpoint:
            return Action.SAVE_CHECKPOINT
        if self._stop:
            return Action.STOP
        if self._roll_back:
            return Action.ROLL_BACK
        if explain and self._explanations:
            return Action.EXPLAIN
        return Action.PAUSE if self._paused and not self._steps_left else Action.TRAIN

    @property
    def pending_explanation(self) -> PendingExplanation:
        """The explanation that has been pending longest."""
        return self._explanations[0]

    def drop_explanation(self) -> None:
        """Remove the pending explanation that has waited longest."""
        with self._changed:
            self._explanations.popleft()

    def reject_explanations(self, reason: str) -> None:
        """Reject the pending explanations and all later ones, because the engine cannot go on."""
        with self._changed:
            self._exiting = True
            for pending in self._explanations:
                if pending.claim():
                    pending.result.set_exception(RequestError(reason))
            self._explanations.clear()

    def restart_explanations(self) -> None:
        """Begin all pending explanations again, because the model has changed."""
        with self._changed:
            for pending in self._explanations:
                pending.pieces = None

    def retry_until(self, is_over: Callable[[], bool]) -> None:
        """Repeat what `is_over` does until it returns True or a user stops the run."""
        while not is_over() and not self._gave_up:
            with self._changed:
                self.is_retrying = True
                self._changed.wait_for(lambda: self._gave_up, RETRY_SECONDS)
        self.is_retrying = False

    def wait_for_decision(self) -> Action:
        """Wait for a decision about a loss that is not finite; return PAUSE if the last viewer leaves instead."""
        with self._changed:
            self.awaiting_decision = True
            self._changed.wait_for(
                lambda: self._stop or self._roll_back or not self.awaiting_decision or self._viewers == 0
            )
            continues = not self.awaiting_decision
            self.awaiting_decision = False
            if self._stop:
                return Action.STOP
            if self._roll_back:
                self._roll_back = False
                return Action.ROLL_BACK
            return Action.TRAIN if continues else Action.PAUSE

    def wait_after_end(self, patience: float = 0.0, idle: float | None = None) -> Action:
        """Wait after the end of the training for EXPLAIN, TRAIN_ON, or EXIT once no viewer is attached.

        Args:
            patience: Seconds that the first viewer may take to attach; they are waited once.
            idle: Seconds without a request after which the answer is EXIT in spite of viewers; None: no limit.
        """
        with self._changed:
            self.ended = True
            self._stop = self._roll_back = self._checkpoint = self._paused = False
            self._steps_left = 0
            if self._awaits_viewer:
                self._awaits_viewer = False
                self._changed.wait_for(lambda: self._viewers or self._explanations or self._train_on, patience)
            self._changed.wait_for(lambda: self._explanations or self._train_on or self._viewers == 0, idle)
            if self._explanations:
                return Action.EXPLAIN
            if self._train_on:
                self._train_on = self.ended = self._gave_up = False
                return Action.TRAIN_ON
            self._exiting = True
            return Action.EXIT


Handler = Callable[[Steering, Any], "Future[Result] | None"]
HANDLERS: dict[type[Request], Handler] = {
    **dict.fromkeys(get_args(Computed), Steering._accept_explain),
    Pause: Steering._accept_pause,
    Step: Steering._accept_step,
    Continue: Steering._accept_continue,
    Stop: Steering._accept_stop,
    RollBack: Steering._accept_roll_back,
    SaveCheckpoint: Steering._accept_checkpoint,
    SetEpochs: Steering._accept_epochs,
    SetLearningRate: Steering._accept_learning_rate,
    SetEarlyStopping: Steering._accept_early_stopping,
    SetUntil: Steering._accept_until,
    SetOnEnd: Steering._accept_on_end,
}
"""The handler of each type of request, called under the lock of the steering."""
