"""Training loop of a run, from the first batch to the test.

Each epoch is one `fit`, so that a run can resume in the middle of an epoch and the number of epochs can change.
"""

import time
from dataclasses import replace

from mnist_tui.config import EarlyStopping, RunConfig, Target
from mnist_tui.control.protocol import BatchView
from mnist_tui.diagnosis.guard import EpochFigures, Finding, Guard
from mnist_tui.engine.backends.runtime import unused_gpu_warning
from mnist_tui.engine.data.datasets import DataSet, Split
from mnist_tui.engine.distribution import DistributionError
from mnist_tui.engine.hardware import detection
from mnist_tui.engine.hardware.plan import Machine
from mnist_tui.engine.models.compiled import CompiledModel
from mnist_tui.engine.models.ema import use_ema_weights
from mnist_tui.engine.models.presets import preset_of
from mnist_tui.engine.recording import checkpoints
from mnist_tui.engine.recording.checkpoints import Checkpoint, Checkpointer
from mnist_tui.engine.recording.retrying_writer import CHECKPOINT
from mnist_tui.engine.service.explanations import ExplanationService
from mnist_tui.engine.service.server import RequestError
from mnist_tui.engine.service.snapshots import Snapshots
from mnist_tui.engine.service.steering import Action, DivergedError
from mnist_tui.engine.training.callbacks import AfterExecution, PrepareExecution, RecordSteps
from mnist_tui.engine.training.context import RunContext
from mnist_tui.engine.training.emergency_checkpoint import EmergencyCheckpoint
from mnist_tui.engine.training.feed import EpochFeed
from mnist_tui.engine.training.highest_loss import HighestLoss
from mnist_tui.engine.training.layer_stats import LayerSampler
from mnist_tui.engine.training.recorder import Recorder
from mnist_tui.engine.training.rolling import RollingEvaluation
from mnist_tui.engine.training.schedule import LearningRateSchedule
from mnist_tui.events import AlertKind, EndReason, Phase, ResumeReason, RunResumed, RunStarted, SettingChanged
from mnist_tui.metrics import lowest_loss
from mnist_tui.runs.directory import RunError

MAX_AUTOMATIC_ROLLBACKS = 1
"""Maximum number of automatic rollbacks of an unattended run."""
ROLLBACK_FACTOR = 0.5
"""Factor for the maximum learning rate after a rollback."""
PROGRAM = "mnist-tui itself"


class Trainer:
    """Trainer of one run, with one model or an ensemble."""

    def __init__(
        self,
        context: RunContext,
        config: RunConfig,
        machine: Machine,
        data: DataSet,
        split: Split,
        compiled: CompiledModel | None = None,
        layer_sampler: LayerSampler | None = None,
    ) -> None:
        self._run, self._steering, self._distribution = context.run, context.steering, context.distribution
        self._emit, self._state = context.event_writer.emit, context.steering.state
        self._config, self._machine, self._class_names, self._split = config, machine, data.class_names, split
        self._facts, self._data_notes = data.facts, data.notes
        self._recorder = Recorder(context, config, self._facts, split)
        self._checkpointer = Checkpointer(context.run, config, before=context.event_writer.flush)
        self._emergency_checkpoint = EmergencyCheckpoint(context, self._checkpointer)
        self._distribution.watch(self._emergency_checkpoint.save_and_exit)
        self._rolled_back_to = -1
        self._compiled = compiled or self._compile(0)
        plan = self._compiled.plan
        self._feed = EpochFeed(config, split.train, len(data.class_names), self._distribution, plan)
        self._steps_per_epoch = self._feed.steps
        self._snapshots = Snapshots(
            self._run, self._state, self._steps_per_epoch, lambda: self._recorder.best, lambda: self._compiled
        )
        self._explanations = ExplanationService(split, self._snapshots, self._next_batch)
        self._record_steps = RecordSteps(self._emit, self._state, config.batch_size, self._feed.count)
        self._rolling = RollingEvaluation(context, split.validation, len(data.class_names), config.rolling)
        size = self._rolling.compiled_size
        self._highest_loss = HighestLoss(context, self._feed, split.train, config.rolling, size)
        self._set_up_member(layer_sampler)
        self._steering.steps_per_execution = plan.steps_per_execution
        self._steering.is_ensemble = len(config.members) > 1
        self._steering.lowest_loss = lowest_loss(self._compiled.preset.label_smoothing, len(data.class_names))
        Target.parse(self._state.until, self._steering.lowest_loss)

    def _compile(self, member: int) -> CompiledModel:
        return CompiledModel(self._config, member, self._machine, self._facts, self._distribution)

    def report_start(self) -> None:
        """Report the start of the run, with its layers and splits."""
        self._emit(
            RunStarted(
                time=time.time(),
                layers=self._compiled.layers,
                class_names=self._class_names,
                train_count=self._feed.count,
                validation_count=len(self._split.validation),
                test_count=len(self._split.test),
                epochs=self._state.epochs_planned,
                steps_per_epoch=self._steps_per_epoch,
                image_shape=self._facts.image_shape,
                data_notes=self._data_notes,
                label_smoothing=self._compiled.preset.label_smoothing,
                hardware=detection.describe_hardware(self._compiled.plan, self._machine, self._distribution.world_size),
            )
        )
        if idle := unused_gpu_warning(self._config.device, self._machine):
            self._recorder.alert(AlertKind.IDLE_GPU, idle)

    def begin(self, start: Checkpoint | None) -> None:
        """Restore a checkpoint or save the first one, so that a rollback is always possible.

        A checkpoint that is of another model gives way to an earlier one; without one, raises RunError.
        """
        if start is None and self._state.best_epoch is not None:  # an ended run whose checkpoints were removed
            self._recorder.best.restore_from_file()
            member, weights = self._recorder.best.newest
            self._switch_to_member(member)
            self._compiled.model.set_weights(weights)
            return
        if start is None:
            self._rolling.rewind(0)
            self._highest_loss.rewind(0)
            self._save_checkpoint()
            self._recorder.keep_weights(0, self._compiled.current_weights())
            return
        try:
            self._restore(start)
        except RunError:
            earlier = checkpoints.read(self._run, before=start.state.step)
            if earlier is None:
                raise
            self.begin(earlier)
            if self._state.step == earlier.state.step:
                self._emit(self._resumed(ResumeReason.RESUMED, PROGRAM))

    def begin_on_changed_data(self, start: Checkpoint, by: str) -> None:
        """Restore a checkpoint of other data: its weights count, its figures and its best epoch do not."""
        start.state.forget_data(self._steps_per_epoch)
        self._restore(replace(start, best=[]))
        self._rolling.rewind(0)
        self._highest_loss.rewind(0)
        if not self._state.step:
            self._emit(self._resumed(ResumeReason.RESUMED, by))
        self._save_checkpoint()

    def train(self) -> None:
        """Train until the planned epochs, early stopping or a stop; then test the best model."""
        state, is_early = self._state, False
        while (reason := self._steering.end_reason(is_early=is_early)) is None:
            if state.batch < self._steps_per_epoch:  # else the checkpoint was saved before the validation
                self._fit_epoch()
            if state.batch >= self._steps_per_epoch:  # more if other devices leave out more examples than before
                self._end_epoch()
                rule = EarlyStopping.parse(state.early_stopping)
                is_early = rule is not None and rule.is_met([each.validation(rule.metric) for each in state.figures])
        if reason is EndReason.STOPPED:
            self._save_checkpoint()
            if state.batch:
                self._highest_loss.end_epoch()
                self._validate(complete=False)  # the epoch stays incomplete
        elif not self._checkpointer.has(state):
            self._save_checkpoint()
        self._recorder.end(self._compiled.model.loss, reason)

    def continue_training(self, by: str) -> None:
        """Prepare an ended run for more epochs."""
        if (checkpoint := checkpoints.read(self._run)) is not None and checkpoint.state.step == self._state.step:
            self._restore(checkpoint)  # undo the validation of an incomplete epoch
        self._emit(self._resumed(ResumeReason.TRAINED_ON, by))
        self._continue()

    def serve_explanations(self, patience: float, idle: float | None) -> bool:
        """Explain digits after the run has ended (see Steering.wait_after_end). Return True to train more epochs."""
        while (action := self._steering.wait_after_end(patience, idle)) is Action.EXPLAIN:
            self._explanations.work(self._steering)
        return action is Action.TRAIN_ON

    def _fit_epoch(self) -> None:
        epoch, batch, augmentation = self._state.epoch, self._state.batch, self._compiled.preset.augmentation
        digits = self._feed.remaining_batches(epoch, batch, augmentation)
        if epoch + 1 < self._state.epochs_planned:
            self._feed.prefetch(epoch + 1, augmentation)
        self._distribution.fit(epoch, batch)
        try:
            with self._distribution.scope():
                self._compiled.model.fit(
                    digits,
                    verbose=0,
                    steps_per_epoch=self._steps_per_epoch - batch,  # else JAX starts one more step
                    shuffle=False,  # EpochFeed has ordered them
                    callbacks=[self._prepare_execution, self._record_steps, AfterExecution(self._after_execution)],
                )
        except Exception as error:
            if isinstance(explained := self._distribution.explain_error(error), DistributionError):
                raise DistributionError(self._emergency_checkpoint.save(str(explained))) from error
            raise

    def _next_batch(self) -> BatchView:
        """Return the batch that trains next; raises RequestError."""
        epoch, batch = self._state.epoch, self._state.batch
        if batch >= self._steps_per_epoch:
            epoch, batch = epoch + 1, 0
        if self._steering.ended or epoch >= self._state.epochs_planned:
            raise RequestError("no batch is left: the planned epochs are trained")
        preset = preset_of(self._config, self._member_of(epoch))
        return self._feed.batch_view(epoch, batch, preset.augmentation, self._compiled.model)

    def _next_rate(self) -> float:
        """Return the learning rate of the next step, once the other processes know it."""
        rate = self._schedule.rate()
        self._distribution.step(rate)
        return rate

    def _after_execution(self) -> bool:
        """Return False to end `fit`."""
        with self._distribution.local():
            continues = self._between_batches()
            if self._distribution.world_size > 1:
                self._checkpointer.hold(self._state, self._compiled.variables, self._recorder.best.weights)
            return continues

    def _between_batches(self) -> bool:
        """Check the metrics, save a due checkpoint and handle requests. Return False to end `fit`."""
        self._recorder.clock.add_elapsed()
        state, steps = self._state, self._record_steps
        finding = self._guard.steps(state.step, steps.count, steps.loss, steps.accuracy)
        if finding is not None and finding.kind is AlertKind.NOT_FINITE:
            return self._handle_divergence(finding)
        if finding is not None:
            self._recorder.alert(finding.kind, finding.text)
        for sample in self._layer_sampler.after_batch(state.step):
            self._emit(sample)
        self._recorder.restore_removed()
        if self._checkpointer.is_due():
            self._save_checkpoint()
        self._rolling.after_execution()
        self._highest_loss.after_execution(steps.count)
        action = self._serve_requests()
        if action is Action.ROLL_BACK:
            return self._roll_back(self._steering.origin)
        return action is Action.TRAIN

    def _serve_requests(self) -> Action:
        """Save checkpoints, explain digits and pause as requested. Return the first other action."""
        paused = explained = False
        interruptions = (Action.SAVE_CHECKPOINT, Action.EXPLAIN, Action.PAUSE)
        while (action := self._steering.next_action(wait=paused, explain=paused or not explained)) in interruptions:
            if action is Action.SAVE_CHECKPOINT:
                self._save_checkpoint()
            elif action is Action.EXPLAIN:
                self._explanations.work(self._steering)
                explained = True
            elif not paused:
                paused = True
                self._recorder.enter(Phase.PAUSED)
            self._recorder.restore_removed()
        if paused:
            self._continue()
        return action

    def _handle_divergence(self, finding: Finding) -> bool:
        """Ask the attached user, or roll back once if no viewer is attached."""
        attended = self._steering.has_viewers
        self._recorder.alert(finding.kind, finding.text, awaits_decision=attended)
        if attended:
            self._recorder.enter(Phase.PAUSED)
            action = self._steering.wait_for_decision()
            self._continue()
            if action is Action.ROLL_BACK:
                return self._roll_back(self._steering.origin)
            if action is not Action.PAUSE:
                return action is Action.TRAIN
        if self._state.automatic_rollbacks >= MAX_AUTOMATIC_ROLLBACKS:
            if self._steering.is_ensemble:
                return self._drop_member(finding.problem)
            raise DivergedError(f"after a rollback, {finding.problem}: {self._restart_advice}")
        self._state.automatic_rollbacks += 1
        return self._roll_back(PROGRAM)

    def _roll_back(self, by: str) -> bool:
        """Restore the newest checkpoint not tried yet and lower the learning rate."""
        state = self._state
        checkpoint = checkpoints.read(self._run)
        if checkpoint is not None and checkpoint.state.step == self._rolled_back_to > 0:
            checkpoints.remove_after(self._run, checkpoint.state.step - 1)
            checkpoint = checkpoints.read(self._run) or checkpoint
        if checkpoint is None:
            self._recorder.alert(AlertKind.NOT_SAVED, "there is no checkpoint to roll back to: stop, or continue")
            return True
        self._restore(checkpoint)
        self._rolled_back_to = state.step
        self._emit(self._resumed(ResumeReason.ROLLED_BACK, by))
        self._steering.scale_learning_rate(ROLLBACK_FACTOR, by)
        self._save_checkpoint()
        self._recorder.enter(Phase.TRAINING)
        return False

    def _restore(self, checkpoint: Checkpoint) -> None:
        """Return to a checkpoint with the current settings."""
        self._recorder.best.restore(checkpoint.best, checkpoint.state.kept if checkpoint.best else [])
        self._switch_to_member(self._member_of(checkpoint.state.epoch))
        checkpoint.check(self._compiled.variables)
        self._distribution.restore(checkpoint.variables)
        checkpoint.restore(self._compiled.variables)
        self._state.return_to(checkpoint.state)
        self._steering.restart_explanations()
        self._snapshots.forget()
        if not self._steering.ended:  # an ended run is only loaded
            self._recorder.remove_kept_after(self._state.epoch)
            self._rolling.rewind(self._state.step)
            self._highest_loss.rewind(self._state.step)
        if checkpoint.best:
            self._recorder.save_best()
        checkpoints.remove_after(self._run, checkpoint.state.step)
        first = self._compiled.number * self._config.epochs
        self._guard = Guard(len(self._class_names), [each for each in self._state.figures if each.epoch > first])

    def _resumed(self, reason: ResumeReason, by: str) -> RunResumed:
        return RunResumed(time=time.time(), reason=reason, step=self._state.step, epoch=self._state.epoch, by=by)

    def _end_epoch(self) -> None:
        state = self._state
        self._highest_loss.end_epoch()
        figures = self._validate()
        self._steering.restart_explanations()
        state.figures.append(figures)
        state.end_epoch()
        guarded = self._member_of(state.epoch) == self._compiled.number
        if not guarded:
            self._start_next_member()
        if guarded and (finding := self._guard.epoch(figures)) is not None:
            self._recorder.alert(finding.kind, finding.text)
        if self._checkpointer.is_due(epoch_end=True):
            self._save_checkpoint()
        if state.epoch < state.epochs_planned:
            self._recorder.enter(Phase.TRAINING)

    def _member_of(self, epoch: int) -> int:
        """Return the index of the ensemble member that an epoch (from 0) trains."""
        return min(epoch // self._config.epochs, len(self._config.members) - 1)

    def _switch_to_member(self, number: int) -> None:
        """Compile an ensemble member unless it is in training already."""
        if number != self._compiled.number:
            self._compiled = self._compile(number)
            self._set_up_member()
        self._recorder.start_member(number)

    def _set_up_member(self, layer_sampler: LayerSampler | None = None) -> None:
        compiled = self._compiled
        compiled.fit_averages(self._config.epochs * self._steps_per_epoch)
        self._guard = Guard(len(self._class_names))
        self._layer_sampler = layer_sampler or LayerSampler(compiled.reader, self._split.train, len(self._class_names))
        self._schedule = LearningRateSchedule(
            self._config, self._state, compiled.number, self._steps_per_epoch, compiled.plan.steps_per_execution
        )
        self._prepare_execution = PrepareExecution(self._next_rate, self._schedule.following_rate)
        self._rolling.start_member(compiled)
        self._highest_loss.start_member(compiled)

    def _start_next_member(self) -> None:
        """Start the next ensemble member, with a best epoch of its own."""
        number, count = self._compiled.number + 1, len(self._config.members)
        self._state.best_accuracy, self._state.best_loss, self._state.automatic_rollbacks = -1.0, None, 0
        self._switch_to_member(number)
        network = f"{number + 1} of {count}, {self._config.network(number)} with seed {self._compiled.seed}"
        step = self._state.step
        self._emit(SettingChanged(time=time.time(), setting="network", value=network, by=PROGRAM, step=step))

    @property
    def _restart_advice(self) -> str:
        return f"start again with a lower learning rate, such as {self._config.learning_rate / 10:g}"

    def _drop_member(self, problem: str) -> bool:
        """Give up an ensemble member that diverged repeatedly and train the others."""
        state, number = self._state, self._compiled.number
        kept = number in self._recorder.best.members
        outcome = "its best epoch is kept" if kept else "it is dropped"
        self._recorder.alert(AlertKind.NOT_FINITE, f"model {number + 1} diverged again: {outcome}")
        state.epoch = (number + 1) * self._config.epochs - 1
        state.end_epoch()
        state.step = state.epoch * self._steps_per_epoch
        if state.epoch < state.epochs_planned:
            self._start_next_member()
        elif not self._recorder.best.members:
            raise DivergedError(f"{problem}, as in every other model of the ensemble: {self._restart_advice}")
        self._save_checkpoint()
        return False

    def _validate(self, *, complete: bool = True) -> EpochFigures:
        with use_ema_weights(self._compiled.model):
            validation = self._recorder.validate(self._compiled.reader())
        if complete:
            self._speculate_next_epoch()
            self._rolling.take_over(None if validation.is_of_ensemble else validation.result.probabilities)
        return self._recorder.record(validation, complete=complete)

    def _speculate_next_epoch(self) -> None:
        """Start the next epoch's first execution while this epoch is recorded."""
        state, compiled = self._state, self._compiled
        epoch = state.epoch + 1
        continues = epoch < state.epochs_planned and self._member_of(epoch) == compiled.number
        if continues and compiled.plan.steps_per_execution > 1:
            rate = self._schedule.next_epoch_rate()
            self._feed.speculate(compiled.model, epoch, compiled.preset.augmentation, rate)

    def _save_checkpoint(self) -> None:
        best = self._recorder.best
        self._state.kept = list(best.members)
        checkpoint = Checkpoint.copied(self._state, self._compiled.variables, best.weights)

        def write() -> None:
            saved = self._checkpointer.save(checkpoint)
            if saved is not None:
                self._emit(saved)

        self._recorder.save(CHECKPOINT, write)

    def _continue(self) -> None:
        self._recorder.clock.restart()
        self._record_steps.restart_timing()
        self._recorder.enter(Phase.TRAINING)
