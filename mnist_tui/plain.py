"""The same events as plain lines, for pipes, logs and screen readers."""

import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import TextIO

from mnist_tui.events import (
    START_UP,
    AnyEvent,
    EpochEnded,
    HardwareSampled,
    Phase,
    PhaseChanged,
    RunEnded,
    RunStarted,
    StepEnded,
)
from mnist_tui.metrics import METRICS_BY_KEY
from mnist_tui.render.text import duration, percent
from mnist_tui.runs import client
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.history import History, describe
from mnist_tui.runs.log import LogFollower
from mnist_tui.runs.progress import progress
from mnist_tui.runs.protocol import Stop

POLL_SECONDS = 0.1
LINE_SECONDS = 10.0
"""Between progress lines where they pile up (a pipe, a file); a terminal rewrites one line twice a second."""
REWRITE_SECONDS = 0.5


class PlainReporter:
    """Prints a run's events. `rewrite` says whether the progress line may be painted over."""

    def __init__(self, run: RunDirectory, out: TextIO, *, rewrite: bool) -> None:
        self._run = run
        self._out = out
        self._rewrite = rewrite
        self._pending = ""
        self._last_progress = 0.0
        self.history = History(run.record())

    def say(self, line: str) -> None:
        """Print one line for good."""
        clear = "\r\x1b[K" if self._pending else ""
        self._pending = ""
        print(clear + line, file=self._out, flush=True)

    def take(self, event: AnyEvent) -> None:
        """Take in one event and print what is worth a line."""
        before, since = self.history.phase, self.history.phase_since
        self.history.apply(event)
        match event:
            case PhaseChanged():
                if before in START_UP:
                    self.say(f"{START_UP[before]}: {event.time - since:.1f} s")
                if event.phase is Phase.TESTING:
                    self.say("testing the best epoch on the test digits")
            case RunStarted():
                parameters = sum(layer.parameters for layer in event.layers)
                self.say(
                    f"{self.history.record.config.preset}: {len(event.layers)} layers, {parameters:,} parameters,"
                    f" on {event.hardware.device}"
                )
                self.say(
                    f"digits: {event.train_count:,} to train on, {event.validation_count:,} to validate on,"
                    f" {event.test_count:,} to test on at the end"
                )
            case EpochEnded():
                self.say(self._epoch_line(event))
            case StepEnded() | HardwareSampled() | RunEnded():
                pass  # in the progress line, nowhere, and in the closing lines
            case _:
                self.say(describe(event))

    def tick(self, now: float, monotonic: float) -> None:
        """Print a progress line when one is due."""
        due = REWRITE_SECONDS if self._rewrite else LINE_SECONDS
        if monotonic - self._last_progress < due:
            return
        line = self._progress_line(now)
        if line is None or line == self._pending:
            return
        self._last_progress = monotonic
        if self._rewrite:
            print("\r\x1b[K" + line, end="", file=self._out, flush=True)
            self._pending = line
        else:
            print(line, file=self._out, flush=True)

    def _progress_line(self, now: float) -> str | None:
        history, state = self.history, progress(self.history, now)
        if history.is_over or state.phase is None:
            return None
        if state.phase in START_UP:
            return f"{START_UP[state.phase]}: {state.phase_seconds:.0f} s so far" if self._rewrite else None
        loss, accuracy = METRICS_BY_KEY["loss"], METRICS_BY_KEY["accuracy"]
        return (
            f"epoch {state.epoch}/{state.epochs}  step {state.step:,}/{state.steps:,}  {state.phase}"
            f"  loss {loss.format(history.recent('loss'))}  accuracy {accuracy.format(history.recent('accuracy'))}"
            f"  {state.images_per_second:,.0f} images/s  {duration(state.seconds_left)} left"
        )

    def _epoch_line(self, epoch: EpochEnded) -> str:
        loss, accuracy = METRICS_BY_KEY["loss"], METRICS_BY_KEY["accuracy"]
        return (
            f"epoch {epoch.epoch}/{self.history.record.config.epochs} in {epoch.seconds:.1f} s:"
            f"  train loss {loss.format(epoch.train_loss)} accuracy {accuracy.format(epoch.train_accuracy)}"
            f"  validation loss {loss.format(epoch.validation_loss)}"
            f" accuracy {accuracy.format(epoch.validation_accuracy)}" + ("  best so far" if epoch.is_best else "")
        )


def follow(run: RunDirectory, out: TextIO | None = None, wait: Callable[[float], None] = time.sleep) -> int:
    """Print a run from its first event until its engine has ended; returns the exit status.

    Ctrl-C asks the engine to end after the batch and goes on printing until it has; a second one ends it at once.
    """
    out = out or sys.stdout
    reporter = PlainReporter(run, out, rewrite=out.isatty())
    follower = LogFollower(run.events_path)
    interrupts = 0

    def interrupted(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        nonlocal interrupts
        interrupts += 1
        try:
            client.ask(run, Stop(by="ctrl-c", now=interrupts > 1))
        except RunError as error:
            reporter.say(str(error))

    before = signal.signal(signal.SIGINT, interrupted)
    record = reporter.history.record
    reporter.say(f"run {record.name} ({record.id}) in {run.path}")
    try:
        while True:
            live = run.is_live()  # before reading: what an engine wrote before it ended is then read
            for event in follower.read():
                reporter.take(event)
            if not live:
                break
            reporter.tick(time.time(), time.monotonic())
            wait(POLL_SECONDS)
    finally:
        signal.signal(signal.SIGINT, before)
    history = reporter.history
    if history.failed is not None:
        return 1
    if history.ended is None:
        reporter.say(f"run {record.id} crashed: the engine's last messages are in {run.log_path}")
        return 1
    if history.ended.test_accuracy is not None:
        reporter.say(
            f"test accuracy {percent(history.ended.test_accuracy)}, loss {history.ended.test_loss:.4f}"
            f" (of epoch {history.ended.best_epoch}, the best on the validation digits)"
            f"; {duration(history.ended.seconds)} in all"
        )
        reporter.say(f"model: {run.model_path}")
    return 130 if interrupts else 0
