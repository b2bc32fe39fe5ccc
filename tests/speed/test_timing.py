"""Seconds and rates from scripted events: 300 digits an epoch in batches of 128, 128 and 44."""

import pytest

from mnist_tui.bench.timing import TimedStep, Timing, rates, seconds_of
from mnist_tui.events import AnyEvent, Phase
from tests.kit import samples


def timing_of(*events: AnyEvent) -> Timing:
    timing = Timing(samples.CREATED, batch_size=128)
    for event in events:
        timing.take(event)
    return timing


def step(number: int, at: float) -> AnyEvent:
    return samples.step_ended(number, epoch=(number - 1) // 3 + 1, time=samples.CREATED + at)


STARTED = samples.run_started(train_count=300, steps_per_epoch=3, epochs=2)
TWO_EPOCHS: tuple[AnyEvent, ...] = (
    samples.phase_changed(Phase.IMPORTING, 0.5),
    STARTED,
    samples.phase_changed(Phase.COMPILING, 8),
    samples.phase_changed(Phase.TRAINING, 10),
    step(1, 10),
    step(2, 11),
    step(3, 12),
    samples.phase_changed(Phase.VALIDATING, 12),
    samples.epoch_ended(1, time=samples.CREATED + 15, validation_accuracy=0.95),
    samples.phase_changed(Phase.TRAINING, 16),
    step(4, 18),
    step(5, 19),
    step(6, 20),
    samples.phase_changed(Phase.VALIDATING, 20),
    samples.epoch_ended(2, time=samples.CREATED + 23, validation_accuracy=0.93),
    samples.phase_changed(Phase.TESTING, 23),
    samples.run_ended(time=samples.CREATED + 30),
)


def test_start_up_training_and_test_are_told_apart() -> None:
    timing = timing_of(*TWO_EPOCHS)
    assert timing.start_up_seconds == pytest.approx(10)
    assert timing.training_seconds == pytest.approx(13)
    assert timing.test_seconds == pytest.approx(7)
    assert timing.validation_accuracy == 0.95
    assert timing.steps_planned == 6


def test_steps_last_from_the_one_before_or_from_the_beginning_of_their_epoch() -> None:
    timed = timing_of(*TWO_EPOCHS).timed
    assert [round(one.seconds, 6) for one in timed] == [1, 1, 2, 1, 1]
    assert [one.digits for one in timed] == [128, 44, 128, 128, 44]


def test_steps_that_are_taken_at_once_count_all_their_digits() -> None:
    timing = timing_of(
        STARTED,
        samples.phase_changed(Phase.TRAINING, 10),
        step(2, 10),
        step(3, 12),
        samples.phase_changed(Phase.VALIDATING, 12),
        samples.phase_changed(Phase.TRAINING, 16),
        step(5, 18),
    )
    assert [(one.digits, one.steps) for one in timing.timed] == [(44, 1), (256, 2)]


def test_a_roll_back_is_no_step_backwards() -> None:
    timing = timing_of(STARTED, samples.phase_changed(Phase.TRAINING, 10), step(1, 10), step(2, 11))
    timing.take(samples.run_resumed(0, time=samples.CREATED + 12))
    timing.take(samples.phase_changed(Phase.TRAINING, 13))
    timing.take(step(1, 14))
    assert [(one.digits, round(one.seconds, 6)) for one in timing.timed] == [(128, 1), (128, 1)]


def test_steps_of_the_warm_up_are_left_out() -> None:
    timing = timing_of(*TWO_EPOCHS)
    assert len(timing.warm(0)) == 5
    assert [one.digits for one in timing.warm(6)] == [128, 128, 44]


def test_a_run_that_has_not_begun_says_what_it_waits_for() -> None:
    timing = timing_of()
    assert timing.waits_for == "importing Keras"
    timing.take(samples.phase_changed(Phase.COMPILING))
    assert timing.waits_for == "compiling the first step"
    assert (timing.start_up_seconds, timing.training_seconds, timing.test_seconds) == (None, None, None)
    assert timing.warm(0) == []
    for event in TWO_EPOCHS:
        timing.take(event)
    assert timing.waits_for == ""


def test_epochs_added_on_the_way_count() -> None:
    timing = timing_of(STARTED, samples.setting_changed("epochs", "7"), samples.setting_changed("pause", "1"))
    assert timing.steps_planned == 21


def test_slices_hold_every_step_once() -> None:
    steps = [TimedStep(0.0, 0.1 + 0.01 * (number % 7), 64) for number in range(1_000)]
    found = rates(steps)
    assert len(found) == 10
    assert min(found) == pytest.approx(64 * 1_000 / seconds_of(steps), rel=0.01)
    assert rates([TimedStep(0, 1, 64), TimedStep(1, 1, 64)]) == [64, 64]
    assert rates([]) == []


def test_steps_that_end_in_bursts_make_no_endless_rate() -> None:
    burst = [TimedStep(0, 0.5, 64), *[TimedStep(0.5, 0.0, 64)] * 9]
    assert all(100 < rate < 10_000 for rate in rates(burst * 20))
