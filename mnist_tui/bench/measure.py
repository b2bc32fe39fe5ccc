"""Measurements of `mnist-tui bench`: the training speed of presets, and the time to the target accuracy."""

import contextlib
import math
import os
import statistics
import time
from collections.abc import Callable, Sequence

import msgspec

from mnist_tui.bench.engines import end, failure_reason, follow, temporary_home
from mnist_tui.bench.report import ProgressReport, run_line, speed_line
from mnist_tui.bench.results import BenchResult, Speed, TimedRun, TimeToAccuracy, machine_info
from mnist_tui.bench.timing import Timing
from mnist_tui.config import RunConfig
from mnist_tui.control import client
from mnist_tui.control.protocol import SetEpochs
from mnist_tui.events import Hardware
from mnist_tui.runs.directory import RunDirectory, RunError

WARM_UP_SECONDS = 2.0
MAX_DURATION = 3.0
"""Wall-clock limit of a speed measurement, in multiples of the wanted seconds: short epochs are mostly validation."""
FIRST_EPOCHS = 100
"""Enough epochs for the smallest data set to last until the first poll."""
STEPS_AHEAD = 3_000
"""Steps planned ahead: enough between two polls, and soon over if the benchmark is killed."""
MAX_EPOCHS = 10_000

Start = Callable[[RunConfig], RunDirectory]
"""Starts an engine; raises ConfigError or RunError."""


def measure(
    speeds: Sequence[RunConfig],
    complete: Sequence[RunConfig],
    seconds: float,
    settings: dict[str, str],
    start: Start,
    report: ProgressReport,
) -> BenchResult:
    """Measure the speed of each of `speeds` for some seconds, then train each of `complete` to its end.

    Raises ConfigError or RunError if an engine cannot be started. If one fails later, its result has an error.
    """
    load, bench = os.getloadavg()[0], _Bench(start, report)
    with temporary_home():
        measured = tuple(bench.speed(config, seconds) for config in speeds)
        runs = tuple(bench.complete(config) for config in complete)
    return BenchResult(
        machine=machine_info(load, bench.hardware, bench.versions),
        settings=settings,
        seconds=seconds,
        presets=measured,
        time_to_accuracy=TimeToAccuracy.of(complete[0].preset, runs) if runs else None,
    )


class _Bench:
    def __init__(self, start: Start, report: ProgressReport) -> None:
        self._start = start
        self._report = report
        self.hardware: Hardware | None = None
        self.versions: dict[str, str] = {}

    def speed(self, config: RunConfig, seconds: float) -> Speed:
        def on_poll(timing: Timing) -> None:
            done = timing.steps(WARM_UP_SECONDS).total
            text = timing.start_up_phase or ("measuring" if done else "warming up")
            self._report.update(config.preset, text, min(1.0, done / seconds) if done else None)
            plan_ahead(run, timing)

        def is_enough(timing: Timing) -> bool:
            done = timing.steps(WARM_UP_SECONDS).total
            since = time.time() - (timing.first_step or time.time()) - WARM_UP_SECONDS
            return bool(done) and (done >= seconds or since >= MAX_DURATION * seconds)

        self._report.update(config.preset, "starting", None)
        run = self._start(msgspec.structs.replace(config, epochs=FIRST_EPOCHS))
        timing = follow(run, is_enough, on_poll)
        speed = speed_of(config, timing, failure_reason(run, timing.history))
        self._end(run, timing)
        self._report.log(speed_line(speed))
        return speed

    def complete(self, config: RunConfig) -> TimedRun:
        name = f"{config.preset}, seed {config.seed}"

        def on_poll(timing: Timing) -> None:
            step, planned = timing.history.last_step, timing.steps_planned
            text = timing.start_up_phase or str(timing.history.phase)
            self._report.update(name, text, step / planned if step and planned else None)

        self._report.update(name, "starting", None)
        run = self._start(config)
        timing = follow(run, on_poll=on_poll)
        result = TimedRun.of(config, timing, failure_reason(run, timing.history))
        self._end(run, timing)
        self._report.log(run_line(config.preset, result))
        return result

    def _end(self, run: RunDirectory, timing: Timing) -> None:
        if timing.history.started is not None:
            self.hardware, self.versions = timing.history.started.hardware, run.record().versions
        end(run)


def plan_ahead(run: RunDirectory, timing: Timing) -> None:
    """Keep some thousand steps planned, so that the run does not end while it is measured."""
    history = timing.history
    left = timing.steps_planned - history.last_step
    if history.started is None or not history.last_step or STEPS_AHEAD / 2 <= left <= STEPS_AHEAD * 2:
        return
    epochs = math.ceil((history.last_step + STEPS_AHEAD) / history.started.steps_per_epoch)
    if epochs != history.epochs_planned:
        with contextlib.suppress(RunError):  # the run is ending
            client.send(run, SetEpochs(by=client.origin("bench"), epochs=min(MAX_EPOCHS, epochs)))


def speed_of(config: RunConfig, timing: Timing, error: str | None) -> Speed:
    """Return the speed after the warm-up, or an error if there is no step."""
    steps, started = timing.steps(WARM_UP_SECONDS), timing.history.started
    rates = steps.rates()
    if error or not rates or started is None:
        reason = error or f"it ended within {WARM_UP_SECONDS:g} s of its first step: use more training images"
        return Speed(preset=config.preset, batch_size=config.batch_size, error=reason)
    median = statistics.median(rates)
    return Speed(
        preset=config.preset,
        batch_size=config.batch_size,
        images_per_second=median,
        lowest=min(rates),
        highest=max(rates),
        n=len(rates),
        steps=int(steps.steps.sum()),
        measured_seconds=steps.total,
        start_up_seconds=timing.start_up_seconds,
        epoch_seconds=started.train_count / median,
        joules_per_image=timing.history.energy.joules_per_image,
    )
