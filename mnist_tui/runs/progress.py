"""History + the time of day -> how far the job is and how long it still takes."""

import statistics
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_tui.events import START_UP, EndReason, Phase
from mnist_tui.runs.history import RECENT_STEPS, History

FORWARD_SHARE = 0.4
"""Cost of reading a digit over that of training on it, until the first validation was timed: a forward pass is about a
third of forward and backward, and the first one compiles."""
READING_SECONDS = 0.1
"""What reading any number of digits takes besides: to begin it, and to save what was found."""
COMPILING_SHARE = 0.5
"""Of the first training step's compilation: the most that compiling a forward pass takes."""
COMPILING_STEP = 20.0
"""Times the usual step: a step that takes longer compiled."""
OTHER_SPEED = 2.0
"""By so much the newest steps are slower or faster than the epoch before when something has changed."""
RECENT_EPOCHS = 8


@dataclass(frozen=True)
class Progress:
    """Where a run stands. Seconds are None while they cannot be known."""

    phase: Phase | None
    phase_seconds: float
    epoch: int
    epochs: int
    step: int
    steps: int
    epoch_fraction: float
    run_fraction: float
    images_per_second: float
    """Of the recent steps; NaN before the first."""
    seconds_left: float | None


def progress(history: History, now: float) -> Progress:
    """Measure a run at the time `now` (seconds since the epoch)."""
    started, table = history.started, history.steps
    step = int(table.column("step")[-1]) if table.count else 0
    epochs = history.epochs_planned
    per_epoch = started.steps_per_epoch if started else 0
    epoch_fraction = 0.0
    if per_epoch and step:
        epoch_fraction = ((step - 1) % per_epoch + 1) / per_epoch
    over = history.is_over
    left = None if over else _seconds_left(history, step, now)
    elapsed = history.worked(now)
    # A clock that was set back can leave neither time worked nor time left.
    steps = epochs * per_epoch
    done = step / steps if steps else 0.0
    if history.ended is not None and history.ended.reason is EndReason.EARLY:
        done = 1.0
    fraction = done if over else (elapsed / max(1e-9, elapsed + left) if left is not None else 0.0)
    return Progress(
        phase=history.phase,
        phase_seconds=max(0.0, now - history.phase_since),
        epoch=min(epochs, (max(step, 1) - 1) // per_epoch + 1) if per_epoch else 1,
        epochs=epochs,
        step=step,
        steps=steps,
        epoch_fraction=epoch_fraction,
        run_fraction=min(1.0, max(0.0, fraction)),
        images_per_second=history.recent("images_per_second"),
        seconds_left=left,
    )


def _seconds_left(history: History, step: int, now: float) -> float | None:
    """What is still to come: training, validations, the final test, and after a resume the start-up."""
    started = history.started
    seconds_a_step = _seconds_a_step(history)
    if started is None or seconds_a_step is None:
        return None
    cost = _reading_costs(history, seconds_a_step)
    if history.phase is Phase.TESTING:
        return max(0.0, cost.test - (now - history.phase_since))
    planned = history.epochs_planned
    epochs = min(planned, len(history.epochs) + 1) if history.stopping else planned
    left = (epochs - len(history.epochs)) * cost.epoch_end + cost.test
    if not history.stopping:
        left += (epochs * started.steps_per_epoch - step) * seconds_a_step
    if history.phase not in (Phase.TRAINING, Phase.VALIDATING):
        return max(0.0, left + _start_up_left(history, now))  # paused, or starting up after a resume
    last = max(history.phase_since, float(history.steps.column("time")[-1]), *(e.time for e in history.epochs[-1:]))
    return max(0.0, left - max(0.0, now - last))


@dataclass(frozen=True)
class _ReadingCosts:
    """Seconds of what comes after an epoch's last step (validation, saving), and of the final test."""

    epoch_end: float
    test: float


def _reading_costs(history: History, seconds_a_step: float) -> _ReadingCosts:
    """From the validations that were timed. An engine's first one compiles, and so does the test."""
    started = history.started
    assert started is not None
    guess = READING_SECONDS
    guess += seconds_a_step / history.record.config.batch_size * started.validation_count * FORWARD_SHARE
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
    fixed = min(READING_SECONDS, usual)
    ends = _epoch_ends(history, seconds_a_step)
    ends = ends[1:] or [end - compiling for end in ends]  # the first one compiled
    return _ReadingCosts(
        epoch_end=max(usual, statistics.median_low(ends)) if ends else usual,
        test=compiling + fixed + (usual - fixed) * started.test_count / max(1, started.validation_count),
    )


def _epoch_ends(history: History, seconds_a_step: float) -> list[float]:
    """Seconds between the last step of each epoch and the beginning of the next one's first, of the last ones."""
    table = history.steps
    epochs = table.column("epoch")
    numbers = [epoch.epoch for epoch in history.epochs if epochs.size and epoch.epoch < epochs[-1]][-RECENT_EPOCHS:]
    firsts = [int(place) for place in np.searchsorted(epochs, numbers, side="right")]
    worked, steps, compiled = table.column("worked"), table.column("step"), _compiled(history, firsts)
    ends = [
        float(worked[first] - worked[first - 1] - seconds_a_step * (steps[first] - steps[first - 1]))
        for first, late in zip(firsts, compiled, strict=True)
        if first and not late
    ]
    return [max(0.0, end) for end in ends]


def _start_up_left(history: History, now: float) -> float:
    """What is left of a resumed engine's start-up, which takes as long as the first one's did."""
    if history.phase is not None and history.phase not in START_UP:
        return 0.0
    first = float(history.steps.column("worked")[0])
    begun = history.phase_since - sum(history.phase_seconds.values())
    return max(0.0, first - max(0.0, now - begun))


def _seconds_a_step(history: History) -> float | None:
    """Mean of the last epoch's worth of steps; of the newest ones alone once the speed is plainly another.

    From the times between steps of one epoch, so that everything between two steps counts, but no pause and no step
    that compiled.
    """
    table, started = history.steps, history.started
    if table.count < 2:
        return None
    window = max(RECENT_STEPS, started.steps_per_epoch if started is not None else 0) + 1
    took, epochs = np.diff(table.column("worked")[-window:]), table.column("epoch")[-window:]
    took = took / np.diff(table.column("step")[-window:])  # a row may be of several steps that were taken at once
    took = took[~_compiled(history, slice(-window, None))[1:] & (epochs[1:] == epochs[:-1])]
    if not took.size:
        speed = history.recent("images_per_second")
        return history.record.config.batch_size / speed if speed > 0 else None
    mean, recent = float(took.mean()), float(took[-RECENT_STEPS:].mean())
    if took.size >= RECENT_STEPS and not mean / OTHER_SPEED < recent < mean * OTHER_SPEED:
        mean = recent
    return max(1e-6, mean)


def _compiled(history: History, rows: list[int] | slice) -> NDArray[np.bool_]:
    """Of each of these steps: whether it took so long that it must have compiled, as an engine's first one does."""
    speed = history.steps.column("images_per_second")
    return speed[rows] * COMPILING_STEP < np.median(speed[-RECENT_STEPS:])
