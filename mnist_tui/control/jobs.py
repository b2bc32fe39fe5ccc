"""Jobs: processes of the engine beside the training (engine/jobs), which report their progress on stdout."""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO

import msgspec

from mnist_tui.control import spawning
from mnist_tui.control.protocol import PredictedImages
from mnist_tui.runs.errors import RunError


class JobReport(msgspec.Struct, frozen=True):
    """Progress of a job beside the training (see engine/jobs). The last one names the result or the error."""

    message: str
    progress: float
    """Fraction done, 0..1."""
    name: str = ""
    """Name of the predictions that were written."""
    classes: tuple[int, ...] = ()
    """Predicted classes, in the order of the images."""
    predictions: PredictedImages | None = None
    rates: tuple[tuple[float, float | None], ...] = ()
    """Learning rate and loss of the steps since the report before, of a range test."""
    error: str = ""


def job_reports(name: str, command: Sequence[str], log: IO[bytes], log_name: str) -> Iterator[JobReport]:
    """Run a job in a process of its own and yield its progress; raises RunError if it fails.

    Closing the iterator terminates the job.

    Args:
        name: What the messages call it.
        command: A module of the engine and its arguments.
        log: File for all that it prints besides.
        log_name: What the messages call that file.
    """
    try:
        temporary = tempfile.TemporaryDirectory(prefix="mnist-tui-job-", ignore_cleanup_errors=True)
        environment = os.environ | {"TMPDIR": temporary.name}
        job = spawning.spawn(*command, stdout=subprocess.PIPE, stderr=log, environment=environment)
    except OSError as error:
        raise RunError(f"{name} cannot be started ({error.strerror}): free some memory and try again") from None
    assert job.stdout is not None
    try:
        for line in job.stdout:
            report = msgspec.json.decode(line, type=JobReport)
            if report.error:
                raise RunError(report.error)
            yield report
        if job.wait() != 0:
            raise RunError(f"{name} ended without a result: see {log_name}")
    finally:
        job.stdout.close()
        if job.poll() is None:
            job.terminate()
            job.wait()
        temporary.cleanup()
