"""Viewers that are killed, disconnected or suspended do not affect training."""

import random
import signal
import time
from pathlib import Path

import psutil
import pytest

from mnist_tui.control import client
from mnist_tui.control.protocol import Stop
from mnist_tui.events import EndReason
from mnist_tui.runs.directory import HOME_VARIABLE
from mnist_tui.runs.status import Status
from mnist_tui.runs.summary import summarize
from tests.e2e.terminal import Terminal
from tests.faults import audit
from tests.faults.conftest import Rounds, StartEngine
from tests.faults.engine import Engine, step

pytestmark = [
    pytest.mark.timeout(3_600),  # for all rounds; each wait has its own timeout
    pytest.mark.fresh_engines,  # found by their environment
]

SETTINGS = {"preset": "mlp", "limit": 6_000, "batch_size": 66, "epochs": 10_000}
"""Settings of a run that does not end by itself."""


def processes(home: Path) -> set[int]:
    """Return the process ids of all engines and viewers with this home."""
    found = set()
    for process in psutil.process_iter():
        try:
            if process.environ().get(HOME_VARIABLE) == str(home):
                found.add(process.pid)
        except psutil.Error:  # exited, a zombie, or of another user
            pass
    return found


def wait_for_more_steps(engine: Engine) -> None:
    """Check that training goes on."""
    engine.read()
    done = summarize(engine.run).steps_done
    assert engine.wait_for(step(done + 2)), engine.log_tail()


def stay(viewer: Terminal, seconds: float) -> None:
    """Keep a viewer open for some time."""
    end = time.monotonic() + seconds
    viewer.wait_until(lambda _: time.monotonic() > end, "for a while")


def stop(engine: Engine) -> None:
    """Stop the run and check that it is complete."""
    client.send(engine.run, Stop(by="a test"))
    assert engine.wait() == 0, engine.log_tail()
    history = audit.check_history(engine.run)
    assert history.ended is not None
    assert history.ended.reason is EndReason.STOPPED
    assert summarize(engine.run).status is Status.STOPPED
    audit.check_files(engine.run)


def test_killed_and_disconnected_viewers_do_not_affect_training(
    start_engine: StartEngine,
    program: list[str],
    env: dict[str, str],
    home: Path,
    rounds: Rounds,
    chance: random.Random,
) -> None:
    number = rounds(short=1, full=25)
    ways = ["killed", "disconnected"] * number
    chance.shuffle(ways)
    engine = start_engine(**SETTINGS)
    engine.wait_for(step(1))
    for way in ways:
        with Terminal([*program, "attach"], (120, 40), env) as viewer:
            if chance.random() < 0.5:
                viewer.wait_for(" left")
            stay(viewer, chance.uniform(0.0, 3.0))
            if way == "killed":
                viewer.send_signal(signal.SIGKILL)
                assert viewer.wait_exit() == -signal.SIGKILL
            else:
                viewer.hang_up()
                assert viewer.wait_exit() in (-signal.SIGHUP, 128 + signal.SIGHUP)
        assert processes(home) == {engine.process.pid}, "a viewer is still alive"
        wait_for_more_steps(engine)
    stop(engine)
    assert processes(home) == set()
    print(
        f"viewers: {number} killed, {number} disconnected, events lost: 0 of {len(engine.events):,},"
        " runs that did not finish: 0, viewers left behind: 0"
    )


def test_ctrl_z_suspends_the_viewer_only_and_fg_resumes_it(
    start_engine: StartEngine, program: list[str], env: dict[str, str], home: Path
) -> None:
    engine = start_engine(**SETTINGS)
    engine.wait_for(step(1))
    with Terminal(["bash", "--norc", "--noprofile", "-i"], (120, 40), env | {"PS1": "shell> "}) as terminal:
        terminal.wait_for("shell>")
        terminal.press(*" ".join([*program, "attach"]), "enter")
        terminal.wait_for(" left")
        (viewer,) = (psutil.Process(pid) for pid in processes(home) - {engine.process.pid, terminal.pid})
        terminal.press("ctrl+z")
        terminal.wait_for("Stopped")
        assert viewer.status() == psutil.STATUS_STOPPED
        terminal.press(*"clear", "enter")
        terminal.wait_gone(" left")
        terminal.press(*"echo $((6 * 7))", "enter")
        terminal.wait_for("shell> echo $((6 * 7))")  # the terminal echoes again
        terminal.wait_for("42")
        wait_for_more_steps(engine)
        terminal.press(*"fg", "enter")
        terminal.wait_for(" left")
        terminal.press("q")
        terminal.wait_for("leave it running")
        terminal.press("q")
        terminal.wait_until(lambda _: not viewer.is_running(), "to leave")
        terminal.press(*"exit", "enter")
        assert terminal.wait_exit() == 0
    assert processes(home) == {engine.process.pid}
    wait_for_more_steps(engine)
    stop(engine)
    print("Ctrl-Z: suspended and resumed, events lost: 0")
