"""The same events as plain lines, for pipes, logs and screen readers."""

import contextlib
import shutil
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import TextIO

from mnist_tui.control import client
from mnist_tui.control.protocol import Ping, Stop
from mnist_tui.events import (
    START_UP,
    AlertRaised,
    AnyEvent,
    CheckpointSaved,
    EndReason,
    EpochEnded,
    Phase,
    PhaseChanged,
    RunEnded,
    RunFailed,
    RunResumed,
    RunStarted,
    SettingChanged,
)
from mnist_tui.metrics import in_words
from mnist_tui.render.text import clip_parts, duration, percent, sanitize
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.history import History, describe
from mnist_tui.runs.log import LogFollower
from mnist_tui.runs.progress import progress

POLL_SECONDS = 0.1
LINE_SECONDS = 10.0
"""Between progress lines where they pile up (a pipe, a file); a terminal rewrites one line twice a second."""
REWRITE_SECONDS = 0.5
SEPARATOR = "  "
PING_SECONDS = 2.0
"""Between two questions to the engine whether it can save everything."""
PATIENCE_SECONDS = 1.0
"""For the answer to such a question."""
LEAVING_SECONDS = 2.0
"""How long an engine that has ended its run may take to be gone; one that a screen watches stays."""


class PlainReporter:
    """Prints a run's events. `rewrite` says whether the progress line may be painted over."""

    def __init__(self, run: RunDirectory, out: TextIO, *, rewrite: bool) -> None:
        self._run = run
        self._out = out
        self._rewrite = rewrite
        self._shown = ""
        """The progress line that was printed last, if nothing was since."""
        self._last_progress = 0.0
        self._trouble = ""
        self.history = History(run.record())

    def say(self, line: str) -> None:
        """Print one line for good."""
        clear = "\r\x1b[K" if self._shown and self._rewrite else ""
        self._shown = ""
        print(clear + sanitize(line), file=self._out, flush=True)

    def take(self, event: AnyEvent) -> None:
        """Take in one event and print what is worth a line."""
        before, since = self.history.phase, self.history.phase_since
        self.history.apply(event)
        match event:
            case PhaseChanged():
                self._say_phase(event, before, since)
            case RunStarted():
                config, parameters = self.history.record.config, sum(layer.parameters for layer in event.layers)
                if len(config.members) > 1:
                    self.say(f"{config.networks}, one after the other, {config.epochs} epochs each; the first:")
                self.say(
                    f"{config.preset}: {len(event.layers)} layers, {parameters:,} parameters,"
                    f" on {event.hardware.device}"
                )
                self.say(
                    f"digits: {event.train_count:,} to train on, {event.validation_count:,} to validate on,"
                    f" {event.test_count:,} to test on at the end"
                )
            case EpochEnded():
                self.say(self._epoch_line(event))
            case AlertRaised():
                self.say(f"alert: {event.text}")
                if event.awaits_decision:
                    run_id = self._run.id
                    ways = ", ".join(f"`mnist-tui {way} {run_id}`" for way in ("rollback", "continue", "stop"))
                    self.say(f"training stands still until somebody decides: {ways}")
            case RunResumed():
                self.say(f"{event.reason} at step {event.step:,}, epoch {event.epoch + 1}, by {event.by}")
            case RunEnded():
                self._say_end(event)
            case SettingChanged() | RunFailed():
                self.say(describe(event))
            case CheckpointSaved() if event.path == self._run.model_path.name:
                self.say(describe(event))
            case _:
                pass  # steps are in the progress line; the other checkpoints, one a minute, would be noise

    def mention_trouble(self, trouble: str) -> None:
        """Say what the engine cannot save, once, and when it can again."""
        if trouble and not self._trouble:
            self.say(f"trouble: {trouble}")
        elif self._trouble and not trouble:
            self.say("everything is saved again")
        self._trouble = trouble

    def tick(self, now: float, monotonic: float) -> None:
        """Print a progress line when one is due."""
        due = REWRITE_SECONDS if self._rewrite else LINE_SECONDS
        if monotonic - self._last_progress < due:
            return
        line = self._progress_line(now)
        if line is not None and self._rewrite:  # a line that wraps cannot be painted over
            line = clip_parts(line, shutil.get_terminal_size().columns - 1, SEPARATOR)
        if line is None or line == self._shown:
            return
        self._last_progress, self._shown = monotonic, line
        if self._rewrite:
            print("\r\x1b[K" + line, end="", file=self._out, flush=True)
        else:
            print(line, file=self._out, flush=True)

    def _say_phase(self, event: PhaseChanged, before: Phase | None, since: float) -> None:
        if before in START_UP:
            self.say(f"{START_UP[before]}: {event.time - since:.1f} s")
        if event.phase is Phase.TESTING:
            self.say("testing the best epoch on the test digits")
        elif event.phase is Phase.PAUSED or before is Phase.PAUSED:
            self.say(str(event.phase))

    def _say_end(self, end: RunEnded) -> None:
        if end.test_accuracy is None:
            self.say(describe(end))
        else:
            self.say(
                f"test accuracy {percent(end.test_accuracy)}, loss {end.test_loss:.4f}"
                f" (of epoch {end.best_epoch}, the best on the validation digits)"
                f"; {duration(end.seconds)} in all"
            )
            self.say(f"model: {self._run.model_path}")
        if end.unsaved:
            self.say(f"not saved: {', '.join(end.unsaved)}: the disk refused to the end")

    def _progress_line(self, now: float) -> str | None:
        history, state = self.history, progress(self.history, now)
        if history.is_over or state.phase is None:
            return None
        if state.phase in START_UP:
            return f"{START_UP[state.phase]}: {state.phase_seconds:.0f} s so far" if self._rewrite else None
        parts = (
            f"epoch {state.epoch}/{state.epochs}",
            f"step {state.step:,}/{state.steps:,}",
            str(state.phase),
            f"{duration(state.seconds_left)} left",
            *in_words({key: history.recent(key) for key in history.steps}),
            f"{state.images_per_second:,.0f} images/s",
        )
        return SEPARATOR.join(parts)

    def _epoch_line(self, epoch: EpochEnded) -> str:
        parts = [
            f"epoch {epoch.epoch}/{self.history.epochs_planned} in {epoch.seconds:.1f} s:",
            f"train {' '.join(in_words(epoch.train))}",
            f"validation {' '.join(in_words(epoch.validation))}",
        ]
        return SEPARATOR.join([*parts, "best so far"] if epoch.is_best else parts)


def follow(
    run: RunDirectory, out: TextIO | None = None, wait: Callable[[float], None] = time.sleep, since: float = 0.0
) -> int:
    """Print a run from its first event to its end; returns the exit status.

    An end before `since` (seconds since the epoch) is not the one that is waited for. Ctrl-C asks the engine to end
    after the batch and goes on printing until it has; a second one ends it at once. None of this makes an engine wait:
    it does not count as a screen.
    """
    out = out or sys.stdout
    reporter = PlainReporter(run, out, rewrite=out.isatty())
    history, follower = reporter.history, LogFollower(run.events_path)
    interrupts = asked = 0

    def interrupted(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        nonlocal interrupts
        interrupts += 1  # carried out below: a handler must not print into a print

    before = signal.signal(signal.SIGINT, interrupted)
    reporter.say(f"run {history.record.name} ({history.record.id}) in {run.path}")
    pinged = time.monotonic()
    try:
        while True:
            live = run.is_live()  # before reading: what an engine wrote before it ended is then read
            while events := _read(follower, run):  # to the end: an end that is not the last event is not the run's
                for event in events:
                    reporter.take(event)
            if not live or has_ended(history, since):
                break
            if interrupts > asked:
                asked = interrupts
                _ask_to_stop(run, reporter, now=interrupts > 1)
            if time.monotonic() - pinged >= PING_SECONDS:
                with contextlib.suppress(RunError):  # starting, or ending: its lock says whether it lives
                    reporter.mention_trouble(client.send(run, Ping(), PATIENCE_SECONDS).save_error)
                pinged = time.monotonic()
            reporter.tick(time.time(), time.monotonic())
            wait(POLL_SECONDS)
        status = _status(run, reporter, since)
        _let_leave(run, wait)
    finally:
        signal.signal(signal.SIGINT, before)
    return 130 if interrupts and status == 0 else status


def has_ended(history: History, since: float) -> bool:
    """Whether the run ended or failed after a moment, in seconds since the epoch."""
    last = history.ended or history.failed
    return last is not None and last.time >= since


def _read(follower: LogFollower, run: RunDirectory) -> list[AnyEvent]:
    try:
        return follower.read()
    except OSError as error:
        raise RunError(
            f"{run.events_path} cannot be read ({error.strerror}): make it readable and attach again"
        ) from None


def _ask_to_stop(run: RunDirectory, reporter: PlainReporter, *, now: bool) -> None:
    try:
        client.send(run, Stop(by=client.origin("ctrl-c"), now=now))
    except RunError as error:
        reporter.say(str(error))


def _status(run: RunDirectory, reporter: PlainReporter, since: float) -> int:
    """The exit status of a run that is not waited for any longer, and the lines that explain it."""
    history, hint = reporter.history, f"`mnist-tui resume {run.id}` goes on from its newest checkpoint"
    if not run.path.exists():
        reporter.say(f"the run directory {run.path} has vanished: nothing of the run is saved any more")
        return 1
    if not has_ended(history, since):
        reporter.say(f"run {run.id} crashed: the engine's last messages are in {run.log_path}; {hint}")
        return 1
    if history.failed is not None:
        reporter.say(hint)
        return 1
    if history.ended is not None and history.ended.reason in (EndReason.STOPPED, EndReason.KILLED):
        reporter.say(hint)
    return 1 if history.ended is not None and history.ended.unsaved else 0


def _let_leave(run: RunDirectory, wait: Callable[[float], None]) -> None:
    """Give the engine a moment to be gone, so that who comes next meets a run without one."""
    deadline = time.monotonic() + LEAVING_SECONDS
    while run.is_live() and time.monotonic() < deadline:
        wait(POLL_SECONDS)
