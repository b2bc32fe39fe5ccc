"""Recorded real runs to compare: three epochs of all of MNIST, and two of four epochs of a part of it."""

import gzip
import json
import shutil
from pathlib import Path

from mnist_tui.runs.directory import RunDirectory, home

FIXTURES = Path(__file__).parent.parent / "fixtures"
NAMES = ("brave-otter", "paused-otter", "killed-otter")
"""Oldest first."""


def recorded(name: str, *, run_id: str | None = None, called: str | None = None) -> RunDirectory:
    """A copy of a recorded run under the home of runs; under another id and name, if given."""
    source = FIXTURES / name
    record = json.loads((source / "config.json").read_text("utf-8"))
    record["id"] = run_id or record["id"]
    record["name"] = called or record["name"]
    run = RunDirectory(home() / record["id"])
    run.path.mkdir(parents=True)
    run.config_path.write_text(json.dumps(record), "utf-8")
    plain = source / "events.jsonl"
    if plain.exists():
        shutil.copy(plain, run.events_path)
    else:
        run.events_path.write_bytes(gzip.decompress((source / "events.jsonl.gz").read_bytes()))
    return run


def three_runs() -> list[RunDirectory]:
    return [recorded(name) for name in NAMES]
