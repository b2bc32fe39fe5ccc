"""Progress of a run: the fraction done and the time left, from its history and the time of day."""

import math
import statistics
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_tui.events import START_UP, EndReason, Phase
from mnist_tui.runs.history import RECENT_STEPS, History

FORWARD_SHARE = 0.4
"""Cost of evaluating an image relative to training on it, until a validation was timed: a forward pass is about a third
of forward and backward, and the first one compiles."""
EVALUATION_OVERHEAD = 0.1
"""Seconds that an evaluation takes for any number of images, to start and to save its predictions."""
COMPILING_SHARE = 0.5
"""Upper bound for compiling a forward pass, as a share of the compilation of the first training step."""
COMPILING_STEP = 20.0
"""Duration of a step, in multiples of the usual one, from which on it must have compiled."""
CHANGED_SPEED = 2.0
"""Factor by which the newest steps must be slower or faster than the last epoch to count as a change."""
RECENT_EPOCHS = 8
FEWEST_STEPS = 10
"""Steps that must be timed before the time left is estimated: the first ones are slow, some of them 10 times."""


@dataclass(frozen=True)
class Progress:
    """Progress of a run. Seconds are None while they are unknown."""

    phase: Phase | None
    phase_seconds: float
    epoch: int
    epochs: int
    step: int
    steps: int
    epoch_fraction: float
    run_fraction: float
    """Share of the time from the first step to the end of the test."""
    images_per_second: float
    """Mean of the recent steps; NaN before the first."""
    seconds_left: float | None


def progress(history: History, now: float) -> Progress:
    """Return the progress of a run at the time `now`, in seconds since 1970."""
    started, table = history.started, history.steps
    step = int(table.column("step")[-1]) if table.count else 0
    epochs = history.epochs_planned
    per_epoch = started.steps_per_epoch if started else 0
    epoch_fraction = 0.0
    if per_epoch and step:
        epoch_fraction = ((step - 1) % per_epoch + 1) / per_epoch
    over = history.is_over
    left = None if over else _seconds_left(history, step, now)
    start_up = max(0.0, float(table.column("worked")[0])) if table.count else math.inf
    elapsed = max(0.0, history.worked(now) - start_up)
    steps = epochs * per_epoch
    done = step / steps if steps else 0.0
    if history.ended is not None and history.ended.reason in (EndReason.EARLY, EndReason.TARGET):
        done = 1.0
    # elapsed and left may both be 0 if the clock was set back
    fraction = done if over or left is None else elapsed / max(1e-9, elapsed + left)
    return Progress(
        phase=history.phase,
        phase_seconds=max(0.0, now - history.phase_since),
        epoch=min(epochs, (max(step, 1) - 1) // per_epoch + 1) if per_epoch else max(1, len(history.epochs)),
        epochs=epochs,
        step=step,
        steps=steps,
        epoch_fraction=epoch_fraction,
        run_fraction=min(1.0, max(0.0, fraction)),
        images_per_second=history.recent("images_per_second"),
        seconds_left=left,
    )


def _seconds_left(history: History, step: int, now: float) -> float | None:
    """Estimate what is left of training, validations, the final test, and the start-up after a resume."""
    started = history.started
    seconds_per_step = _seconds_per_step(history)
    if started is None or seconds_per_step is None:
        return None
    cost = _evaluation_costs(history, seconds_per_step)
    if history.phase is Phase.TESTING:
        return max(0.0, cost.test - (now - history.phase_since))
    planned = history.epochs_planned
    epochs = min(planned, len(history.epochs) + 1) if history.stopping else planned
    left = (epochs - len(history.epochs)) * cost.epoch_end + cost.test
    if not history.stopping:
        left += (epochs * started.steps_per_epoch - step) * seconds_per_step
    if history.phase not in (Phase.TRAINING, Phase.VALIDATING):
        return max(0.0, left + _start_up_left(history, now))  # paused, or starting up after a resume
    last = max(history.phase_since, float(history.steps.column("time")[-1]), *(e.time for e in history.epochs[-1:]))
    return max(0.0, left - max(0.0, now - last))


@dataclass(frozen=True)
class _EvaluationCosts:
    """Seconds from an epoch's last step to its end (validation, saving), and of the final test."""

    epoch_end: float
    test: float


def _evaluation_costs(history: History, seconds_per_step: float) -> _EvaluationCosts:
    """Estimate costs from the timed validations. The first one of an engine compiles, and so does the test."""
    started = history.started
    assert started is not None
    guess = EVALUATION_OVERHEAD
    guess += seconds_per_step / history.record.config.batch_size * started.validation_count * FORWARD_SHARE
    timed = [epoch.validation_seconds for epoch in history.epochs]
    if not timed:
        usual, compiling = guess, 0.0
    elif len(timed) == 1:
        most = history.phase_seconds.get(Phase.COMPILING, 0.0) * COMPILING_SHARE
        compiling = min(max(0.0, timed[0] - guess), most)
        usual = timed[0] - compiling
    else:
        usual = min(statistics.median_low(timed[1:]), timed[0])
        compiling = timed[0] - usual
    fixed = min(EVALUATION_OVERHEAD, usual)
    ends = _epoch_ends(history, seconds_per_step)
    ends = ends[1:] or [end - compiling for end in ends]  # the first one compiled
    return _EvaluationCosts(
        epoch_end=max(usual, statistics.median_low(ends)) if ends else usual,
        test=compiling + fixed + (usual - fixed) * started.test_count / max(1, started.validation_count),
    )


def _epoch_ends(history: History, seconds_per_step: float) -> list[float]:
    """Return the seconds from the last step of each recent epoch to the beginning of the next epoch."""
    table = history.steps
    epochs = table.column("epoch")
    numbers = [epoch.epoch for epoch in history.epochs if epochs.size and epoch.epoch < epochs[-1]][-RECENT_EPOCHS:]
    firsts = [int(place) for place in np.searchsorted(epochs, numbers, side="right")]
    worked, steps, compiled = table.column("worked"), table.column("step"), _compiled(history, firsts)
    ends = [
        float(worked[first] - worked[first - 1] - seconds_per_step * (steps[first] - steps[first - 1]))
        for first, late in zip(firsts, compiled, strict=True)
        if first and not late
    ]
    return [max(0.0, end) for end in ends]


def _start_up_left(history: History, now: float) -> float:
    """Estimate what is left of a resumed engine's start-up, which takes as long as the first start-up."""
    if history.phase is not None and history.phase not in START_UP:
        return 0.0
    first = float(history.steps.column("worked")[0])
    begun = history.phase_since - sum(history.phase_seconds.values())
    return max(0.0, first - max(0.0, now - begun))


def _seconds_per_step(history: History) -> float | None:
    """Return the mean over the last epoch's number of steps, or over the newest steps if the speed has changed.

    The mean is over the times between steps of one epoch, without pauses and steps that compiled. Of the first
    RECENT_STEPS it is the median, as some wait for what happens once. None: fewer than FEWEST_STEPS were timed.
    """
    table, started = history.steps, history.started
    if table.count < 2:
        return None
    window = max(RECENT_STEPS, started.steps_per_epoch if started is not None else 0) + 1
    took, epochs = np.diff(table.column("worked")[-window:]), table.column("epoch")[-window:]
    counts = np.diff(table.column("step")[-window:])  # a row may be an execution of several steps
    if counts.sum() < FEWEST_STEPS:
        return None
    took = (took / counts)[~_compiled(history, slice(-window, None))[1:] & (epochs[1:] == epochs[:-1])]
    if not took.size:
        speed = history.recent("images_per_second")
        return history.record.config.batch_size / speed if speed > 0 else None
    if table.count <= RECENT_STEPS:
        return max(1e-6, float(np.median(took)))
    mean, recent = float(took.mean()), float(took[-RECENT_STEPS:].mean())
    if took.size >= RECENT_STEPS and not mean / CHANGED_SPEED < recent < mean * CHANGED_SPEED:
        mean = recent
    return max(1e-6, mean)


def _compiled(history: History, rows: list[int] | slice) -> NDArray[np.bool_]:
    """Return True for each step that took so long that it must have compiled."""
    speed = history.steps.column("images_per_second")
    return speed[rows] * COMPILING_STEP < np.median(speed[-RECENT_STEPS:])
