"""The confusions panel: the worst confusions of the newest validation."""

from rich.text import Text
from textual.app import RenderResult
from textual.reactive import reactive
from textual.widget import Widget

from mnist_tui.analysis.confusion import report, top_confusions
from mnist_tui.events import EpochEnded
from mnist_tui.render.text import sanitize
from mnist_tui.runs.history import History
from mnist_tui.runs.status import Status

MAX_PAIRS = 12
Content = tuple[int, tuple[tuple[str, str, int], ...], int, int]
PENDING, MISSING = "shown after the first validated epoch", "no validated epoch"
EMPTY: Content = (0, (), 0, 0)


class ConfusionsLine(Widget):
    """Two lines: the classes that are confused most often, and the number of misclassified images."""

    DEFAULT_CSS = """
    ConfusionsLine { border: round $frame; border-title-color: $foreground; height: 4; padding: 0 1; }
    """

    BORDER_TITLE = "Worst confusions"

    content: reactive[Content] = reactive(EMPTY)
    """Epoch, (true, predicted, count) sorted by count, misclassified images, all images."""

    _newest: EpochEnded | None = None

    is_live: reactive[bool] = reactive(True)

    def show(self, history: History, status: Status) -> None:
        """Show the newest validation of the run."""
        self.is_live = status.is_live
        newest = history.epochs[-1] if history.epochs and history.started is not None else None
        if newest is self._newest:
            return
        self._newest = newest
        if newest is None or history.started is None:  # rolled back to before the first validation
            self.border_title, self.content = self.BORDER_TITLE, EMPTY
            return
        epoch, names = newest, tuple(map(sanitize, history.started.class_names))
        figures = report(epoch.confusion)
        worst = tuple(
            (names[one.true], names[one.predicted], one.count) for one in top_confusions(epoch.confusion, MAX_PAIRS)
        )
        self.border_title = f"Worst confusions, epoch {epoch.epoch} (validation)"
        self.content = (epoch.epoch, worst, figures.mistakes, figures.total)

    def render(self) -> RenderResult:
        epoch, worst, mistakes, total = self.content
        variables = self.app.theme_variables
        if not epoch:
            return Text(PENDING if self.is_live else MISSING, style=variables["quiet"])
        line = Text(no_wrap=True)
        for true, predicted, count in worst:
            pair = Text.assemble(
                (true, f"bold {variables['true-class']}"),
                "→",
                (predicted, f"bold {variables['predicted-class']}"),
                f" ×{count}   ",
            )
            if line.cell_len + pair.cell_len > self.size.width:
                break
            line.append_text(pair)
        return Text.assemble(line, f"\n{mistakes:,} of {total:,} validation images misclassified")
