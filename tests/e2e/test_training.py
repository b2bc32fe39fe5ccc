"""The real program, in a real terminal and in a pipe, training on real MNIST digits."""

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest

from mnist_tui.runs.directory import RunDirectory
from mnist_tui.runs.summary import Status, summarize
from tests.e2e.terminal import Terminal

SHOW_FIELDS = {
    "id", "name", "status", "pid", "directory", "preset", "epochs_planned", "epochs_done", "steps_done", "best_epoch",
    "validation_accuracy", "test_accuracy", "confusion", "per_class",
}  # fmt: skip

Call = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def call(program: list[str], env: dict[str, str]) -> Call:
    """Run a command to its end without a terminal."""

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*program, *arguments], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )

    return run


def only_run(home: Path) -> RunDirectory:
    """The one run below a home."""
    (config,) = home.glob("*/config.json")
    return RunDirectory(config.parent)


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
def test_a_person_watches_looks_at_mistakes_leaves_and_comes_back(
    program: list[str], env: dict[str, str], home: Path, call: Call, size: tuple[int, int]
) -> None:
    with Terminal([*program, "train", "--limit", "12000", "--epochs", "500"], size, env) as terminal:
        terminal.wait_for("importing Keras")
        terminal.wait_for("Conv2D")
        terminal.wait_for("Loss")
        terminal.wait_for("Accuracy")
        terminal.wait_for(" left")
        terminal.press("2")
        terminal.wait_for("recall")
        terminal.wait_for(" %")
        terminal.press("3")
        terminal.wait_gone("recall")
        terminal.wait_for(" read as ")
        terminal.press("enter")
        terminal.wait_for("Answer")
        terminal.press("esc")
        terminal.wait_gone("Answer")
        terminal.press("q")
        terminal.wait_for("Leave it running")
        terminal.press("l")
        assert terminal.wait_exit() == 0

    run = only_run(home)
    assert summarize(run).status is Status.TRAINING

    with Terminal([*program, "attach"], size, env) as terminal:
        terminal.wait_for("Conv2D")
        terminal.wait_for(" left")
        terminal.hang_up()
        assert terminal.wait_exit() == 128 + signal.SIGHUP
    assert summarize(run).status is Status.TRAINING

    with Terminal([*program, "attach", run.record().name], size, env) as terminal:
        terminal.wait_for(" left")
        terminal.press("q")
        terminal.wait_for("Stop and save")
        terminal.press("s")
        assert terminal.wait_exit() == 0
    shown = json.loads(call("show", "last", "--json").stdout)
    assert shown["status"] == "stopped"
    assert shown["test_accuracy"] is not None

    with Terminal([*program, "attach"], size, env) as terminal:
        terminal.wait_for("test accuracy")
        terminal.press("q")
        assert terminal.wait_exit() == 0


def test_a_stranger_starts_the_first_run_from_the_home_screen_with_one_key(
    program: list[str], env: dict[str, str], home: Path, call: Call
) -> None:
    with Terminal(program, (120, 40), env) as terminal:
        terminal.wait_for("No runs yet")
        terminal.press("enter")
        terminal.wait_for("importing Keras")
        terminal.wait_for("epoch 1 of 1")
        run = only_run(home)
        terminal.send_signal(signal.SIGKILL)
        assert terminal.wait_exit() == -signal.SIGKILL
    assert summarize(run).status.is_live
    assert call("stop", "last", "--now").returncode == 0


def test_plain_lines_tell_the_whole_story(call: Call, home: Path) -> None:
    done = call("train", "--limit", "1200", "--epochs", "2", "--name", "plain-one")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert f"run plain-one ({only_run(home).id}) in {only_run(home).path}" in lines[0]
    for words in (
        "importing Keras: ",
        "building the network: ",
        "compiling the first step: ",
        "1,100 to train on, 100 to validate on, 1,200 to test on",
        "epoch 1/2 in ",
        "epoch 2/2 in ",
        "testing the best epoch",
        "test accuracy ",
        f"model: {only_run(home).model_path}",
    ):
        assert any(words in line for line in lines), words
    assert "\x1b" not in done.stdout
    assert done.stderr == ""

    shown = json.loads(call("show", "plain-one", "--json").stdout)
    assert shown.keys() >= SHOW_FIELDS
    assert (shown["status"], shown["epochs_done"], shown["steps_done"], shown["pid"]) == ("finished", 2, 18, None)
    assert sum(map(sum, shown["confusion"])) == 100
    assert [one["support"] for one in shown["per_class"]] == [sum(row) for row in shown["confusion"]]
    (listed,) = json.loads(call("runs", "--json").stdout)
    assert listed == {key: shown[key] for key in listed}
    assert "confusion" not in listed
    assert "per_class" not in listed
    assert "plain-one" in call("runs").stdout
    assert f"{shown['test_accuracy']:.2%}".replace("%", " %") in call("show", "last").stdout
    check_model(only_run(home), shown)


def check_model(run: RunDirectory, shown: dict[str, Any]) -> None:
    """Stock Keras reads the model and finds the accuracy that `show` tells."""
    model = keras.saving.load_model(run.model_path, safe_mode=True)
    test = run.load_arrays(run.digits_path("test"))
    answers = model.predict(test["images"][..., None], verbose=0).argmax(axis=1)
    assert float((answers == test["labels"]).mean()) == pytest.approx(shown["test_accuracy"], abs=1e-4)


def test_ctrl_c_in_plain_mode_stops_and_saves(program: list[str], env: dict[str, str], home: Path) -> None:
    with Terminal([*program, "train", "--plain", "--limit", "3000", "--epochs", "500"], (120, 40), env) as terminal:
        terminal.wait_for("train loss")
        terminal.press("ctrl+c")
        terminal.wait_for("test accuracy")
        assert terminal.wait_exit() == 130
    assert summarize(only_run(home)).status is Status.STOPPED


def test_detach_prints_the_id_and_attach_follows_it_to_the_end(call: Call, home: Path) -> None:
    started = call("train", "--detach", "--limit", "1200", "--epochs", "1")
    assert started.stdout.strip() == only_run(home).id
    followed = call("attach", started.stdout.strip())
    assert followed.returncode == 0
    assert "test accuracy" in followed.stdout
