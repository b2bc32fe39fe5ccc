"""History + the time of day -> how far the job is and how long it still takes."""

from dataclasses import dataclass

from mnist_tui.events import Phase
from mnist_tui.runs.history import RECENT_STEPS, History

FORWARD_SHARE = 0.4
"""Cost of reading a digit over that of training on it, until the first validation was timed: a forward pass is about a
third of forward and backward, and the first one compiles."""


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
    started, table, config = history.started, history.steps, history.record.config
    step = int(table.column("step")[-1]) if table.count else 0
    epochs = started.epochs if started else config.epochs
    per_epoch = started.steps_per_epoch if started else 0
    epoch_fraction = 0.0
    if per_epoch and step:
        epoch_fraction = ((step - 1) % per_epoch + 1) / per_epoch
    over = history.is_over
    left = None if over else _seconds_left(history, step, now)
    elapsed = now - history.record.created
    fraction = 1.0 if history.ended else (elapsed / (elapsed + left) if left is not None else 0.0)
    return Progress(
        phase=history.phase,
        phase_seconds=max(0.0, now - history.phase_since),
        epoch=min(epochs, (max(step, 1) - 1) // per_epoch + 1) if per_epoch else 1,
        epochs=epochs,
        step=step,
        steps=epochs * per_epoch,
        epoch_fraction=epoch_fraction,
        run_fraction=min(1.0, max(0.0, fraction)),
        images_per_second=history.recent("images_per_second"),
        seconds_left=left,
    )


def _seconds_left(history: History, step: int, now: float) -> float | None:
    """Training, validations and the final test that are still to come, at the recent speed."""
    started = history.started
    seconds_a_step = _seconds_a_step(history)
    if started is None or seconds_a_step is None:
        return None
    batch = history.record.config.batch_size
    validation = seconds_a_step / batch * started.validation_count * FORWARD_SHARE
    if history.epochs:
        validation = sum(epoch.validation_seconds for epoch in history.epochs) / len(history.epochs)
    test = validation * started.test_count / max(1, started.validation_count)
    if history.phase is Phase.TESTING:
        return max(0.0, test - (now - history.phase_since))
    epochs = min(started.epochs, len(history.epochs) + 1) if history.stopping else started.epochs
    left = (epochs - len(history.epochs)) * validation + test
    if not history.stopping:
        left += (epochs * started.steps_per_epoch - step) * seconds_a_step
    last = max(history.phase_since, float(history.steps.column("time")[-1]), *(e.time for e in history.epochs[-1:]))
    return max(0.0, left - max(0.0, now - last))


def _seconds_a_step(history: History) -> float | None:
    """From the times of the recent steps of one epoch, so that everything between two steps counts."""
    times, epochs = history.steps.column("time")[-RECENT_STEPS:], history.steps.column("epoch")[-RECENT_STEPS:]
    times = times[epochs == epochs[-1]] if times.size else times
    if times.size >= 2:
        return max(1e-6, float(times[-1] - times[0]) / (times.size - 1))
    if history.steps.count >= 2:
        batch = history.record.config.batch_size
        speed = history.recent("images_per_second")
        return batch / speed if speed > 0 else None
    return None
