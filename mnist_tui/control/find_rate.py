"""Range test of the learning rate, in a process of the engine that leaves no run behind."""

import contextlib
from collections.abc import Iterator

import msgspec

from mnist_tui.config import RunConfig
from mnist_tui.control.jobs import JobReport, job_reports
from mnist_tui.runs.directory import home
from mnist_tui.runs.errors import RunError

STEPS = 300
"""Steps of a test: fifty for each power of ten."""


def find_rate(config: RunConfig, steps: int = STEPS) -> Iterator[JobReport]:
    """Train a new model with a growing learning rate, and yield its reports; raises RunError.

    Closing the iterator ends the test. The learning rate and the epochs of the settings do not count.
    """
    path = home() / "find-lr.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        log = path.open("wb")
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error.strerror}): make its folder writable") from None
    with log:
        settings = msgspec.json.encode(config).decode()
        command = ("mnist_tui.engine.jobs.find_rate", settings, str(steps))
        yield from job_reports("find-lr", command, log, str(path))
    with contextlib.suppress(OSError):
        path.unlink()
