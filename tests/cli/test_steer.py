"""Steering commands: the requests that they send, what they print, and their errors."""

import getpass
import os
import sys
from pathlib import Path

import pytest

from mnist_tui.cli import steer
from mnist_tui.cli.main import commands, run_command
from mnist_tui.cli.wiring import UsageError
from mnist_tui.cluster import Cluster
from mnist_tui.config import ConfigError
from mnist_tui.control import resume as resuming
from mnist_tui.control.protocol import (
    Continue,
    Pause,
    Request,
    RollBack,
    SaveCheckpoint,
    SetEarlyStopping,
    SetEpochs,
    SetLearningRate,
    SetOnEnd,
    SetUntil,
    Step,
    Stop,
)
from mnist_tui.event_lines import encode
from mnist_tui.runs.directory import HOME_VARIABLE, RunDirectory, RunError, create_run
from mnist_tui.settings import Catalogue
from tests.kit import samples
from tests.kit.fake_engine import FakeEngine

BY = "ada, command line on pts/3"


@pytest.fixture(autouse=True)
def ada(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    monkeypatch.setattr(getpass, "getuser", lambda: "ada")
    monkeypatch.setattr(os, "ttyname", lambda _: "/dev/pts/3")


@pytest.fixture
def run() -> RunDirectory:
    return create_run(samples.config(name="calm-otter"))


def typed(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["mnist-tui", *arguments])
    return run_command()


REQUESTS: dict[str, tuple[list[Request], str]] = {
    "pause": ([Pause(by=BY)], "pauses after this batch"),
    "continue": ([Continue(by=BY)], "continues"),
    "step": ([Step(by=BY)], "trains 1 batch, then pauses"),
    "step 1200": ([Step(by=BY, count=1200)], "trains 1,200 batches, then pauses"),
    "checkpoint": ([SaveCheckpoint(by=BY)], "saves a checkpoint after this batch"),
    "rollback": ([RollBack(by=BY)], "returns to its last checkpoint, with half the learning rate"),
    "stop": ([Stop(by=BY)], "stops after this batch, then evaluates and saves"),
    "stop --now": ([Stop(by=BY, now=True)], "exits now"),
    "set --epochs 12": ([SetEpochs(by=BY, epochs=12)], "trains 12 epochs in total"),
    "set --epochs 1": ([SetEpochs(by=BY, epochs=1)], "trains 1 epoch in total"),
    "set --epochs +1": ([SetEpochs(by=BY, change=1)], "trains 1 more epoch"),
    "set --epochs=+20": ([SetEpochs(by=BY, change=20)], "trains 20 more epochs"),
    "set --epochs -2": ([SetEpochs(by=BY, change=-2)], "trains 2 fewer epochs"),
    "set --learning-rate 3e-4": ([SetLearningRate(by=BY, value=3e-4)], "sets its maximum learning rate to 0.0003"),
    "set --learning-rate x0.5": ([SetLearningRate(by=BY, factor=0.5)], "multiplies its maximum learning rate by 0.5"),
    "set --learning-rate /4": ([SetLearningRate(by=BY, factor=0.25)], "multiplies its maximum learning rate by 0.25"),
    "set --early-stopping loss:3": ([SetEarlyStopping(by=BY, rule="loss:3")], "sets early stopping to loss:3"),
    "set --until loss:0.03": ([SetUntil(by=BY, target="loss:0.03")], "ends at loss:0.03"),
    "set --on-end true": ([SetOnEnd(by=BY, command="true")], "runs at its end: true"),
    "set --until off": ([SetUntil(by=BY, target="off")], "ends at no target"),
    "set --early-stopping off": ([SetEarlyStopping(by=BY, rule="off")], "sets early stopping to off"),
}


@pytest.mark.parametrize("line", REQUESTS)
def test_a_command_sends_a_request_and_prints_what_happens(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    requests, words = REQUESTS[line]
    command, *rest = line.split()
    with FakeEngine(run) as engine:
        assert typed(monkeypatch, command, "calm-otter", *rest) == 0
        assert engine.sent() == requests
        assert engine.viewers == []
    assert capsys.readouterr() == (f"run {run.id} {words}\n", "")


def test_several_settings_are_sent_one_after_the_other(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with FakeEngine(run) as engine:
        options = ("--early-stopping", "accuracy:5", "--learning-rate", "/2", "--epochs", "+1")
        assert typed(monkeypatch, "set", "last", *options) == 0
        assert [type(request) for request in engine.sent()] == [SetEpochs, SetLearningRate, SetEarlyStopping]
    assert len(capsys.readouterr().out.splitlines()) == 3


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("set last", "nothing to set: give --epochs, --learning-rate, --early-stopping"),
        ("set last --epochs 0", "epochs 0 is out of range"),
        ("set last --epochs +0", "epochs 0 is out of range"),
        ("set last --epochs --1", "epochs -1 is out of range"),
        ("set last --epochs 10001", "epochs 10,001 is out of range"),
        ("set last --learning-rate fast", "learning_rate 'fast' cannot be used: give a number from 1e-08 to 10"),
        ("set last --learning-rate 11", "learning_rate '11' cannot be used"),
        ("set last --learning-rate x", "learning_rate 'x' cannot be used: give a number, or a factor like x0.5"),
        ("set last --learning-rate /0", "learning_rate '/0' cannot be used"),
        ("set last --learning-rate x-2", "learning_rate 'x-2' cannot be used"),
        ("set last --learning-rate xnan", "learning_rate 'xnan' cannot be used"),
        ("set last --early-stopping loss", "early_stopping 'loss' cannot be used: give off, or loss or accuracy"),
        ("set last --epochs +1 --early-stopping loss", "early_stopping 'loss' cannot be used"),
        ("set last --until accuracy:101", "until 'accuracy:101' cannot be reached: give off, or accuracy"),
        ("step last many", "'many' is not a valid integer: see `mnist-tui step --help`"),
        ("pause", "Missing argument 'RUN': see `mnist-tui pause --help`"),
        ("pause nothing", "no run 'nothing'"),
        ("resume last --epochs -1", "--epochs -1 cannot be used"),
        ("resume last --epochs x", "epochs 'x' is not a whole number"),
    ],
)
def test_a_wrong_command_line_is_an_error_before_anything_is_sent(
    run: RunDirectory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    line: str,
    reason: str,
) -> None:
    with FakeEngine(run) as engine, pytest.raises((UsageError, ConfigError, RunError)) as caught:
        typed(monkeypatch, *line.split())
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
    assert engine.requests == []
    assert capsys.readouterr().out == ""


def test_the_engines_errors_are_printed(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with FakeEngine(run) as engine:
        engine.reply = b'{"ok":false,"error":"the run is not paused"}\n'
        with pytest.raises(RunError, match="the run is not paused"):
            typed(monkeypatch, "continue", "last")
        assert capsys.readouterr().out == ""
        engine.reply = b'{"ok":true,"trouble":"the disk\\u001b[2J is full"}\n'
        assert typed(monkeypatch, "checkpoint", "last") == 0
    assert capsys.readouterr().err == "mnist-tui: the disk?[2J is full\n"


def test_a_run_without_an_engine_cannot_be_steered(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RunError, match=f"run {run.id} has no live engine"):
        typed(monkeypatch, "pause", "last")


@pytest.fixture
def resumed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, int | None, int]]:
    """Calls of `resume_run`: run, origin, epochs in total, more epochs."""
    calls: list[tuple[str, str, int | None, int]] = []

    def stand_in(
        run: RunDirectory,
        by: str,
        catalogue: Catalogue,  # noqa: ARG001
        *,
        epochs: int | None,
        more: int,
        cluster: Cluster | None,
        accept_changed_data: bool,
        on_end: str | None,
    ) -> str:
        assert (cluster, accept_changed_data, on_end) == (None, False, None)
        calls.append((run.id, by, epochs, more))
        return "what it leads to"

    monkeypatch.setattr(resuming, "resume_run", stand_in)
    return calls


@pytest.mark.parametrize(
    ("options", "epochs", "more"), [([], None, 0), (["--epochs", "12"], 12, 0), (["--epochs", "+2"], None, 2)]
)
def test_a_run_is_resumed_without_a_viewer(
    run: RunDirectory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    resumed: list[tuple[str, str, int | None, int]],
    options: list[str],
    epochs: int | None,
    more: int,
) -> None:
    assert typed(monkeypatch, "resume", "calm-otter", "--detach", *options) == 0
    assert resumed == [(run.id, BY, epochs, more)]
    out, err = capsys.readouterr()
    assert out == f"{run.id}\n"
    assert "what it leads to" in err


@pytest.mark.parametrize("is_tested", [True, False])
@pytest.mark.parametrize("option", [["--epochs", "+1"], ["--early-stopping", "off"]])
def test_more_epochs_of_a_tested_run_are_acknowledged_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], is_tested: bool, option: list[str]
) -> None:
    run = create_run(samples.config())
    if is_tested:
        run.events_path.write_bytes(encode(samples.run_ended(test_accuracy=0.994)))
    with FakeEngine(run):
        typed(monkeypatch, "set", run.id, *option)
    assert ("99.40 %" in capsys.readouterr().err) == (is_tested and option[0] == "--epochs")


@pytest.mark.parametrize(("terminal", "plain"), [(True, False), (False, True)])
def test_a_resumed_run_is_watched_like_a_new_one(
    run: RunDirectory,
    monkeypatch: pytest.MonkeyPatch,
    resumed: list[tuple[str, str, int | None, int]],
    terminal: bool,
    plain: bool,
) -> None:
    watched: list[tuple[str, bool]] = []

    def watch(run: RunDirectory, plain: bool, since: float) -> int:
        assert resumed, "not before it was resumed"
        assert since >= run.record().created
        watched.append((run.id, plain))
        return 7

    monkeypatch.setattr(steer, "watch", watch)
    monkeypatch.setattr(steer, "check_terminal", lambda: None)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    assert typed(monkeypatch, "resume", "last") == 7
    assert watched == [(run.id, plain)]


def test_nothing_is_resumed_in_an_unsupported_terminal(
    run: RunDirectory,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
    resumed: list[tuple[str, str, int | None, int]],
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(os, "environ", os.environ | {"TERM": "dumb"})
    with pytest.raises(UsageError):
        typed(monkeypatch, "resume", "last")
    assert resumed == []


def test_the_short_help_of_every_command_is_not_cut() -> None:
    for name, command in commands.commands.items():
        short = command.get_short_help_str(limit=64)
        assert short.endswith("."), (name, short)
        assert not short.endswith("..."), (name, short)
