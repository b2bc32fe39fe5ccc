"""Where every thread of the engine puts its events."""

import threading
from collections.abc import Callable

from mnist_tui.events import Event, RunEnded, RunFailed, RunResumed, SettingChanged
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.runs.log import EventLog

Emit = Callable[[Event], None]
"""How the engine's parts are handed the journal: `Journal.emit`."""


class EventWriter:
    """The run's event log, shared by threads."""

    def __init__(self, run: RunDirectory, *, ended: bool = False) -> None:
        self._log = EventLog(run.events_path)
        self._writing = threading.Lock()
        self.ended = ended
        """Whether the run's end was said, and it was not resumed since."""

    def emit(self, event: Event) -> None:
        """Append an event; from any thread, never half of one. After the end only what may begin it anew counts."""
        with self._writing:
            if self.ended and not isinstance(event, RunResumed | SettingChanged):
                self._log.retry()  # the end itself may still wait for room on the disk
                return
            self._log.append(event)
            self.ended = isinstance(event, RunEnded | RunFailed) or (self.ended and not isinstance(event, RunResumed))

    def flush(self) -> None:
        """Wait until the disk has everything so far."""
        with self._writing:
            self._log.flush()

    @property
    def trouble(self) -> str:
        """A sentence while events cannot be written, else empty."""
        held, reason = self._log.held, self._log.trouble
        # An event that is just being written is held as well, but no disk refused it.
        return f"{held:,} events wait in memory, the disk refuses them ({reason})" if held and reason else ""

    @property
    def complete(self) -> bool:
        """Whether every event is in the file."""
        return self._log.held == 0
