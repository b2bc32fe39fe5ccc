"""Peak memory of the engine, compared with a plain Keras script."""

import statistics

from mnist_tui.bench.engines import follow, temporary_home
from mnist_tui.control import client
from mnist_tui.control.protocol import Stop
from mnist_tui.runs.directory import RunDirectory
from tests.bench.peak import peak_bytes
from tests.bench.result import Result
from tests.bench.side_by_side import network, stock
from tests.bench.training import start

PAIRS = 3
STEPS = {"reference": 40, "fast": None}
"""Steps to train; None for a whole epoch. Memory does not grow with them."""


def memory() -> Result:
    """Peak resident memory of the engine over a plain Keras script's, on all digits; the worse of two presets."""
    peaks = {preset: [_pair(preset, steps) for _ in range(PAIRS)] for preset, steps in STEPS.items()}
    ratios = {preset: [ours / plain for ours, plain in pairs] for preset, pairs in peaks.items()}
    return Result(
        value=round(max(statistics.median(one) for one in ratios.values()), 3),
        unit="x the plain script's",
        bar=1.15,
        raw={
            preset: {
                "pairs": PAIRS,
                "engine_mib": [round(ours / 2**20) for ours, _ in pairs],
                "plain_mib": [round(plain / 2**20) for _, plain in pairs],
                "ratio_min": round(min(ratios[preset]), 3),
                "ratio_max": round(max(ratios[preset]), 3),
            }
            for preset, pairs in peaks.items()
        },
    )


def _pair(preset: str, steps: int | None) -> tuple[int, int]:
    """Return the peak bytes of the engine and of the plain script, which both train, validate and test."""
    with temporary_home() as home:
        ours = _engine(start(home, "--preset", preset, "--epochs", "1"), steps)
    limited = [] if steps is None else ["--steps", str(steps)]
    *_, tested = stock("--epochs", "1", *limited, *network(preset))
    return ours, tested["peak_bytes"]


def _engine(run: RunDirectory, steps: int | None) -> int:
    """Return the peak bytes of an engine. An attached viewer keeps it alive after the run."""
    screen = client.Attachment(run, by="benchmark")
    try:
        if steps is not None:
            follow(run, lambda timing: timing.history.last_step >= steps)
            client.send(run, Stop(by="benchmark"))
        follow(run)
        endpoint = run.endpoint()
        assert endpoint is not None, f"the engine is gone: see {run.log_path}"
        peak = peak_bytes(endpoint.pid)
        assert peak is not None, "this system does not report the peak memory of a process (VmHWM)"
        return peak
    finally:
        screen.close()
