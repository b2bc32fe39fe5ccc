"""One run, top to bottom: data -> network -> fit, epoch by epoch -> best epoch -> test. All of it is told to `emit`.

Each epoch is one `fit` over the digits in that epoch's own order, so that a resumed run begins in the middle of one as
if nothing had happened, and the number of epochs may change on the way.
"""

import time
from statistics import fmean

import keras
import msgspec
import numpy as np

from mnist_tui.config import EarlyStopping, RunConfig
from mnist_tui.engine import backends, checkpoints, datasets, devices
from mnist_tui.engine.architecture import channels, describe_layers
from mnist_tui.engine.averaging import averaged
from mnist_tui.engine.best_model import BestModel
from mnist_tui.engine.callbacks import BeginSteps, BetweenBatches, EmitSteps
from mnist_tui.engine.checkpoints import Checkpoint, Checkpointer, digit_order
from mnist_tui.engine.datasets import Split
from mnist_tui.engine.devices import Machine
from mnist_tui.engine.evaluation import one_hot
from mnist_tui.engine.guard import EpochFigures, Guard
from mnist_tui.engine.journal import Journal
from mnist_tui.engine.layer_watch import LayerWatch
from mnist_tui.engine.presets import PRESETS, compile_model
from mnist_tui.engine.questions import Questions
from mnist_tui.engine.readout import readout
from mnist_tui.engine.recorder import Recorder, save_digits
from mnist_tui.engine.saving import Saver
from mnist_tui.engine.steering import DivergedError, Order, Steering
from mnist_tui.events import (
    AlertKind,
    EndReason,
    Phase,
    PhaseChanged,
    ResumeReason,
    RunResumed,
    RunStarted,
    SettingChanged,
)
from mnist_tui.runs.directory import RunDirectory

MOST_RESCUES = 1
"""Times that an unattended run rolls back by itself before it gives up."""
CALMER = 0.5
"""What the learning rate is multiplied by on a roll back."""
PROGRAM = "mnist-tui itself"
FIRST_SCREEN_SECONDS = 30.0
"""How long an engine that was woken waits for the screen that woke it."""


def train(
    run: RunDirectory,
    journal: Journal,
    steering: Steering,
    saver: Saver,
    start: Checkpoint | None,
    *,
    woken: bool = False,
) -> None:
    """Do what config.json says and what `steering` wants, from the beginning or from a checkpoint.

    A run that is over is `woken` to be questioned, or to train on.
    """
    record, emit = run.record(), journal.emit
    config = record.config
    machine = devices.find(config.device)
    backends.current().prepare(devices.plan(config, machine))
    keras.utils.set_random_seed(config.seed)

    emit(PhaseChanged(time=time.time(), phase=Phase.LOADING))
    data = datasets.load(config.data)
    split = datasets.split(data, config.seed, config.limit)
    record = msgspec.structs.replace(record, versions=record.versions | devices.versions(), data_checksum=data.checksum)
    where = {"step": steering.state.step, "epoch": steering.state.epoch}
    saver.attempt("config.json", lambda: run.write_record(record), **where)
    saver.attempt("digits/validation.npz", lambda: save_digits(run, "validation", split.validation), **where)

    emit(PhaseChanged(time=time.time(), phase=Phase.BUILDING))
    trainer = Trainer(run, config, split, machine, journal, steering, saver, len(data.class_names))
    trainer.tell_start(data.class_names)
    emit(PhaseChanged(time=time.time(), phase=Phase.COMPILING))
    trainer.begin(start)
    if not woken:
        trainer.train_to_the_end()
    while trainer.answer_until_wanted(patience=FIRST_SCREEN_SECONDS if woken else 0.0):
        trainer.train_on(steering.take_train_on())
        trainer.train_to_the_end()


class Trainer:
    """One network in training, from its first batch to its test."""

    def __init__(
        self,
        run: RunDirectory,
        config: RunConfig,
        split: Split,
        machine: Machine,
        journal: Journal,
        steering: Steering,
        saver: Saver,
        classes: int,
    ) -> None:
        self._run, self._config, self._split, self._classes = run, config, split, classes
        self._emit, self._steering = journal.emit, steering
        self._state = steering.state
        self._preset = PRESETS[config.preset]
        network = self._preset.build((28, 28, 1), classes)
        self._layers = describe_layers(network)
        self._machine, self._plan = machine, devices.plan(config, machine, channels(self._layers))
        with backends.current().scope():
            self._model = backends.current().prepare_network(network, self._plan)
            compile_model(self._preset, self._model, config.optimizer, config.learning_rate, jit=self._plan.jit)
            self._model.steps_per_execution = self._plan.steps_per_execution
            self._model.optimizer.build(self._model.trainable_variables)
        self._variables = [*self._model.variables, *self._model.optimizer.variables]
        self._best = BestModel(run, readout([network], self._preset.views), [])
        self._recorder = Recorder(run, split, self._state, journal, saver, self._best)
        self._questions = Questions(split)
        self._targets = one_hot(split.train.labels, classes)
        self._epoch_digits = len(split.train) - len(split.train) % self._plan.count
        """Devices share the last batch evenly too: what is left over waits for another epoch's order."""
        self._steps_per_epoch = -(-self._epoch_digits // config.batch_size)
        self._checkpointer = Checkpointer(run, config, before=journal.flush)
        self._guard = Guard(classes)
        self._layer_watch = LayerWatch(self._model, split.train, classes)
        self._begin_steps = BeginSteps(self._learning_rate)
        self._emit_steps = EmitSteps(journal.emit, self._state, config.batch_size, self._epoch_digits)
        self._rolled_back_to = -1
        steering.stride = self._plan.steps_per_execution

    def tell_start(self, class_names: tuple[str, ...]) -> None:
        """The network stands and the data are split."""
        self._emit(
            RunStarted(
                time=time.time(),
                layers=self._layers,
                class_names=class_names,
                train_count=self._epoch_digits,
                validation_count=len(self._split.validation),
                test_count=len(self._split.test),
                epochs=self._state.epochs_planned,
                steps_per_epoch=self._steps_per_epoch,
                hardware=devices.hardware(self._plan, self._machine),
            )
        )

    def begin(self, start: Checkpoint | None) -> None:
        """Take up a checkpoint, or save the first one, so that there always is one to go back to."""
        if start is not None:
            self._restore(start)
        else:
            self._save_checkpoint()

    def train_to_the_end(self) -> None:
        """All epochs that are planned, or until somebody stops; then the test on the best one."""
        state, ended_early = self._state, False
        while state.epoch < state.epochs_planned and not ended_early and not self._is_stopped():
            if state.batch < self._steps_per_epoch:  # else a checkpoint came between the last batch and the validation
                self._fit_epoch()
            if state.batch == self._steps_per_epoch:
                self._end_epoch()
                rule = EarlyStopping.parse(state.early_stopping)
                ended_early = rule is not None and rule.is_met([_watched(figures, rule) for figures in state.figures])
        complete = state.epoch >= state.epochs_planned or ended_early
        if not complete:
            self._save_checkpoint()
            if state.batch:
                self._validate(complete=False)  # it stays under way
        elif not self._checkpointer.has(state):
            self._save_checkpoint()
        reason = EndReason.EARLY if ended_early else EndReason.COMPLETED if complete else EndReason.STOPPED
        self._recorder.test(self._model.loss, reason)

    def _is_stopped(self) -> bool:
        """Somebody wants the end; what is asked for before the first batch comes after it."""
        return self._steering.stopping and bool(self._state.step)

    def train_on(self, by: str) -> None:
        """After the end: more epochs, from where it ended."""
        checkpoint = checkpoints.read(self._run)
        if checkpoint is not None and checkpoint.state.step == self._state.step:
            self._go_back(checkpoint)  # a stop in the middle of an epoch was validated there, which no longer counts
        self._emit(self._resumed(ResumeReason.TRAINED_ON, by))
        self._go_on()

    def answer_until_wanted(self, patience: float) -> bool:
        """After the end: answer questions until somebody wants to train on (True), or the last screen has left."""
        while (order := self._steering.order_after_end(patience)) is Order.ANSWER:
            self._answer()
        return order is Order.TRAIN_ON

    def _answer(self) -> None:
        """Work on the question that has waited longest, for a moment."""
        question = self._steering.question
        try:
            if question.work is None:
                question.work = self._questions.work_on(question.request, self._best, self._state.best_epoch)
            explanation = next(question.work)
        except Exception as error:  # a question may fail, the training may not
            question.answer.set_exception(error)
            self._steering.drop_question()
            return
        if explanation is not None:
            question.answer.set_result(explanation)
            self._steering.drop_question()

    def _fit_epoch(self) -> None:
        """What is left of the epoch under way."""
        state, config, train = self._state, self._config, self._split.train
        left = digit_order(config.seed, state.epoch, len(train))[: self._epoch_digits][
            state.batch * config.batch_size :
        ]
        bending = self._preset.augmentation
        warps = None if bending is None else bending.draw(self._epoch_digits, config.seed, state.epoch)[-len(left) :]
        pictures, targets = train.images[left][..., np.newaxis], self._targets[left]
        self._model.fit(
            backends.current().batches(pictures, targets, config.batch_size, warps),
            verbose=0,
            shuffle=False,  # they come in their order
            callbacks=[self._begin_steps, self._emit_steps, BetweenBatches(self._between_batches)],
        )

    def _learning_rate(self) -> float:
        """The schedule's mean over the steps that are taken next at once."""
        state, steps = self._state, self._steps_per_epoch * self._state.epochs_planned
        count = min(self._plan.steps_per_execution, self._steps_per_epoch - state.batch)
        return fmean(self._preset.schedule(state.step + place, steps, state.peak) for place in range(count))

    def _between_batches(self) -> bool:
        """What was asked for, what went wrong, what is due; False ends this `fit`."""
        self._recorder.clock.clock_in()
        state, steps = self._state, self._emit_steps
        finding = self._guard.steps(state.step, steps.count, state.epoch + 1, steps.loss, steps.accuracy)
        if finding is not None and finding.kind is AlertKind.NOT_FINITE:
            return self._meet_divergence(finding.text)
        if finding is not None:
            self._recorder.alert(finding.kind, finding.text)
        stats = self._layer_watch.look(state.step)
        if stats is not None:
            self._emit(stats)
        if self._checkpointer.is_due():
            self._save_checkpoint()
        standing = answered = False
        asides = (Order.SAVE, Order.ANSWER, Order.STAND_STILL)
        while (order := self._steering.next_order(wait=standing, questions=standing or not answered)) in asides:
            if order is Order.SAVE:
                self._save_checkpoint()
            elif order is Order.ANSWER:
                self._answer()
                answered = True
            elif not standing:
                standing = True
                self._recorder.enter(Phase.PAUSED)
        if standing:
            self._go_on()
        if order is Order.ROLL_BACK:
            return self._roll_back(self._steering.take_roll_back())
        return order is Order.GO

    def _meet_divergence(self, text: str) -> bool:
        """Ask who watches what to do, or do by oneself what can be done once."""
        attended = self._steering.attended
        self._recorder.alert(AlertKind.NOT_FINITE, text, awaits_decision=attended)
        if attended:
            self._recorder.enter(Phase.PAUSED)
            order = self._steering.decide()
            self._go_on()
            if order is Order.ROLL_BACK:
                return self._roll_back(self._steering.take_roll_back())
            if order is not Order.STAND_STILL:
                return order is Order.GO
        if self._state.rescues >= MOST_RESCUES:
            raise DivergedError(f"{text} and a roll back did not help: start again with a lower learning rate")
        self._state.rescues += 1
        return self._roll_back(PROGRAM)

    def _roll_back(self, by: str) -> bool:
        """To the newest good checkpoint, with a lower learning rate; to the one before when it was tried already."""
        state = self._state
        checkpoint = checkpoints.read(self._run)
        if checkpoint is not None and checkpoint.state.step == self._rolled_back_to > 0:
            checkpoints.forget_after(self._run, checkpoint.state.step - 1)
            checkpoint = checkpoints.read(self._run) or checkpoint
        if checkpoint is None:
            self._recorder.alert(AlertKind.NOT_SAVED, "there is no checkpoint to roll back to: stop, or go on as it is")
            return True
        state.peak *= CALMER
        self._go_back(checkpoint)
        self._rolled_back_to = state.step
        self._emit(self._resumed(ResumeReason.ROLLED_BACK, by))
        changed = SettingChanged(
            time=time.time(), setting="learning_rate", value=f"{state.peak:.6g}", by=by, step=state.step
        )
        self._emit(changed)
        self._save_checkpoint()
        self._recorder.enter(Phase.TRAINING)
        return False

    def _go_back(self, checkpoint: Checkpoint) -> None:
        """To an earlier state, but with the settings of now."""
        checkpoint.state.keep_settings(self._state)
        self._restore(checkpoint)

    def _restore(self, checkpoint: Checkpoint) -> None:
        checkpoint.restore(self._variables)
        self._state.take(checkpoint.state)
        self._best.weights = checkpoint.best
        self._steering.begin_questions_anew()
        if checkpoint.best:
            self._recorder.save_best()
        checkpoints.forget_after(self._run, checkpoint.state.step)
        self._guard = Guard(self._classes, self._state.figures)

    def _resumed(self, reason: ResumeReason, by: str) -> RunResumed:
        return RunResumed(time=time.time(), reason=reason, step=self._state.step, epoch=self._state.epoch, by=by)

    def _end_epoch(self) -> None:
        """All batches of an epoch are done."""
        state = self._state
        figures = self._validate()
        self._steering.begin_questions_anew()
        state.figures.append(figures)
        state.end_epoch()
        finding = self._guard.epoch(figures)
        if finding is not None:
            self._recorder.alert(finding.kind, finding.text)
        if self._checkpointer.is_due(epoch_end=True):
            self._save_checkpoint()
        if state.epoch < state.epochs_planned:
            self._recorder.enter(Phase.TRAINING)

    def _validate(self, *, complete: bool = True) -> EpochFigures:
        with averaged(self._model):
            return self._recorder.validate(self._model, complete=complete)

    def _save_checkpoint(self) -> None:
        def write() -> None:
            saved = self._checkpointer.save(self._state, self._variables, self._best.weights)
            if saved is not None:
                self._emit(saved)

        self._recorder.save("checkpoint", write)

    def _go_on(self) -> None:
        """After standing still: that time was not worked."""
        self._recorder.clock.restart()
        self._recorder.enter(Phase.TRAINING)


def _watched(figures: EpochFigures, rule: EarlyStopping) -> float:
    loss = float("nan") if figures.validation_loss is None else figures.validation_loss
    return figures.validation_accuracy if rule.metric == "accuracy" else loss
