"""Plain lines report a run safely, and the exit status says how it ended."""

import io
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mnist_tui.cli import plain
from mnist_tui.cli.plain import PlainReporter, follow
from mnist_tui.control.protocol import Stop
from mnist_tui.event_lines import encode
from mnist_tui.events import AlertKind, AnyEvent, CheckpointSaved, EndReason, Phase, ResumeReason, RunFailed
from mnist_tui.runs.directory import HOME_VARIABLE, RunDirectory, RunError, create_run
from mnist_tui.runs.liveness import clock
from tests.kit import samples
from tests.kit.fake_engine import FakeEngine

PAUSED, TRAINING = samples.phase_changed(Phase.PAUSED, 60), samples.phase_changed(Phase.TRAINING, 90)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))


@pytest.fixture
def run() -> RunDirectory:
    return create_run(samples.config(name="calm-otter"))


def write(run: RunDirectory, *events: AnyEvent) -> None:
    with run.events_path.open("ab") as file:
        file.writelines(map(encode, events))


def printed(run: RunDirectory, *events: AnyEvent) -> tuple[int, list[str]]:
    """Return the exit status and the lines after the first, for a run without an engine."""
    write(run, *events)
    out = io.StringIO()
    status = follow(run, out)
    return status, out.getvalue().splitlines()[1:]


class Script:
    """A replacement for waiting: each call runs the next step."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        self.left: Iterator[Callable[[], object]] = iter(steps)

    def __call__(self, seconds: float) -> None:  # noqa: ARG002
        step = next(self.left, None)
        assert step is not None, "`follow` still waits"
        step()


def followed(run: RunDirectory, *steps: Callable[[], object], since: float = 0.0) -> tuple[int, list[str]]:
    """Return the exit status and the lines after the first, while the steps happen."""
    out = io.StringIO()
    status = follow(run, out, Script(*steps), since)
    return status, out.getvalue().splitlines()[1:]


def test_an_ensemble_names_its_members() -> None:
    run = create_run(samples.config(preset="best", ensemble="3", epochs=15))
    _, lines = printed(run, samples.run_started())
    assert lines[0].startswith("3 × best")
    assert "15 epochs" in lines[0]
    assert lines[1].startswith("best: ")


def test_label_smoothing_is_named_before_the_first_loss(run: RunDirectory) -> None:
    assert "loss: label smoothing 0.1: 0.50 at best" in printed(run, samples.run_started(label_smoothing=0.1))[1]
    assert not any(line.startswith("loss") for line in printed(run, samples.run_started())[1][4:])


def test_what_was_recognised_in_the_data_is_printed(run: RunDirectory) -> None:
    _, lines = printed(
        run, samples.run_started(data_notes=("16-bit values were divided by 257", "classes are \x1b[2J"))
    )
    assert "data: 16-bit values were divided by 257" in lines
    assert "data: classes are ?[2J" in lines


def test_steering_and_alerts_are_a_line_each(run: RunDirectory) -> None:
    _, lines = printed(
        run,
        samples.setting_changed("learning_rate", "0.005"),
        samples.alert_raised(7),
        samples.setting_changed("pause", "after this batch"),
        PAUSED,
        samples.setting_changed("continue", "training"),
        TRAINING,
        samples.phase_changed(Phase.VALIDATING, 99),
        samples.phase_changed(Phase.TRAINING, 100),
    )
    assert lines[:-1] == [
        "learning rate: 0.005, by ada",
        "alert: the loss is not a number",
        "pause: after this batch, by ada",
        "paused",
        "continue: training, by ada",
        "training",
    ]


def test_a_rolling_evaluation_is_a_line_now_and_then_that_names_it(run: RunDirectory) -> None:
    evaluated = [
        samples.rolling_evaluated(step, first_step=step // 2, time=samples.CREATED + 60 + step / 2)
        for step in range(1, 50)
    ]
    _, lines = printed(run, samples.run_started(), samples.phase_changed(Phase.TRAINING, 60), *evaluated)
    found = [line for line in lines if line.startswith("rolling")]
    assert len(found) == 2
    for part in ("1,500 of 5,000 images", "steps 10 to 20", "accuracy 90.00 %"):
        assert part in found[0]


def test_an_alert_that_awaits_a_decision_names_the_commands(run: RunDirectory) -> None:
    _, lines = printed(run, samples.alert_raised(7, awaits_decision=True))
    for command in ("rollback", "continue", "stop"):
        assert f"`mnist-tui {command} {run.id}`" in lines[1]


def test_only_the_model_is_reported_as_saved(run: RunDirectory) -> None:
    saved = [
        CheckpointSaved(time=1, path=path, epoch=1, step=550)
        for path in ("checkpoints/step-000000550.npz", "model.keras")
    ]
    assert printed(run, *saved)[1][:-1] == ["model.keras saved, epoch 1"]


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        (ResumeReason.RESUMED, "resumed at step 1,375, epoch 3, by ada"),
        (ResumeReason.ROLLED_BACK, "rolled back at step 1,375, epoch 3, by ada"),
        (ResumeReason.TRAINED_ON, "trained on at step 1,375, epoch 3, by ada"),
    ],
)
def test_a_resume_names_its_step(run: RunDirectory, reason: ResumeReason, line: str) -> None:
    assert printed(run, samples.run_resumed(1_375, reason=reason))[1][0] == line


def test_downtime_is_not_start_up(run: RunDirectory) -> None:
    _, lines = printed(
        run,
        samples.phase_changed(Phase.COMPILING, 5),
        samples.run_resumed(0),
        samples.phase_changed(Phase.IMPORTING, 3_601),
        samples.phase_changed(Phase.LOADING, 3_604),
    )
    assert lines[1:-1] == ["importing Keras: 3.0 s"]


def test_epochs_are_counted_among_those_planned_now(run: RunDirectory) -> None:
    _, lines = printed(run, samples.setting_changed("epochs", "12"), samples.epoch_ended(1))
    assert lines[1].startswith("epoch 1/12 in 57.0 s:")


@pytest.mark.parametrize(
    ("last", "status", "line"),
    [
        (samples.run_ended(), 0, "model: {path}/model.keras"),
        (samples.run_ended(EndReason.EARLY), 0, "model: {path}/model.keras"),
        (samples.run_ended(EndReason.TARGET), 0, "model: {path}/model.keras"),
        (samples.run_ended(EndReason.STOPPED), 0, "`mnist-tui resume {id}`"),
        (samples.run_ended(unsaved=("model.keras", "x")), 1, "not saved: model.keras, x"),
        (RunFailed(time=9, error="no memory"), 1, "`mnist-tui resume {id}`"),
        (samples.step_ended(9), 1, "run {id} crashed"),
    ],
)
def test_the_exit_status_and_the_last_line_report_the_end(
    run: RunDirectory, last: AnyEvent, status: int, line: str
) -> None:
    run.model_path.touch()
    ended, lines = printed(run, samples.run_started(), last)
    assert ended == status
    assert lines[-1].startswith(line.format(path=run.path, id=run.id))


def test_a_model_that_was_not_saved_is_not_named(run: RunDirectory) -> None:
    _, lines = printed(run, samples.run_started(), samples.run_ended(unsaved=("model.keras",)))
    assert not any(line.startswith("model:") for line in lines)


def test_a_run_that_ends_no_better_than_chance_says_what_to_do(run: RunDirectory) -> None:
    dead = samples.alert_raised(7, kind=AlertKind.DEAD, text="no better than chance for 50 steps")
    end = samples.run_ended(test_accuracy=0.0980, test_loss=None)
    status, lines = printed(run, samples.run_started(), dead, samples.run_resumed(0), samples.step_ended(1), end)
    assert status == 1
    assert "loss not finite" in lines[-2]
    assert "no better than chance" in lines[-1]
    assert lines[-1].endswith("such as 0.001")


def test_a_killed_run_is_not_tested(run: RunDirectory) -> None:
    status, lines = printed(run, samples.run_ended(EndReason.KILLED, test_accuracy=None))
    assert status == 0
    assert "killed" in lines[0]
    assert not any("test accuracy" in line for line in lines)


def test_a_resumed_run_is_followed_to_its_newest_end(run: RunDirectory) -> None:
    first = samples.run_ended(EndReason.STOPPED, test_accuracy=0.9, unsaved=("model.keras",))
    status, lines = printed(run, first, samples.run_resumed(550), samples.epoch_ended(2), samples.run_ended())
    assert status == 0
    assert lines[0].startswith("test accuracy 90.00 %")
    assert lines[1].startswith("not saved: model.keras")
    assert lines[2] == "resumed at step 550, epoch 2, by ada"
    assert "no longer unseen" in lines[-2]
    assert "90.00 %" in lines[-2]
    assert lines[-1].startswith("test accuracy 99.29 %")


def test_an_engine_that_stays_after_the_run_is_not_waited_for_long(run: RunDirectory) -> None:
    with FakeEngine(run), pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(plain, "EXIT_SECONDS", 0.0)
        ended = samples.run_ended()
        status, lines = followed(run, lambda: write(run, samples.step_ended(1)), lambda: write(run, ended))
        assert run.is_live()
    assert status == 0
    assert lines[-1].startswith("test accuracy")


def test_an_engine_that_exits_is_waited_for(run: RunDirectory) -> None:
    write(run, samples.run_ended())
    with FakeEngine(run) as engine:
        followed(run, engine.die)
        assert not run.is_live()


def test_an_end_before_since_does_not_count(run: RunDirectory) -> None:
    write(run, samples.run_ended(EndReason.STOPPED))
    asked = samples.CREATED + 300
    with FakeEngine(run) as engine:
        status, lines = followed(
            run,
            lambda: write(run, samples.run_resumed(550)),
            lambda: write(run, samples.run_ended(time=samples.CREATED + 4000, test_accuracy=0.5)),
            engine.die,
            since=asked,
        )
    assert status == 0
    assert any(line.startswith("test accuracy 50.00 %") for line in lines)


def test_an_engine_that_exits_before_it_resumes_has_crashed(run: RunDirectory) -> None:
    write(run, samples.run_ended())
    with FakeEngine(run) as engine:
        status, lines = followed(run, engine.die, since=samples.CREATED + 300)
    assert status == 1
    assert f"run {run.id} crashed" in lines[-1]


def test_a_removed_lock_file_is_no_crash_while_the_engine_makes_it_again(run: RunDirectory) -> None:
    write(run, samples.step_ended(1))
    lock, away = run.lock.path, run.path / "away"
    with FakeEngine(run) as engine:
        restore = (lambda: away.rename(lock), lambda: write(run, samples.run_ended()), engine.die)
        status, lines = followed(run, lambda: lock.rename(away), *restore)
    assert status == 0
    assert not any("crashed" in line for line in lines)


def test_a_deleted_run_directory_ends_it(run: RunDirectory) -> None:
    with FakeEngine(run):
        status, lines = followed(run, lambda: shutil.rmtree(run.path))
    assert status == 1
    assert [str(run.path) in line for line in lines] == [True]


def test_unreadable_events_are_an_error(run: RunDirectory) -> None:
    run.events_path.unlink()
    run.events_path.mkdir()
    with pytest.raises(RunError, match="cannot be read"):
        follow(run, io.StringIO())


def test_a_save_error_is_reported_once_and_when_it_is_over(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "PING_SECONDS", 0.0)
    with FakeEngine(run) as engine:

        def say(answer: bytes) -> Callable[[], None]:
            return lambda: setattr(engine, "reply", answer)

        _, lines = followed(
            run,
            say(b'{"ok":true,"trouble":"7 events wait in memory"}\n'),
            say(b'{"ok":true,"trouble":"8 events wait in memory"}\n'),
            say(b"rubbish\n"),
            say(b'{"ok":true}\n'),
            lambda: None,
            lambda: write(run, samples.run_ended()),
            engine.die,
        )
        assert engine.viewers == [], "plain lines are not a viewer"
    assert lines[0].endswith("7 events wait in memory")
    assert "saved again" in lines[1]
    assert lines[2].startswith("test accuracy")


def test_an_engine_that_does_not_respond_is_reported_once_and_when_it_does_again(run: RunDirectory) -> None:
    with FakeEngine(run) as engine:
        status, lines = followed(
            run,
            lambda: engine.fall_silent(samples.CREATED),
            lambda: None,
            lambda: os.utime(run.lock.path),
            lambda: write(run, samples.run_ended()),
            engine.die,
        )
    assert status == 0
    assert lines[:2] == [
        f"the engine has not responded since {clock(samples.CREATED)}",
        "the engine responds again",
    ]
    assert "respond" not in "".join(lines[2:])


def test_ctrl_c_stops_the_run_and_a_second_one_stops_it_at_once(run: RunDirectory) -> None:
    with FakeEngine(run) as engine:
        before = signal.getsignal(signal.SIGINT)
        status, _ = followed(
            run,
            lambda: signal.raise_signal(signal.SIGINT),
            lambda: signal.raise_signal(signal.SIGINT),
            lambda: write(run, samples.run_ended(EndReason.STOPPED)),
            engine.die,
        )
        stops = engine.sent()
    assert status == 130
    assert signal.getsignal(signal.SIGINT) is before
    assert [stop.now for stop in stops if isinstance(stop, Stop)] == [False, True]
    assert all("ctrl-c" in stop.by for stop in stops if isinstance(stop, Stop))


def test_a_refused_ctrl_c_is_reported_and_a_failed_run_keeps_its_status(run: RunDirectory) -> None:
    with FakeEngine(run) as engine:
        engine.reply = b'{"ok":false,"error":"not today"}\n'
        status, lines = followed(
            run,
            lambda: signal.raise_signal(signal.SIGINT),
            lambda: write(run, RunFailed(time=samples.CREATED + 9, error="no memory")),
            engine.die,
        )
    assert status == 1
    assert lines[0].endswith(": not today")


EVIL = "\x1b[2J\x07\x9b31m\u202eevil\r\n"


def test_control_characters_are_sanitized(run: RunDirectory) -> None:
    record = run.record()
    run.config_path.write_bytes(run.config_path.read_bytes().replace(b"calm-otter", b"\\u001b]0;evil\\u0007"))
    assert run.record().name != record.name
    out = io.StringIO()
    write(
        run,
        samples.setting_changed("pause", EVIL, by=EVIL),
        samples.alert_raised(text=EVIL),
        samples.run_resumed(by=EVIL),
        samples.run_ended(unsaved=(EVIL,)),
        samples.run_resumed(by=EVIL),
        RunFailed(time=1, error=EVIL),
    )
    follow(run, out)
    for line in out.getvalue().split("\n"):
        assert line.isprintable(), repr(line)
    assert out.getvalue().count("evil") >= 6


def reporter(run: RunDirectory, *, rewrite: bool) -> tuple[PlainReporter, io.StringIO]:
    """Return a reporter of a run that has trained for twelve steps."""
    out = io.StringIO()
    made = PlainReporter(run, out, rewrite=rewrite)
    for event in (
        samples.run_started(),
        samples.phase_changed(Phase.TRAINING, 8),
        *samples.steps(12),
    ):
        made.apply(event)
    out.truncate(0)
    out.seek(0)
    return made, out


def test_the_progress_line(run: RunDirectory) -> None:
    made, out = reporter(run, rewrite=False)
    made.tick(samples.CREATED + 9, monotonic=1e6)
    line = out.getvalue()
    assert line.startswith("epoch 1/3  step 12/1,650  training  ")
    assert " left  loss 0.5000  accuracy 90.00 %  1,000 images/s\n" in line


@pytest.mark.parametrize("rewrite", [False, True])
def test_a_paused_run_prints_one_progress_line(run: RunDirectory, rewrite: bool) -> None:
    made, out = reporter(run, rewrite=rewrite)
    made.apply(PAUSED)
    for tick in range(1, 6):
        made.tick(samples.CREATED + 60 + tick * 100, monotonic=1e6 + tick * 100)
    assert out.getvalue().count("  paused  ") == 1
    made.apply(TRAINING)
    made.tick(samples.CREATED + 700, monotonic=2e6)
    assert "training  " in out.getvalue()


def test_a_line_replaces_the_progress_line(run: RunDirectory) -> None:
    made, out = reporter(run, rewrite=True)
    made.tick(samples.CREATED + 9, monotonic=1e6)
    made.print_line("done")
    assert out.getvalue().endswith("\r\x1b[Kdone\n")


@pytest.mark.parametrize("columns", [20, 60, 80])
def test_a_progress_line_that_is_overwritten_never_wraps(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    made, out = reporter(run, rewrite=True)
    made.tick(samples.CREATED + 9, monotonic=1e6)
    line = out.getvalue().removeprefix("\r\x1b[K")
    assert len(line) < columns
    assert line.startswith("epoch 1/3")
    assert "step 12/1,650".startswith(line[11:23]), "no part is cut"
