"""Rolling evaluation of `fast` with default settings: how soon, how often, and what it costs."""

import statistics
from itertools import pairwise
from typing import Any

from mnist_tui.bench.engines import temporary_home
from mnist_tui.event_lines import decode
from mnist_tui.events import EpochEnded, RollingEvaluated, RunEnded, StepEnded
from mnist_tui.runs.directory import RunDirectory
from tests.bench.result import Result
from tests.bench.training import train

PAIRS = 10
BARS = {"images_per_second": 0.98, "first_matrix": 1.0, "news": 1.0, "same_accuracy": 1.0}
FIRST_SECONDS, NEWS_SECONDS = 1.5, 2.0


def rolling() -> Result:
    """Images/s with rolling evaluation relative to without, and promised seconds divided by measured ones."""
    with_it, without = list[dict[str, float]](), list[dict[str, float]]()
    for number in range(PAIRS):  # in turns, so that neither always comes first
        for kind in (with_it, without) if number % 2 else (without, with_it):
            with temporary_home() as home:
                kind.append(_facts(train(home, "--preset", "fast", "--rolling", "2" if kind is with_it else "0")))
    ratios = [
        one["images_per_second"] / other["images_per_second"] for one, other in zip(with_it, without, strict=True)
    ]
    figures = {
        "images_per_second": round(statistics.median(ratios), 3),
        "first_matrix": round(FIRST_SECONDS / statistics.median(one["first"] for one in with_it), 2),
        "news": round(NEWS_SECONDS / statistics.median(one["longest"] for one in with_it), 2),
        "same_accuracy": float({one["accuracy"] for one in with_it} == {one["accuracy"] for one in without}),
    }
    raw: dict[str, Any] = {"pairs": PAIRS, "ratios": sorted(round(ratio, 3) for ratio in ratios)}
    return Result.least(figures, BARS, **raw, with_rolling=with_it, without=without)


def _facts(run: RunDirectory) -> dict[str, float]:
    """Return what a run's events tell: seconds from the end of the first step, and images per second of the epoch."""
    events = [event for event in map(decode, run.events_path.read_bytes().splitlines()) if event is not None]
    steps = [event for event in events if isinstance(event, StepEnded)]
    began, ended = steps[0].time, next(event.time for event in events if isinstance(event, EpochEnded))
    news = [event for event in events if isinstance(event, RollingEvaluated)]
    times = [began, *(event.time for event in news), steps[-1].time]
    accuracy = next(event.test_accuracy for event in events if isinstance(event, RunEnded))
    return {
        "images_per_second": round((steps[-1].step - 1) * run.record().config.batch_size / (ended - began), 1),
        "first": round(times[1] - began, 2),
        "longest": round(max(later - earlier for earlier, later in pairwise(times)), 2),
        "events": len(news),
        "images": news[-1].count if news else 0,
        "cost": round(sum(event.seconds for event in news[1:]) / (steps[-1].time - began), 4),
        "accuracy": accuracy or 0.0,
    }
