"""Process of the queue's runner: python -m mnist_tui.cli.queue_runner --lock FD."""

import argparse
import contextlib
import os
import signal
import sys
import time
import traceback

from mnist_tui.cli.wiring import catalogue, launch
from mnist_tui.config import ConfigError
from mnist_tui.control.queue_runner import BY, Runner
from mnist_tui.control.warm import spare
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.queue import Queue
from mnist_tui.runs.queue_entry import Entry
from mnist_tui.streams import open_closed_streams


def main() -> None:
    """Acquire the lock of the queue unless it is inherited, and start runs until none waits."""
    open_closed_streams()
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    parser = argparse.ArgumentParser(prog=f"python -m {__spec__.name}", description=__doc__)
    parser.add_argument(
        "--lock", type=int, help="file descriptor of the queue's lock, inherited from the parent process"
    )
    given: int | None = parser.parse_args().lock
    queue = Queue()
    try:
        lock = queue.lock.acquire() if given is None else given
    except RunError:
        sys.exit("mnist-tui: the queue already has a runner")
    os.set_inheritable(lock, False)
    from mnist_tui.engine.hardware import nvidia

    Runner(queue, launch_entry, resume, prepare, len(nvidia.visible_gpus())).serve(lock)


def launch_entry(entry: Entry, device: str) -> RunDirectory:
    """Start the run of an entry on a device, "" for the one that its settings choose; raises ConfigError, RunError."""
    settings = entry.settings | ({"device": device} if device else {})
    try:
        config = catalogue().complete(settings)
        spare.keep(config)
        return launch(config, entry=entry)
    except Exception:
        print(time.strftime("%Y-%m-%d %H:%M:%S"), traceback.format_exc(), sep="\n", file=sys.stderr, flush=True)
        raise


def resume(run: RunDirectory) -> None:
    """Continue a run that ended with the machine or with the runner; raises ConfigError, RunError."""
    from mnist_tui.control.resume import resume_run

    resume_run(run, BY, catalogue())


def prepare(entry: Entry) -> None:
    """Let a warm engine import what the run of an entry needs, while another run trains."""
    with contextlib.suppress(ConfigError):  # said when the run is launched
        spare.keep(catalogue().complete(entry.settings))


if __name__ == "__main__":
    main()
