"""A real engine, started as the program starts it, that a test waits for, kills, resumes and outlives."""

import time
from collections.abc import Callable

import psutil

from mnist_tui.cli.wiring import catalogue, launch
from mnist_tui.control import client
from mnist_tui.events import AnyEvent, Phase, PhaseChanged, StepEnded
from mnist_tui.runs.log import LogFollower

PATIENCE_SECONDS = 120.0
"""Only a broken engine takes that long."""
LOOK_SECONDS = 0.005
"""Between two looks: the moments that are waited for last some milliseconds."""

Condition = Callable[[AnyEvent], bool]


def wait_until(condition: Callable[[], object], what: str, patience: float = PATIENCE_SECONDS) -> None:
    """Return once `condition()` is true; AssertionError when that takes too long."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"waited {patience:g} s in vain {what}"
        time.sleep(LOOK_SECONDS)


class Engine:
    """One run, and the processes that train it one after another: children of this one, so that none is missed."""

    def __init__(self, **settings: object) -> None:
        self.run = launch(catalogue().complete({key: str(value) for key, value in settings.items()}))
        self.process = self._newest_process()
        self.events: list[AnyEvent] = []
        """Those that were read so far."""
        self._follower = LogFollower(self.run.events_path)

    def resume(self) -> None:
        """Go on with another process."""
        client.resume(self.run, "a test")
        self.process = self._newest_process()

    def _newest_process(self) -> psutil.Process:
        found: list[psutil.Process] = []

        def is_alive(child: psutil.Process) -> bool:
            try:
                return str(self.run.path) in child.cmdline()  # which is empty for a moment while it starts
            except psutil.Error:  # a zombie: ended, and not yet waited for
                return False

        def look() -> bool:
            found[:] = filter(is_alive, psutil.Process().children())
            return bool(found)

        wait_until(look, f"for the engine's process; engine.log ends with:\n{self.log_tail()}")
        (process,) = found
        return process

    def read(self) -> list[AnyEvent]:
        """The events that are new, which `events` then has too."""
        fresh = self._follower.read()
        self.events += fresh
        return fresh

    def wait_for(self, enough: Condition) -> bool:
        """Wait for an event that is new and `enough`; False when the engine ended without one."""
        found = False

        def look() -> bool:
            nonlocal found
            alive = self.process.is_running() and self.process.status() != psutil.STATUS_ZOMBIE
            found = any(enough(event) for event in self.read())
            return found or not alive

        wait_until(look, f"for an event; engine.log ends with:\n{self.log_tail()}")
        return found

    def kill(self) -> None:
        """As a crash or the kernel's out-of-memory killer does: at once."""
        self.process.kill()
        self.process.wait()

    def wait(self) -> int:
        """The exit status of the process, once it has ended by itself; -N when signal N ended it."""
        try:
            status = self.process.wait(PATIENCE_SECONDS)
        except psutil.TimeoutExpired:
            raise AssertionError(f"the engine does not end; engine.log ends with:\n{self.log_tail()}") from None
        self.read()
        assert status is not None, "somebody else has waited for the engine's end"
        return int(status)

    def end(self) -> None:
        """Leave no process behind."""
        if self.process.is_running():
            self.kill()

    def log_tail(self) -> str:
        """The last of what the engine printed."""
        return self.run.log_path.read_text(errors="replace")[-2000:] if self.run.log_path.exists() else "(vanished)"


def step(number: int) -> Condition:
    """Whether an event is the end of this step or of a later one."""
    return lambda event: isinstance(event, StepEnded) and event.step >= number


def phase(wanted: Phase) -> Condition:
    """Whether an event is the beginning of a phase."""
    return lambda event: isinstance(event, PhaseChanged) and event.phase is wanted
