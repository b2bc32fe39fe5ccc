"""One live run on real digits, which several screens watch and question and the command line steers and resumes.

All tests of this file share the run, since an engine takes seconds to start. Only the last test ends it.
"""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mnist_tui.events import AnyEvent, EndReason, Phase, RunResumed, SettingChanged
from mnist_tui.runs.directory import HOME_VARIABLE, RunDirectory
from mnist_tui.runs.history import History
from mnist_tui.runs.log import LogFollower
from mnist_tui.runs.status import Status
from mnist_tui.runs.summary import summarize
from tests.e2e.conftest import PATIENCE, ROOT, Call, kill_engine
from tests.e2e.terminal import Terminal

FLAGS = ("--limit", "3000", "--epochs", "500", "--learning-rate", "0.004", "--rolling", "0")
"""Without rolling evaluations, the newest evaluation is that of an epoch."""
LISTED = re.compile(r"1 of \d+  #(\d{5}): ")
LARGE = re.compile(r"image \d+ of \d+")
FRAMED = re.compile(r"╭─ #(\d{5}) ─")


class Watched:
    """A run's events and their history, as far as they have been waited for."""

    def __init__(self, run: RunDirectory) -> None:
        self.events: list[AnyEvent] = []
        self.history = History(run.record())
        self._follower = LogFollower(run.events_path)

    def wait_until(self, condition: Callable[[History], object]) -> History:
        """Read events until the history meets a condition."""
        deadline = time.monotonic() + PATIENCE
        while not condition(self.history):
            assert time.monotonic() < deadline, f"the newest events are {self.events[-5:]}"
            time.sleep(0.01)
            for event in self._follower.read():
                self.events.append(event)
                self.history.apply(event)
        return self.history


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folder of the shared run, whose engine is killed at the end of the module."""
    path = tmp_path_factory.mktemp("home")
    yield path
    for config in path.glob("*/config.json"):
        kill_engine(RunDirectory(config.parent))


@pytest.fixture(scope="module")
def run(home: Path) -> RunDirectory:
    started = subprocess.run(
        [sys.executable, "-m", "mnist_tui", "train", "--detach", *FLAGS],
        env=os.environ | {HOME_VARIABLE: str(home), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return RunDirectory(home / started.stdout.strip())


def assert_training(run: RunDirectory) -> None:
    assert summarize(run).status is Status.TRAINING


def shown(call: Call) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(call("show", "last", "--json").stdout)
    return document


def test_screens_come_and_go_while_the_run_trains(program: list[str], env: dict[str, str], run: RunDirectory) -> None:
    Watched(run).wait_until(lambda history: history.last_step)
    with Terminal([*program, "attach"], (80, 24), env) as terminal:
        terminal.wait_for("Conv2D")
        terminal.wait_for("Loss")
        terminal.wait_for("Accuracy")
        terminal.wait_for(" left")
        terminal.press("q")
        terminal.wait_for("leave it running")
        terminal.press("q")
        assert terminal.wait_exit() == 0
    assert_training(run)

    with Terminal([*program, "attach", run.record().name], (200, 60), env) as terminal:
        terminal.wait_for("Conv2D")
        terminal.wait_for(" left")
        terminal.hang_up()
        assert terminal.wait_exit() == 128 + signal.SIGHUP
    assert_training(run)

    with Terminal([*program, "attach", run.id[:-1]], (120, 40), env) as terminal:
        terminal.wait_for(" left")
        terminal.send_signal(signal.SIGKILL)
        assert terminal.wait_exit() == -signal.SIGKILL
    assert_training(run)


def test_a_misclassified_digit_is_opened_explained_exported_and_reviewed(
    program: list[str], env: dict[str, str], run: RunDirectory
) -> None:
    watched = Watched(run)
    watched.wait_until(lambda history: len(history.epochs) >= 3)
    with Terminal([*program, "attach"], (120, 40), env) as terminal:
        terminal.wait_for(" left")
        terminal.press("p")  # so that no new epoch comes between two looks
        newest = len(watched.wait_until(lambda history: history.phase is Phase.PAUSED).epochs)
        terminal.press("2")
        terminal.wait_for("recall")
        wait_for_epoch(terminal, newest)
        terminal.press("c")
        terminal.wait_for(f"compared with epoch {newest - 1}")
        terminal.press("esc")
        terminal.wait_gone("compared with")

        terminal.press("enter")
        terminal.wait_until(lambda screen: LISTED.search(screen) is not None, "to list the digits of the cell")
        listed = LISTED.search(terminal.screen_text())
        assert listed is not None
        digit = int(listed[1])
        terminal.press("enter")
        wait_for_digit(terminal, digit)
        terminal.press("[", "[")
        wait_for_epoch(terminal, newest - 2)
        wait_for_digit(terminal, digit)

        terminal.wait_for("h: ")  # offered while an engine is alive
        terminal.press("h")
        terminal.wait_for("against")
        terminal.press("tab")
        terminal.wait_for("labelled")
        terminal.press("tab")
        terminal.wait_for("2 px left")

        terminal.press("esc")
        terminal.wait_until(lambda screen: LARGE.search(screen) is None, "to close the digit")
        terminal.press("}")
        wait_for_epoch(terminal, newest)
        terminal.press("M")
        terminal.wait_until(lambda screen: LISTED.search(screen) is not None, "to list all mistakes")
        terminal.press("/")
        terminal.wait_for("Tab Complete")
        terminal.press(*"wrong conf<0.99")
        terminal.wait_for("wrong conf<0.99 ·")
        terminal.press("enter")
        terminal.wait_until(lambda screen: LISTED.search(screen) is not None, "to close the filter")
        terminal.press("e")
        terminal.wait_for("images in")
        assert (run.path / "exports" / "digits-001.csv").exists()

        terminal.press("4")
        terminal.wait_for("margin")
        terminal.wait_until(lambda screen: FRAMED.search(screen) is not None, "to show a label issue")
        framed = FRAMED.search(terminal.screen_text())
        assert framed is not None
        terminal.press("U")
        terminal.wait_for("unreadable")
        terminal.press("e")
        wait_for_file(run.path / "reviews.csv")
        (review,) = csv.DictReader((run.path / "reviews.csv").read_text("utf-8").splitlines())
        assert (int(review["index"]), review["review"], review["split"]) == (int(framed[1]), "unreadable", "validation")

        terminal.press("1", "p")
        watched.wait_until(lambda history: history.phase is Phase.TRAINING)
        terminal.press("q")
        terminal.wait_for("leave it running")
        terminal.press("q")
        assert terminal.wait_exit() == 0
    assert_training(run)


def wait_for_epoch(terminal: Terminal, epoch: int) -> None:
    """Wait until the epoch slider is on an epoch."""
    pattern = re.compile(rf"epoch +{epoch} of 500")
    terminal.wait_until(lambda screen: pattern.search(screen) is not None, f"to show epoch {epoch}")


def wait_for_digit(terminal: Terminal, index: int) -> None:
    """Wait until the screen shows a digit large."""

    def shows(screen: str) -> bool:
        found = FRAMED.search(screen)
        return found is not None and int(found[1]) == index

    terminal.wait_until(shows, f"to show digit {index}")


def wait_for_file(path: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} was not written"
        time.sleep(0.01)


def test_the_command_line_steers_stops_and_resumes_the_run(
    call: Call, program: list[str], env: dict[str, str], run: RunDirectory
) -> None:
    watched = Watched(run)

    def do(*arguments: str) -> None:
        command, *rest = arguments
        done = call(command, "last", *rest)
        assert (done.returncode, done.stderr) == (0, "")
        assert run.id in done.stdout

    def refused(*arguments: str) -> str:
        command, *rest = arguments
        done = call(command, "last", *rest)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.count("\n") == 1
        return done.stderr

    watched.wait_until(lambda history: history.last_step)
    assert "not paused" in refused("continue")
    assert "mnist-tui attach" in refused("resume")

    asked = time.time()
    do("pause")
    history = watched.wait_until(lambda history: history.phase is Phase.PAUSED and history.phase_since > asked)
    before = history.last_step
    assert shown(call)["status"] == "paused"
    do("step", "2")
    watched.wait_until(lambda history: history.last_step == before + 2 and history.phase is Phase.PAUSED)

    do("set", "--learning-rate", "/2")
    do("set", "--epochs", "+1")
    do("set", "--epochs", "-2")
    do("checkpoint")
    watched.wait_until(lambda history: history.checkpoint and history.checkpoint.step == before + 2)
    assert history.checkpoint is not None
    assert (run.path / history.checkpoint.path).exists()
    assert (history.last_step, history.epochs_planned, history.max_learning_rate) == (before + 2, 499, 0.002)

    do("continue")
    watched.wait_until(lambda history: history.last_step > before + 2)
    with subprocess.Popen([*program, "attach", run.id], env=env, stdout=subprocess.PIPE, text=True) as follower:
        do("stop")
        ended = watched.wait_until(lambda history: history.ended).ended
        followed, _ = follower.communicate(timeout=PATIENCE)
    assert (follower.returncode, "test accuracy" in followed) == (0, True)
    assert ended is not None
    assert (ended.reason, ended.unsaved) == (EndReason.STOPPED, ())
    assert ended.test_accuracy is not None
    changes = [event for event in watched.events if isinstance(event, SettingChanged) and "command line" in event.by]
    assert [(change.setting, change.value) for change in changes] == [
        ("pause", "after this batch"),
        ("step", "2"),
        ("learning_rate", "0.002"),
        ("epochs", "501"),
        ("epochs", "499"),
        ("checkpoint", "now"),
        ("continue", "training"),
        ("stop", "after this batch"),
    ]

    assert history.started is not None
    stopped_at = history.last_step
    planned = stopped_at // history.started.steps_per_epoch + 2
    resumed = call("resume", "last", "--epochs", str(planned))
    assert resumed.returncode == 0, resumed.stderr
    assert f"step {stopped_at:,}" in resumed.stdout
    assert str(run.model_path) in resumed.stdout.splitlines()[-1]

    watched.wait_until(lambda history: history.ended and history.ended.reason is EndReason.COMPLETED)
    assert [event.step for event in watched.events if isinstance(event, RunResumed)] == [stopped_at]
    assert history.steps.column("step").tolist() == list(range(1, history.last_step + 1))
    assert history.last_step == planned * history.started.steps_per_epoch
    assert history.max_learning_rate == 0.002
    after = shown(call)
    assert (after["status"], after["epochs_done"], after["epochs_planned"]) == ("finished", planned, planned)
    assert "--epochs" in refused("resume")
    assert "no live engine" in refused("pause")
