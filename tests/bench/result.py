"""Result of a benchmark."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Result:
    """A value, the bar that it must keep, and the raw figures behind it."""

    value: float
    unit: str
    bar: float
    raw: dict[str, Any] = field(default_factory=dict)
    higher_is_better: bool = False

    @property
    def holds(self) -> bool:
        """Return True if the value keeps its bar."""
        return self.value >= self.bar if self.higher_is_better else self.value <= self.bar

    @classmethod
    def worst(cls, figures: dict[str, float], bars: dict[str, float], **raw: Any) -> "Result":
        """Return the largest share of its bar over several figures. Only 0 keeps a bar of 0."""
        shares = [figures[name] / bar if bar else 99.0 * (figures[name] > 0) for name, bar in bars.items()]
        raw = {**figures, "bars": bars, **raw}
        return cls(round(max(shares), 3), f"of its bar, the worst of {len(bars)}", 1.0, raw)

    @classmethod
    def least(cls, figures: dict[str, float], bars: dict[str, float], **raw: Any) -> "Result":
        """Return the smallest share of its bar over several figures, of which higher is better."""
        share = round(min(figures[name] / bar for name, bar in bars.items()), 3)
        raw = {**figures, "bars": bars, **raw}
        return cls(share, f"of its bar, the least of {len(bars)}", 1.0, raw, higher_is_better=True)


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Return median, 99th percentile and maximum in milliseconds."""
    ordered = sorted(seconds)
    return {
        "p50_ms": round(statistics.median(ordered) * 1e3, 1),
        "p99_ms": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1e3, 1),
        "max_ms": round(ordered[-1] * 1e3, 1),
    }
