"""Reports of a job process: JSON lines on what was stdout; everything else that is printed goes to stderr."""

import os
import traceback
from collections.abc import Callable

import msgspec

from mnist_tui.config import ConfigError
from mnist_tui.control.jobs import JobReport
from mnist_tui.engine.hardware import detection
from mnist_tui.runs.errors import RunError

Report = Callable[[JobReport], None]


def report_work(work: Callable[[Report], None]) -> int:
    """Do the work of a job, which reports its progress, and return the exit status. An error is the last report."""
    # native code prints to stdout, too: only reports may go there
    reports = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    detection.lower_priority()

    def write(report: JobReport) -> None:
        reports.write(msgspec.json.encode(report) + b"\n")

    try:
        work(write)
    except BrokenPipeError:
        return 1  # the program that started the job has exited
    except Exception as error:
        traceback.print_exc()
        message = str(error) if isinstance(error, ConfigError | RunError) else f"{type(error).__name__}: {error}"
        write(JobReport("failed", 1.0, error=message))
        return 1
    return 0
