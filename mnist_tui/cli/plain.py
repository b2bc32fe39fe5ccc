"""A run as plain lines, for pipes, logs and screen readers."""

import contextlib
import shutil
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import TextIO

from mnist_tui.config import Target
from mnist_tui.control import client
from mnist_tui.control.protocol import Ping, Stop
from mnist_tui.diagnosis.guard import ended_at_chance
from mnist_tui.events import (
    START_UP,
    AlertRaised,
    AnyEvent,
    CheckpointSaved,
    EndReason,
    EpochEnded,
    Phase,
    PhaseChanged,
    RollingEvaluated,
    RunEnded,
    RunFailed,
    RunResumed,
    RunStarted,
    SettingChanged,
)
from mnist_tui.metrics import in_words, smoothing_in_words
from mnist_tui.render.text import clip, clip_parts, duration, percent, sanitize
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.history import History
from mnist_tui.runs.liveness import clock
from mnist_tui.runs.log import LogFollower
from mnist_tui.runs.notes import SEEN, describe, describe_tests, rolling_words
from mnist_tui.runs.occasions import OccasionWatch, sentence
from mnist_tui.runs.progress import progress

POLL_SECONDS = 0.1
LINE_SECONDS = 10.0
"""Seconds between lines on rolling evaluations, and between progress lines in a pipe or a file."""
REWRITE_SECONDS = 0.5
"""Seconds between updates of the progress line on a terminal."""
SEPARATOR = "  "
LONGEST_LINE = 2_000
"""Characters that are printed of a longer line."""
PING_SECONDS = 2.0
"""Seconds between requests to the engine for its save error."""
PING_TIMEOUT = 1.0
EXIT_SECONDS = 2.0
"""Time to wait for the engine to exit after its run. It stays if a viewer is attached."""


class PlainReporter:
    """Printer of a run's events. With `rewrite`, the progress line is overwritten."""

    def __init__(self, run: RunDirectory, out: TextIO, *, rewrite: bool) -> None:
        self._run = run
        self._out = out
        self._rewrite = rewrite
        self._shown = ""
        """Progress line that is the last line printed; empty if another line followed."""
        self._last_progress = 0.0
        self._last_rolling = 0.0
        self._save_error = ""
        self._silent_since: float | None = None
        self.history = History(run.record())

    def print_line(self, line: str) -> None:
        """Print a line that stays."""
        clear = "\r\x1b[K" if self._shown and self._rewrite else ""
        self._shown = ""
        print(clear + clip(sanitize(line), LONGEST_LINE), file=self._out, flush=True)

    def apply(self, event: AnyEvent) -> None:
        """Apply an event and print a line about it, if it is important enough."""
        before, since = self.history.phase, self.history.phase_since
        self.history.apply(event)
        match event:
            case PhaseChanged():
                self._print_phase(event, before, since)
            case RunStarted():
                config, parameters = self.history.record.config, sum(layer.parameters for layer in event.layers)
                if len(config.members) > 1:
                    self.print_line(f"{config.networks}, in sequence, {config.epochs} epochs each; the first:")
                self.print_line(
                    f"{config.network(0)}: {len(event.layers)} layers, {parameters:,} parameters,"
                    f" on {event.hardware.device}"
                )
                self.print_line(
                    f"images: {event.train_count:,} for training, {event.validation_count:,} for validation,"
                    f" {event.test_count:,} for the final test"
                )
                for note in event.data_notes:
                    self.print_line(f"data: {note}")
                for note in self.history.record.model_notes:
                    self.print_line(f"model: {note}")
                if words := smoothing_in_words(event.label_smoothing, len(event.class_names)):
                    self.print_line(f"loss: {words}")
                if (target := Target.parse(self.history.until)) is not None:
                    self.print_line(f"ends once a validation reaches {target}, or after epoch {event.epochs}")
            case EpochEnded():
                self.print_line(self._epoch_line(event))
            case RollingEvaluated():
                self._print_rolling(event)
            case AlertRaised():
                self.print_line(f"alert: {event.text}")
                if event.awaits_decision:
                    run_id = self._run.id
                    choices = ", ".join(f"`mnist-tui {choice} {run_id}`" for choice in ("rollback", "continue", "stop"))
                    self.print_line(f"training is paused, choose how to proceed: {choices}")
            case RunResumed():
                self.print_line(f"{event.reason} at step {event.step:,}, epoch {event.epoch + 1}, by {event.by}")
            case RunEnded():
                self._print_end(event)
            case SettingChanged() | RunFailed():
                self.print_line(describe(event))
            case CheckpointSaved() if event.path == self._run.model_path.name:
                self.print_line(describe(event))
            case _:
                pass  # the progress line shows steps; a checkpoint every minute would be noise

    def print_save_error(self, error: str) -> None:
        """Print once what the engine cannot save, and later that it can again."""
        if error and not self._save_error:
            self.print_line(f"not saved: {error}")
        elif self._save_error and not error:
            self.print_line("everything is saved again")
        self._save_error = error

    def print_silence(self, since: float | None) -> None:
        """Print once since when the engine has not responded, and later that it does again."""
        if since is not None and self._silent_since is None:
            self.print_line(f"the engine has not responded since {clock(since)}")
        elif since is None and self._silent_since is not None:
            self.print_line("the engine responds again")
        self._silent_since = since

    def tick(self, now: float, monotonic: float) -> None:
        """Print a progress line if one is due."""
        due = REWRITE_SECONDS if self._rewrite else LINE_SECONDS
        if monotonic - self._last_progress < due:
            return
        line = self._progress_line(now)
        if line is not None and self._rewrite:  # a line that wraps cannot be overwritten
            line = clip_parts(line, shutil.get_terminal_size().columns - 1, SEPARATOR)
        if line is None or line == self._shown:
            return
        self._last_progress, self._shown = monotonic, line
        if self._rewrite:
            print("\r\x1b[K" + line, end="", file=self._out, flush=True)
        else:
            print(line, file=self._out, flush=True)

    def _print_phase(self, event: PhaseChanged, before: Phase | None, since: float) -> None:
        if before in START_UP:
            self.print_line(f"{START_UP[before]}: {event.time - since:.1f} s")
        if event.phase is Phase.TESTING:
            self.print_line("testing the best epoch")
        elif event.phase is Phase.PAUSED or before is Phase.PAUSED:
            self.print_line(str(event.phase))

    def _print_rolling(self, event: RollingEvaluated) -> None:
        """Print a line now and then, the first one when training has gone on for a while."""
        if event.time - max([self._last_rolling, *self.history.training_starts[-1:]]) >= LINE_SECONDS:
            self._last_rolling = event.time
            words = rolling_words(event.count, self.history.validation_count, event.first_step, event.step)
            self.print_line(f"{words}: {' '.join(in_words(event.validation))}")

    def _print_end(self, end: RunEnded) -> None:
        if end.reason is EndReason.TARGET:
            self.print_line(f"target met: {Target.parse(self.history.until)} in validation")
        if end.test_accuracy is None:
            best = self.history.best_epoch
            result = (
                f"; best validation accuracy {percent(best.validation_accuracy)}, epoch {best.epoch}" if best else ""
            )
            self.print_line(f"{describe(end)}{result}; {duration(end.seconds)} in total")
        else:
            if len(self.history.tests) > 1:
                first = describe_tests(self.history.tests[:1])
                self.print_line(f"the test images are {SEEN}; the first result was {first}")
            self.print_line(
                f"test accuracy {percent(end.test_accuracy)}, {' '.join(in_words({'loss': end.test_loss}))}"
                f" (epoch {end.best_epoch}, which has the best validation); {duration(end.seconds)} in total"
            )
        if self._run.model_path.exists():
            self.print_line(f"model: {self._run.model_path}")
        if end.unsaved:
            self.print_line(f"not saved: {', '.join(end.unsaved)}: the disk could not be written")

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
            *([f"{duration(state.seconds_left)} left"] if state.seconds_left is not None else ()),
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
    run: RunDirectory,
    out: TextIO | None = None,
    wait: Callable[[float], None] = time.sleep,
    since: float = 0.0,
    notification: Callable[[str], str] | None = None,
) -> int:
    """Print a run from its first event to its end, and return the exit status.

    Ctrl-C asks the engine to stop after the current batch, and printing goes on; a second Ctrl-C stops it at once. The
    engine does not wait for this reader, which is not a viewer.

    Args:
        run: The run to follow.
        out: Where to print; stdout by default.
        wait: Called between polls with the seconds to sleep.
        since: Time in seconds since 1970. An earlier end of the run does not count.
        notification: Returns what draws a terminal's attention to a sentence; None if `out` is no terminal.
    """
    out = out or sys.stdout
    reporter = PlainReporter(run, out, rewrite=out.isatty())
    history, follower = reporter.history, LogFollower(run.events_path)
    watch, is_news = OccasionWatch(), False
    interrupts = handled = 0
    was_live = False

    def interrupted(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        nonlocal interrupts
        interrupts += 1  # handled below, because a signal handler must not print into a print

    before = signal.signal(signal.SIGINT, interrupted)
    reporter.print_line(f"run {history.record.name} ({history.record.id}) in {run.path}")
    pinged = time.monotonic()
    try:
        while True:
            engine = run.engine()  # before reading, so that the last events of an engine are read
            while events := follower.read():  # everything, because a RunResumed after an end revokes it
                for event in events:
                    reporter.apply(event)
                watch.apply(events, time.monotonic())
            reporter.print_silence(engine.silent_since if engine is not None else None)
            was_live = engine is not None or (was_live and run.lock.may_be_restored())
            if notification is not None:
                words = watch.take(time.monotonic(), live=was_live, saves=not run.save_error())
                if is_news:
                    signs = (notification(sentence(history.record.name, each, history.ended)) for each in words)
                    out.write("".join(signs))
                    out.flush()
                is_news = True  # the first round reads what happened earlier
            if not was_live or has_ended(history, since):
                break
            if interrupts > handled:
                handled = interrupts
                _ask_to_stop(run, reporter, now=interrupts > 1)
            if time.monotonic() - pinged >= PING_SECONDS:
                with contextlib.suppress(RunError):  # the engine is starting or exiting
                    reporter.print_save_error(client.send(run, Ping(), PING_TIMEOUT, 0).save_error)
                pinged = time.monotonic()
            reporter.tick(time.time(), time.monotonic())
            wait(POLL_SECONDS)
        status = _status(run, reporter, since)
        _await_exit(run, wait)
    finally:
        signal.signal(signal.SIGINT, before)
    return 130 if interrupts and status == 0 else status


def has_ended(history: History, since: float) -> bool:
    """Return True if the run ended or failed after a time in seconds since 1970."""
    last = history.ended or history.failed
    return last is not None and last.time >= since


def _ask_to_stop(run: RunDirectory, reporter: PlainReporter, *, now: bool) -> None:
    try:
        client.send(run, Stop(by=client.origin("ctrl-c"), now=now))
    except RunError as error:
        reporter.print_line(str(error))


def _status(run: RunDirectory, reporter: PlainReporter, since: float) -> int:
    """Return the exit status, after lines that explain it."""
    history, hint = reporter.history, f"`mnist-tui resume {run.id}` continues from the newest checkpoint"
    if not run.path.exists():
        reporter.print_line(f"the run directory {run.path} was deleted: nothing more is saved")
        return 1
    if save_error := run.save_error():
        reporter.print_line(save_error)
    if not has_ended(history, since):
        reporter.print_line(f"run {run.id} crashed: the engine's last messages are in {run.log_path}; {hint}")
        return 1
    if history.failed is not None:
        reporter.print_line(hint)
        return 1
    if history.ended is not None and history.ended.reason in (EndReason.STOPPED, EndReason.KILLED):
        reporter.print_line(hint)
    if history.started is not None and ended_at_chance(history.alerts, history.ended, len(history.started.class_names)):
        rate = history.record.config.learning_rate
        reporter.print_line(
            f"the model is no better than chance: start again with another learning rate, such as {rate / 10:g}"
        )
        return 1
    return 1 if history.ended is not None and history.ended.unsaved else 0


def _await_exit(run: RunDirectory, wait: Callable[[float], None]) -> None:
    """Wait a little for the engine to exit, so that the next command finds the run without one."""
    deadline = time.monotonic() + EXIT_SECONDS
    while run.is_live() and time.monotonic() < deadline:
        wait(POLL_SECONDS)
