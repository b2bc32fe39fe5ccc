"""The earlier runs, the newest on top."""

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import DataTable, Static

from mnist_tui.render.text import percent
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.runs.summary import RunSummary, Status
from mnist_tui.ui.messages import OpenRun

COLOURS = {Status.FINISHED: "success", Status.CRASHED: "error", Status.FAILED: "error", Status.STOPPED: "warning"}
EMPTY = (
    "No runs yet.\n\nPress Enter to start the first one with the settings shown:\n"
    "it trains a small network on 55,000 digits and shows\nits curves, its confusions and its mistakes as they come."
)


class RunTable(Vertical):
    """A table whose Enter (or click) opens a run; on a fresh machine, what to do."""

    DEFAULT_CSS = """
    RunTable { border: round $frame; border-title-color: $foreground; height: 1fr; }
    RunTable:focus-within { border: round $accent; }
    RunTable DataTable { height: 1fr; background: transparent; scrollbar-size: 1 1; }
    RunTable DataTable > .datatable--header { background: transparent; color: $quiet; text-style: none; }
    RunTable DataTable > .datatable--cursor { background: $accent 12%; color: $foreground; text-style: none; }
    RunTable DataTable:focus > .datatable--cursor { background: $accent 35%; }
    RunTable #empty { height: 1fr; content-align: center middle; text-align: center; color: $quiet; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._runs: dict[str, RunSummary] = {}
        """By id, as is `_rows`."""
        self._rows: dict[str, tuple[str, ...]] = {}
        self.border_title = "Runs"

    def compose(self) -> ComposeResult:
        yield Static("", id="empty", markup=False)
        table: DataTable[Text] = DataTable(cursor_type="row", zebra_stripes=False)
        table.display = False
        yield table

    def on_mount(self) -> None:
        """Cells carry colours of their own: another theme, other cells."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self._fill())

    def show(self, summaries: list[RunSummary], now: float) -> None:
        """List the runs; nothing is touched when nothing changed."""
        empty, table = self.query_one("#empty", Static), self.query_one(DataTable)
        empty.update("" if summaries else EMPTY)
        empty.display, table.display = not summaries, bool(summaries)
        rows = {summary.run.id: row(summary, now) for summary in summaries}
        if rows == self._rows:
            return
        self._runs, self._rows = {summary.run.id: summary for summary in summaries}, rows
        self.border_title = f"Runs  [$quiet]{len(summaries):,}[/]"
        self._fill()

    def _fill(self) -> None:
        """Write the table anew; the cursor stays on its run."""
        table = self.query_one(DataTable)
        chosen = table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value if table.row_count else None
        table.clear(columns=True)
        for heading in ("name", "status", "preset", "epochs"):
            table.add_column(heading)
        for heading, width in (("validation", 10), ("test", 8), ("age", 7)):
            table.add_column(Text(heading.rjust(width)), width=width)
        variables = self.app.theme_variables
        for key, (name, status, preset, epochs, validation, test, started) in self._rows.items():
            colour = variables.get(COLOURS.get(self._runs[key].status, "primary"), "")
            table.add_row(
                Text(name, style="bold"),
                Text(status, style=colour),
                Text(preset),
                Text(epochs, justify="right"),
                Text(validation, justify="right"),
                Text(test, justify="right"),
                Text(started, justify="right", style=variables["quiet"]),
                key=key,
            )
        if chosen in self._rows:
            table.move_cursor(row=table.get_row_index(chosen))

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Enter or a click on the row under the cursor."""
        event.stop()
        self.post_message(OpenRun(self._runs[str(event.row_key.value)].run))


def row(summary: RunSummary, now: float) -> tuple[str, ...]:
    """A run as it stands in the table."""
    config, best, ended = summary.record.config, summary.best, summary.ended
    return (
        summary.record.name,
        str(summary.status),
        config.preset,
        f"{summary.epochs_done}/{config.epochs}",
        percent(best.validation_accuracy if best else None),
        percent(ended.test_accuracy if ended else None),
        age(now - summary.record.created),
    )


def age(seconds: float) -> str:
    """How long that is, in the largest unit that fits."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:,.0f} {unit}"
    return "now"
