"""The learning rate of every execution, as the schedule of the network in training has it."""

from statistics import fmean

from mnist_tui.config import RunConfig
from mnist_tui.engine.models.presets import PRESETS
from mnist_tui.engine.recording.checkpoints import TrainingState


class LearningRateSchedule:
    """Of one network. An execution is one step, or several at once: then its rate is their mean."""

    def __init__(
        self, config: RunConfig, state: TrainingState, number: int, steps_per_epoch: int, at_once: int
    ) -> None:
        """`number`: the network's among the run's, from 0. `at_once`: steps of a whole execution."""
        self._state, self._steps_per_epoch, self._at_once = state, steps_per_epoch, at_once
        self._schedule = PRESETS[config.members[number]].schedule
        self._epochs = config.epochs if len(config.members) > 1 else None
        """Those of an ensemble's network, which has a cycle of its own; one that is alone has all that are planned."""
        self._first = number * config.epochs * steps_per_epoch

    def rate(self) -> float:
        """Of the execution that begins."""
        return self._mean(self._state.step, self._state.batch)

    def coming_rate(self) -> float:
        """Of the one after it, if all goes on as it is."""
        return self._mean(self._state.step + self._at_once, self._state.batch + self._at_once)

    def next_epochs_rate(self) -> float:
        """Of the next epoch's first, at the end of an epoch."""
        return self._mean(self._state.step, 0)

    def _mean(self, done: int, batch: int) -> float:
        """After so many steps of the run, and so many of the epoch."""
        steps = self._steps_per_epoch * (self._epochs or self._state.epochs_planned)
        count = max(1, min(self._at_once, self._steps_per_epoch - batch))
        first, max_learning_rate = done - self._first, self._state.max_learning_rate
        return fmean(self._schedule(first + place, steps, max_learning_rate) for place in range(count))
