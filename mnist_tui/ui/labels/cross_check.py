"""The cross-check of a run's labels, running in the background: about a minute of training.

It continues when its screen is left or another run is opened, and ends with the program.
"""

import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from mnist_tui.control.client import do_job
from mnist_tui.control.jobs import JobReport
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.session import RunView
from mnist_tui.ui.shared.dialog import ChoiceDialog

JOB = "cross-check"


class CrossCheckScreen(ChoiceDialog):
    """Confirmation before a cross-check starts. Returns "check" or "cancel"."""

    BINDINGS = bindings("cross_check")
    TITLE_WORDS = "Cross-check"
    CHOICES = (
        ("check", "X", "Cross-check", "start it"),
        ("cancel", "Esc", "Cancel", "do not start it"),
    )
    FIRST = 1

    def __init__(self, view: RunView) -> None:
        sentence = "Predict all training images out of sample: this trains three small networks for about a minute"
        super().__init__(f"{sentence}, and slows the training of this run." if view.status.is_live else f"{sentence}.")


class CrossCheck:
    """A cross-check that runs or has just ended. Its thread calls `watcher` after each report."""

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self.report = JobReport("starting", 0.0)
        """The newest."""
        self.problem = ""
        """Why it failed; empty if it did not."""
        self.is_over = False
        self.watcher: Callable[[], object] | None = None

    def _work(self, ended: Callable[["CrossCheck"], None]) -> None:
        try:
            for report in do_job(self.run, JOB):
                self.report = report
                self._notify()
        except RunError as error:
            self.problem = str(error)
        except msgspec.DecodeError as error:
            self.problem = f"the cross-check sent an unknown message ({error}): see {self.run.log_path}"
        finally:
            self.is_over = True
            _running.pop(self.run.path, None)
            ended(self)
            self._notify()

    def _notify(self) -> None:
        if self.watcher is not None:
            self.watcher()


_running: dict[Path, CrossCheck] = {}
"""Run directory -> cross-check, so that a new screen finds what an earlier one started."""


def running(run: RunDirectory) -> CrossCheck | None:
    """Return the run's cross-check, if this program has started one that still runs."""
    return _running.get(run.path)


def start(run: RunDirectory, ended: Callable[[CrossCheck], None]) -> CrossCheck:
    """Start a cross-check; its thread calls `ended` when it has finished or failed."""
    check = _running[run.path] = CrossCheck(run)
    # not one of Textual's workers: that would delay the program's exit until the next report
    threading.Thread(target=check._work, args=(ended,), name="cross-check", daemon=True).start()
    return check
