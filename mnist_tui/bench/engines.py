"""Engines for a while: in a home of their own, watched, and gone when it is over."""

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from mnist_tui.bench.timing import Timing
from mnist_tui.control import client
from mnist_tui.control.protocol import Stop
from mnist_tui.runs.directory import HOME_VARIABLE, RunDirectory, RunError, list_runs
from mnist_tui.runs.log import LogFollower

POLL_SECONDS = 0.1
GOING_SECONDS = 5.0
"""How long an engine that was told to go may take."""
ENDING = (signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def temporary_home() -> Iterator[Path]:
    """Runs are made in a new folder; at the end, however it comes, their engines are ended and the folder is deleted.

    Raises RunError when there can be no such folder. SIGTERM and SIGHUP leave by SystemExit, so that the end comes.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix="mnist-tui-bench-"))
    except OSError as error:
        raise RunError(
            f"no temporary folder can be made ({error.strerror}): set TMPDIR to a folder that you can write to"
        ) from None
    before, handlers = os.environ.get(HOME_VARIABLE), {number: signal.getsignal(number) for number in ENDING}
    os.environ[HOME_VARIABLE] = str(folder)
    try:
        for number, handler in handlers.items():
            if handler is not signal.SIG_IGN:  # as it is under nohup
                signal.signal(number, lambda number, _: _leave(number))
        yield folder
    finally:
        interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave an engine behind
        for run in list_runs():
            end(run)
        shutil.rmtree(folder, ignore_errors=True)
        os.environ.pop(HOME_VARIABLE)
        if before is not None:
            os.environ[HOME_VARIABLE] = before
        for number, handler in (*handlers.items(), (signal.SIGINT, interrupt)):
            signal.signal(number, handler)


def follow(run: RunDirectory, tell: Callable[[Timing], None], enough: Callable[[Timing], bool]) -> Timing:
    """Read a run's events until it is over or there is enough; `tell` is called after every look."""
    record = run.record()
    timing, follower = Timing(record.created, record.config.batch_size), LogFollower(run.events_path)
    while True:
        live = run.is_live()  # before reading: what an engine wrote before it ended is then read
        while events := follower.read():
            for event in events:
                timing.take(event)
        tell(timing)
        if not live or timing.ended or timing.failed or enough(timing):
            return timing
        time.sleep(POLL_SECONDS)


def end(run: RunDirectory) -> None:
    """End a run's engine at once, and return when it is gone. One that starts up says soon which process it is."""
    deadline = time.monotonic() + GOING_SECONDS
    while run.is_live():
        endpoint = run.endpoint()
        if endpoint is not None and endpoint.socket is not None and time.monotonic() < deadline:
            with contextlib.suppress(RunError):
                client.send(run, Stop(by=client.origin("bench"), now=True), timeout=1.0)
        elif endpoint is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(endpoint.pid, signal.SIGKILL)
        time.sleep(POLL_SECONDS)


def complaint(run: RunDirectory, timing: Timing) -> str | None:
    """Why a run is over before its time, as a sentence; None when it is not."""
    if timing.failed is not None:
        return timing.failed.error
    if timing.ended is not None or run.is_live():
        return None
    try:
        words = run.log_path.read_text("utf-8", errors="replace").split("\n")
    except OSError:
        words = []
    last = next((line.strip() for line in reversed(words) if line.strip()), "it left no message")
    return f"the engine crashed: {last}"


def _leave(number: int) -> None:
    raise SystemExit(128 + number)
