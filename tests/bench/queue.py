"""Ten queued runs against the sum of ten single ones."""

import tempfile
import time
from pathlib import Path

from tests.bench.result import Result
from tests.bench.training import call, train

RUNS = 10
SETTINGS = ("--preset", "fast", "--limit", "6000")
BAR = 1.05
POLL_SECONDS = 0.05


def queue() -> Result:
    """Time ten queued runs between two halves of ten single ones, so that both meet the same load."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        singles = [_single(home, seed) for seed in range(RUNS // 2)]
        queued = _queued(home)
        singles += [_single(home, seed) for seed in range(RUNS // 2, RUNS)]
    raw = {"queued_s": round(queued, 1), "single_s": [round(seconds, 1) for seconds in singles]}
    return Result(round(queued / sum(singles), 3), "of the ten single runs' time", BAR, raw)


def _single(home: Path, seed: int) -> float:
    start = time.monotonic()
    train(home, *SETTINGS, "--seed", str(seed))
    return time.monotonic() - start


def _queued(home: Path) -> float:
    start = time.monotonic()
    call(home, "queue", "add", *SETTINGS, "--seed", f"0..{RUNS - 1}")
    entries = home / "queue" / "entries.jsonl"
    while (lines := entries.read_bytes()).count(b'"state":"finished"') < RUNS:
        assert b'"state":"failed"' not in lines, lines.decode()
        time.sleep(POLL_SECONDS)
    return time.monotonic() - start
