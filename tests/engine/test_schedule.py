"""Learning rates of executions."""

from statistics import fmean

import msgspec
import pytest

from mnist_tui.config import RunConfig
from mnist_tui.engine.models.presets import one_cycle
from mnist_tui.engine.recording.checkpoints import TrainingState
from mnist_tui.engine.training.schedule import LearningRateSchedule
from tests.kit import samples

MAX_LEARNING_RATE = 0.01
STEPS = 10
"""Steps per epoch."""


def state(config: RunConfig, **changes: int) -> TrainingState:
    return msgspec.structs.replace(TrainingState.initial(config), **changes)


def cycle(*steps: int, epochs: int = 3) -> float:
    """Return the mean learning rate of these steps."""
    return fmean(one_cycle(step, STEPS * epochs, MAX_LEARNING_RATE) for step in steps)


def test_a_single_step_has_the_rate_of_the_schedule() -> None:
    config = samples.config()
    schedule = LearningRateSchedule(config, state(config, step=14, batch=4), 0, STEPS, 1)
    assert schedule.rate() == pytest.approx(cycle(14))
    assert schedule.following_rate() == pytest.approx(cycle(15))


def test_several_steps_have_their_mean_rate_and_the_last_execution_of_an_epoch_is_shorter() -> None:
    config = samples.config()
    schedule = LearningRateSchedule(config, state(config, step=14, batch=4), 0, STEPS, 4)
    assert schedule.rate() == pytest.approx(cycle(14, 15, 16, 17))
    assert schedule.following_rate() == pytest.approx(cycle(18, 19))


def test_the_first_rate_of_the_next_epoch_is_known_at_the_end_of_an_epoch() -> None:
    config = samples.config()
    schedule = LearningRateSchedule(config, state(config, step=20, batch=STEPS), 0, STEPS, 4)
    assert schedule.next_epoch_rate() == pytest.approx(cycle(20, 21, 22, 23))


def test_changes_of_epochs_and_maximum_learning_rate_take_effect_at_the_next_step() -> None:
    config = samples.config()
    now = state(config, step=14, batch=4)
    schedule = LearningRateSchedule(config, now, 0, STEPS, 1)
    now.epochs_planned, now.max_learning_rate = 6, MAX_LEARNING_RATE / 2
    assert schedule.rate() == pytest.approx(cycle(14, epochs=6) / 2)


def test_each_member_of_an_ensemble_has_a_cycle_of_its_own() -> None:
    config = samples.config(ensemble="3")
    now = state(config, step=3 * STEPS + 14, batch=4)
    assert LearningRateSchedule(config, now, 1, STEPS, 1).rate() == pytest.approx(cycle(14))
