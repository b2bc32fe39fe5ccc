"""Training speed of the engine and of a plain Keras script, measured in turns."""

import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from mnist_tui.bench.engines import temporary_home
from mnist_tui.engine.hardware.detection import NICENESS, lower_priority
from tests.bench.training import end, epoch_speed, training

EPOCHS = 2
"""The first one compiles; the last one is timed."""
OURS = ("TF_", "KERAS_", "XLA_", "OMP_", "JAX_", "TORCH_")
"""Prefixes of environment variables that the plain script must not see."""
STOCK_PRESET = "reference"
"""Preset whose model is written out in stock.py."""


@dataclass(frozen=True)
class Pairs:
    """Images per second of the engine and of the plain script, in pairs."""

    ours: list[float]
    plain: list[float]

    @property
    def ratios(self) -> list[float]:
        """Speed of the engine relative to the script, per pair."""
        return [one / other for one, other in zip(self.ours, self.plain, strict=True)]

    @property
    def ratio(self) -> float:
        """Median ratio."""
        return statistics.median(self.ratios)

    def raw(self) -> dict[str, Any]:
        """Return the raw figures of a benchmark."""
        return {
            "pairs": len(self.ours),
            "niceness_of_both": NICENESS,
            "images_per_second": [round(one) for one in self.ours],
            "plain_images_per_second": [round(one) for one in self.plain],
            "ratio_of_the_fastest": round(max(self.ours) / max(self.plain), 3),
            "ratio_min": round(min(self.ratios), 3),
            "ratio_max": round(max(self.ratios), 3),
        }


def speeds(preset: str, limit: int, pairs: int) -> Pairs:
    """Train a preset on `limit` images in turns: in the engine with its screen, and in the plain script."""
    ours, plain = list[float](), list[float]()
    for _ in range(pairs):
        ours.append(watched(preset, limit))
        *epochs, _ = stock("--limit", str(limit), "--epochs", str(EPOCHS), *network(preset))
        plain.append(epochs[-1]["images_per_second"])
    return Pairs(ours, plain)


def network(preset: str) -> list[str]:
    """Return the plain script's flags for a preset."""
    return [] if preset == STOCK_PRESET else ["--preset", preset]


def watched(preset: str, limit: int) -> float:
    """Return images per second of the engine, with its screen in a terminal."""
    flags = ("--preset", preset, "--limit", str(limit), "--epochs", str(EPOCHS))
    with temporary_home() as home, training(home, *flags) as (terminal, run):
        terminal.wait_for("test accuracy", timeout=600)
        speed = epoch_speed(run, EPOCHS)
        end(terminal)
    return speed


def stock(*flags: str) -> list[dict[str, Any]]:
    """Run the plain script, and return the objects that it prints: one per epoch, and one at the end.

    It runs in a default environment, but in its own session and with the engine's priority, for a fair comparison.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.stock", *flags],
        env={name: value for name, value in os.environ.items() if not name.startswith(OURS)},
        start_new_session=True,
        preexec_fn=lower_priority,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the plain script failed:\n{done.stderr[-2_000:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
