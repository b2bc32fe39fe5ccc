"""The measurements: how fast a preset trains, and how soon `fast` reaches the mark."""

import contextlib
import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec
import psutil

from mnist_tui.bench.engines import complaint, end, follow, temporary_home
from mnist_tui.bench.results import MachineInfo, Measured, Speed, TimedRun, mark_of
from mnist_tui.bench.timing import Timing, rates, seconds_of
from mnist_tui.bench.words import mark_line, speed_line
from mnist_tui.config import RunConfig
from mnist_tui.control import client
from mnist_tui.control.protocol import SetEpochs
from mnist_tui.events import Hardware
from mnist_tui.runs.directory import RunDirectory, RunError

WARM_UP_SECONDS = 2.0
PATIENCE = 3.0
"""Times the wanted seconds that measuring may take by the clock: short epochs are mostly validation."""
FIRST_EPOCHS = 100
"""Enough for the smallest data set not to end before the first look."""
STEPS_AHEAD = 3_000
"""What is planned beyond the steps done: enough between two looks, and soon over should nobody be left to end it."""
MOST_EPOCHS = 10_000

Start = Callable[[RunConfig], RunDirectory]
"""Starts an engine; raises ConfigError or RunError."""


class Teller(Protocol):
    """Who is told how far the measuring is."""

    def tell(self, name: str, words: str, share: float | None) -> None:
        """What is under way, and how much of it is done, 0..1 (None: that is not known)."""

    def say(self, line: str) -> None:
        """What came of it."""


def measure(
    speeds: Sequence[RunConfig],
    marks: Sequence[RunConfig],
    seconds: float,
    settings: dict[str, str],
    start: Start,
    teller: Teller,
) -> Measured:
    """Measure the speed of each of `speeds`, for so many seconds, then train each of `marks` to its end.

    Raises ConfigError or RunError when an engine cannot be started; one that fails later is an `error` in the result.
    """
    load, bench = os.getloadavg()[0], Bench(start, teller)
    with temporary_home():
        measured = tuple(bench.speed(config, seconds) for config in speeds)
        runs = tuple(bench.mark(config) for config in marks)
    hardware = bench.hardware
    machine = MachineInfo(
        device=hardware.device if hardware else None,
        processor=processor(),
        cpu_count=hardware.cpu_count if hardware else os.cpu_count() or 1,
        memory_bytes=psutil.virtual_memory().total,
        load_before=round(load, 2),
        versions=bench.versions,
    )
    mark = mark_of(marks[0].preset, runs) if runs else None
    return Measured(machine=machine, settings=settings, seconds=seconds, presets=measured, mark=mark)


class Bench:
    """Measures one thing after the other, and keeps what the engines say of the machine."""

    def __init__(self, start: Start, teller: Teller) -> None:
        self._start = start
        self._teller = teller
        self.hardware: Hardware | None = None
        self.versions: dict[str, str] = {}

    def speed(self, config: RunConfig, seconds: float) -> Speed:
        """How fast a preset trains."""
        name = config.preset

        def tell(timing: Timing) -> None:
            done = seconds_of(timing.warm(WARM_UP_SECONDS))
            words = timing.waits_for or ("measuring" if done else "warming up")
            self._teller.tell(name, words, min(1.0, done / seconds) if done else None)
            plan_ahead(run, timing)

        def enough(timing: Timing) -> bool:
            steps = timing.warm(WARM_UP_SECONDS)
            since = time.time() - (timing.first_step or time.time()) - WARM_UP_SECONDS
            return bool(steps) and (seconds_of(steps) >= seconds or since >= PATIENCE * seconds)

        self._teller.tell(name, "starting", None)
        run = self._start(msgspec.structs.replace(config, epochs=FIRST_EPOCHS))
        timing = follow(run, tell, enough)
        speed = speed_of(config, timing, complaint(run, timing))
        self._part_with(run, timing)
        self._teller.say(speed_line(speed))
        return speed

    def mark(self, config: RunConfig) -> TimedRun:
        """One run to its end."""
        name = f"{config.preset} to the mark, seed {config.seed}"

        def tell(timing: Timing) -> None:
            words = timing.waits_for or str(timing.phase)
            share = timing.step / timing.steps_planned if timing.step and timing.steps_planned else None
            self._teller.tell(name, words, share)

        self._teller.tell(name, "starting", None)
        run = self._start(config)
        timing = follow(run, tell, lambda _: False)
        result = TimedRun(
            seed=config.seed,
            epochs=config.epochs,
            start_up_seconds=timing.start_up_seconds,
            training_seconds=timing.training_seconds,
            test_seconds=timing.test_seconds,
            validation_accuracy=timing.validation_accuracy,
            test_accuracy=timing.ended.test_accuracy if timing.ended else None,
            error=complaint(run, timing),
        )
        self._part_with(run, timing)
        self._teller.say(mark_line(config.preset, result))
        return result

    def _part_with(self, run: RunDirectory, timing: Timing) -> None:
        """Keep what the run says of the machine, and end it."""
        if timing.started is not None:
            self.hardware, self.versions = timing.started.hardware, run.record().versions
        end(run)


def plan_ahead(run: RunDirectory, timing: Timing) -> None:
    """Keep some thousand steps before the engine: never at its end, and soon there when nobody stops it."""
    left = timing.steps_planned - timing.step
    if timing.started is None or not timing.step or STEPS_AHEAD / 2 <= left <= STEPS_AHEAD * 2:
        return
    epochs = math.ceil((timing.step + STEPS_AHEAD) / timing.started.steps_per_epoch)
    if epochs != timing.epochs_planned:
        with contextlib.suppress(RunError):  # it is ending: then there is as much as there is
            client.send(run, SetEpochs(by=client.origin("bench"), epochs=min(MOST_EPOCHS, epochs)))


def speed_of(config: RunConfig, timing: Timing, error: str | None) -> Speed:
    """What a run's steps come to; without a single one, an error."""
    steps = timing.warm(WARM_UP_SECONDS)
    found = rates(steps)
    if error or not found or timing.started is None:
        reason = error or f"it ended within {WARM_UP_SECONDS:g} s of its first step: give it more digits"
        return Speed(preset=config.preset, batch_size=config.batch_size, error=reason)
    median = statistics.median(found)
    return Speed(
        preset=config.preset,
        batch_size=config.batch_size,
        images_per_second=median,
        lowest=min(found),
        highest=max(found),
        n=len(found),
        steps=sum(step.steps for step in steps),
        measured_seconds=seconds_of(steps),
        start_up_seconds=timing.start_up_seconds,
        epoch_seconds=timing.started.train_count / median,
    )


def processor() -> str:
    """The processor's name, as the system tells it; empty where it does not."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
