"""Runs from their start to their end: from the home screen, in the training screen, in plain lines."""

import json
import signal
from pathlib import Path

from mnist_tui.runs.status import Status
from mnist_tui.runs.summary import summarize
from tests.e2e.conftest import Call, only_run
from tests.e2e.terminal import Terminal

SHOW_FIELDS = {
    "id", "name", "status", "pid", "directory", "preset", "epochs_planned", "epochs_done", "steps_done", "best_epoch",
    "validation_accuracy", "test_accuracy", "confusion", "per_class",
}  # fmt: skip


def test_one_key_on_the_home_screen_starts_a_run_that_outlives_the_screen(
    program: list[str], env: dict[str, str], home: Path, call: Call
) -> None:
    with Terminal(program, (120, 40), env) as terminal:
        terminal.wait_for("No runs yet")
        terminal.press("enter")
        terminal.wait_for("importing Keras")
        terminal.wait_for("epoch 1 of 1")
        terminal.send_signal(signal.SIGKILL)
        assert terminal.wait_exit() == -signal.SIGKILL
    assert summarize(only_run(home)).status.is_live
    assert call("stop", "last", "--now").returncode == 0


def test_leaving_the_training_screen_can_stop_and_save_the_run(
    program: list[str], env: dict[str, str], home: Path
) -> None:
    with Terminal([*program, "train", "--limit", "1200", "--epochs", "500"], (80, 24), env) as terminal:
        terminal.wait_for("importing Keras")
        terminal.wait_for("Conv2D")
        terminal.wait_for(" left")
        terminal.press("q")
        terminal.wait_for("Cancel")
        terminal.press("s")
        assert terminal.wait_exit() == 0
    summary = summarize(only_run(home))
    assert summary.status is Status.STOPPED
    assert summary.ended is not None
    assert summary.ended.test_accuracy is not None

    with Terminal([*program, "attach"], (80, 24), env) as terminal:
        terminal.wait_for("test accuracy")
        terminal.press("q")
        assert terminal.wait_exit() == 0


def test_a_run_in_a_pipe_prints_plain_lines_and_is_listed(call: Call, home: Path) -> None:
    done = call("train", "--limit", "1200", "--epochs", "2", "--name", "plain-one")
    assert (done.returncode, done.stderr) == (0, "")
    run = only_run(home)
    first, *_, last = done.stdout.splitlines()
    assert [part for part in ("plain-one", run.id, str(run.path)) if part not in first] == []
    assert str(run.model_path) in last
    for part in ("importing Keras", "1,100 for training", "epoch 1/2", "epoch 2/2", "test accuracy"):
        assert part in done.stdout
    assert "\x1b" not in done.stdout

    shown = json.loads(call("show", "plain-one", "--json").stdout)
    assert shown.keys() >= SHOW_FIELDS
    assert (shown["status"], shown["epochs_done"], shown["steps_done"], shown["pid"]) == ("finished", 2, 18, None)
    assert sum(map(sum, shown["confusion"])) == 100
    assert [one["support"] for one in shown["per_class"]] == [sum(row) for row in shown["confusion"]]
    (listed,) = json.loads(call("runs", "--json").stdout)
    assert listed == {key: shown[key] for key in listed}
    assert listed.keys().isdisjoint({"confusion", "per_class"})
    assert "plain-one" in call("runs").stdout
    assert f"{100 * shown['test_accuracy']:.2f} %" in call("show", "last").stdout


def test_ctrl_c_in_plain_mode_stops_and_saves(program: list[str], env: dict[str, str], home: Path) -> None:
    with Terminal([*program, "train", "--plain", "--limit", "3000", "--epochs", "500"], (120, 40), env) as terminal:
        terminal.wait_for("train loss")
        terminal.press("ctrl+c")
        terminal.wait_for("test accuracy")
        assert terminal.wait_exit() == 130
    assert summarize(only_run(home)).status is Status.STOPPED
