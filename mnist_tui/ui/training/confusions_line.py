"""The confusions panel: the worst confusions of the newest validation."""

from rich.text import Text

from mnist_tui.analysis.confusion import class_name, report, top_confusions
from mnist_tui.events import EpochEnded
from mnist_tui.render.text import clip, sanitize
from mnist_tui.runs.history import History
from mnist_tui.runs.status import Status
from mnist_tui.ui.shared.line_widget import LineWidget

MAX_PAIRS = 12
PENDING, MISSING = "shown after the first validated epoch", "no validated epoch"
UNKNOWN = "unknown: the run was imported"


class ConfusionsLine(LineWidget):
    """Two lines: the classes that are confused most often, and the number of misclassified images."""

    DEFAULT_CSS = """
    ConfusionsLine { border: round $frame; border-title-color: $foreground; height: 4; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._epoch: EpochEnded | None = None
        self._names: tuple[str, ...] = ()
        self._is_live = True
        self.set_title("Worst confusions")

    def show(self, history: History, status: Status) -> None:
        """Show the newest validation of the run."""
        epoch = history.epochs[-1] if history.epochs and history.started is not None else None
        if epoch is self._epoch and status.is_live == self._is_live:
            return
        self._epoch, self._is_live = epoch, status.is_live
        self._names = tuple(map(sanitize, history.started.class_names)) if history.started is not None else ()
        self.set_title("Worst confusions" + (f", epoch {epoch.epoch} (validation)" if epoch is not None else ""))
        self.redraw()

    def draw(self) -> list[Text]:
        variables = self.app.theme_variables
        if self._epoch is None or not self._epoch.confusion:
            reason = UNKNOWN if self._epoch is not None else PENDING if self._is_live else MISSING
            return [Text(reason, style=variables["quiet"])]
        line, longest = Text(), max(1, self.size.width // 3)
        for pair in top_confusions(self._epoch.confusion, MAX_PAIRS):
            entry = Text.assemble(
                (clip(class_name(pair.true, self._names), longest), f"bold {variables['true-class']}"),
                "→",
                (clip(class_name(pair.predicted, self._names), longest), f"bold {variables['predicted-class']}"),
                f" ×{pair.count}   ",
            )
            if line.cell_len + entry.cell_len > self.size.width:
                break
            line.append_text(entry)
        totals = report(self._epoch.confusion)
        counts = f"{totals.mistakes:,} of {totals.total:,}"
        words = f"{counts} validation images misclassified"
        return [line, Text(words if len(words) <= self.size.width else f"{counts} misclassified")]
