"""Guard: rules that raise alerts on divergence, overfitting and plateaus.

    guard = Guard(classes=10)
    finding = guard.step(312, 14.2, 0.11)        # after every step; None while nothing is wrong
    finding = guard.epoch(figures)               # after every epoch

Each finding is raised once an episode. The thresholds were set with 40 short runs on MNIST (batch sizes 1 to 128,
learning rates 1e-5 to 1, and raised 3 to 1,000 times half-way): runs that learn raise nothing, wrecked ones do. Only
at batch size 1 can chance alone look like a spike.
"""

import math
import statistics
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from mnist_tui.events import AlertKind, AlertRaised, RunEnded
from mnist_tui.metrics import COMPACT_FROM, compact, lowest_loss

SPIKE_WINDOW = 50
"""Steps whose median is the usual loss, and for which a spike is not raised again."""
SPIKE_STEPS = 3
"""Consecutive steps that must be high: a wrecked model needs many to recover, a hard batch affects only one."""
SPIKE_RATIO = 4.0
"""Factor of the usual loss that a spike exceeds. With label smoothing 0.1, falling back to chance is 4.3 times it."""
SPIKE_SHARE = 0.87
"""Most that the factor may be, as a share of the loss at chance over the lowest loss with label smoothing 0.1.

With two classes, that loss is 3.5 times the lowest one.
"""
SPIKE_RISE = 0.5
"""Rise above the usual loss, as a share of the loss at chance: near zero, even many times the usual loss is little."""
LOST_RATIO = 10_000.0
"""Factor of the loss at chance from which on the loss counts as infinite, which it becomes a few steps later."""
DEAD_WINDOW = 200
"""Steps whose mean accuracy is compared with chance."""
DEAD_FIRST_STEP = 300
"""Step before which a model is not called dead."""
DEAD_RATIO = 0.5
"""Margin of a dead model's accuracy above chance, as a share of chance; above twice the margin it has recovered."""
DEAD_MARGIN = 0.05
"""Largest margin as a difference of accuracy: with two classes, 75 % is not chance."""
WRECKED_WINDOW = 50
"""Steps at chance after which a model is called dead if their median loss has exploded as well, at any step."""
EXPLODED_RATIO = 2.0
"""Factor of the loss at chance that only a far too high learning rate reaches; a dead model's advice depends on it."""
OVERFITTING_EPOCHS = 3
"""Consecutive epochs with a high validation loss; at a constant learning rate, one or two are noise."""
OVERFITTING_RISE = 0.1
"""Smallest rise of a high validation loss above the lowest one, as a share of that."""
PLATEAU_EPOCHS = 5
"""Epochs without an improvement of validation accuracy."""
PLATEAU_GAIN = 0.0002
"""Gain of accuracy that an improvement must exceed: one digit of 5,000."""
ROUNDING = 1e-9
"""Rounding error of a difference of two accuracies."""


class EpochFigures(msgspec.Struct, frozen=True):
    """Metrics of an epoch. Losses are None if they were not finite."""

    epoch: int
    """Counted from 1."""
    train_loss: float | None
    validation_loss: float | None
    validation_accuracy: float
    """0..1."""

    def validation(self, metric: Literal["loss", "accuracy"]) -> float:
        """Return the validation loss, NaN if it was not finite, or the validation accuracy."""
        loss = math.nan if self.validation_loss is None else self.validation_loss
        return loss if metric == "loss" else self.validation_accuracy


@dataclass(frozen=True)
class Finding:
    """A problem that the user should know about."""

    kind: AlertKind
    problem: str
    advice: str = ""

    @property
    def text(self) -> str:
        """The problem and the advice as one sentence."""
        return ": ".join(filter(None, (self.problem, self.advice)))


def is_at_chance(accuracy: float, classes: int) -> bool:
    """Return True if an accuracy (0..1) is hardly better than that of guessing."""
    chance = 1 / max(2, classes)
    return accuracy <= chance + _margin(chance) + ROUNDING


def ended_at_chance(alerts: Iterable[AlertRaised], end: RunEnded | None, classes: int) -> bool:
    """Return True if a run was completed no better than chance, after an alert that its model is lost or dead."""
    if end is None or end.test_accuracy is None or not end.reason.is_finished:
        return False
    is_alerted = any(alert.kind in (AlertKind.NOT_FINITE, AlertKind.DEAD) for alert in alerts)
    return is_alerted and is_at_chance(end.test_accuracy, classes)


class Guard:
    """Rules over the metrics of one run."""

    def __init__(self, classes: int, epochs: Iterable[EpochFigures] = ()) -> None:
        """Take the earlier epochs after a resume or a roll back; they raise nothing again."""
        self._classes, self._chance = classes, 1 / max(2, classes)
        self._chance_loss = -math.log(self._chance)
        self._spike_ratio = min(SPIKE_RATIO, SPIKE_SHARE * self._chance_loss / lowest_loss(0.1, max(2, classes)))
        self._losses: deque[float] = deque(maxlen=SPIKE_WINDOW)
        self._newest: deque[tuple[float, int]] = deque(maxlen=SPIKE_STEPS)
        """(loss, step) of the steps after those in `_losses`."""
        self._spike_raised: int | None = None
        self._recent: deque[tuple[float, float]] = deque(maxlen=DEAD_WINDOW)
        """(loss, accuracy) of the newest steps."""
        self._highest_loss = 0.0
        self._finite = True
        self._alive = True
        self._lowest: EpochFigures | None = None
        """Epoch with the lowest validation loss."""
        self._high_epochs = 0
        """Newest consecutive epochs with a high validation loss."""
        self._best: EpochFigures | None = None
        """Newest epoch that improved on the best before it by more than PLATEAU_GAIN."""
        self._overfitting_raised = self._plateau_raised = False
        for figures in epochs:
            self.epoch(figures)

    def step(self, step: int, loss: float, accuracy: float) -> Finding | None:
        """Check the loss and accuracy (0..1) of a single step, counted from 1 over all epochs."""
        if not math.isfinite(loss) or loss > LOST_RATIO * self._chance_loss:
            return self._not_finite(step, loss)
        self._finite = True
        self._highest_loss = max(self._highest_loss, loss)
        if 0 <= accuracy <= 1:  # false for nan
            self._recent.append((loss, accuracy))
        return self._spike(step, loss) or self._dead(step)

    def steps(self, step: int, count: int, loss: float, accuracy: float) -> Finding | None:
        """Check the mean loss and accuracy of an execution of `count` steps, the last of which is `step`."""
        findings = [self.step(number, loss, accuracy) for number in range(step - count + 1, step + 1)]
        return next(filter(None, findings), None)

    def epoch(self, figures: EpochFigures) -> Finding | None:
        """Check the metrics of an epoch. Overfitting goes before a plateau, which can be raised an epoch later."""
        plateau = self._plateau(figures)
        finding = self._overfitting(figures) or plateau
        if finding is not None:
            self._overfitting_raised |= finding.kind is AlertKind.OVERFITTING
            self._plateau_raised |= finding.kind is AlertKind.PLATEAU
        return finding

    def _not_finite(self, step: int, loss: float) -> Finding | None:
        self._newest.clear()
        self._highest_loss = math.inf
        if not self._finite:
            return None
        self._finite = False
        if math.isfinite(loss):
            what = f"exploded to {_loss(loss)} at step {step:,}"
        else:
            what = f"is {'NaN (not a number)' if math.isnan(loss) else 'infinite'} since step {step:,}"
        return Finding(AlertKind.NOT_FINITE, f"the loss {what}, so the weights are lost", "try a lower learning rate")

    def _spike(self, step: int, loss: float) -> Finding | None:
        if len(self._newest) == SPIKE_STEPS:
            self._losses.append(self._newest[0][0])
        self._newest.append((loss, step))
        if len(self._losses) < SPIKE_WINDOW or len(self._newest) < SPIKE_STEPS:
            return None
        if self._spike_raised is not None and step - self._spike_raised <= SPIKE_WINDOW:
            return None
        usual = max(0.0, statistics.median(self._losses))
        limit = max(self._spike_ratio * usual, usual + SPIKE_RISE * self._chance_loss)
        if min(loss for loss, _ in self._newest) <= limit:
            return None
        self._spike_raised = step
        peak, peak_step = max(self._newest, key=lambda each: each[0])
        return Finding(
            AlertKind.SPIKE,
            f"loss spiked to {_loss(peak)} at step {peak_step:,}, {_times(peak, usual)} the usual {_loss(usual)}",
        )

    def _dead(self, step: int) -> Finding | None:
        recent = list(self._recent)
        is_full = len(recent) == DEAD_WINDOW
        if is_full and _accuracy(recent) > self._chance + 2 * _margin(self._chance):
            self._alive = True
        wrecked = recent[-WRECKED_WINDOW:]
        exploded = EXPLODED_RATIO * self._chance_loss
        if len(wrecked) == WRECKED_WINDOW and statistics.median(loss for loss, _ in wrecked) > exploded:
            recent = wrecked
        elif not is_full or step < DEAD_FIRST_STEP:
            return None
        if not self._alive or not is_at_chance(_accuracy(recent), self._classes):
            return None
        self._alive = False
        return Finding(
            AlertKind.DEAD,
            f"no better than chance for {len(recent)} steps (accuracy {_accuracy(recent) * 100:.1f} %)",
            f"try {'a lower' if self._highest_loss > exploded else 'another'} learning rate",
        )

    def _overfitting(self, figures: EpochFigures) -> Finding | None:
        newest, lowest = _finite(figures.validation_loss), self._lowest
        if newest is None:
            return None
        before = _finite(lowest.validation_loss) if lowest else None
        if lowest is None or before is None or newest < before:
            self._lowest, self._high_epochs, self._overfitting_raised = figures, 0, False
            return None
        self._high_epochs = self._high_epochs + 1 if newest >= before * (1 + OVERFITTING_RISE) else 0
        train_before, train = _finite(lowest.train_loss), _finite(figures.train_loss)
        train_fell = train is not None and train_before is not None and train < train_before
        if self._overfitting_raised or self._high_epochs < OVERFITTING_EPOCHS or not train_fell:
            return None
        return Finding(
            AlertKind.OVERFITTING,
            f"validation loss has risen for {figures.epoch - lowest.epoch:,} epochs, from {_loss(before)} to"
            f" {_loss(newest)}, while training loss fell",
            "the model is overfitting",
        )

    def _plateau(self, figures: EpochFigures) -> Finding | None:
        accuracy, best = figures.validation_accuracy, self._best
        if best is None or accuracy - best.validation_accuracy > PLATEAU_GAIN + ROUNDING:
            if math.isfinite(accuracy):
                self._best, self._plateau_raised = figures, False
            return None
        epochs = figures.epoch - best.epoch
        out_of_reach = best.validation_accuracy + PLATEAU_GAIN + ROUNDING >= 1  # no better accuracy is possible
        if self._plateau_raised or epochs < PLATEAU_EPOCHS or out_of_reach:
            return None
        return Finding(
            AlertKind.PLATEAU,
            f"validation accuracy has not improved on the {best.validation_accuracy * 100:.2f} % of epoch"
            f" {best.epoch:,} for {epochs:,} epochs",
            "stop here, or try a lower learning rate",
        )


def _margin(chance: float) -> float:
    return min(DEAD_RATIO * chance, DEAD_MARGIN)


def _accuracy(steps: Sequence[tuple[float, float]]) -> float:
    """Return the mean accuracy of steps, each (loss, accuracy)."""
    return statistics.fmean(accuracy for _, accuracy in steps)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _loss(value: float) -> str:
    """Format a loss with three significant digits, or all before the point: 0.0312, 14.2, 2,141, 2.16M."""
    if abs(value) >= COMPACT_FROM:
        return compact(value)
    return f"{value:,.0f}" if abs(value) >= 99.95 else f"{value:#.3g}"


def _times(value: float, usual: float) -> str:
    if value >= 1_000_000 * usual:  # also if the usual loss is 0
        return "more than a million times"
    ratio = value / usual
    return f"{ratio:,.0f} times" if ratio >= 10 else f"{ratio:.1f} times"
