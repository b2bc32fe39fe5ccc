"""Engines that are killed at random points and resumed until the run is finished."""

import random
import time
from collections.abc import Callable

import pytest

from mnist_tui.control import client
from mnist_tui.control.protocol import SaveCheckpoint, Stop
from mnist_tui.engine.recording import checkpoints
from mnist_tui.events import Phase, RunResumed
from mnist_tui.runs.status import Status
from mnist_tui.runs.summary import summarize
from tests.faults import audit
from tests.faults.conftest import Rounds, StartEngine
from tests.faults.engine import Engine, phase, step, wait_until

pytestmark = pytest.mark.timeout(3_600)  # for all rounds; each wait has its own timeout

SETTINGS = {"limit": 720, "batch_size": 33, "epochs": 4, "checkpoint_seconds": 0.1}
"""20 steps an epoch; checkpoints as often as their cost allows."""
LAST_STEP = 80

WaitForPoint = Callable[[Engine, random.Random], None]


def random_wait(_: Engine, chance: random.Random) -> None:
    """Wait for a point between the start of Python and the middle of training."""
    time.sleep(chance.uniform(0.0, 7.0))


def random_step(engine: Engine, chance: random.Random) -> None:
    """Wait for a point between two batches or within one."""
    engine.wait_for(step(chance.randint(1, LAST_STEP)))
    time.sleep(chance.uniform(0.0, 0.05))


def at(wanted: Phase, delay: float) -> WaitForPoint:
    """Return a function that waits for a point in a phase, up to `delay` seconds after its beginning."""

    def wait(engine: Engine, chance: random.Random) -> None:
        engine.wait_for(phase(wanted))
        time.sleep(chance.uniform(0.0, delay))

    return wait


POINTS: list[WaitForPoint] = [
    random_step,
    at(Phase.VALIDATING, 0.2),
    random_wait,
    at(Phase.IMPORTING, 4.0),
    at(Phase.COMPILING, 1.0),
    at(Phase.TESTING, 0.3),
]


def append_incomplete_line(engine: Engine) -> None:
    """Append an incomplete event, as a power loss can."""
    with engine.run.events_path.open("ab") as file:
        file.write(b'{"type":"step_ended","time":17')


def train_through_kills(engine: Engine, points: list[WaitForPoint], chance: random.Random) -> int:
    """Kill a run's engine at each of these points, resume it, and let it finish. Return the number of kills."""
    for kills, point in enumerate(points, 1):
        point(engine, chance)
        engine.kill()
        if summarize(engine.run).status is Status.FINISHED:
            return kills  # the last event was already written
        assert summarize(engine.run).status is Status.CRASHED
        if chance.random() < 0.5:
            append_incomplete_line(engine)
        engine.resume()
    assert engine.wait() == 0, engine.log_tail()
    assert summarize(engine.run).status is Status.FINISHED
    return len(points)


def test_killed_engines_are_resumed_until_the_run_is_finished(
    start_engine: StartEngine, rounds: Rounds, chance: random.Random
) -> None:
    number, kills = rounds(short=1, full=15), 0
    costs: list[audit.Repetition] = []
    for index in range(number):
        engine = start_engine(**SETTINGS, seed=index)
        kills += train_through_kills(engine, [POINTS[index % len(POINTS)], chance.choice(POINTS)], chance)
        assert audit.check_history(engine.run).steps.count == LAST_STEP
        audit.check_files(engine.run)
        costs += audit.repetitions(engine.run)
    assert [cost for cost in costs if cost.seconds > cost.allowed] == []
    worst = max(costs, key=lambda cost: cost.seconds, default=audit.Repetition(0, 0.0, 0.0))
    print(
        f"engine kills: {number} runs, {kills} kills, runs that did not finish: 0, steps lost or repeated: 0,"
        f" incomplete lines: 0, steps repeated: {sum(cost.steps for cost in costs)}; the most expensive kill cost"
        f" {worst.steps} steps, {worst.seconds:.2f} s of work (allowed: {worst.allowed:.2f} s)"
    )


def kill_during_write(engine: Engine) -> bool:
    """Kill the engine while it writes a checkpoint. Return False if the engine had just finished."""

    def is_writing() -> bool:
        return any(engine.run.path.glob("checkpoints/.step-*.npz"))

    engine.wait_for(step(1))
    before = engine.run.checkpoint_paths()
    client.send(engine.run, SaveCheckpoint(by="a test"))
    wait_until(lambda: is_writing() or engine.run.checkpoint_paths() != before, "for a checkpoint")
    if not is_writing():
        return False
    engine.kill()
    return is_writing() and engine.run.checkpoint_paths() == before


def test_an_engine_killed_while_it_writes_a_checkpoint_resumes_from_the_previous_one(
    start_engine: StartEngine, rounds: Rounds
) -> None:
    wanted, hits, tries, newest = rounds(short=1, full=5), 0, 0, None
    engine = start_engine(**SETTINGS | {"preset": "reference", "epochs": 10_000, "checkpoint_seconds": 3_600})
    while hits < wanted:
        tries += 1
        assert tries <= 100 * wanted, "no kill hit the writing of a checkpoint"
        hits += kill_during_write(engine)
        if not engine.process.is_running():
            newest = checkpoints.read(engine.run)
            engine.resume()
    assert engine.wait_for(lambda event: isinstance(event, RunResumed)), engine.log_tail()
    assert newest is not None
    assert [event.step for event in engine.events if isinstance(event, RunResumed)][-1] == newest.state.step
    client.send(engine.run, Stop(by="a test"))
    assert engine.wait() == 0, engine.log_tail()
    audit.check_history(engine.run)
    audit.check_files(engine.run)
    print(f"kills while a checkpoint of 11 MB was written: {hits} (of {tries} tried), damaged checkpoints: 0")
