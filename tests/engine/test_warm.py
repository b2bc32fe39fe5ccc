"""A run on a warm engine is the run that a new process would have been."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from mnist_tui.control.warm import SWITCH
from mnist_tui.events import EpochEnded, RunEnded, StepEnded
from mnist_tui.runs.directory import RunDirectory
from tests.engine.conftest import Start, events_until

SETTINGS = {"preset": "lenet5", "limit": 1200, "batch_size": 100, "epochs": 2, "backend": "tensorflow"}
STARTER = """
import json, os, sys
from mnist_tui.cli.wiring import catalogue, launch
from mnist_tui.control.warm import spare
config = catalogue().complete(json.loads(sys.argv[1]))
spare.keep(config)
pid = spare._engine.process.pid
run = launch(config)
print(json.dumps({"run": str(run.path), "pid": pid}))
"""


@pytest.fixture
def begun(tmp_path: Path) -> tuple[RunDirectory, psutil.Process]:
    """A run on a warm engine, whose starter has exited, and the engine's process. It trains in `tmp_path`."""
    texts = {key: str(value) for key, value in SETTINGS.items()}
    done = subprocess.run(
        [sys.executable, "-c", STARTER, json.dumps(texts)],
        env=os.environ | {SWITCH: "on"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    return RunDirectory(Path(found["run"])), psutil.Process(found["pid"])


def test_a_run_on_a_warm_engine_looks_and_computes_as_on_a_new_one(
    begun: tuple[RunDirectory, psutil.Process], start: Start, tmp_path: Path
) -> None:
    run, process = begun
    words = process.cmdline()
    assert words[:5] == [sys.executable, "-P", "-m", "mnist_tui.engine", str(run.path)]
    assert not "".join(words[7:])
    assert os.getsid(process.pid) == process.pid
    assert process.cwd() == str(tmp_path)
    assert {name.path for name in process.open_files()} >= {str(run.log_path)}

    events = events_until(run)
    assert isinstance(events[-1], RunEnded)
    assert "TF_ENABLE_ONEDNN_OPTS" in run.log_path.read_text()  # what the import printed

    def figures(run: RunDirectory) -> list[object]:
        steps = [each.metrics | {"images_per_second": 0} for each in events_until(run) if isinstance(each, StepEnded)]
        return [*steps, *(each.validation for each in events_until(run) if isinstance(each, EpochEnded))]

    assert figures(run) == figures(start(**SETTINGS))
