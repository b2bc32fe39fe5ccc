"""What mnist-tui makes of the same machine: against the script that a Keras user writes."""

import statistics
from typing import Any

from mnist_tui.bench.results import MARK
from mnist_tui.bench.timing import Timing
from tests.bench.result import Result, least_of
from tests.bench.side_by_side import speeds, stock
from tests.bench.training import temporary_home, timing_of, train

PAIRS = 5
LIMITS = {"reference": 4_000, "fast": 60_000}
"""Digits a run, of each preset: some seconds, so that it is not the first drawing of the screen that is measured."""
STOCK_EPOCHS = 6
"""Until the plain script reads 99.29 % of the test digits: 98.10, 98.22, 98.98, 99.00, 99.21, 99.43 (see FACTS)."""
BARS = {"reference": 1.10, "fast": 1.25, "seconds_to_mark": 40.0}


def throughput() -> Result:
    """The engine with its screen in front over a plain Keras script: speed, and seconds to 99.29 % with `fast`."""
    pairs = {preset: speeds(preset, limit, PAIRS) for preset, limit in LIMITS.items()}
    mark = seconds_to_mark()
    figures = {preset: round(one.ratio, 3) for preset, one in pairs.items()} | {"seconds_to_mark": mark["ratio"]}
    return Result(
        value=least_of(figures, BARS),
        unit="of its bar, the least of the three",
        bar=1.0,
        higher_is_better=True,
        raw={**figures, "bars": BARS, "pairs": {preset: one.raw() for preset, one in pairs.items()}, "mark": mark},
    )


def seconds_to_mark() -> dict[str, Any]:
    """Training seconds of the plain script, as many epochs as it needs (one is timed), over those of `fast`.

    Both from the end of the first step to the end of the last validation. A `fast` below the mark comes to 0.
    """
    before = _fast()
    epoch, tested = stock("--epochs", "1")
    after = _fast()
    runs = [before, after]
    seconds = [one.training_seconds or 0.0 for one in runs]
    accuracy = statistics.mean(one.ended.test_accuracy or 0.0 for one in runs if one.ended is not None)
    stock_seconds = STOCK_EPOCHS * epoch["seconds"]
    return {
        "ratio": round(stock_seconds / statistics.mean(seconds), 1) if accuracy >= MARK else 0.0,
        "fast_seconds": [round(one, 1) for one in seconds],
        "fast_start_up_seconds": [round(one.start_up_seconds or 0.0, 1) for one in runs],
        "fast_test_accuracies": [one.ended.test_accuracy for one in runs if one.ended is not None],
        "stock_seconds": round(stock_seconds, 1),
        "stock_epoch_seconds": round(epoch["seconds"], 1),
        "stock_test_accuracy_after_one_epoch": tested["test_accuracy"],
    }


def _fast() -> Timing:
    with temporary_home() as home:
        return timing_of(train(home, "--preset", "fast"))
