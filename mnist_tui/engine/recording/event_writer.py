"""Thread-safe writer of the event log."""

import threading
import time
from collections.abc import Callable

from mnist_tui.events import AlertKind, AlertRaised, Event, RunEnded, RunFailed, RunResumed, SettingChanged, StepEnded
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.runs.log import EventLog

Emit = Callable[[Event], None]
"""Type of `EventWriter.emit`."""


def restored_alert(name: str, step: int, epoch: int) -> AlertRaised:
    """Return the alert that a file is written again."""
    text = f"{name} was removed or changed by another program: it is written again"
    return AlertRaised(time=time.time(), kind=AlertKind.RESTORED, text=text, step=step, epoch=epoch)


class EventWriter:
    """The run's event log, shared by threads."""

    def __init__(self, run: RunDirectory, *, ended: bool = False) -> None:
        self._log = EventLog(run.events_path)
        self._writing = threading.Lock()
        self.ended = ended
        """True if the run has ended and was not resumed since."""
        self._step = self._epoch = 0

    def emit(self, event: Event) -> None:
        """Append an event. After the run has ended, drop all but RunResumed and SettingChanged."""
        with self._writing:
            if self.ended and not isinstance(event, RunResumed | SettingChanged):
                self._log.retry()  # the end event itself may still wait for disk space
                return
            self._log.append(event)
            if isinstance(event, SettingChanged):
                self._log.flush()  # before the request is acknowledged
            if isinstance(event, StepEnded):
                self._step, self._epoch = event.step, event.epoch
            self.ended = isinstance(event, RunEnded | RunFailed) or (self.ended and not isinstance(event, RunResumed))
            if self._log.was_restored and not self.ended:
                self._log.was_restored = False
                self._log.append(restored_alert("events.jsonl", self._step, self._epoch))

    def flush(self) -> None:
        """Wait until all events are on disk."""
        with self._writing:
            self._log.flush()

    def retry(self) -> bool:
        """Write the events that wait in memory. Return True if none waits any more."""
        with self._writing:
            self._log.retry()
            return self._log.held == 0

    @property
    def error(self) -> str:
        """Reason why events cannot be written, or an empty string."""
        held, reason = self._log.held, self._log.error
        # An event that is being written is held, too, but without a reason.
        count = "1 event" if held == 1 else f"{held:,} events"
        return f"not written: {count} ({reason})" if held and reason else ""

    @property
    def complete(self) -> bool:
        """True if every event is in the file."""
        return self._log.held == 0
