"""The seconds left of a steady run are right from its first steps to its end."""

import dataclasses
from collections.abc import Iterator

import msgspec
import pytest

from mnist_tui.events import AnyEvent, EndReason, Phase, PhaseChanged, ResumeReason, RunEnded, RunFailed
from mnist_tui.runs.history import History
from mnist_tui.runs.progress import EVALUATION_OVERHEAD, Progress, progress
from tests.kit import samples

EPOCHS, STEPS = 3, 550


@dataclasses.dataclass(frozen=True)
class SteadyRun:
    """A made-up run: every step takes `step` seconds, every validation `validation`, and the final test `test`.

    Between the first half of its second epoch and the second, nothing happens for `pause` seconds; or its engine
    crashes there, and after `downtime` seconds another one has started up and goes on `repeated` steps before.
    """

    step: float
    validation: float
    epochs: int = EPOCHS
    pause: float = 0.0
    downtime: float = 0.0
    repeated: int = 0
    at_once: int = 1
    """Return executions of several steps, which report the last one."""

    @property
    def start(self) -> float:
        """When the first step begins."""
        return samples.CREATED + 8

    @property
    def middle(self) -> float:
        """When half of the second epoch is done."""
        return self.start + 1.5 * STEPS * self.step + self.validation

    @property
    def test(self) -> float:
        """Return the seconds of the final test, which has twice the images."""
        return 2 * self.validation - EVALUATION_OVERHEAD

    @property
    def end(self) -> float:
        worked = self.epochs * (STEPS * self.step + self.validation) + self.test
        return self.start + worked + self.pause + self.downtime + self.repeated * self.step

    def events(self) -> Iterator[AnyEvent]:
        now = self.start
        yield samples.run_started(time=now)
        for epoch in range(1, self.epochs + 1):
            yield PhaseChanged(time=now, phase=Phase.TRAINING)
            for step in range((epoch - 1) * STEPS + 1, epoch * STEPS + 1):
                now += self.step
                if (step - 1) % STEPS % self.at_once == self.at_once - 1 or not step % STEPS:
                    yield self._step(step, now)
                if step == STEPS * 3 // 2 and (self.pause or self.downtime):
                    yield from self._interruption(step, now)
                    now += self.pause + self.downtime + self.repeated * self.step
            yield PhaseChanged(time=now, phase=Phase.VALIDATING)
            now += self.validation
            yield samples.epoch_ended(epoch, time=now, validation_seconds=self.validation)
        yield PhaseChanged(time=now, phase=Phase.TESTING)
        yield RunEnded(time=self.end, reason=EndReason.COMPLETED, best_epoch=self.epochs)

    def _step(self, step: int, now: float) -> AnyEvent:
        return samples.step_ended(step, time=now, images_per_second=100 / self.step)

    def _interruption(self, step: int, now: float) -> Iterator[AnyEvent]:
        if self.pause:
            yield PhaseChanged(time=now, phase=Phase.PAUSED)
            yield PhaseChanged(time=now + self.pause, phase=Phase.TRAINING)
            return
        back = step - self.repeated
        yield samples.run_resumed(back, time=now + self.downtime / 2)
        yield PhaseChanged(time=now + self.downtime / 2, phase=Phase.IMPORTING)
        yield samples.run_started(time=now + self.downtime)
        yield PhaseChanged(time=now + self.downtime, phase=Phase.TRAINING)
        for place in range(1, self.repeated + 1):
            yield self._step(back + place, now + self.downtime + place * self.step)

    def history_at(self, now: float) -> History:
        history = History(samples.record())
        history.apply_all(event for event in self.events() if event.time <= now)
        return history

    def at(self, now: float) -> Progress:
        return progress(self.history_at(now), now)

    def points(self) -> dict[str, float]:
        epoch = STEPS * self.step + self.validation
        return {
            "eleventh step": self.start + 11.5 * self.step,
            "first epoch": self.start + 0.3 * STEPS * self.step,
            "first validation": self.start + STEPS * self.step + 0.5 * self.validation,
            "before the second epoch's first step": self.start + epoch + 0.9 * self.step,
            "after the second epoch's first step": self.start + epoch + 1.5 * self.step,
            "second epoch": self.start + 1.5 * epoch,
            "second validation": self.start + 2 * epoch - 0.25 * self.validation,
            "third epoch": self.start + 2.5 * epoch,
            "last validation": self.start + 3 * epoch - 0.5 * self.validation,
            "test": self.start + 3 * epoch + 0.5 * self.validation,
        }


# A validation digit costs FORWARD_SHARE of a training digit, as is guessed before the first was timed.
RUNS = {"fast": SteadyRun(0.02, 0.4 + EVALUATION_OVERHEAD), "slow": SteadyRun(0.4, 8.0 + EVALUATION_OVERHEAD)}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
@pytest.mark.parametrize("point", RUNS["fast"].points())
def test_the_seconds_left_are_within_three_percent_of_the_truth(run: SteadyRun, point: str) -> None:
    now = run.points()[point]
    left = run.at(now).seconds_left
    assert left == pytest.approx(run.end - now, rel=0.03)


@pytest.mark.parametrize("point", ["first epoch", "second epoch", "second validation", "third epoch", "test"])
def test_the_seconds_left_are_right_for_executions_of_several_steps(point: str) -> None:
    run = dataclasses.replace(RUNS["fast"], at_once=16)
    now = run.points()[point]
    assert run.at(now).seconds_left == pytest.approx(run.end - now, rel=0.03)


def test_a_validation_that_costs_more_than_estimated_counts_once_it_was_timed() -> None:
    run = SteadyRun(0.02, 5.0)
    now = run.points()["after the second epoch's first step"]
    assert run.at(now).seconds_left == pytest.approx(run.end - now, rel=0.03)


def test_the_seconds_left_fall_between_two_steps() -> None:
    run = RUNS["slow"]
    first, second = run.at(run.start + 100.1).seconds_left, run.at(run.start + 100.3).seconds_left
    assert first is not None
    assert second is not None
    assert first - second == pytest.approx(0.2)


@pytest.mark.parametrize("epoch", [2, 3])
def test_the_seconds_left_do_not_jump_when_an_epoch_begins(epoch: int) -> None:
    run = RUNS["slow"]
    begin = run.start + (epoch - 1) * (STEPS * run.step + run.validation)
    before, after = run.at(begin - 0.1).seconds_left, run.at(begin + 0.1).seconds_left
    assert before is not None
    assert after is not None
    assert before - after == pytest.approx(0.2, abs=0.01)


def test_the_seconds_left_are_never_negative() -> None:
    run = RUNS["fast"]
    history = History(samples.record())
    history.apply_all(event for event in run.events() if not isinstance(event, RunEnded))
    assert progress(history, run.end + 1_000).seconds_left == 0.0


def test_a_clock_that_was_set_back_does_no_harm() -> None:
    run = RUNS["fast"]
    history = History(msgspec.structs.replace(samples.record(), created=run.end + 7_200))
    history.apply_all(event for event in run.events() if not isinstance(event, RunEnded))
    state = progress(history, run.end + 1_000)
    assert (state.seconds_left, state.run_fraction) == (0.0, 0.0)


def test_a_stopped_run_only_waits_for_its_test() -> None:
    run = RUNS["slow"]
    first_epoch_ended = run.start + STEPS * run.step + run.validation
    history = History(samples.record())
    history.apply_all(event for event in run.events() if event.time < first_epoch_ended + 0.1)
    history.apply(PhaseChanged(time=first_epoch_ended, phase=Phase.TESTING))
    assert progress(history, first_epoch_ended + 4).seconds_left == pytest.approx(run.test - 4)


def test_a_slower_second_epoch_is_followed() -> None:
    history = History(samples.record())
    history.apply_all(event for event in SteadyRun(0.02, 0.4).events() if event.time <= samples.CREATED + 8 + 11.4)
    now = history.steps.column("time")[-1]
    for step in range(551, 651):
        now += 0.1
        history.apply(samples.step_ended(step, time=now))
    assert progress(history, now).seconds_left == pytest.approx(1_000 * 0.1 + 2 * 0.4 + 0.8, rel=0.03)


@pytest.mark.parametrize("steps", [0, 1, 2, 10])
def test_before_ten_steps_were_timed_the_time_left_is_unknown(steps: int) -> None:
    history = History(samples.record(epochs=3))
    history.apply_all([samples.run_started(), *(samples.step_ended(step) for step in range(1, steps + 1))])
    now = progress(history, samples.CREATED + 9)
    assert now.seconds_left is None
    assert now.run_fraction == steps / (3 * STEPS)
    assert (now.epoch, now.epochs) == (1, 3)
    history.apply_all(samples.step_ended(step) for step in range(steps + 1, 12))
    assert progress(history, samples.CREATED + 9).seconds_left is not None


@pytest.mark.parametrize("slow", [{2: 2.0}, {3: 1.5}, {2: 0.5, 3: 1.0, 10: 0.4}])
def test_slow_first_steps_are_not_taken_for_the_rule(slow: dict[int, float]) -> None:
    history, now = History(samples.record(epochs=1)), samples.CREATED + 8
    history.apply(samples.run_started(time=now, epochs=1, validation_count=0, test_count=0))
    for step in range(1, 31):
        now += slow.get(step, 0.02)
        history.apply(samples.step_ended(step, time=now, images_per_second=100 / slow.get(step, 0.02)))
        left = progress(history, now).seconds_left
        assert left is None or left == pytest.approx((STEPS - step) * 0.02, rel=0.1)


def test_the_start_up_does_not_count_as_a_part_of_the_run() -> None:
    history, now = History(samples.record(epochs=1)), samples.CREATED + 30
    history.apply(samples.run_started(time=now, epochs=1))
    for step in range(1, 101):
        now += 0.02
        history.apply(samples.step_ended(step, time=now, images_per_second=5_000))
        assert step / STEPS / 2 < progress(history, now).run_fraction <= step / STEPS


def test_a_starting_run_has_a_phase_and_its_duration() -> None:
    history = History(samples.record())
    history.apply(PhaseChanged(time=samples.CREATED + 1, phase=Phase.IMPORTING))
    now = progress(history, samples.CREATED + 4)
    assert (now.phase, now.phase_seconds) == (Phase.IMPORTING, 3.0)


def test_epoch_and_step_count_from_one() -> None:
    run = RUNS["fast"]
    first, last = run.at(run.start + 0.021), run.at(run.start + STEPS * 0.02 + 0.001)
    assert (first.step, first.epoch, first.steps) == (1, 1, EPOCHS * STEPS)
    assert first.epoch_fraction == pytest.approx(1 / STEPS)
    assert (last.step, last.epoch, last.epoch_fraction) == (STEPS, 1, 1.0)
    assert first.images_per_second == pytest.approx(5_000)


def test_the_fraction_of_the_run_only_grows_and_ends_at_one() -> None:
    run = RUNS["fast"]
    fractions = [run.at(run.start + second).run_fraction for second in range(1, int(run.end - run.start), 2)]
    assert fractions == sorted(fractions)
    over = run.at(run.end)
    assert (over.run_fraction, over.seconds_left) == (1.0, None)


def test_a_failed_run_has_nothing_left_to_wait_for() -> None:
    history = History(samples.record())
    history.apply_all(
        [samples.run_started(), samples.step_ended(1), samples.step_ended(2), RunFailed(time=9, error="x")]
    )
    assert progress(history, samples.CREATED + 60).seconds_left is None


PAUSED = SteadyRun(0.4, 8.0, pause=7_200.0)
CRASHED = SteadyRun(0.4, 8.0, downtime=7_200.0, repeated=50)


def test_a_pause_holds_the_seconds_left_and_the_fraction() -> None:
    begin, late = PAUSED.at(PAUSED.middle + 1), PAUSED.at(PAUSED.middle + 7_000)
    assert begin.phase is Phase.PAUSED
    assert begin.seconds_left == late.seconds_left == pytest.approx(PAUSED.end - PAUSED.middle - PAUSED.pause, rel=0.03)
    assert (
        begin.run_fraction == late.run_fraction == pytest.approx(PAUSED.at(PAUSED.middle - 0.1).run_fraction, abs=0.01)
    )


@pytest.mark.parametrize("after", [0.5, 1.5, 40.0, 200.0], ids="{:g} s".format)
@pytest.mark.parametrize("run", [PAUSED, CRASHED], ids=["a pause", "a resume"])
def test_the_seconds_left_are_right_again_after(run: SteadyRun, after: float) -> None:
    now = run.middle + run.pause + run.downtime + after
    assert run.at(now).seconds_left == pytest.approx(run.end - now, rel=0.03)


def test_the_fraction_of_an_interrupted_run_is_that_of_an_uninterrupted_one() -> None:
    whole = SteadyRun(0.4, 8.0)
    for after in (100.0, 300.0):
        now = CRASHED.middle + CRASHED.downtime + CRASHED.repeated * CRASHED.step + after
        same = whole.at(whole.middle + after)
        assert CRASHED.at(now).run_fraction == pytest.approx(same.run_fraction, abs=0.02)
        assert (CRASHED.at(now).step, CRASHED.at(now).epoch) == (same.step, same.epoch)


def test_the_seconds_left_do_not_change_while_a_resumed_run_starts_up() -> None:
    early, late = (CRASHED.at(CRASHED.middle + seconds) for seconds in (3_700, 7_100))
    assert early.phase is Phase.IMPORTING
    assert early.seconds_left == late.seconds_left
    work = CRASHED.end - CRASHED.middle - CRASHED.downtime
    assert early.seconds_left == pytest.approx(work, rel=0.03)
    assert (early.step, early.epoch) == (STEPS * 3 // 2 - CRASHED.repeated, 2)


@pytest.mark.parametrize("planned", [2, 3, 5, 40])
def test_a_changed_number_of_epochs_changes_the_seconds_left(planned: int) -> None:
    run = SteadyRun(0.4, 8.0)
    history = run.history_at(run.middle)
    history.apply(samples.setting_changed("epochs", str(planned), time=run.middle))
    state = progress(history, run.middle)
    whole = dataclasses.replace(run, epochs=planned)
    assert state.seconds_left == pytest.approx(whole.end - run.middle, rel=0.03)
    assert (state.epochs, state.steps, state.epoch) == (planned, planned * STEPS, 2)


def test_a_run_that_trains_on_after_its_end_has_its_new_epochs_left() -> None:
    run = SteadyRun(0.4, 8.0)
    history = run.history_at(run.end)
    history.apply_all(
        [
            samples.setting_changed("epochs", "5", time=run.end + 900),
            samples.run_resumed(EPOCHS * STEPS, reason=ResumeReason.TRAINED_ON, time=run.end + 900),
            PhaseChanged(time=run.end + 900, phase=Phase.TRAINING),
        ]
    )
    state = progress(history, run.end + 900)
    assert state.seconds_left == pytest.approx(2 * (STEPS * run.step + run.validation) + 2 * run.validation, rel=0.03)
    assert 0.5 < state.run_fraction < 1
