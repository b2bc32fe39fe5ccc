"""Training speed of mnist-tui, compared with a plain Keras script on the same machine."""

import statistics
from typing import Any

from mnist_tui.bench.engines import follow, temporary_home
from mnist_tui.bench.results import TARGET_ACCURACY, TimedRun
from tests.bench.result import Result
from tests.bench.side_by_side import speeds, stock
from tests.bench.training import train

PAIRS = 5
LIMITS = {"reference": 4_000, "fast": 60_000}
"""Images per run: enough for some seconds, so that the first paint of the screen does not count."""
STOCK_EPOCHS = 6
"""Epochs that the plain script needs to 99.29 % test accuracy (see README.md)."""
BARS = {"reference": 1.10, "fast": 1.25, "time_to_accuracy": 40.0}


def throughput() -> Result:
    """Speed and time to 99.29 % test accuracy of the engine with its screen, relative to a plain Keras script."""
    pairs = {preset: speeds(preset, limit, PAIRS) for preset, limit in LIMITS.items()}
    to_accuracy = time_to_accuracy()
    figures = {preset: round(one.ratio, 3) for preset, one in pairs.items()}
    figures["time_to_accuracy"] = to_accuracy["ratio"]
    speeds_raw = {preset: one.raw() for preset, one in pairs.items()}
    return Result.least(figures, BARS, pairs=speeds_raw, to_accuracy=to_accuracy)


def overhead() -> Result:
    """Images per second of the engine with its screen, relative to a plain script's `model.fit`: preset fast."""
    return _overhead("fast", limit=15_000)


def overhead_reference() -> Result:
    """Images per second of the engine with its screen, relative to a plain script: preset reference."""
    return _overhead("reference", limit=4_000)


def _overhead(preset: str, limit: int) -> Result:
    pairs = speeds(preset, limit, PAIRS)
    return Result(
        value=round(pairs.ratio, 3),
        unit="x the plain script",
        bar=1.0,
        higher_is_better=True,
        raw={"preset": preset, **pairs.raw()},
    )


def time_to_accuracy() -> dict[str, Any]:
    """Compare the training time of the plain script to the target, of which one epoch is timed, with that of `fast`.

    Both last from the end of the first step to the end of the last validation. Below the target the ratio is 0.
    """
    before = _fast()
    epoch, tested = stock("--epochs", "1")
    after = _fast()
    runs = [before, after]
    seconds = [one.training_seconds or 0.0 for one in runs]
    accuracies = [one.test_accuracy or 0.0 for one in runs]
    stock_seconds = STOCK_EPOCHS * epoch["seconds"]
    return {
        "ratio": round(stock_seconds / statistics.mean(seconds), 1)
        if statistics.mean(accuracies) >= TARGET_ACCURACY
        else 0.0,
        "fast_seconds": [round(one, 1) for one in seconds],
        "fast_start_up_seconds": [round(one.start_up_seconds or 0.0, 1) for one in runs],
        "fast_test_accuracies": accuracies,
        "stock_seconds": round(stock_seconds, 1),
        "stock_epoch_seconds": round(epoch["seconds"], 1),
        "stock_test_accuracy_after_one_epoch": tested["test_accuracy"],
    }


def _fast() -> TimedRun:
    with temporary_home() as home:
        run = train(home, "--preset", "fast")
        return TimedRun.of(run.record().config, follow(run))
