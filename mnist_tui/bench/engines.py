"""Engines for benchmarks: in a home of their own, followed, and ended."""

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
from mnist_tui.runs.directory import HOME_VARIABLE, RunDirectory, RunError
from mnist_tui.runs.history import History
from mnist_tui.runs.log import LogFollower

POLL_SECONDS = 0.1
STOP_SECONDS = 5.0
"""Time that an engine has to stop before it is killed."""
SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def temporary_home() -> Iterator[Path]:
    """Set MNIST_TUI_HOME to a temporary folder; at the end, stop all engines in it and delete it.

    SIGTERM and SIGHUP raise SystemExit meanwhile, so that the end is reached. Raises RunError if there is no room.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix="mnist-tui-bench-"))
    except OSError as error:
        raise RunError(
            f"no temporary folder can be created ({error.strerror}): set TMPDIR to a writable folder"
        ) from None
    home_before, handlers = os.environ.get(HOME_VARIABLE), {number: signal.getsignal(number) for number in SIGNALS}
    os.environ[HOME_VARIABLE] = str(folder)
    try:
        for number, handler in handlers.items():
            if handler is not signal.SIG_IGN:  # as it is under nohup
                signal.signal(number, _exit)
        yield folder
    finally:
        interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave an engine behind
        for config in folder.rglob("config.json"):
            end(RunDirectory(config.parent))
        shutil.rmtree(folder, ignore_errors=True)
        os.environ.pop(HOME_VARIABLE)
        if home_before is not None:
            os.environ[HOME_VARIABLE] = home_before
        for number, handler in (*handlers.items(), (signal.SIGINT, interrupt)):
            signal.signal(number, handler)


def _exit(number: int, _: object) -> None:
    raise SystemExit(128 + number)


def follow(
    run: RunDirectory,
    until: Callable[[Timing], bool] = lambda _: False,
    on_poll: Callable[[Timing], None] = lambda _: None,
) -> Timing:
    """Follow a run until it is over or `until` returns True; call `on_poll` after every read."""
    history, follower = History(run.record()), LogFollower(run.events_path)
    timing = Timing(history)
    while True:
        live = run.is_live()  # before reading, so that the last events of an engine are read
        while events := follower.read():
            history.apply_all(events)
        on_poll(timing)
        if not live or history.is_over or until(timing):
            return timing
        time.sleep(POLL_SECONDS)


def end(run: RunDirectory) -> None:
    """Stop a run's engine at once and wait until it is gone; kill it after STOP_SECONDS."""
    deadline = time.monotonic() + STOP_SECONDS
    while run.is_live():
        endpoint = run.endpoint()
        if endpoint is not None and endpoint.socket is not None and time.monotonic() < deadline:
            with contextlib.suppress(RunError):
                client.send(run, Stop(by=client.origin("bench"), now=True), timeout=1.0)
        elif endpoint is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(endpoint.pid, signal.SIGKILL)
        time.sleep(POLL_SECONDS)


def failure_reason(run: RunDirectory, history: History) -> str | None:
    """Return why a run failed or crashed, in one sentence; None if it did not."""
    if history.failed is not None:
        return history.failed.error
    if history.ended is not None or run.is_live():
        return None
    try:
        lines = run.log_path.read_text("utf-8", errors="replace").split("\n")
    except OSError:
        lines = []
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it left no message")
    return f"the engine crashed: {last}"
