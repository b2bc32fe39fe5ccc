"""The cross-check of a run's labels, going on beside the screens: a minute of training that nobody waits for.

It goes on when its screen is left and when another run is opened, and ends with the program: the job ends by itself
when nobody listens to it any more.
"""

import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from mnist_tui.control.client import do_job
from mnist_tui.control.protocol import JobReport
from mnist_tui.runs.directory import RunDirectory, RunError

JOB = "cross-check"
STARTING = JobReport("starting", 0.0)


class CrossCheck:
    """One that goes on, or has just ended. `watcher` is called, from a thread of its own, after each report."""

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self.report = STARTING
        """The newest."""
        self.problem = ""
        """Why it failed, in a sentence."""
        self.is_over = False
        self.watcher: Callable[[], object] | None = None

    def _work(self, ended: Callable[["CrossCheck"], None]) -> None:
        try:
            for report in do_job(self.run, JOB):
                self.report = report
                self._tell()
        except RunError as error:
            self.problem = str(error)
        except msgspec.DecodeError as error:
            self.problem = f"the cross-check said something that cannot be read ({error}): see {self.run.log_path}"
        finally:
            self.is_over = True
            _going_on.pop(self.run.path, None)
            ended(self)
            self._tell()

    def _tell(self) -> None:
        if self.watcher is not None:
            self.watcher()


_going_on: dict[Path, CrossCheck] = {}
"""By run directory: a screen that is made anew finds what an earlier one began."""


def going_on(run: RunDirectory) -> CrossCheck | None:
    """The cross-check of a run that this program has under way."""
    return _going_on.get(run.path)


def begin(run: RunDirectory, ended: Callable[[CrossCheck], None]) -> CrossCheck:
    """Start one; `ended` is called, from its thread, when it is over, well or not.

    The thread ends with the program: one of Textual's workers would hold up its end until the next report.
    """
    check = _going_on[run.path] = CrossCheck(run)
    threading.Thread(target=check._work, args=(ended,), name="cross-check", daemon=True).start()
    return check
