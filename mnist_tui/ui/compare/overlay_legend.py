"""A legend under the plots of a run: the other runs drawn into them, with their values at the cursor."""

from rich.text import Text

from mnist_tui.metrics import Metric
from mnist_tui.runs.history import History
from mnist_tui.ui.compare.columns import cursor_columns
from mnist_tui.ui.compare.compared_runs import ComparedRun, ComparedRuns
from mnist_tui.ui.plots.view import PlotView
from mnist_tui.ui.shared.line_widget import LineWidget

MOST_LINES = 3


class OverlayLegend(LineWidget):
    """Hidden while there are no other runs."""

    DEFAULT_CSS = "OverlayLegend { height: 1; padding: 0 1; background: $surface; color: $foreground; display: none; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._parts: list[tuple[ComparedRun, str]] = []
        self._heading = ""

    def show(self, compared: ComparedRuns, own: History, view: PlotView, metric: Metric | None) -> None:
        """Show the runs, and their values of `metric` at the cursor in the plots of `own`."""
        self.display = bool(compared.runs)
        heading, values = "", [""] * len(compared.runs)
        if metric is not None:
            for column in cursor_columns(compared, own, view, [metric]):
                heading = f"{column.heading[1]} {column.heading[0]}"
                values = [cell.text for cell in column.cells]
        parts = [
            (run, value if run.has_steps else _reason(run)) for run, value in zip(compared.runs, values, strict=True)
        ]
        if (parts, heading) != (self._parts, self._heading):
            self._parts, self._heading = parts, heading
            self.styles.height = max(1, min(MOST_LINES, len(self._wrap(MOST_LINES))))
            self.redraw()

    def draw(self) -> list[Text]:
        return self._wrap(max(1, self.size.height))

    def _wrap(self, most: int) -> list[Text]:
        """Break the legend between runs into at most `most` lines, and count the runs that do not fit."""
        width = self.content_size.width or self.app.size.width - 2
        lines = [Text(f"{self._heading}  " if self._heading else "", no_wrap=True)]
        for number, (run, value) in enumerate(self._parts):
            left = len(self._parts) - number
            entry = self._entry(run, value)
            reserve = len(f"+{left} more") if len(lines) == most and left > 1 else 0
            if lines[-1].cell_len + entry.cell_len + reserve > width and lines[-1].plain:
                if len(lines) == most:
                    lines[-1].append(f"+{left} more", "dim")
                    break
                lines.append(Text(no_wrap=True))
            lines[-1].append_text(entry)
        return lines

    def _entry(self, run: ComparedRun, value: str) -> Text:
        colour = run.style.colour(self.app.theme_variables).hex
        return Text.assemble((f"━{run.style.marker}━ {run.name}", colour), f" {value}" if value else "", "   ")


def _reason(run: ComparedRun) -> str:
    if not run.is_loaded:
        return "reading…"
    return "unreadable" if run.error else "no steps yet"
