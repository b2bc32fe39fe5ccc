"""The occasions on which the user of a run wants word, each named once."""

import pytest

from mnist_tui.events import AnyEvent, Occasion, Phase, RunFailed
from mnist_tui.runs.occasions import (
    LEAST_PHASE_SECONDS,
    LEAST_STALL_SECONDS,
    RECENT_STEPS,
    STALL_FACTOR,
    OccasionWatch,
    Word,
)
from tests.kit import samples

TRAINING = samples.phase_changed(Phase.TRAINING, 8)


def steps(count: int, seconds: float) -> list[AnyEvent]:
    return [samples.step_ended(step, time=samples.CREATED + 8 + step * seconds) for step in range(1, count + 1)]


def found(watch: OccasionWatch, now: float = 0.0, *, live: bool = True, saves: bool = True) -> list[Occasion]:
    return [word.occasion for word in watch.take(now, live=live, saves=saves)]


@pytest.fixture
def watch() -> OccasionWatch:
    """In training, with ten steps a second, the newest at the time 0."""
    watch = OccasionWatch()
    watch.apply([samples.run_started(), TRAINING, *steps(20, 0.1)], 0.0)
    assert found(watch) == []
    return watch


@pytest.mark.parametrize(
    ("last", "occasion", "reason"),
    [
        (samples.run_ended(), Occasion.ENDED, "completed"),
        (RunFailed(time=9, error="out of memory"), Occasion.FAILED, "out of memory"),
        (samples.alert_raised(awaits_decision=True), Occasion.DIVERGED, "the loss is not a number"),
    ],
)
def test_each_occasion_is_named_once(watch: OccasionWatch, last: AnyEvent, occasion: Occasion, reason: str) -> None:
    watch.apply([last], 1.0)
    assert watch.take(1.0, live=True) == [Word(occasion, reason, last.time)]
    assert watch.take(2.0, live=True) == []


def test_an_engine_that_is_gone_without_a_last_event_has_crashed_and_one_with_it_has_not(watch: OccasionWatch) -> None:
    watch.apply([samples.alert_raised()], 1.0)
    assert found(watch, 1.0, live=False) == [Occasion.CRASHED]
    assert found(watch, 2.0, live=False) == []
    watch.apply([samples.run_resumed(1), samples.run_ended()], 3.0)
    assert found(watch, 3.0, live=False) == [Occasion.ENDED]


def test_an_end_that_a_resume_revokes_is_no_occasion() -> None:
    watch = OccasionWatch()
    watch.apply([*steps(3, 0.1), samples.run_ended(), samples.run_resumed(3)], 0.0)
    assert found(watch) == []


@pytest.mark.parametrize(
    ("seconds", "patience"),
    [(0.1, LEAST_STALL_SECONDS), (20.0, 20.0 * STALL_FACTOR)],
    ids=["fast steps", "slow steps"],
)
def test_a_run_without_a_step_for_ten_usual_times_has_stalled(seconds: float, patience: float) -> None:
    watch = OccasionWatch()
    watch.apply([TRAINING, *steps(RECENT_STEPS, seconds)], 100.0)
    assert found(watch, 100.0 + patience - 1) == []
    (word,) = watch.take(100.0 + patience + 1, live=True)
    assert word.occasion is Occasion.STALLED
    assert word.reason == f"no step for {patience + 1:.0f} s, usually one every {seconds:g} s"
    assert found(watch, 9_999.0) == [], "once"
    watch.apply(steps(1, seconds), 10_000.0)
    assert found(watch, 10_000.0 + patience + 1) == [Occasion.STALLED], "and again after it went on"


@pytest.mark.parametrize(
    ("event", "seconds", "stalls"),
    [
        (samples.hardware_sampled(), LEAST_STALL_SECONDS + 1, True),
        (samples.setting_changed("learning_rate", "0.1"), LEAST_STALL_SECONDS + 1, True),
        (samples.phase_changed(Phase.PAUSED, 50), 1e9, False),
        (samples.phase_changed(Phase.VALIDATING, 50), LEAST_PHASE_SECONDS - 1, False),
        (samples.phase_changed(Phase.TESTING, 50), LEAST_PHASE_SECONDS + 1, True),
    ],
    ids=lambda value: getattr(value, "phase", type(value).__name__),
)
def test_only_training_counts_as_work_and_other_phases_may_take_longer(
    watch: OccasionWatch, event: AnyEvent, seconds: float, stalls: bool
) -> None:
    watch.apply([event], 0.0)
    assert found(watch, seconds) == [Occasion.STALLED] * stalls


def test_a_run_whose_events_cannot_be_written_is_not_judged(watch: OccasionWatch) -> None:
    assert found(watch, 9_999.0, saves=False) == []
    assert found(watch, 9_999.0 + LEAST_STALL_SECONDS - 1) == []
