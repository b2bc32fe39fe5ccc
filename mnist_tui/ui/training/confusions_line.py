"""The confusions panel: the worst confusions of the newest evaluation of the validation images."""

from rich.text import Text

from mnist_tui.analysis.confusion import class_name, report, top_confusions
from mnist_tui.events import EpochEnded, RollingEvaluated
from mnist_tui.inspection.predictions import EvaluationPoint, newest_point
from mnist_tui.render.text import clip, sanitize
from mnist_tui.runs.history import History
from mnist_tui.runs.status import Status
from mnist_tui.ui.shared.line_widget import LineWidget

TITLE = "Worst confusions"
MAX_PAIRS = 12
PENDING, MISSING = "shown after the first evaluation", "no validated epoch"
UNKNOWN = "unknown: the run was imported"


class ConfusionsLine(LineWidget):
    """Two lines: the classes that are confused most often, and the number of misclassified images."""

    DEFAULT_CSS = """
    ConfusionsLine { border: round $frame; border-title-color: $foreground; height: 4; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._shown: EpochEnded | RollingEvaluated | None = None
        self._point: EvaluationPoint | None = None
        self._names: tuple[str, ...] = ()
        self._is_live = True
        self.set_title(TITLE)

    def show(self, history: History, status: Status) -> None:
        """Show the newest evaluation of the run."""
        newest = history.newest_validation if history.started is not None else None
        if newest is self._shown and status.is_live == self._is_live:
            return
        self._shown, self._is_live = newest, status.is_live
        self._names = tuple(map(sanitize, history.started.class_names)) if history.started is not None else ()
        self._point = newest_point(history) if newest is not None else None
        self.redraw()

    def _title_words(self) -> str:
        if self._point is None:
            return TITLE
        words = self._point.words
        titles = f"{TITLE}, {words} (validation)", f"{TITLE}, {words}", f"Worst, {words}"
        return next((title for title in titles if len(title) <= self.size.width), words)

    def draw(self) -> list[Text]:
        self.set_title(self._title_words())
        variables = self.app.theme_variables
        if self._shown is None or not self._shown.confusion:
            return [Text(missing_words(self._shown, is_live=self._is_live), style=variables["quiet"])]
        line, longest = Text(), max(1, self.size.width // 3)
        if self.size.height == 1 and isinstance(self._shown, RollingEvaluated):  # there is no frame with a title
            line.append("rolling  ", variables["quiet"])
        for pair in top_confusions(self._shown.confusion, MAX_PAIRS):
            entry = Text.assemble(
                (clip(class_name(pair.true, self._names), longest), f"bold {variables['true-class']}"),
                "→",
                (clip(class_name(pair.predicted, self._names), longest), f"bold {variables['predicted-class']}"),
                f" ×{pair.count}   ",
            )
            if line.cell_len + entry.cell_len > self.size.width:
                break
            line.append_text(entry)
        totals = report(self._shown.confusion)
        counts = f"{totals.mistakes:,} of {totals.total:,}"
        words = f"{counts} validation images misclassified"
        return [line, Text(words if len(words) <= self.size.width else f"{counts} misclassified")]


def missing_words(newest: EpochEnded | RollingEvaluated | None, *, is_live: bool) -> str:
    """Return why there is no confusion matrix of the newest evaluation, if there is one."""
    return UNKNOWN if newest is not None else PENDING if is_live else MISSING
