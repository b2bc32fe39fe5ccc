"""Learning rates: of one step, of several at once, after more epochs were planned, and in an ensemble."""

import msgspec
import pytest

from mnist_tui.config import RunConfig
from mnist_tui.engine.models.presets import one_cycle
from mnist_tui.engine.recording.checkpoints import TrainingState
from mnist_tui.engine.training.schedule import LearningRateSchedule
from tests.kit import samples

PEAK = 0.01
STEPS = 10
"""Of an epoch."""


def state(config: RunConfig, **changes: int) -> TrainingState:
    """Of a run with these settings, after so many steps."""
    return msgspec.structs.replace(TrainingState.initial(config), **changes)


def cycle(*places: int, epochs: int = 3) -> float:
    """The mean rate of these steps of a cycle of so many epochs."""
    return sum(one_cycle(place, STEPS * epochs, PEAK) for place in places) / len(places)


def test_one_step_has_the_schedules_rate() -> None:
    config = samples.config()
    pace = LearningRateSchedule(config, state(config, step=14, batch=4), 0, STEPS, 1)
    assert pace.rate() == pytest.approx(cycle(14))
    assert pace.following_rate() == pytest.approx(cycle(15))


def test_several_at_once_have_their_mean_and_the_last_ones_of_an_epoch_are_fewer() -> None:
    config = samples.config()
    pace = LearningRateSchedule(config, state(config, step=14, batch=4), 0, STEPS, 4)
    assert pace.rate() == pytest.approx(cycle(14, 15, 16, 17))
    assert pace.following_rate() == pytest.approx(cycle(18, 19))


def test_at_the_end_of_an_epoch_the_next_ones_first_is_known() -> None:
    config = samples.config()
    pace = LearningRateSchedule(config, state(config, step=20, batch=STEPS), 0, STEPS, 4)
    assert pace.next_epoch_rate() == pytest.approx(cycle(20, 21, 22, 23))


def test_more_epochs_and_another_peak_count_from_the_next_step() -> None:
    config = samples.config()
    now = state(config, step=14, batch=4)
    pace = LearningRateSchedule(config, now, 0, STEPS, 1)
    now.epochs_planned, now.max_learning_rate = 6, PEAK / 2
    assert pace.rate() == pytest.approx(cycle(14, epochs=6) / 2)


def test_each_network_of_an_ensemble_has_a_cycle_of_its_own() -> None:
    config = samples.config(ensemble="3")
    now = state(config, step=3 * STEPS + 14, batch=4)
    assert LearningRateSchedule(config, now, 1, STEPS, 1).rate() == pytest.approx(cycle(14))
