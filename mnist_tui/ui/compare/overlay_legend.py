"""Under the plots of a run: the other runs that are drawn into them, with their colours and markers."""

from rich.text import Text

from mnist_tui.metrics import Metric
from mnist_tui.runs.history import History
from mnist_tui.ui.compare.columns import CursorReader
from mnist_tui.ui.compare.compared_runs import ComparedRun, ComparedRuns
from mnist_tui.ui.plots.view import PlotView
from mnist_tui.ui.shared.line_widget import LineWidget

MOST_LINES = 3


class OverlayLegend(LineWidget):
    """There while there are others. With a cursor it gives their values there; what is wrong with one is said."""

    DEFAULT_CSS = "OverlayLegend { height: 1; padding: 0 1; background: $surface; color: $foreground; display: none; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._parts: list[tuple[ComparedRun, str]] = []
        self._lead = ""
        self._reader = CursorReader()

    def show(self, compared: ComparedRuns, own: History, view: PlotView, metric: Metric | None) -> None:
        """Take in the other runs, and the values of a metric at the cursor of the run's own plots."""
        self.display = bool(compared.runs)
        lead, values = "", [""] * len(compared.runs)
        if metric is not None:
            for column in self._reader.columns(compared, own, view, [metric]):
                lead = f"{column.heading[1]} {column.heading[0]}"
                values = [cell.words for cell in column.cells]
        parts = [
            (run, value if run.has_steps else _why_not(run)) for run, value in zip(compared.runs, values, strict=True)
        ]
        if (parts, lead) != (self._parts, self._lead):
            self._parts, self._lead = parts, lead
            self.styles.height = max(1, min(MOST_LINES, len(self._laid_out(MOST_LINES))))
            self.redraw()

    def draw(self) -> list[Text]:
        """As many lines as are needed, and may be."""
        return self._laid_out(max(1, self.size.height))

    def _laid_out(self, most: int) -> list[Text]:
        """Runs in lines, none cut in two; how many there was no room for stands at the end."""
        width = self.content_size.width or self.app.size.width - 2
        lines = [Text(f"{self._lead}  " if self._lead else "", no_wrap=True)]
        for place, (run, value) in enumerate(self._parts):
            left = len(self._parts) - place
            piece = self._piece(run, value)
            reserve = len(f"+{left} more") if len(lines) == most and left > 1 else 0
            if lines[-1].cell_len + piece.cell_len + reserve > width and lines[-1].plain:
                if len(lines) == most:
                    lines[-1].append(f"+{left} more", "dim")
                    break
                lines.append(Text(no_wrap=True))
            lines[-1].append_text(piece)
        return lines

    def _piece(self, run: ComparedRun, value: str) -> Text:
        colour = run.sign.colour(self.app.theme_variables).hex
        return Text.assemble((f"━{run.sign.marker}━ {run.name}", colour), f" {value}" if value else "", "   ")


def _why_not(run: ComparedRun) -> str:
    if not run.is_read:
        return "reading…"
    return "unreadable" if run.trouble else "no steps yet"
