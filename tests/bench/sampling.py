"""Time that layer statistics and histograms take from the training: python -m tests.bench.sampling PRESET LIMIT."""

import json
import os
import statistics
import subprocess
import sys
import time
from typing import Any
from unittest.mock import patch

from mnist_tui.bench.engines import temporary_home
from tests.bench.result import Result

PAIRS = 3
LIMITS = {"fast": 60_000, "reference": 6_000}
"""Images per run, of one epoch. A run of `reference` over all images takes half an hour on two cores."""
BAR = 0.01
"""Share of the training time."""


def sampling() -> Result:
    """Share of the training time that samples of the layers take, the compilation of the first one left out."""
    runs = {preset: [(_run(preset, True), _run(preset, False)) for _ in range(PAIRS)] for preset in LIMITS}
    figures = {
        preset: round(statistics.median(ours["sampling"] / ours["training"] for ours, _ in pairs), 4)
        for preset, pairs in runs.items()
    }
    raw: dict[str, Any] = {
        preset: {
            "samples": [ours["samples"] for ours, _ in pairs],
            "seconds": [ours["training"] for ours, _ in pairs],
            "seconds_without": [other["training"] for _, other in pairs],
            "compilation_s": [ours["first"] for ours, _ in pairs],
            "log_bytes": [ours["log_bytes"] for ours, _ in pairs],
        }
        for preset, pairs in runs.items()
    }
    return Result(max(figures.values()), "of the training time, the worse of two presets", BAR, {**figures, **raw})


def _run(preset: str, with_samples: bool) -> dict[str, float]:
    """Train in a process of its own, and return what it measured."""
    command = [sys.executable, "-m", "tests.bench.sampling", preset, str(LIMITS[preset]), str(int(with_samples))]
    with temporary_home():
        done = subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the run failed:\n{done.stderr[-2_000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(preset: str, limit: int, with_samples: bool) -> dict[str, float]:
    """Train one epoch in this process, and time its samples and its steps."""
    from mnist_tui.engine.__main__ import Engine
    from mnist_tui.engine.training.layer_stats import LayerSampler
    from mnist_tui.event_lines import decode
    from mnist_tui.events import LayerHistograms, LayerStats, StepEnded
    from tests.engine.in_process import new_run

    seconds: list[float] = []
    samples: list[int] = []
    after_batch = LayerSampler.after_batch

    def timed(sampler: LayerSampler, step: int) -> list[LayerStats | LayerHistograms]:
        if not with_samples:
            return []
        began = time.perf_counter()
        found = after_batch(sampler, step)
        seconds.append(time.perf_counter() - began)
        samples.extend([len(seconds) - 1] if found else [])
        return found

    run = new_run(preset=preset, limit=limit, epochs=1)
    with patch.object(LayerSampler, "after_batch", timed):
        Engine(run, None, None, explain_only=False).work()
    lines = run.events_path.read_bytes().splitlines()
    steps = [event for event in map(decode, lines) if isinstance(event, StepEnded)]
    first = seconds[samples[0]] if samples else 0.0
    return {
        "training": round(steps[-1].time - steps[0].time, 3),
        "sampling": round(sum(seconds) - first, 4),
        "first": round(first, 3),
        "samples": len(samples),
        "log_bytes": sum(len(line) for line in lines if b'"layer_histograms"' in line),
    }


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "1")))
