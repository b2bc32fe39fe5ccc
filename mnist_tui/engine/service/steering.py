"""What people want of a training: taken in by the thread of the control socket, carried out between two batches.

A request is checked and recorded at once, so that it is answered even while the first step compiles; the training
thread meets it after the batch under way.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import Enum, auto

from mnist_tui.config import ConfigError, EarlyStopping
from mnist_tui.control.protocol import (
    AnyRequest,
    Attach,
    Continue,
    Explain,
    Explanation,
    Pause,
    Ping,
    RollBack,
    SaveCheckpoint,
    SetEarlyStopping,
    SetEpochs,
    SetLearningRate,
    Step,
    Stop,
)
from mnist_tui.engine.recording.checkpoints import TrainingState
from mnist_tui.engine.recording.event_writer import Emit
from mnist_tui.engine.service.server import Refused
from mnist_tui.events import SettingChanged
from mnist_tui.settings import SETTINGS_BY_KEY

MOST_STEPS = 100_000
MOST_QUESTIONS = 8


class DivergedError(Exception):
    """The loss is not a number again, and nobody is there to decide. The message is a sentence."""


class Order(Enum):
    """What the training thread is to do after a batch."""

    GO = auto()
    SAVE = auto()
    ANSWER = auto()
    """A question waits: work on it for a moment."""
    STAND_STILL = auto()
    STOP = auto()
    ROLL_BACK = auto()
    TRAIN_ON = auto()
    END = auto()


@dataclass
class Question:
    """Asked by a screen; `work` is what the training thread has begun, a piece at a time."""

    request: Explain
    answer: "Future[Explanation]" = field(default_factory=Future)
    work: Iterator[Explanation | None] | None = None


class Steering:
    """The wishes so far. `handle` is called by the socket's thread, everything below it by the training thread.

    Both change `state` under one lock; the settings in it go into every checkpoint.
    """

    def __init__(self, state: TrainingState, emit: Emit, *, over: bool = False) -> None:
        self.state = state
        self._emit = emit
        self._changed = threading.Condition()
        self._paused = False
        self._steps = 0
        self.fixed_epochs = False
        """Whether this trains an ensemble, whose networks have so many epochs each."""
        self.stride = 1
        """Steps that are taken at once: single steps are rounded up to as many."""
        self._stop = False
        self._roll_back_by = ""
        self._checkpoint = False
        self.deciding = False
        """Whether a loss that is not finite waits for a decision."""
        self.over = over
        """Whether training has ended, and the engine is only there for questions or more epochs."""
        self._ending = False
        self._train_on_by = ""
        self._viewers = 0
        self._questions: deque[Question] = deque()

    def handle(self, request: AnyRequest) -> "Future[Explanation] | None":
        """Take in a request; raises Refused. A question's answer comes later."""
        with self._changed:
            match request:
                case Ping() | Attach():
                    return None
                case Explain():
                    return self._take_question(request)
                case Stop(now=True):
                    self._record("stop", "at once", request.by)
                    return None
                case SetEpochs():
                    self._set_epochs(request)
                case _ if self.over:
                    raise Refused("the training is over: plan more epochs to train on")
                case Pause() | Continue() | Step():
                    self._set_pace(request)
                case Stop():
                    if not self._stop:
                        self._record("stop", "after this batch", request.by)
                    self._stop = True
                case RollBack():
                    self._roll_back_by = request.by
                    self._paused = False
                case SaveCheckpoint():
                    self._record("checkpoint", "now", request.by)
                    self._checkpoint = True
                case SetLearningRate():
                    self._set_learning_rate(request)
                case SetEarlyStopping():
                    self._set_early_stopping(request)
            self._changed.notify_all()
            return None

    def set_viewers(self, count: int) -> None:
        """How many screens watch now."""
        with self._changed:
            self._viewers = count
            self._changed.notify_all()

    def _take_question(self, request: Explain) -> "Future[Explanation]":
        if self._ending:
            raise Refused("the engine is about to end: ask again")
        if len(self._questions) >= MOST_QUESTIONS:
            raise Refused(f"{MOST_QUESTIONS} questions wait already: ask again when they are answered")
        question = Question(request)
        self._questions.append(question)
        self._changed.notify_all()
        return question.answer

    def _set_pace(self, request: Pause | Continue | Step) -> None:
        match request:
            case Pause():
                if self._paused and not self._steps:
                    raise Refused("the run is paused already")
                self._record("pause", "after this batch", request.by)
                self._paused, self._steps = True, 0
            case Step():
                if not 1 <= request.count <= MOST_STEPS:
                    raise Refused(f"{request.count} steps cannot be taken: give 1 to {MOST_STEPS:,}")
                if self.deciding:
                    raise Refused("the loss is not a number: roll back, go on or stop first")
                self._record("step", f"{request.count:,}", request.by)
                self._paused, self._steps = True, self._steps + request.count
            case Continue():
                if not self._paused and not self.deciding:
                    raise Refused("the run is not paused")
                self._record("continue", "in spite of the alert" if self.deciding else "training", request.by)
                self._paused, self._steps, self.deciding = False, 0, False

    def _set_epochs(self, request: SetEpochs) -> None:
        self._refuse_for_ensembles("number of epochs")
        state, setting = self.state, SETTINGS_BY_KEY["epochs"]
        wanted = (state.epochs_planned if request.epochs is None else request.epochs) + request.change
        least = state.epoch + 1 if self.over or state.batch or not state.epoch else state.epoch
        if wanted < least:
            reason = f"{state.epoch} are done" if self.over else f"epoch {least} is under way"
            raise Refused(f"epochs {wanted} is too few: {reason}, give at least {least}")
        if wanted > setting.maximum:
            raise Refused(f"epochs {wanted:,} is out of range: give at most {setting.maximum:,.0f}")
        if self._ending:
            raise Refused("the engine is about to end: resume the run instead")
        if wanted != state.epochs_planned:
            state.epochs_planned = wanted
            self._record("epochs", str(wanted), request.by)
        if self.over:
            self._train_on_by = request.by

    def _set_learning_rate(self, request: SetLearningRate) -> None:
        setting = SETTINGS_BY_KEY["learning_rate"]
        wanted = (self.state.max_learning_rate if request.value is None else request.value) * request.factor
        if not setting.minimum <= wanted <= setting.maximum:  # also false for nan
            raise Refused(f"learning rate {wanted:g} is out of range: give {setting.minimum:g} to {setting.maximum:g}")
        self.state.max_learning_rate = wanted
        self._record("learning_rate", f"{wanted:.6g}", request.by)

    def _refuse_for_ensembles(self, what: str) -> None:
        if self.fixed_epochs:
            raise Refused(f"the {what} of an ensemble stays: all its networks train for the same epochs")

    def _set_early_stopping(self, request: SetEarlyStopping) -> None:
        self._refuse_for_ensembles("early stopping")
        try:
            EarlyStopping.parse(request.rule)
        except ConfigError as error:
            raise Refused(str(error)) from None
        self.state.early_stopping = request.rule
        self._record("early_stopping", request.rule, request.by)

    def _record(self, setting: str, value: str, by: str) -> None:
        self._emit(SettingChanged(time=time.time(), setting=setting, value=value, by=by, step=self.state.step))

    # what the training thread asks

    @property
    def attended(self) -> bool:
        """Whether a screen watches that somebody could decide from."""
        return self._viewers > 0

    @property
    def stopping(self) -> bool:
        """Whether somebody asked for the end after a batch."""
        return self._stop

    def next_order(self, *, wait: bool, questions: bool = True) -> Order:
        """What to do now; with `wait`, never STAND_STILL. What was asked for once is used up by the answer.

        ANSWER comes as long as a question waits, unless `questions` says that there is no time for one.
        """
        with self._changed:
            if wait:
                self._changed.wait_for(lambda: self._order(questions) is not Order.STAND_STILL)
            order = self._order(questions)
            if order is Order.SAVE:
                self._checkpoint = False
            elif order is Order.GO and self._paused:
                self._steps = max(0, self._steps - self.stride)
            return order

    def _order(self, questions: bool) -> Order:
        if self._checkpoint:
            return Order.SAVE
        if self._stop:
            return Order.STOP
        if self._roll_back_by:
            return Order.ROLL_BACK
        if questions and self._questions:
            return Order.ANSWER
        return Order.STAND_STILL if self._paused and not self._steps else Order.GO

    @property
    def question(self) -> Question:
        """The one that has waited longest."""
        return self._questions[0]

    def begin_questions_anew(self) -> None:
        """The network that they are asked of is another now."""
        with self._changed:
            for question in self._questions:
                question.work = None

    def drop_question(self) -> None:
        """The longest waiting one is answered, or cannot be."""
        with self._changed:
            self._questions.popleft()

    def take_roll_back(self) -> str:
        """Who asked for a roll back since the last call; empty when nobody did."""
        with self._changed:
            by, self._roll_back_by = self._roll_back_by, ""
            return by

    def decide(self) -> Order:
        """Wait for a decision on a loss that is not finite. Without anybody left to decide: STAND_STILL."""
        with self._changed:
            self.deciding = True
            self._changed.wait_for(lambda: self._stop or self._roll_back_by or not self.deciding or self._viewers == 0)
            decided = not self.deciding
            self.deciding = False
            if self._stop:
                return Order.STOP
            if self._roll_back_by:
                return Order.ROLL_BACK
            return Order.GO if decided else Order.STAND_STILL

    def order_after_end(self, patience: float = 0.0) -> Order:
        """After the end, wait for: ANSWER, TRAIN_ON, or END when nobody watches (any more).

        `patience` is how many seconds the first screen may take to come.
        """
        with self._changed:
            self.over, self._stop, self._paused, self._steps = True, False, False, 0
            if patience:
                self._changed.wait_for(lambda: self._viewers or self._questions or self._train_on_by, patience)
            self._changed.wait_for(lambda: self._questions or self._train_on_by or self._viewers == 0)
            if self._questions:
                return Order.ANSWER
            self.over, self._ending = False, not self._train_on_by
            return Order.TRAIN_ON if self._train_on_by else Order.END

    def take_train_on(self) -> str:
        """Who planned more epochs after the end."""
        with self._changed:
            by, self._train_on_by = self._train_on_by, ""
            return by
