"""Learning rates of executions."""

from statistics import fmean

from mnist_tui.config import RunConfig
from mnist_tui.engine.models.presets import PRESETS
from mnist_tui.engine.recording.checkpoints import TrainingState


class LearningRateSchedule:
    """Learning-rate schedule of one model. An execution has the mean rate of its steps."""

    def __init__(
        self, config: RunConfig, state: TrainingState, number: int, steps_per_epoch: int, steps_per_execution: int
    ) -> None:
        """Take the ensemble member's index (from 0) and the steps per execution."""
        self._state, self._steps_per_epoch, self._steps_per_execution = state, steps_per_epoch, steps_per_execution
        self._schedule = PRESETS[config.members[number]].schedule
        self._epochs = config.epochs if len(config.members) > 1 else None
        """Epochs of an ensemble member's own cycle; None for a single model."""
        self._first = number * config.epochs * steps_per_epoch

    def rate(self) -> float:
        """Return the learning rate of the current execution."""
        return self._mean(self._state.step, self._state.batch)

    def following_rate(self) -> float:
        """Return the learning rate of the following execution, if no setting changes."""
        return self._mean(self._state.step + self._steps_per_execution, self._state.batch + self._steps_per_execution)

    def next_epoch_rate(self) -> float:
        """Return the learning rate of the next epoch's first execution, at the end of an epoch."""
        return self._mean(self._state.step, 0)

    def _mean(self, done: int, batch: int) -> float:
        steps = self._steps_per_epoch * (self._epochs or self._state.epochs_planned)
        count = max(1, min(self._steps_per_execution, self._steps_per_epoch - batch))
        first, max_learning_rate = done - self._first, self._state.max_learning_rate
        return fmean(self._schedule(first + place, steps, max_learning_rate) for place in range(count))
