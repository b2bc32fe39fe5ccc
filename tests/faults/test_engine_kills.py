"""Engines that are killed at any moment and resumed, until the run is done."""

import random
import time
from collections.abc import Callable

import pytest

from mnist_tui.events import Phase
from mnist_tui.runs.status import Status
from mnist_tui.runs.summary import summarize
from tests.faults import audit
from tests.faults.conftest import Rounds, StartEngine
from tests.faults.engine import Engine, phase, step, wait_until

pytestmark = pytest.mark.timeout(3_600)  # of all rounds; what a single one waits for gives up sooner

SETTINGS = {"limit": 1_440, "batch_size": 66, "epochs": 4, "checkpoint_seconds": 0.1}
"""20 steps an epoch; a checkpoint as often as their cost allows."""
LAST_STEP = 80
MOST_LIVES = 12

EvaluationPoint = Callable[[Engine, random.Random], None]


def random_wait(_: Engine, chance: random.Random) -> None:
    """Anywhere from Python's own start to some way into the training."""
    time.sleep(chance.uniform(0.0, 7.0))


def random_step(engine: Engine, chance: random.Random) -> None:
    """Between two batches, or in one."""
    engine.wait_for(step(chance.randint(1, LAST_STEP)))
    time.sleep(chance.uniform(0.0, 0.05))


def at(wanted: Phase, delay: float) -> EvaluationPoint:
    """In a phase, up to `delay` seconds after its beginning."""

    def wait(engine: Engine, chance: random.Random) -> None:
        engine.wait_for(phase(wanted))
        time.sleep(chance.uniform(0.0, delay))

    return wait


MOMENTS: list[EvaluationPoint] = [
    random_step,
    at(Phase.VALIDATING, 0.2),
    random_wait,
    at(Phase.IMPORTING, 4.0),
    at(Phase.COMPILING, 1.0),
    at(Phase.TESTING, 0.3),
]


def tear_last_line(engine: Engine) -> None:
    """What a power loss does to the events, and a signal cannot."""
    with engine.run.events_path.open("ab") as file:
        file.write(b'{"type":"step_ended","time":17')


def train_through_kills(engine: Engine, points: list[EvaluationPoint], chance: random.Random) -> int:
    """Kill a run's engine at each of the moments, resume it, and let it end; returns how many kills it took."""
    for kills, point in enumerate(points, 1):
        point(engine, chance)
        engine.kill()
        if summarize(engine.run).status is Status.FINISHED:
            return kills  # it had said its last word
        assert summarize(engine.run).status is Status.CRASHED
        if chance.random() < 0.5:
            tear_last_line(engine)
        engine.resume()
    assert engine.wait() == 0, engine.log_tail()
    assert summarize(engine.run).status is Status.FINISHED
    return len(points)


def test_killed_engines_are_resumed_until_the_run_is_whole(
    start_engine: StartEngine, rounds: Rounds, chance: random.Random
) -> None:
    number, kills = rounds(short=2, full=15), 0
    costs: list[audit.Repetition] = []
    for place in range(number):
        engine = start_engine(**SETTINGS, seed=place)
        kills += train_through_kills(engine, [MOMENTS[place % len(MOMENTS)], chance.choice(MOMENTS)], chance)
        assert audit.check_history(engine.run).steps.count == LAST_STEP
        audit.check_files(engine.run)
        costs += audit.repetitions(engine.run)
    assert [cost for cost in costs if cost.seconds > cost.allowed] == []
    worst = max(costs, key=lambda cost: cost.seconds, default=audit.Repetition(0, 0.0, 0.0))
    print(
        f"engine kills: {number} runs, {kills} kills, runs that did not finish: 0, steps lost or doubled: 0,"
        f" torn lines: 0, steps repeated: {sum(cost.steps for cost in costs)}; the dearest kill cost"
        f" {worst.steps} steps, {worst.seconds:.2f} s of work (allowed: {worst.allowed:.2f} s)"
    )


def killed_while_writing(engine: Engine) -> bool:
    """Kill an engine that writes a checkpoint which is not its first one; False when it was quicker."""

    def being_written() -> bool:
        return any(engine.run.path.glob(f"checkpoints/.step-*.{engine.process.pid}.npz"))

    wait_until(engine.run.checkpoint_paths, "for the first checkpoint")
    before = engine.run.checkpoint_paths()
    wait_until(lambda: being_written() or engine.run.checkpoint_paths() != before, "for the next checkpoint")
    engine.kill()
    if not being_written():
        return False
    assert engine.run.checkpoint_paths() == before
    return True


def test_engines_killed_while_they_write_a_checkpoint_go_on_from_the_one_before(
    start_engine: StartEngine, rounds: Rounds
) -> None:
    wanted, hits, tries = rounds(short=1, full=5), 0, 0
    engine = start_engine(**SETTINGS | {"preset": "reference"})
    while hits < wanted:
        tries += 1
        assert tries <= 3 * wanted, "no kill met the writing of a checkpoint"
        hits += killed_while_writing(engine)
        engine.resume()
    assert engine.wait() == 0, engine.log_tail()
    assert audit.check_history(engine.run).steps.count == LAST_STEP
    audit.check_files(engine.run)
    assert [cost for cost in audit.repetitions(engine.run) if cost.seconds > cost.allowed] == []
    print(f"kills while a checkpoint of 11 MB was written: {hits} (of {tries} tried), damaged checkpoints: 0")
