"""Faces that are killed, hung up on or suspended take nothing along and leave nothing behind."""

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

pytestmark = pytest.mark.timeout(3_600)  # of all rounds; what a single one waits for gives up sooner

SETTINGS = {"limit": 1_440, "batch_size": 66, "epochs": 10_000}
"""It trains for as long as it is wanted."""


def processes(home: Path) -> set[int]:
    """All that run with this home, engines and faces: nobody else on the machine has it."""
    found = set()
    for process in psutil.process_iter():
        try:
            if process.environ().get(HOME_VARIABLE) == str(home):
                found.add(process.pid)
        except psutil.Error:  # ended meanwhile, a zombie, or another user's
            pass
    return found


def wait_for_more_steps(engine: Engine) -> None:
    """The training goes on: a step ends that nobody has seen begin."""
    engine.read()
    done = summarize(engine.run).steps_done
    assert engine.wait_for(step(done + 2)), engine.log_tail()


def stay(face: Terminal, seconds: float) -> None:
    """Watch for some time, as the random moment of an accident has it."""
    end = time.monotonic() + seconds
    face.wait_until(lambda _: time.monotonic() > end, "to be there for a while")


def stop(engine: Engine) -> None:
    """End the run as a person does, and see that it is whole."""
    client.send(engine.run, Stop(by="a test"))
    assert engine.wait() == 0, engine.log_tail()
    history = audit.check_history(engine.run)
    assert history.ended is not None
    assert history.ended.reason is EndReason.STOPPED
    assert summarize(engine.run).status is Status.STOPPED
    audit.check_files(engine.run)


def test_faces_that_are_killed_or_hung_up_on_leave_the_training_alone(
    start_engine: StartEngine,
    program: list[str],
    env: dict[str, str],
    home: Path,
    rounds: Rounds,
    chance: random.Random,
) -> None:
    number = rounds(short=2, full=25)
    ways = ["killed", "hung up on"] * number
    chance.shuffle(ways)
    engine = start_engine(**SETTINGS)
    engine.wait_for(step(1))
    for way in ways:
        with Terminal([*program, "attach"], (120, 40), env) as face:
            if chance.random() < 0.5:
                face.wait_for(" left")
            stay(face, chance.uniform(0.0, 3.0))
            if way == "killed":
                face.send_signal(signal.SIGKILL)
                assert face.wait_exit() == -signal.SIGKILL
            else:
                face.hang_up()
                assert face.wait_exit() in (-signal.SIGHUP, 128 + signal.SIGHUP)
        assert processes(home) == {engine.process.pid}, "a face is left behind"
        wait_for_more_steps(engine)
    stop(engine)
    assert processes(home) == set()
    print(
        f"faces: {number} killed, {number} hung up on, events lost: 0 of {len(engine.events):,},"
        " runs that did not finish: 0, faces left behind or spinning: 0"
    )


def test_ctrl_z_suspends_the_face_and_not_the_training_and_fg_brings_it_back(
    start_engine: StartEngine, program: list[str], env: dict[str, str], home: Path
) -> None:
    engine = start_engine(**SETTINGS)
    engine.wait_for(step(1))
    with Terminal(["bash", "--norc", "--noprofile", "-i"], (120, 40), env | {"PS1": "shell> "}) as terminal:
        terminal.wait_for("shell>")
        terminal.press(*" ".join([*program, "attach"]), "enter")
        terminal.wait_for(" left")
        (face,) = (psutil.Process(pid) for pid in processes(home) - {engine.process.pid, terminal.pid})
        terminal.press("ctrl+z")
        terminal.wait_for("Stopped")
        assert face.status() == psutil.STATUS_STOPPED
        terminal.press(*"clear", "enter")
        terminal.wait_gone(" left")
        terminal.press(*"echo $((6 * 7))", "enter")
        terminal.wait_for("shell> echo $((6 * 7))")  # what is typed shows: the terminal is itself again
        terminal.wait_for("42")
        wait_for_more_steps(engine)
        terminal.press(*"fg", "enter")
        terminal.wait_for(" left")
        terminal.press("q")
        terminal.wait_for("leave it running")
        terminal.press("q")
        terminal.wait_until(lambda _: not face.is_running(), "to leave")
        terminal.press(*"exit", "enter")
        assert terminal.wait_exit() == 0
    assert processes(home) == {engine.process.pid}
    wait_for_more_steps(engine)
    stop(engine)
    print("Ctrl-Z: suspended and brought back, events lost: 0")
