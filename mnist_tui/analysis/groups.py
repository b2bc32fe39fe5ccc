"""Comparison of the runs of a grid as one: mean and spread of their results, and the settings that mattered.

The part of each setting is estimated by an additive model, in which every value of every setting shifts the result. Its
sum of squares is that by which the residual grows without the setting (type II). Its p-value is that of the F-test
against the residual (Scheffé 1959, The Analysis of Variance).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.comparison import differing_settings
from mnist_tui.analysis.significance import LEVEL, Interval, chance_words

SMALLEST_SHARE = 1e-12
"""Share of the variance below which it is rounding."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """Results of several runs, 0..1."""

    count: int
    mean: float
    deviation: float | None
    """Standard deviation of the sample; None for a single run."""
    lowest: float
    highest: float

    @property
    def interval(self) -> Interval | None:
        """95 % interval of the mean by Student's t; None for a single run."""
        if self.deviation is None:
            return None
        from scipy.stats import t

        half = float(t.ppf(1 - LEVEL / 2, self.count - 1)) * self.deviation / math.sqrt(self.count)
        return max(0.0, self.mean - half), min(1.0, self.mean + half)


@dataclass(frozen=True)
class ValueMean:
    """Mean result of the runs with one value of a setting."""

    value: str
    count: int
    mean: float


@dataclass(frozen=True)
class Effect:
    """The part of a setting, or of several that changed together, in the results."""

    settings: tuple[str, ...]
    """Labels."""
    values: tuple[ValueMean, ...]
    """In order of appearance."""
    share: float | None
    """Share of the variance of the results, 0..1; None if it cannot be told from the other settings."""
    p: float | None
    """p-value of the F-test; None without runs that repeat the settings' values."""

    @property
    def words(self) -> str:
        """The effect in words: "61 % of the variance, unlikely to be chance, p = 0.004"."""
        if self.share is None:
            return "cannot be told from the other settings"
        share = f"{self.share:.0%} of the variance".replace("%", " %")
        if self.p is None:
            return f"{share}; only repeats, as with --seed 0..2, can tell it from chance"
        return f"{share}, {chance_words(self.p)}"


def spread(results: Sequence[float | None]) -> Spread | None:
    """Return mean and spread of the known results; None if there are none."""
    known = np.array([result for result in results if result is not None and math.isfinite(result)])
    if not len(known):
        return None
    deviation = float(known.std(ddof=1)) if len(known) > 1 else None
    return Spread(len(known), float(known.mean()), deviation, float(known.min()), float(known.max()))


def effects(runs: Sequence[Mapping[str, str]], results: Sequence[float | None]) -> list[Effect]:
    """Return the part of each setting that differs between the runs, the largest first.

    Args:
        runs: Label -> value of each run's settings.
        results: Result of each run, 0..1; a run without one does not count.
    """
    known = [
        (run, value) for run, value in zip(runs, results, strict=True) if value is not None and math.isfinite(value)
    ]
    if len(known) < 2:
        return []
    values = np.array([value for _, value in known])
    factors: dict[tuple[int, ...], list[str]] = {}
    levels: dict[tuple[int, ...], list[str]] = {}
    for label in differing_settings([run for run, _ in known]):
        names = list(dict.fromkeys(run.get(label, "") for run, _ in known))
        codes = tuple(names.index(run.get(label, "")) for run, _ in known)
        factors.setdefault(codes, []).append(label)
        levels.setdefault(codes, names)
    found = []
    total = float(((values - values.mean()) ** 2).sum())
    residual, rank = _fit([*factors], values)
    free = len(values) - rank
    for codes, labels in factors.items():
        rest, rest_rank = _fit([each for each in factors if each != codes], values)
        share, p = _part(rest - residual, rank - rest_rank, residual, free, total)
        means = [
            ValueMean(name, int(chosen.sum()), float(values[chosen].mean()))
            for level, name in enumerate(levels[codes])
            for chosen in (np.array(codes) == level,)
        ]
        found.append(Effect(tuple(labels), tuple(means), share, p))
    return sorted(found, key=lambda effect: -(effect.share or 0.0))


def _part(squares: float, degrees: int, residual: float, free: int, total: float) -> tuple[float | None, float | None]:
    """Return a setting's share of the variance and its p-value."""
    if degrees < 1:
        return None, None
    if total <= 0:
        return 0.0, 1.0 if free > 0 else None
    share = min(1.0, max(0.0, squares / total))
    if free < 1:
        return share, None
    if residual <= SMALLEST_SHARE * total:
        return share, 1.0 if share <= SMALLEST_SHARE else 0.0
    from scipy.stats import f

    return share, float(f.sf(max(0.0, squares) / degrees / (residual / free), degrees, free))


def _fit(factors: Sequence[tuple[int, ...]], values: Floats) -> tuple[float, int]:
    """Fit the additive model; return its residual sum of squares and its number of free parameters."""
    columns = [np.ones(len(values))]
    for codes in factors:
        columns += [(np.array(codes) == level).astype(float) for level in range(1, max(codes) + 1)]
    design = np.stack(columns, axis=1)
    solution, _, rank, _ = np.linalg.lstsq(design, values, rcond=None)
    return float(((values - design @ solution) ** 2).sum()), int(rank)
