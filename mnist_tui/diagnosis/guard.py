"""The divergence guard: a run's figures in, findings in words out. Pure, and cheap enough to be asked after every step.

    guard = Guard(classes=10)
    finding = guard.step(312, 1, 14.2, 0.11)     # after every step; None while all is well
    finding = guard.epoch(figures)               # after every epoch

A finding is told once an episode, not at every step of it. The thresholds were set against 40 short real runs on
MNIST (batches of 1 to 128 digits; learning rates from 1e-5 to 1, and raised 3 to 1,000 times half-way): what learns
stays silent, what is wrecked is named. Only with batches of one digit can chance alone look like a spike.
"""

import math
import statistics
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from mnist_tui.events import AlertKind

SPIKE_WINDOW = 50
"""Steps whose median is the usual loss, and for which a spike is not told again."""
SPIKE_STEPS = 3
"""Steps in a row that must be high: a wrecked network needs many to recover, a batch with a hard digit only one."""
SPIKE_RATIO = 4.0
"""Times the usual loss that a spike exceeds. With label smoothing 0.1 a fall back to guessing is 4.3 times it."""
SPIKE_RISE = 0.5
"""Of the loss of guessing, that a spike lies above the usual loss: near zero, many times the usual is still little."""
LOST_RATIO = 10_000.0
"""Times the loss of guessing, from which on the weights are as lost as with NaN: an infinity is steps away."""
DEAD_WINDOW = 200
"""Steps whose mean accuracy is held against chance."""
DEAD_FIRST_STEP = 300
"""Steps that a network is given to begin to learn."""
DEAD_RATIO = 0.5
"""Of chance, by which a dead network's accuracy exceeds it at most; by more than twice that, it has recovered."""
DEAD_MARGIN = 0.05
"""The same as a difference of accuracy; the lesser of both holds: of two classes, 75 % right is no guessing."""
EXPLODED_RATIO = 2.0
"""Times the loss of guessing that only a far too high learning rate reaches: decides what a dead network is advised."""
OVERFITTING_EPOCHS = 3
"""Epochs in a row whose validation loss is high: at a constant learning rate, one or two are by chance."""
OVERFITTING_RISE = 0.1
"""Of the lowest validation loss, that a high one lies above it at least."""
PLATEAU_EPOCHS = 5
"""Epochs without a better validation accuracy."""
PLATEAU_GAIN = 0.0002
"""Of accuracy, that a better epoch is better by more than: one digit of 5,000."""
ROUNDING = 1e-9
"""What a difference of two accuracies may be off by."""


class EpochFigures(msgspec.Struct, frozen=True):
    """What the guard needs to know of an epoch, counted from 1. Losses are None where they were not finite."""

    epoch: int
    train_loss: float | None
    validation_loss: float | None
    validation_accuracy: float
    """0..1."""


@dataclass(frozen=True)
class Finding:
    """Something that a person should know: what it is about, and one sentence."""

    kind: AlertKind
    text: str


class Guard:
    """Watches one run. `epochs` are the earlier ones that count, after a resume or a roll back; none is told again."""

    def __init__(self, classes: int, epochs: Iterable[EpochFigures] = ()) -> None:
        self._chance = 1 / max(2, classes)
        self._guessing = -math.log(self._chance)
        self._losses: deque[float] = deque(maxlen=SPIKE_WINDOW)
        self._newest: deque[tuple[float, int]] = deque(maxlen=SPIKE_STEPS)
        """(loss, step) of the steps after those in `_losses`."""
        self._spike_told: int | None = None
        self._accuracies: deque[float] = deque(maxlen=DEAD_WINDOW)
        self._highest_loss = 0.0
        self._finite = True
        self._alive = True
        self._lowest: EpochFigures | None = None
        """The epoch of the lowest validation loss."""
        self._high_epochs = 0
        """Epochs in a row, up to the newest, whose validation loss is high."""
        self._best: EpochFigures | None = None
        """The newest epoch that was better than the best before it by more than PLATEAU_GAIN."""
        self._overfitting_told = self._plateau_told = False
        for figures in epochs:
            self.epoch(figures)

    def step(self, step: int, epoch: int, loss: float, accuracy: float) -> Finding | None:  # noqa: ARG002
        """Take in a step's own loss and accuracy (0..1). Steps count from 1 over all epochs."""
        if not math.isfinite(loss) or loss > LOST_RATIO * self._guessing:
            return self._not_finite(step, loss)
        self._finite = True
        self._highest_loss = max(self._highest_loss, loss)
        if 0 <= accuracy <= 1:  # false for nan
            self._accuracies.append(accuracy)
        return self._spike(step, loss) or self._dead(step)

    def steps(self, step: int, count: int, epoch: int, loss: float, accuracy: float) -> Finding | None:
        """Take in `count` steps that were taken at once, up to this one, with the means of their figures."""
        findings = [self.step(number, epoch, loss, accuracy) for number in range(step - count + 1, step + 1)]
        return next(filter(None, findings), None)

    def epoch(self, figures: EpochFigures) -> Finding | None:
        """Take in an epoch's figures. Overfitting goes before a plateau, which can be told an epoch later."""
        plateau = self._plateau(figures)
        finding = self._overfitting(figures) or plateau
        if finding is not None:
            self._overfitting_told |= finding.kind is AlertKind.OVERFITTING
            self._plateau_told |= finding.kind is AlertKind.PLATEAU
        return finding

    def _not_finite(self, step: int, loss: float) -> Finding | None:
        self._newest.clear()
        self._highest_loss = math.inf
        if not self._finite:
            return None
        self._finite = False
        if math.isfinite(loss):
            what = f"exploded to {loss:.3g} at step {step:,}"
        else:
            what = f"is {'no longer a number' if math.isnan(loss) else 'infinite'} since step {step:,}"
        return Finding(AlertKind.NOT_FINITE, f"the loss {what}: try a lower learning rate")

    def _spike(self, step: int, loss: float) -> Finding | None:
        if len(self._newest) == SPIKE_STEPS:
            self._losses.append(self._newest[0][0])
        self._newest.append((loss, step))
        if len(self._losses) < SPIKE_WINDOW or len(self._newest) < SPIKE_STEPS:
            return None
        if self._spike_told is not None and step - self._spike_told <= SPIKE_WINDOW:
            return None
        usual = max(0.0, statistics.median(self._losses))
        if min(loss for loss, _ in self._newest) <= max(SPIKE_RATIO * usual, usual + SPIKE_RISE * self._guessing):
            return None
        self._spike_told = step
        peak, peak_step = max(self._newest, key=lambda each: each[0])
        return Finding(
            AlertKind.SPIKE,
            f"loss spiked to {_loss(peak)} at step {peak_step:,}, {_times(peak, usual)} the usual {_loss(usual)}",
        )

    def _dead(self, step: int) -> Finding | None:
        if len(self._accuracies) < DEAD_WINDOW:
            return None
        mean = sum(self._accuracies) / DEAD_WINDOW
        margin = min(DEAD_RATIO * self._chance, DEAD_MARGIN)
        if mean > self._chance + 2 * margin:
            self._alive = True
        if not self._alive or step < DEAD_FIRST_STEP or mean > self._chance + margin + ROUNDING:
            return None
        self._alive = False
        advice = "a lower" if self._highest_loss > EXPLODED_RATIO * self._guessing else "another"
        return Finding(
            AlertKind.DEAD,
            f"accuracy has been at chance ({mean * 100:.1f} %) for {DEAD_WINDOW} steps:"
            f" the network learns nothing; try {advice} learning rate",
        )

    def _overfitting(self, figures: EpochFigures) -> Finding | None:
        newest, lowest = _finite(figures.validation_loss), self._lowest
        if newest is None:
            return None
        before = _finite(lowest.validation_loss) if lowest else None
        if lowest is None or before is None or newest < before:
            self._lowest, self._high_epochs, self._overfitting_told = figures, 0, False
            return None
        self._high_epochs = self._high_epochs + 1 if newest >= before * (1 + OVERFITTING_RISE) else 0
        train_before, train = _finite(lowest.train_loss), _finite(figures.train_loss)
        train_fell = train is not None and train_before is not None and train < train_before
        if self._overfitting_told or self._high_epochs < OVERFITTING_EPOCHS or not train_fell:
            return None
        return Finding(
            AlertKind.OVERFITTING,
            f"validation loss has risen for {figures.epoch - lowest.epoch:,} epochs, from {_loss(before)} to"
            f" {_loss(newest)}, while training loss fell: the network learns its digits by heart",
        )

    def _plateau(self, figures: EpochFigures) -> Finding | None:
        accuracy, best = figures.validation_accuracy, self._best
        if best is None or accuracy - best.validation_accuracy > PLATEAU_GAIN + ROUNDING:
            if math.isfinite(accuracy):
                self._best, self._plateau_told = figures, False
            return None
        epochs = figures.epoch - best.epoch
        out_of_reach = best.validation_accuracy + PLATEAU_GAIN + ROUNDING >= 1  # as good as all digits right
        if self._plateau_told or epochs < PLATEAU_EPOCHS or out_of_reach:
            return None
        return Finding(
            AlertKind.PLATEAU,
            f"validation accuracy has not got better than the {best.validation_accuracy * 100:.2f} % of epoch"
            f" {best.epoch:,} for {epochs:,} epochs: stop here, or try a lower learning rate",
        )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _loss(value: float) -> str:
    """Three digits that count, or all before the point: 0.0312, 14.2, 2,141; from a million on 2.16e+09."""
    return f"{value:,.0f}" if 99.95 <= abs(value) < 1_000_000 else f"{value:#.3g}"


def _times(value: float, usual: float) -> str:
    if value >= 1_000_000 * usual:  # also true of a usual loss of nothing
        return "more than a million times"
    ratio = value / usual
    return f"{ratio:,.0f} times" if ratio >= 10 else f"{ratio:.1f} times"
