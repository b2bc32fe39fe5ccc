"""The run under the cursor of the home screen: its events with their steps, and its most confident mistakes."""

import contextlib
from collections.abc import Callable

from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.inspection.inspector import Inspector
from mnist_tui.inspection.predictions import EvaluationPoint, newest_point
from mnist_tui.render.text import sanitize
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.history import History
from mnist_tui.runs.log import LogFollower
from mnist_tui.ui.digits.mistakes import Mistakes, read_mistakes

MOST_MISTAKES = 10


class GlanceRun:
    """One run. `load` reads it in a thread; `poll` then reads what is new, in the thread that draws."""

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self.history: History | None = None
        """None until the run was read, and if it cannot be."""
        self.mistakes = Mistakes("")
        self._inspector: Inspector | None = None
        self._follower = LogFollower(run.events_path)

    def load(self, is_cancelled: Callable[[], bool]) -> None:
        """Read all events and the newest predictions, unless it is cancelled; raises RunError."""
        record = self.run.record()
        history, self._inspector = History(record), Inspector(self.run, record)
        while not is_cancelled() and (events := self._follower.read()):
            history.apply_all(events)
        if not is_cancelled():
            self.mistakes = self.read_mistakes(history)
            self.history = history  # last: from now on it is polled

    def poll(self) -> bool:
        """Read new events, and return True if there are some; if the disk is gone, what was read stays."""
        if self.history is None:
            return False
        before = self.history.revision
        with contextlib.suppress(RunError):
            while events := self._follower.read():
                self.history.apply_all(events)
        return self.history.revision != before

    def read_mistakes(self, history: History) -> Mistakes:
        """Read the most confident mistakes of the newest evaluation, or why there are none."""
        point = evaluated_point(history)
        if point is None or self._inspector is None:
            return Mistakes("")
        try:
            return read_mistakes(self._inspector, history, point, MOST_MISTAKES)
        except (RunError, AnalysisError) as error:
            return Mistakes(sanitize(str(error)), point)


def evaluated_point(history: History) -> EvaluationPoint | None:
    """Return the point of the newest evaluation; None before the first, and for an imported run."""
    newest = history.newest_validation
    return newest_point(history) if newest is not None and newest.confusion else None
