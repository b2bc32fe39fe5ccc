"""Samples of the layers -> warnings in words: a layer that died, one that explodes, one whose numbers are lost."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mnist_tui.events import LayerStat, LayerStats

IN_A_ROW = 3
"""Newest samples that must all show it: one alone is an accident of its batch."""
DEAD_SHARE = 0.9
LARGE_STEP = 0.1
"""Of the weights' norm in a single step: healthy layers change by a hundredth or less."""
GROWTH = 100.0
"""Times the gradient's usual norm."""
USUAL_SAMPLES = 5
"""Earlier samples that make a usual norm. In a healthy run's first seconds it grows fiftyfold."""


@dataclass(frozen=True)
class LayerWarning:
    """Something wrong with a layer, in a sentence that names its figures but not the layer."""

    layer: str
    kind: Literal["dead", "explodes", "not finite"]
    words: str


def layer_warnings(samples: Sequence[LayerStats]) -> dict[str, LayerWarning]:
    """What is wrong now, by the layer's name; the gravest of each. `samples` are of one run, oldest first."""
    if not samples:
        return {}
    found = {}
    for stat in samples[-1].layers:
        series = [one for sample in samples for one in sample.layers if one.name == stat.name]
        warning = _not_finite(series, samples[-1]) or _explodes(series) or _dead(series)
        if warning is not None:
            found[stat.name] = warning
    return found


def _not_finite(series: Sequence[LayerStat], newest: LayerStats) -> LayerWarning | None:
    stat = series[-1]
    has_weights = any(one.weight_norm is not None or one.gradient_norm is not None for one in series)
    lost = [
        words
        for words, value in (("weights", stat.weight_norm), ("gradient", stat.gradient_norm))
        if value is None and has_weights
    ]
    if not has_weights and newest.gradient_norm is None and stat.dead_share is None:
        lost = ["weights"]
    if not lost:
        return None
    return LayerWarning(stat.name, "not finite", f"{' and '.join(lost)} no longer finite since step {newest.step:,}")


def _explodes(series: Sequence[LayerStat]) -> LayerWarning | None:
    name, tail = series[-1].name, series[-IN_A_ROW:]
    steps = [one.relative_step for one in tail if one.relative_step is not None]
    if len(steps) == IN_A_ROW and min(steps) > LARGE_STEP:
        words = f"explodes: each step changes its weights by {steps[-1]:.0%}; try a lower learning rate"
        return LayerWarning(name, "explodes", words)
    norms = [one.gradient_norm for one in series if one.gradient_norm is not None]
    usual, now = norms[: -IN_A_ROW + 1], norms[-IN_A_ROW + 1 :]
    if len(usual) >= USUAL_SAMPLES:
        median = statistics.median(usual)
        if median > 0 and min(now) > GROWTH * median:
            words = f"explodes: its gradient is {now[-1] / median:,.0f} times as large as usual"
            return LayerWarning(name, "explodes", words)
    return None


def _dead(series: Sequence[LayerStat]) -> LayerWarning | None:
    shares = [one.dead_share for one in series[-IN_A_ROW:] if one.dead_share is not None]
    if len(shares) < IN_A_ROW or min(shares) < DEAD_SHARE:
        return None
    return LayerWarning(series[-1].name, "dead", f"dead: {shares[-1]:.0%} of its ReLU units answer no digit")
