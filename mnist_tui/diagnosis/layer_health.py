"""Warnings about layers: dead ReLU units, exploding weights or gradients, and values that are not finite."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mnist_tui.events import LayerStat, LayerStats

IN_A_ROW = 3
"""Newest samples that must all agree: a single one may be due to its batch."""
DEAD_SHARE = 0.9
"""Share of a layer's units."""
LARGE_STEP = 0.1
"""Norm of a step relative to that of the weights; it is at most 0.01 in healthy layers."""
GROWTH = 100.0
"""Factor by which a gradient norm exceeds its usual one."""
USUAL_SAMPLES = 5
"""Earlier samples that a usual gradient norm needs: in a healthy run's first seconds, norms grow fiftyfold."""


@dataclass(frozen=True)
class LayerWarning:
    """A problem with a layer."""

    layer: str
    kind: Literal["dead", "explodes", "not finite"]
    text: str
    """Sentence with the figures, without the layer's name."""


def layer_warnings(samples: Sequence[LayerStats]) -> dict[str, LayerWarning]:
    """Return the most serious current warning of each layer, by name. `samples` are one run's, oldest first."""
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
    norms = {"weights": stat.weight_norm, "gradient": stat.gradient_norm}
    lost = [name for name, norm in norms.items() if norm is None and has_weights]
    if not has_weights and newest.gradient_norm is None and stat.dead_share is None:
        lost = ["weights"]
    if not lost:
        return None
    return LayerWarning(stat.name, "not finite", f"{' and '.join(lost)} no longer finite since step {newest.step:,}")


def _explodes(series: Sequence[LayerStat]) -> LayerWarning | None:
    name, tail = series[-1].name, series[-IN_A_ROW:]
    steps = [one.relative_step for one in tail if one.relative_step is not None]
    if len(steps) == IN_A_ROW and min(steps) > LARGE_STEP:
        text = f"explodes: each step changes its weights by {steps[-1]:.0%}; try a lower learning rate"
        return LayerWarning(name, "explodes", text)
    norms = [one.gradient_norm for one in series if one.gradient_norm is not None]
    usual, now = norms[: -IN_A_ROW + 1], norms[-IN_A_ROW + 1 :]
    if len(usual) >= USUAL_SAMPLES:
        median = statistics.median(usual)
        if median > 0 and min(now) > GROWTH * median:
            text = f"explodes: its gradient is {now[-1] / median:,.0f} times as large as usual"
            return LayerWarning(name, "explodes", text)
    return None


def _dead(series: Sequence[LayerStat]) -> LayerWarning | None:
    shares = [one.dead_share for one in series[-IN_A_ROW:] if one.dead_share is not None]
    if len(shares) < IN_A_ROW or min(shares) < DEAD_SHARE:
        return None
    return LayerWarning(series[-1].name, "dead", f"dead: {shares[-1]:.0%} of its ReLU units are inactive")
