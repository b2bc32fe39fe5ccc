"""History of a run that was paused, steered, rolled back, resumed and trained on."""

import numpy as np
import pytest

from mnist_tui.events import AnyEvent, EndReason, Phase, ResumeReason, RunFailed
from mnist_tui.runs.history import History
from mnist_tui.runs.notes import SEEN, describe_tests
from tests.kit import samples

STEP = 0.1
"""Seconds of a batch of 100 at 1,000 images per second."""


def history(*events: AnyEvent) -> History:
    result = History(samples.record())
    result.apply_all(events)
    return result


def steps(first: int, last: int, begin: float) -> list[AnyEvent]:
    """Return consecutive steps from `begin`, in seconds after the run's start."""
    return [
        samples.step_ended(step, time=samples.CREATED + begin + (step - first + 1) * STEP)
        for step in range(first, last + 1)
    ]


def worked(run: History) -> list[float]:
    return [round(float(each), 6) for each in run.steps.column("worked")]


def assert_no_jump(run: History) -> None:
    """Check that all steps of the run took the same time."""
    np.testing.assert_allclose(np.diff(run.steps.column("worked")), STEP, atol=1e-6)


def test_a_pause_leaves_no_gap_in_the_time_worked() -> None:
    run = history(
        *steps(1, 5, begin=0),
        samples.phase_changed(Phase.TRAINING, 0),
        samples.phase_changed(Phase.PAUSED, 0.5),
        samples.phase_changed(Phase.TRAINING, 100.5),
        *steps(6, 10, begin=100.5),
    )
    assert_no_jump(run)
    assert run.steps.column("time")[5] - run.steps.column("time")[4] > 100, "the time of day goes on"


def test_single_steps_leave_no_gaps() -> None:
    events: list[AnyEvent] = []
    for step in range(1, 6):
        begin = step * 60.0
        events += [samples.phase_changed(Phase.TRAINING, begin), *steps(step, step, begin)]
        events.append(samples.phase_changed(Phase.PAUSED, begin + STEP))
    assert_no_jump(history(*events))


def test_the_time_worked_stops_during_a_pause() -> None:
    run = history(*steps(1, 5, begin=0), samples.phase_changed(Phase.PAUSED, 0.5))
    assert run.paused
    assert run.worked(samples.CREATED + 0.5) == run.worked(samples.CREATED + 900) == pytest.approx(0.5)
    run.apply(samples.phase_changed(Phase.TRAINING, 900))
    assert not run.paused
    assert run.worked(samples.CREATED + 901) == pytest.approx(1.5)


def test_a_run_that_is_over_is_not_paused() -> None:
    run = history(samples.phase_changed(Phase.PAUSED, 1), RunFailed(time=samples.CREATED + 2, error="x"))
    assert not run.paused


@pytest.mark.parametrize("reason", ResumeReason)
def test_a_resume_removes_later_steps_and_epochs(reason: ResumeReason) -> None:
    run = history(
        *steps(1, 560, begin=0),
        samples.epoch_ended(1),
        samples.epoch_ended(2, step=560),
        samples.alert_raised(300),
        samples.alert_raised(560),
        samples.setting_changed("learning_rate", "0.005", step=558),
        samples.run_resumed(555, reason=reason),
    )
    assert run.steps.column("step").tolist() == list(range(1, 556))
    assert [epoch.epoch for epoch in run.epochs] == [1]
    assert [(mark.step, mark.kind) for mark in run.markers] == [(300, "alert"), (555, "resume")]
    assert run.alert is None
    run.apply_all([*steps(556, 558, begin=4000), samples.epoch_ended(2, step=1100)])
    assert run.steps.column("step").tolist() == list(range(1, 559))
    assert [epoch.epoch for epoch in run.epochs] == [1, 2]


@pytest.mark.parametrize(
    "last", [samples.run_ended(EndReason.STOPPED), RunFailed(time=samples.CREATED + 9, error="out of memory")], ids=repr
)
def test_a_resumed_run_is_not_over(last: AnyEvent) -> None:
    run = history(*steps(1, 5, begin=0), samples.setting_changed("stop", "after this batch"), last)
    assert run.is_over
    run.apply(samples.run_resumed(5))
    assert not run.is_over
    assert not run.stopping
    run.apply(samples.run_ended())
    assert run.ended is not None
    assert run.ended.reason is EndReason.COMPLETED


@pytest.mark.parametrize(
    ("reason", "accuracies"),
    [(EndReason.STOPPED, (0.90, 0.99)), (EndReason.COMPLETED, (0.994, 0.9949)), (EndReason.EARLY, (0.9, 0.9, 0.95))],
)
def test_no_test_result_is_replaced(reason: EndReason, accuracies: tuple[float, ...]) -> None:
    run = history(samples.epoch_ended(1))
    for epoch, accuracy in enumerate(accuracies, 1):
        run.apply_all([samples.run_ended(reason, best_epoch=epoch, test_accuracy=accuracy), samples.run_resumed(0)])
        assert run.test_accuracies == list(accuracies[:epoch]), "also while it trains on"
    run.apply(samples.run_ended(EndReason.KILLED, test_accuracy=None))
    assert run.test_accuracies == list(accuracies)
    words = describe_tests(run.tests)
    assert words.index(f"{accuracies[0] * 100:.2f} %") < words.index(f"again {accuracies[-1] * 100:.2f} %")
    tested = [note.text for note in run.notes if ": test " in note.text]
    assert [SEEN in text for text in tested] == [False, *(len(accuracies) - 1) * [True]]


def test_a_resumed_curve_joins_without_a_jump() -> None:
    run = history(*steps(1, 20, begin=0), samples.run_resumed(12))
    assert run.worked(samples.CREATED + 5000) == pytest.approx(1.2), "starting up again is not working"
    run.apply_all([samples.phase_changed(Phase.IMPORTING, 3601), samples.phase_changed(Phase.TRAINING, 3620)])
    assert run.worked(samples.CREATED + 3620) == pytest.approx(1.2)
    run.apply_all(steps(13, 30, begin=3620))
    assert_no_jump(run)
    assert run.steps.column("step").tolist() == list(range(1, 31))
    assert run.worked(samples.CREATED + 3620 + 18 * STEP + 5) == pytest.approx(3.0 + 5)


def test_a_first_step_that_compiles_leaves_no_gap_after_a_resume() -> None:
    run = history(*steps(1, 5, begin=0), samples.run_resumed(5), *steps(6, 9, begin=3650))
    assert_no_jump(run)


def test_a_run_that_crashed_while_it_was_paused_joins_without_a_jump() -> None:
    run = history(
        *steps(1, 5, begin=0),
        samples.phase_changed(Phase.PAUSED, 0.5),
        samples.run_resumed(3),
        samples.phase_changed(Phase.IMPORTING, 3600),
        samples.phase_changed(Phase.TRAINING, 3620),
        *steps(4, 8, begin=3620),
    )
    assert_no_jump(run)


def test_a_run_that_is_resumed_from_its_beginning_begins_anew() -> None:
    run = history(*steps(1, 5, begin=8), samples.run_resumed(0), *steps(1, 3, begin=3620))
    assert worked(run) == [0.1, 0.2, 0.3]


def test_a_second_resume_and_a_pause_after_it_join_too() -> None:
    run = history(
        *steps(1, 20, begin=0),
        samples.run_resumed(15),
        *steps(16, 30, begin=3620),
        samples.run_resumed(25, time=samples.CREATED + 7200),
        *steps(26, 40, begin=7220),
        samples.phase_changed(Phase.PAUSED, 7221.5),
        samples.phase_changed(Phase.TRAINING, 8000),
        *steps(41, 45, begin=8000),
    )
    assert_no_jump(run)
    assert run.steps.count == 45


def test_a_run_that_is_trained_on_after_its_end_goes_on_from_its_last_step() -> None:
    run = history(
        *steps(1, 550, begin=0),
        samples.epoch_ended(1),
        samples.phase_changed(Phase.TESTING, 60),
        samples.run_ended(),
        samples.setting_changed("epochs", "4", step=550),
        samples.run_resumed(550, reason=ResumeReason.TRAINED_ON, time=samples.CREATED + 900),
        samples.phase_changed(Phase.TRAINING, 900),
        *steps(551, 560, begin=900),
    )
    assert not run.is_over
    assert run.epochs_planned == 4
    assert [epoch.epoch for epoch in run.epochs] == [1]
    assert_no_jump(run)


def test_changed_settings_are_those_of_the_run() -> None:
    run = history(samples.run_started())
    assert (run.epochs_planned, run.max_learning_rate, run.early_stopping, run.stopping) == (3, 0.01, "off", False)
    run.apply_all(
        [
            samples.setting_changed("epochs", "12", step=7),
            samples.setting_changed("learning_rate", "0.005", step=8),
            samples.setting_changed("early_stopping", "loss:3", step=9),
            samples.setting_changed("stop", "after this batch", step=10),
        ]
    )
    assert (run.epochs_planned, run.max_learning_rate, run.early_stopping, run.stopping) == (12, 0.005, "loss:3", True)
    assert [(mark.step, mark.kind) for mark in run.markers] == [(step, "setting") for step in (7, 8, 9, 10)]
    assert run.markers[1].text == "learning rate: 0.005, by ada"


def test_a_resume_keeps_changed_settings() -> None:
    run = history(*steps(1, 9, 0), samples.setting_changed("epochs", "12", step=2), samples.run_resumed(5))
    assert run.epochs_planned == 12


@pytest.mark.parametrize("setting", ["pause", "continue", "step"])
def test_pauses_are_marked_as_such(setting: str) -> None:
    assert [mark.kind for mark in history(samples.setting_changed(setting, "x", step=4)).markers] == ["pause"]


def test_an_alert_stays_until_the_run_resumes_from_an_earlier_state() -> None:
    run = history(samples.alert_raised(5))
    run.apply(samples.phase_changed(Phase.VALIDATING, 10))
    assert run.alert is not None
    assert run.notes[0].alert
    assert not history(samples.run_resumed(5)).notes[0].alert


def test_an_alert_awaits_a_decision_until_training_continues() -> None:
    run = history(samples.alert_raised(5, awaits_decision=True), samples.phase_changed(Phase.PAUSED, 10))
    assert run.alert is not None
    run.apply(samples.phase_changed(Phase.TRAINING, 60))
    assert run.alert is None


def test_only_the_newest_engines_phases_are_timed() -> None:
    run = history(
        samples.phase_changed(Phase.IMPORTING, 0),
        samples.phase_changed(Phase.COMPILING, 4),
        samples.run_resumed(0),
        samples.phase_changed(Phase.IMPORTING, 3600),
        samples.phase_changed(Phase.LOADING, 3603),
    )
    assert run.phase_seconds == {Phase.IMPORTING: 3}
