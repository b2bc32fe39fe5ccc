"""Stand-in for the engines of a queue: python -m tests.faults.queue_stand_in [RUN] --lock FD.

Without RUN it is the runner, with the real code but for the check of the settings; with RUN an engine that writes some
steps within half a second. Both take a fraction of the real ones' time, so that kills hit all their states.
"""

import argparse
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from mnist_tui.control import client, spawning
from mnist_tui.control.queue_runner import BY, Runner
from mnist_tui.event_lines import encode
from mnist_tui.events import EndReason, ResumeReason, RunEnded, RunResumed, StepEnded
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.runs.liveness import Endpoint, host, this_machine, write_endpoint
from mnist_tui.runs.queue import Queue
from mnist_tui.runs.queue_entry import Entry
from mnist_tui.settings import SETTINGS_BY_KEY
from tests.kit import samples

MODULE = "tests.faults.queue_stand_in"
STEPS, STEP_SECONDS = 10, 0.03

_spawn = spawning.spawn


def spawn(module: str, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    """Start a stand-in in place of an engine."""
    assert module == "mnist_tui.engine"
    return _spawn(MODULE, *arguments, **options)


def launch(entry: Entry, device: str) -> RunDirectory:
    """Start the stand-in of an entry's run."""
    seed = SETTINGS_BY_KEY["seed"].parse(entry.settings["seed"], samples.catalogue())
    return client.start(samples.config(seed=seed, device=device or "auto"), entry=entry)


def run_runner(lock: int) -> None:
    """Work through the queue."""
    spawning.spawn = spawn
    Runner(Queue(), launch, lambda run: client.resume(run, BY), lambda _: None, gpus=0).serve(lock)


def run_engine(run: RunDirectory, lock: int, resumed_by: str | None) -> None:
    """Write the events of a short run. A resumed one begins again."""
    write_endpoint(lock, Endpoint(os.getpid(), None, host(), this_machine()))
    with run.events_path.open("ab", buffering=0) as log:
        if run.events_path.stat().st_size == 0:
            log.write(encode(samples.run_started()))
        if resumed_by is not None:
            log.write(encode(RunResumed(time=time.time(), reason=ResumeReason.RESUMED, step=0, epoch=0, by=resumed_by)))
        for step in range(1, STEPS + 1):
            time.sleep(STEP_SECONDS)
            log.write(encode(StepEnded(time=time.time(), step=step, epoch=1, metrics={"loss": 1.0})))
        log.write(encode(RunEnded(time=time.time(), reason=EndReason.COMPLETED, test_accuracy=0.9, best_epoch=1)))
    write_endpoint(lock, None)


def main() -> None:
    """Parse the arguments, and be the runner or an engine."""
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path, nargs="?")
    parser.add_argument("--lock", type=int, required=True)
    parser.add_argument("--resume")
    options = parser.parse_args()
    os.set_inheritable(options.lock, False)
    if options.run is None:
        run_runner(options.lock)
    else:
        run_engine(RunDirectory(options.run), options.lock, options.resume)


if __name__ == "__main__":
    main()
