"""Test accuracy of every preset over several seeds."""

import json
import statistics
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from mnist_tui.bench.engines import follow, temporary_home
from mnist_tui.bench.results import TimedRun
from mnist_tui.cli.wiring import catalogue
from mnist_tui.config import RunConfig
from mnist_tui.engine.models.presets import PRESETS
from mnist_tui.resources import asset
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.runs.status import Status
from mnist_tui.runs.summary import summaries
from mnist_tui.settings import SETTINGS_BY_KEY
from tests.bench.result import Result
from tests.bench.training import train

KAGGLE_TRAINING = 42_000
"""Training images of the 70,000; the other 28,000 are the test set."""


@dataclass(frozen=True)
class Part:
    """Runs with the same settings but the seed, and the bar for their mean test accuracy in percent."""

    settings: dict[str, str]
    seeds: int
    bar: float
    full: bool = True
    """True if only --full runs it."""
    data: Callable[[Path], None] | None = None
    """Writes the data set to a path; None for MNIST itself."""
    seconds: float | None = None
    """Bar for the mean seconds of training on 2 cores."""

    @property
    def lacks(self) -> str:
        """Preset or setting that this version does not have; empty if it has all."""
        if self.settings["preset"] not in PRESETS:
            return f"there is no preset {self.settings['preset']!r}"
        return next((f"there is no setting {key!r}" for key in self.settings if key not in SETTINGS_BY_KEY), "")


def kaggle_like(path: Path) -> None:
    """Write an .npz of all 70,000 images, with a new stratified split of 42,000 for training and 28,000 for test."""
    from sklearn.model_selection import train_test_split  # type: ignore[import-untyped]

    with np.load(asset("mnist.npz")) as data:
        images = np.concatenate([data["x_train"], data["x_test"]])
        labels = np.concatenate([data["y_train"], data["y_test"]])
    parts = train_test_split(images, labels, train_size=KAGGLE_TRAINING, stratify=labels, random_state=0)
    np.savez(path, **dict(zip(("x_train", "x_test", "y_train", "y_test"), parts, strict=True)))


PARTS: dict[str, Part] = {
    "fast": Part({"preset": "fast"}, seeds=5, bar=99.32, full=False, seconds=45.0),
    "fast-2-epochs": Part({"preset": "fast", "epochs": "2"}, seeds=5, bar=99.45),
    "reference": Part({"preset": "reference"}, seeds=2, bar=99.29),
    "reference-kaggle": Part({"preset": "reference"}, seeds=1, bar=99.29, data=kaggle_like),
    "best": Part({"preset": "best"}, seeds=2, bar=99.72),
    "best-ensemble": Part({"preset": "best", "ensemble": "2"}, seeds=1, bar=99.76),
}


def accuracy(full: bool = False, only: str | None = None, home: Path | None = None) -> Result:
    """Test accuracy of `fast` over seeds; with --full or --only NAME also of the other presets."""
    parts = {only: PARTS[only]} if only is not None else {n: part for n, part in PARTS.items() if full or not part.full}
    with ExitStack() as stack:
        runs = Runs(home or stack.enter_context(temporary_home()))
        figures = {name: runs.of(name, part) for name, part in parts.items()}
    measured = {name: one for name, one in figures.items() if "mean" in one}
    if not measured:
        raise SystemExit("nothing was measured: " + "; ".join(part.lacks for part in parts.values()))
    worst = min(measured, key=lambda name: measured[name]["mean"] - measured[name]["bar"])
    return Result(
        value=measured[worst]["mean"],
        unit=f"% mean test accuracy of {worst}, the part that is nearest to its bar or furthest below",
        bar=measured[worst]["bar"],
        higher_is_better=True,
        raw=figures,
    )


class Runs:
    """Runs in a home. A finished run with the same settings is not repeated."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def of(self, name: str, part: Part) -> dict[str, Any]:
        """Return mean and spread over all runs of a part."""
        if part.lacks:
            return self._logged(name, {"left_out": part.lacks})
        settings = dict(part.settings)
        if part.data is not None:
            path = self._home.resolve() / f"{name}.npz"
            if not path.exists():
                part.data(path)
            settings["data"] = str(path)
        runs = [self._logged(name, self._run(settings | {"seed": str(seed)})) for seed in range(part.seeds)]
        accuracies, seconds = ([run[key] for run in runs] for key in ("test_accuracy", "training_seconds"))
        figures = {
            "mean": round(statistics.mean(accuracies), 4),
            "bar": part.bar,
            "n": len(runs),
            "lowest": min(accuracies),
            "highest": max(accuracies),
            "standard_deviation": round(statistics.stdev(accuracies), 4) if len(runs) > 1 else None,
            "training_seconds_mean": round(statistics.mean(seconds), 1),
            "training_seconds_bar": part.seconds,
        }
        return self._logged(name, figures) | {"settings": part.settings, "runs": runs}

    def _run(self, settings: dict[str, str]) -> dict[str, Any]:
        config = catalogue().complete(settings)
        run = self._finished(config) or train(self._home, *flags(settings))
        result = TimedRun.of(config, follow(run))
        return {
            "seed": config.seed,
            "epochs": config.epochs,
            "test_accuracy": percent(result.test_accuracy),
            "validation_accuracy": percent(result.validation_accuracy),
            "training_seconds": round(result.training_seconds or 0.0, 1),
            "start_up_seconds": round(result.start_up_seconds or 0.0, 1),
        }

    def _finished(self, config: RunConfig) -> RunDirectory | None:
        folders = [RunDirectory(path.parent) for path in self._home.glob("*/config.json")]
        for summary in summaries(folders):
            found = msgspec.structs.replace(summary.record.config, name=None)
            if found == config and summary.status is Status.FINISHED:
                return summary.run
        return None

    @staticmethod
    def _logged(name: str, figures: dict[str, Any]) -> dict[str, Any]:
        print(f"{name}: {json.dumps(figures)}", file=sys.stderr, flush=True)
        return figures


def flags(settings: dict[str, str]) -> list[str]:
    """Return settings as flags of `mnist-tui train`."""
    return [word for key, value in settings.items() for word in ("--" + key.replace("_", "-"), value)]


def percent(share: float | None) -> float:
    """Return an accuracy in percent; raises ValueError if the run was not tested."""
    if share is None:
        raise ValueError("the run was not tested")
    return round(100 * share, 2)
