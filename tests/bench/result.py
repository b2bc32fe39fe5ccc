"""What a benchmark comes to."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Result:
    """One figure, the bar that it must not pass (or must reach), and what it was made of."""

    value: float
    unit: str
    bar: float
    raw: dict[str, Any] = field(default_factory=dict)
    higher_is_better: bool = False

    @property
    def holds(self) -> bool:
        """Whether the figure is on the right side of its bar."""
        return self.value >= self.bar if self.higher_is_better else self.value <= self.bar


def worst_of(figures: dict[str, float], bars: dict[str, float]) -> float:
    """Of several figures with a bar each: the largest share of its bar; 1 is the bar itself.

    A bar of 0 is kept by 0 alone: anything above counts as far beyond.
    """
    shares = [figures[name] / bar if bar else (0.0 if figures[name] == 0 else 99.0) for name, bar in bars.items()]
    return round(max(shares), 3)


def least_of(figures: dict[str, float], bars: dict[str, float]) -> float:
    """Of several figures that must reach a bar each: the smallest share of its bar; 1 is the bar itself."""
    return round(min(figures[name] / bar for name, bar in bars.items()), 3)


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Median, 99th percentile and maximum of some seconds, in milliseconds."""
    ordered = sorted(seconds)
    return {
        "p50_ms": round(statistics.median(ordered) * 1e3, 1),
        "p99_ms": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1e3, 1),
        "max_ms": round(ordered[-1] * 1e3, 1),
    }
