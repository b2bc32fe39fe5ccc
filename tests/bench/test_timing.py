"""Seconds and rates from scripted events: epochs of 300 images in batches of 128, 128 and 44."""

import numpy as np
import pytest

from mnist_tui.bench.timing import StepTimes, Timing
from mnist_tui.events import AnyEvent, Phase
from mnist_tui.runs.history import History
from tests.kit import samples


def timing_of(*events: AnyEvent) -> Timing:
    history = History(samples.record(epochs=2, batch_size=128))
    history.apply_all(events)
    return Timing(history)


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


def step_times(seconds: list[float], images: int = 64) -> StepTimes:
    return StepTimes(np.array(seconds), np.full(len(seconds), float(images)), np.ones(len(seconds)))


def test_start_up_training_and_test_are_timed() -> None:
    timing = timing_of(*TWO_EPOCHS)
    assert timing.start_up_seconds == pytest.approx(10)
    assert timing.training_seconds == pytest.approx(13)
    assert timing.test_seconds == pytest.approx(7)
    assert timing.validation_accuracy == 0.95
    assert timing.steps_planned == 6


def test_a_step_lasts_from_the_one_before_or_from_the_beginning_of_its_epoch() -> None:
    steps = timing_of(*TWO_EPOCHS).steps()
    assert steps.seconds.tolist() == pytest.approx([1, 1, 2, 1, 1])
    assert steps.images.tolist() == [128, 44, 128, 128, 44]
    assert timing_of(*TWO_EPOCHS).steps(warm_up=6).images.tolist() == [128, 128, 44]


def test_an_execution_of_several_steps_counts_all_their_images() -> None:
    steps = timing_of(
        STARTED,
        samples.phase_changed(Phase.TRAINING, 10),
        step(2, 10),
        step(3, 12),
        samples.phase_changed(Phase.VALIDATING, 12),
        samples.phase_changed(Phase.TRAINING, 16),
        step(5, 18),
    ).steps()
    assert (steps.images.tolist(), steps.steps.tolist()) == ([44, 256], [1, 2])


def test_a_roll_back_is_not_a_negative_step() -> None:
    steps = timing_of(
        STARTED,
        samples.phase_changed(Phase.TRAINING, 10),
        step(1, 10),
        step(2, 11),
        samples.run_resumed(1, time=samples.CREATED + 12),
        samples.phase_changed(Phase.TRAINING, 13),
        step(2, 14),
    ).steps()
    assert (steps.images.tolist(), steps.seconds.tolist()) == ([128], pytest.approx([1]))


def test_before_the_first_step_there_is_only_a_start_up_phase() -> None:
    timing = timing_of()
    assert timing.start_up_phase == "importing Keras"
    timing.history.apply(samples.phase_changed(Phase.COMPILING))
    assert timing.start_up_phase == "compiling the first step"
    assert (timing.start_up_seconds, timing.training_seconds, timing.test_seconds) == (None, None, None)
    assert timing.steps().total == 0
    timing.history.apply_all(TWO_EPOCHS)
    assert timing.start_up_phase == ""


def test_epochs_added_on_the_way_count() -> None:
    assert timing_of(STARTED, samples.setting_changed("epochs", "7")).steps_planned == 21


def test_slices_hold_every_step_once() -> None:
    steps = step_times([0.1 + 0.01 * (number % 7) for number in range(1_000)])
    assert len(steps.rates()) == 10
    assert min(steps.rates()) == pytest.approx(64 * 1_000 / steps.total, rel=0.01)
    assert step_times([1, 1]).rates() == [64, 64]
    assert step_times([]).rates() == []


def test_steps_that_end_in_bursts_do_not_give_an_infinite_rate() -> None:
    rates = step_times([0.5, *[0.0] * 9] * 20).rates()
    assert all(100 < rate < 10_000 for rate in rates)
