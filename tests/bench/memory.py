"""What the engine holds in memory, against the script that a Keras user writes."""

import statistics

from mnist_tui.bench.engines import follow
from mnist_tui.control import client
from mnist_tui.control.protocol import Stop
from mnist_tui.runs.directory import RunDirectory
from tests.bench.peak import peak_bytes
from tests.bench.result import Result
from tests.bench.side_by_side import network, stock
from tests.bench.training import start, temporary_home

PAIRS = 3
STEPS = {"reference": 40, "fast": None}
"""After which training ends: memory does not grow with it. None: a whole epoch."""


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
    """Bytes of the engine and of the plain script: trained, validated and tested."""
    with temporary_home() as home:
        ours = _engine(start(home, "--preset", preset, "--epochs", "1"), steps)
    limited = [] if steps is None else ["--steps", str(steps)]
    *_, tested = stock("--epochs", "1", *limited, *network(preset))
    return ours, tested["peak_bytes"]


def _engine(run: RunDirectory, steps: int | None) -> int:
    """Let an engine train to its end, or for so many steps; a screen that watches keeps it from leaving."""
    screen = client.Attachment(run, by="benchmark")
    try:
        if steps is not None:
            follow(run, lambda _: None, lambda timing: timing.step >= steps)
            client.send(run, Stop(by="benchmark"))
        follow(run, lambda _: None, lambda _: False)
        endpoint = run.endpoint()
        assert endpoint is not None, f"the engine is gone: see {run.log_path}"
        peak = peak_bytes(endpoint.pid)
        assert peak is not None, "this system does not tell the peak memory of a process (VmHWM)"
        return peak
    finally:
        screen.close()
