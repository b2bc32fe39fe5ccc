"""Watcher process of a run: python -m mnist_tui.control.watcher RUN_DIR FD SINCE.

It reads the run's events and runs the command `on_end`. The engine starts it and holds the other end of the pipe FD,
which closes however the engine ends: so the command also runs after `kill -9` of the engine, and while it hangs. The
watcher lives in a session of its own, needs no Keras, and exits with the engine.
"""

import contextlib
import os
import select
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from mnist_tui.config import ConfigError, command_words
from mnist_tui.control import spawning
from mnist_tui.control.on_end import Outcome, facts, run_command
from mnist_tui.events import CommandEnded, Occasion, SettingChanged
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.runs.errors import RunError
from mnist_tui.runs.log import LogFollower, append_line
from mnist_tui.runs.occasions import OccasionWatch, Word
from mnist_tui.runs.summary import summarize

POLL_SECONDS = 1.0


def start_watcher(run: RunDirectory, since: float, environment: Mapping[str, str] | None = None) -> int:
    """Start the watcher of a run and return the descriptor that the engine keeps open; raises OSError.

    Args:
        run: The run.
        since: Start of the engine, in seconds since 1970; earlier events are of others.
        environment: Environment variables of the command, by default those of this process.
    """
    reading, writing = os.pipe()
    try:
        with run.open_log() as log:
            command = ("mnist_tui.control.watcher", str(run.path), str(reading), str(since))
            spawning.spawn(
                *command, stdout=log, stderr=log, environment=environment, own_session=True, descriptors=(reading,)
            )
    except OSError:
        os.close(writing)
        raise
    finally:
        os.close(reading)
    return writing


class Watcher:
    """Reader of a run's events, who runs its command."""

    def __init__(self, run: RunDirectory, since: float) -> None:
        self._run, self._since = run, since
        self._follower, self._watch = LogFollower(run.events_path), OccasionWatch()
        self._command = run.record().config.on_end

    def look(self, *, live: bool) -> None:
        """Read new events, and run the command for each occasion; raises RunError."""
        now = time.monotonic()
        while events := self._follower.read():
            self._watch.apply(events, now)
            for event in events:
                if isinstance(event, SettingChanged) and event.setting == "on_end":
                    self._command = event.value
        live = live or self._run.engine() is not None  # another one has taken the run over
        for word in self._watch.take(now, live=live, saves=not self._run.save_error()):
            if word.time >= self._since or word.occasion in (Occasion.STALLED, Occasion.CRASHED):
                self._carry_out(word)

    def _carry_out(self, word: Word) -> None:
        try:
            words = command_words(self._command)
        except ConfigError as error:  # the file was edited
            outcome = Outcome(str(error), succeeded=False)
        else:
            if not words:
                return
            outcome = run_command(words, facts(summarize(self._run), word))
        event = CommandEnded(time=time.time(), occasion=word.occasion, text=outcome.text, succeeded=outcome.succeeded)
        with contextlib.suppress(OSError):  # a full disk
            append_line(self._run.events_path, event)


def main(path: str, descriptor: str, since: str) -> None:
    """Watch a run until its engine is gone."""
    watcher, pipe, live = Watcher(RunDirectory(Path(path)), float(since)), int(descriptor), True
    while live and Path(path).exists():
        live = not select.select([pipe], [], [], POLL_SECONDS)[0]
        with contextlib.suppress(RunError):  # unreadable for now
            watcher.look(live=live)


if __name__ == "__main__":
    main(*sys.argv[1:])
