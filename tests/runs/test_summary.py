"""Status and results of a run, read from its directory."""

import os
import signal
import subprocess
import sys

import pytest

from mnist_tui.event_lines import encode
from mnist_tui.events import AnyEvent, EndReason, Phase, ResumeReason, RunEnded, RunFailed
from mnist_tui.runs.directory import RunDirectory, RunError, create_run
from mnist_tui.runs.history import History
from mnist_tui.runs.liveness import Endpoint, write_endpoint
from mnist_tui.runs.status import Status
from mnist_tui.runs.summary import STEP_PREFIX, summaries, summarize
from tests.kit import samples
from tests.runs.test_directory import HOLD_LOCK

COMPLETED = RunEnded(time=1, reason=EndReason.COMPLETED, best_epoch=2, test_accuracy=0.9929)
STOPPED = RunEnded(time=1, reason=EndReason.STOPPED)
KILLED = RunEnded(time=1, reason=EndReason.KILLED)


def run_with(*events: AnyEvent) -> RunDirectory:
    run = create_run(samples.config())
    run.events_path.write_bytes(b"".join(encode(event) for event in events))
    return run


FAILED = RunFailed(time=1, error="x")
PAUSED = samples.phase_changed(Phase.PAUSED, 9)
STEPPED = samples.step_ended(1)


@pytest.mark.parametrize(
    ("live", "events", "status"),
    [
        (True, (), Status.STARTING),
        (True, (STEPPED,), Status.TRAINING),
        (True, (STEPPED, PAUSED), Status.PAUSED),
        (True, (STEPPED, PAUSED, samples.phase_changed(Phase.TRAINING, 20)), Status.TRAINING),
        (True, (STEPPED, PAUSED, COMPLETED), Status.FINISHED),  # it still answers questions
        (False, (STEPPED, COMPLETED), Status.FINISHED),
        (False, (STEPPED, STOPPED), Status.STOPPED),
        (False, (STEPPED, KILLED), Status.STOPPED),
        (False, (), Status.CRASHED),
        (False, (STEPPED,), Status.CRASHED),
        (False, (STEPPED, PAUSED), Status.CRASHED),
        (True, (STEPPED, FAILED), Status.FAILED),
        (False, (FAILED,), Status.FAILED),
    ],
)
def test_the_status_follows_from_lock_and_events(live: bool, events: tuple[AnyEvent, ...], status: Status) -> None:
    history = History(samples.record())
    history.apply_all(events)
    assert history.status(live=live) is status
    run = run_with(*events)
    lock = run.lock.acquire() if live else None
    assert summarize(run).status is status
    if lock is not None:
        os.close(lock)


def test_only_a_run_that_goes_on_is_live() -> None:
    live = [Status.STARTING, Status.TRAINING, Status.PAUSED, Status.UNRESPONSIVE]
    assert [status for status in Status if status.is_live] == live


def test_a_finished_run_shows_its_best_epoch_and_test_accuracy() -> None:
    accuracies = ((1, 0.97), (2, 0.99), (3, 0.99))
    epochs = [samples.epoch_ended(n, validation_accuracy=a, is_best=n < 3) for n, a in accuracies]
    steps = [samples.step_ended(step) for step in range(1, 8)]
    shown = summarize(run_with(samples.run_started(), *steps, *epochs, COMPLETED)).as_json()
    assert shown["status"] == "finished"
    assert shown["pid"] is None
    assert (shown["epochs_planned"], shown["epochs_done"], shown["steps_done"]) == (3, 3, 7)
    assert (shown["best_epoch"], shown["validation_accuracy"], shown["test_accuracy"]) == (2, 0.99, 0.9929)


def test_stopped_crashed_and_failed_runs_are_resumable() -> None:
    assert [status for status in Status if status.is_resumable] == [Status.STOPPED, Status.CRASHED, Status.FAILED]


def test_the_epochs_planned_are_those_set_last() -> None:
    assert summarize(run_with()).epochs_planned == 3
    changes = [samples.setting_changed("epochs", "12"), samples.setting_changed("learning_rate", "0.5")]
    run = run_with(*changes, samples.setting_changed("epochs", "11"), samples.run_resumed(0))
    assert summarize(run).as_json()["epochs_planned"] == 11


def test_the_epochs_planned_of_an_ensemble_are_those_of_all_members() -> None:
    assert summarize(create_run(samples.config(epochs=15, ensemble="3"))).epochs_planned == 45


def test_a_resumed_run_counts_from_its_earlier_state() -> None:
    over = [*samples.steps(1_299), samples.epoch_ended(1), samples.epoch_ended(2)]
    run = run_with(*over, STOPPED, samples.run_resumed(700))
    summary = summarize(run)
    assert (summary.steps_done, summary.epochs_done, summary.ended) == (700, 1, None)
    assert summary.status is Status.CRASHED, "no engine holds its lock"
    run = run_with(*over, RunFailed(time=1, error="x"), samples.run_resumed(700), samples.step_ended(701), COMPLETED)
    summary = summarize(run)
    assert (summary.steps_done, summary.error, summary.status) == (701, None, Status.FINISHED)


def test_a_run_that_trains_on_after_its_end_is_live() -> None:
    trained_on = samples.run_resumed(1_650, reason=ResumeReason.TRAINED_ON)
    run = run_with(samples.step_ended(1_650), COMPLETED, samples.setting_changed("epochs", "4"), trained_on)
    lock = run.lock.acquire()
    summary = summarize(run)
    assert (summary.status, summary.epochs_planned, summary.steps_done) == (Status.TRAINING, 4, 1_650)
    os.close(lock)


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_summary_agrees_with_the_history(cut: int) -> None:
    events: list[AnyEvent] = [
        samples.run_started(),
        *samples.steps(559),
        samples.epoch_ended(1),
        samples.setting_changed("epochs", "5"),
        samples.phase_changed(Phase.PAUSED, 90),
        samples.run_resumed(552),
        samples.step_ended(553),
        samples.epoch_ended(2, validation_accuracy=0.98),
        COMPLETED,
        samples.run_resumed(553, epoch=2, reason=ResumeReason.TRAINED_ON),
        samples.step_ended(554),
    ][: -cut or None]
    run = run_with(*events)
    history, summary = History(run.record()), summarize(run)
    history.apply_all(events)
    assert summary.epochs_done == len(history.epochs)
    assert summary.steps_done == history.steps.column("step")[-1]
    assert summary.epochs_planned == history.epochs_planned
    assert summary.best == history.best_epoch
    assert summary.ended == history.ended


def test_a_failed_run_shows_its_error() -> None:
    shown = summarize(run_with(samples.run_started(), RunFailed(time=1, error="out of memory"))).as_json()
    assert (shown["status"], shown["error"]) == ("failed", "out of memory")


def test_a_killed_engine_leaves_a_crashed_run() -> None:
    run = run_with(samples.run_started(), samples.step_ended(1), samples.step_ended(2))
    command = [sys.executable, "-c", HOLD_LOCK, str(run.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        assert engine.stdout.readline() == "locked\n"
        assert summarize(run).status is Status.TRAINING
        engine.send_signal(signal.SIGKILL)
        engine.wait()
    crashed = summarize(run)
    assert crashed.status is Status.CRASHED
    assert (crashed.steps_done, crashed.pid) == (2, None)


def test_the_pid_is_that_of_the_live_engine() -> None:
    run = run_with(samples.run_started())
    lock = run.lock.acquire()
    write_endpoint(lock, Endpoint(4711))
    assert summarize(run).pid == 4711
    os.close(lock)
    assert summarize(run).pid is None


def test_an_incomplete_last_line_does_not_count() -> None:
    run = run_with(samples.step_ended(1), samples.epoch_ended(1))
    whole = run.events_path.read_bytes()
    run.events_path.write_bytes(whole + encode(samples.step_ended(2))[:-1])
    assert summarize(run).steps_done == 1
    run.events_path.write_bytes(whole + encode(samples.epoch_ended(2))[:-1])
    assert summarize(run).epochs_done == 1


def test_unknown_lines_do_not_count() -> None:
    run = run_with(samples.step_ended(1))
    run.events_path.write_bytes(b'{"type":"dreamed"}\n\xff\n' + run.events_path.read_bytes())
    assert summarize(run).steps_done == 1


def test_a_run_without_events_has_done_nothing() -> None:
    run = run_with()
    run.events_path.unlink()
    summary = summarize(run)
    assert (summary.epochs_done, summary.steps_done, summary.best, summary.status) == (0, 0, None, Status.CRASHED)


def test_step_lines_have_a_prefix() -> None:
    assert encode(samples.step_ended()).startswith(STEP_PREFIX)
    assert not encode(samples.epoch_ended()).startswith(STEP_PREFIX)


@pytest.mark.parametrize("name", ["config.json", "events.jsonl"])
@pytest.mark.parametrize("thing", ["pipe", "folder", "device", "dangling link"])
def test_what_is_no_file_is_not_opened_and_named(name: str, thing: str) -> None:
    run = run_with()
    path = run.path / name
    path.unlink()
    match thing:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "device":
            path.symlink_to("/dev/zero")
        case _:
            path.symlink_to("nowhere")
    with pytest.raises(RunError, match=f"{name}|not a run directory"):
        summarize(run)


def test_an_unreadable_run_is_left_out_and_reported() -> None:
    good, bad = run_with(), run_with()
    bad.config_path.write_text("{")
    troubles: list[str] = []
    assert [one.run for one in summaries([bad, good], troubles)] == [good]
    assert len(troubles) == 1
    assert str(bad.config_path) in troubles[0]
