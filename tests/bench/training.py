"""Runs for benchmarks: the program trains in a real terminal."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mnist_tui.event_lines import decode
from mnist_tui.events import Phase, PhaseChanged, RunStarted, StepEnded
from mnist_tui.runs.directory import HOME_VARIABLE, RunDirectory
from tests.e2e.terminal import Terminal

PROGRAM = [sys.executable, "-m", "mnist_tui"]
SIZE = (120, 40)


def environment(home: Path) -> dict[str, str]:
    """Return the environment variables of the program."""
    return {HOME_VARIABLE: str(home)}


@contextmanager
def training(home: Path, *flags: str) -> Iterator[tuple[Terminal, RunDirectory]]:
    """Start the program with a run, and wait until it trains."""
    with Terminal([*PROGRAM, "train", *flags], SIZE, environment(home)) as terminal:
        terminal.wait_for(" left")
        yield terminal, newest_run(home)


def newest_run(home: Path) -> RunDirectory:
    """Return the run that was created last."""
    return RunDirectory(max(home.glob("*/config.json"), key=lambda path: path.stat().st_mtime).parent)


def end(terminal: Terminal) -> None:
    """Kill the screen. The engine goes on."""
    os.kill(terminal.pid, signal.SIGKILL)
    terminal.wait_exit()


def steps(run: RunDirectory) -> list[StepEnded]:
    """Return all steps of a run."""
    lines = run.events_path.read_bytes().splitlines()
    return [event for event in map(decode, lines) if isinstance(event, StepEnded)]


def speed(recorded: list[StepEnded], batch: int, since: float, until: float) -> float:
    """Return images per second between two times of day."""
    found = [step for step in recorded if since <= step.time <= until]
    if len(found) < 2:
        return 0.0
    return (found[-1].step - found[0].step) * batch / (found[-1].time - found[0].time)


def epoch_speed(run: RunDirectory, epoch: int) -> float:
    """Return images per second from the beginning of an epoch to its last step."""
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
    """Start a detached run."""
    call(home, "train", "--detach", *flags)
    return newest_run(home)


def train(home: Path, *flags: str) -> RunDirectory:
    """Train a run to its end, and return it."""
    call(home, "train", "--plain", *flags)
    return newest_run(home)


def call(home: Path, *arguments: str) -> None:
    """Run a command; raises RuntimeError with its output if it fails."""
    done = subprocess.run(
        [*PROGRAM, *arguments], env=os.environ | environment(home), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"mnist-tui {' '.join(arguments)} failed:\n{done.stdout[-1_000:]}{done.stderr[-1_000:]}")
