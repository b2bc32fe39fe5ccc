"""The worst confusions of the newest epoch, in words."""

from rich.text import Text
from textual.app import RenderResult
from textual.reactive import reactive
from textual.widget import Widget

from mnist_tui.analysis.confusion import report, top_confusions
from mnist_tui.runs.history import History

MOST = 12


class ConfusionsLine(Widget):
    """Two lines: the pairs that are confused most, and how many digits were read wrong in all."""

    DEFAULT_CSS = """
    ConfusionsLine { border: round $frame; border-title-color: $foreground; height: 4; padding: 0 1; }
    """

    BORDER_TITLE = "Worst confusions"

    content: reactive[tuple[int, tuple[tuple[str, str, int], ...], int, int]] = reactive((0, (), 0, 0))
    """Epoch, (true, predicted, count) from the worst down, mistakes, digits."""

    def show(self, history: History) -> None:
        """Take in a new moment of the run."""
        if not history.epochs or history.started is None:
            return
        epoch, names = history.epochs[-1], history.started.class_names
        if epoch.epoch == self.content[0]:
            return
        figures = report(epoch.confusion)
        worst = tuple(
            (names[one.true], names[one.predicted], one.count) for one in top_confusions(epoch.confusion, MOST)
        )
        self.border_title = f"Worst confusions, epoch {epoch.epoch} (validation)"
        self.content = (epoch.epoch, worst, figures.mistakes, figures.total)

    def render(self) -> RenderResult:
        epoch, worst, mistakes, total = self.content
        variables = self.app.theme_variables
        if not epoch:
            return Text("confusions come when the first epoch is validated", style=variables["quiet"])
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
        return Text.assemble(line, f"\n{mistakes:,} wrong of {total:,} validation digits")
