"""Runs for the benchmarks: the real program training in a real terminal, in a home of its own."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mnist_tui.bench.engines import follow
from mnist_tui.bench.timing import Timing
from mnist_tui.events import Phase, PhaseChanged, RunStarted, StepEnded, decode
from mnist_tui.runs.directory import HOME_VARIABLE, RunDirectory
from tests.e2e.terminal import Terminal

PROGRAM = [sys.executable, "-m", "mnist_tui"]
SIZE = (120, 40)


@contextmanager
def temporary_home() -> Iterator[Path]:
    """A folder for runs; when it is left, every engine in it is ended."""
    with tempfile.TemporaryDirectory(prefix="mnist-tui-bench-") as folder:
        home = Path(folder)
        try:
            yield home
        finally:
            for config in home.rglob("config.json"):
                kill(RunDirectory(config.parent))


def kill(run: RunDirectory) -> None:
    """End a run's engine, and wait until it is gone."""
    while run.is_live():
        endpoint = run.endpoint()
        if endpoint is not None:
            os.kill(endpoint.pid, signal.SIGKILL)
        time.sleep(0.05)


def environment(home: Path) -> dict[str, str]:
    """What the program finds around it."""
    return {HOME_VARIABLE: str(home)}


@contextmanager
def training(home: Path, *flags: str) -> Iterator[tuple[Terminal, RunDirectory]]:
    """The program with a run that trains in it, past the first steps."""
    with Terminal([*PROGRAM, "train", *flags], SIZE, environment(home)) as terminal:
        terminal.wait_for(" left")
        yield terminal, newest_run(home)


def newest_run(home: Path) -> RunDirectory:
    """The run that was made last."""
    return RunDirectory(max(home.glob("*/config.json"), key=lambda path: path.stat().st_mtime).parent)


def end(terminal: Terminal) -> None:
    """Kill the face; its engine is its own."""
    os.kill(terminal.pid, signal.SIGKILL)
    terminal.wait_exit()


def steps(run: RunDirectory) -> list[StepEnded]:
    """All steps that a run has recorded."""
    lines = run.events_path.read_bytes().splitlines()
    return [event for event in map(decode, lines) if isinstance(event, StepEnded)]


def speed(recorded: list[StepEnded], batch: int, since: float, until: float) -> float:
    """Images a second between two times of day."""
    found = [step for step in recorded if since <= step.time <= until]
    if len(found) < 2:
        return 0.0
    return (found[-1].step - found[0].step) * batch / (found[-1].time - found[0].time)


def epoch_speed(run: RunDirectory, epoch: int) -> float:
    """Images a second of a whole epoch, from its beginning (the end of the epoch before) to its last step."""
    lines = run.events_path.read_bytes().splitlines()
    events = [event for event in map(decode, lines) if event is not None]
    digits = next(event.train_count for event in events if isinstance(event, RunStarted))
    of_epoch = [event for event in events if isinstance(event, StepEnded) and event.epoch == epoch]
    begun = max(
        event.time
        for event in events
        if isinstance(event, PhaseChanged) and event.phase is Phase.TRAINING and event.time <= of_epoch[0].time
    )
    return digits / (of_epoch[-1].time - begun)


def start(home: Path, *flags: str) -> RunDirectory:
    """Start a run that nobody watches."""
    _call(home, "train", "--detach", *flags)
    return newest_run(home)


def train(home: Path, *flags: str) -> RunDirectory:
    """Train a run to its end."""
    _call(home, "train", "--plain", *flags)
    return newest_run(home)


def timing_of(run: RunDirectory) -> Timing:
    """How long a run that is over took."""
    return follow(run, lambda _: None, lambda _: False)


def _call(home: Path, *arguments: str) -> None:
    """Run a command; raises RuntimeError with what it printed when it fails."""
    done = subprocess.run(
        [*PROGRAM, *arguments], env=os.environ | environment(home), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"mnist-tui {' '.join(arguments)} failed:\n{done.stdout[-1_000:]}{done.stderr[-1_000:]}")
