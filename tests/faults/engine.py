"""Real engine that a test waits for, kills and resumes."""

import time
from collections.abc import Callable

import psutil

from mnist_tui.cli.wiring import catalogue, launch
from mnist_tui.control import client
from mnist_tui.events import AnyEvent, Phase, PhaseChanged, StepEnded
from mnist_tui.runs.log import LogFollower

PATIENCE_SECONDS = 120.0
"""Timeout of every wait."""
POLL_SECONDS = 0.005
"""Seconds between two polls: some conditions hold for a few milliseconds only."""

Condition = Callable[[AnyEvent], bool]


def wait_until(condition: Callable[[], object], what: str, patience: float = PATIENCE_SECONDS) -> None:
    """Wait until `condition()` is true. Raise AssertionError after a timeout."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"waited {patience:g} s {what}"
        time.sleep(POLL_SECONDS)


class Engine:
    """Run and the engine process that trains it, a child of this process."""

    def __init__(self, **settings: object) -> None:
        self.run = launch(catalogue().complete({key: str(value) for key, value in settings.items()}))
        self.process = self._newest_process()
        self.events: list[AnyEvent] = []
        """Events read so far."""
        self._follower = LogFollower(self.run.events_path)

    def resume(self, epochs: int | None = None) -> None:
        """Resume the run in another process."""
        client.resume(self.run, "a test", epochs)
        self.process = self._newest_process()

    def _newest_process(self) -> psutil.Process:
        found: list[psutil.Process] = []

        def is_alive(child: psutil.Process) -> bool:
            try:
                return str(self.run.path) in child.cmdline()  # empty for a short time while it starts
            except psutil.Error:  # a zombie
                return False

        def poll() -> bool:
            found[:] = filter(is_alive, psutil.Process().children())
            return bool(found)

        wait_until(poll, f"for the engine's process; engine.log ends with:\n{self.log_tail()}")
        (process,) = found
        return process

    def read(self) -> list[AnyEvent]:
        """Return the new events and append them to `events`."""
        fresh = self._follower.read()
        self.events += fresh
        return fresh

    def wait_for(self, enough: Condition) -> bool:
        """Wait for a new event that is `enough`. Return False if the engine ended without one."""
        found = False

        def poll() -> bool:
            nonlocal found
            alive = self.process.is_running() and self.process.status() != psutil.STATUS_ZOMBIE
            found = any(enough(event) for event in self.read())
            return found or not alive

        wait_until(poll, f"for an event; engine.log ends with:\n{self.log_tail()}")
        return found

    def kill(self) -> None:
        """Kill the process with SIGKILL."""
        self.process.kill()
        self.process.wait()

    def wait(self) -> int:
        """Wait for the end of the process. Return its exit status, or -N if signal N killed it."""
        try:
            status = self.process.wait(PATIENCE_SECONDS)
        except psutil.TimeoutExpired:
            raise AssertionError(f"the engine does not exit; engine.log ends with:\n{self.log_tail()}") from None
        self.read()
        assert status is not None, "the exit status is lost"
        return int(status)

    def end(self) -> None:
        """Kill the process if it is alive."""
        if self.process.is_running():
            self.kill()

    def log_tail(self) -> str:
        """Return the end of engine.log."""
        return self.run.log_path.read_text(errors="replace")[-2000:] if self.run.log_path.exists() else "(deleted)"


def step(number: int) -> Condition:
    """Return a condition for the end of this step or of a later one."""
    return lambda event: isinstance(event, StepEnded) and event.step >= number


def phase(wanted: Phase) -> Condition:
    """Return a condition for the beginning of a phase."""
    return lambda event: isinstance(event, PhaseChanged) and event.phase is wanted
