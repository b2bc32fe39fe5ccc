"""The table of all runs, newest first."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import DataTable, Static

from mnist_tui.config import ConfigError
from mnist_tui.render.columns import Column, column_widths, columns_that_fit
from mnist_tui.render.text import PIN, clip, data_size, percent, sanitize, test_results
from mnist_tui.runs import management
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.status import Status
from mnist_tui.runs.summary import RunSummary, pinned_first
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.messages import CompareRuns, OpenRun, ResumeRun
from mnist_tui.ui.shared.limited_input import LimitedInput

if TYPE_CHECKING:
    from mnist_tui.inspection.run_filter import RunTerm  # brings numpy, which the home screen does without

COLOURS = {
    Status.PAUSED: "warning",
    Status.UNRESPONSIVE: "error",
    Status.FINISHED: "success",
    Status.STOPPED: "warning",
    Status.CRASHED: "error",
    Status.FAILED: "error",
}
"""Theme variables; a live run has the accent's."""
EMPTY = (
    "No runs yet.\n\nPress Enter to start the first one with the settings shown:\n"
    "it trains a small network on 55,000 digits and shows\nits curves, its confusions and its mistakes as they come."
)
NO_MATCH = "No run matches the filter."
LONGEST_NAME = 24
LONGEST_PRESET = 24
MARK = "✔ "
"""Precedes the name of a marked run."""
TYPING_SECONDS = 0.1
"""Pause in the typing after which the filter is applied: a table of 1,000 rows takes time."""
CELL_PADDING = 1
"""Blank cells on either side of every cell."""


COLUMNS = (
    Column("name", 0),
    Column("status", 1),
    Column("preset", 4),
    Column("epochs", 5, is_number=True),
    Column("validation", 2, is_number=True),
    Column("test", 3, is_number=True),
    Column("age", 6, is_number=True),
)


class RunList(DataTable[Text]):
    """The rows, with their keys."""

    BINDINGS = bindings("runs")

    class ResumeWanted(Message):
        """Resume the run under the cursor."""

    class MarkWanted(Message):
        """Mark or unmark the run under the cursor."""

    class CompareWanted(Message):
        """Compare the marked runs."""

    class ManageWanted(Message):
        """Filter the runs, or edit, pin or remove the run under the cursor."""

        def __init__(self, action: str) -> None:
            super().__init__()
            self.action = action

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("mark", "compare"):
            return self.row_count > 1
        if action == "resume":
            table = self.parent
            return isinstance(table, RunTable) and table.chosen is not None and table.chosen.status.is_resumable
        return super().check_action(action, parameters)

    def action_manage(self, action: str) -> None:
        self.post_message(self.ManageWanted(action))

    def action_resume(self) -> None:
        self.post_message(self.ResumeWanted())

    def action_mark(self) -> None:
        self.post_message(self.MarkWanted())

    def action_compare(self) -> None:
        self.post_message(self.CompareWanted())


class RunFilter(LimitedInput):
    """The filter of the table: Enter keeps it, Esc removes it."""

    BINDINGS = bindings("run_filter")

    class GivenUp(Message):
        """The user pressed Esc."""

    def __init__(self) -> None:
        super().__init__(compact=True, placeholder="preset:fast val>0.99 tag:baseline, or a part of a name")
        self.display = False

    def action_give_up(self) -> None:
        self.post_message(self.GivenUp())


class RunTable(Vertical):
    """The table, or a hint if there are no runs. Enter or a click opens a run."""

    DEFAULT_CSS = """
    RunTable { border: round $frame; border-title-color: $foreground; height: 1fr; }
    RunTable:focus-within { border: round $accent; }
    RunTable DataTable { height: 1fr; background: transparent; scrollbar-size: 1 1; overflow-x: hidden; }
    RunTable DataTable > .datatable--header { background: transparent; color: $quiet; text-style: none; }
    RunTable DataTable > .datatable--cursor { background: $faint-focus; color: $foreground; text-style: none; }
    RunTable DataTable:focus > .datatable--cursor { background: $focus; }
    RunTable RunFilter { border: none; padding: 0 1; background: $focus; }
    RunTable RunFilter:focus { border: none; }
    RunTable #left-out { height: auto; max-height: 4; padding: 0 1; color: $warning; }
    RunTable #empty { height: 1fr; content-align: center middle; text-align: center; color: $quiet; }
    """

    class Changed(Message):
        """Posted when a run was edited or removed."""

    def __init__(self) -> None:
        super().__init__()
        self._read: tuple[list[RunSummary], list[str], float] = [], [], 0.0
        """Arguments of the newest call of `show`."""
        self._terms: tuple[RunTerm, ...] = ()
        """The filter; it stays when the runs are read again."""
        self._typing: Timer | None = None
        self._runs: dict[str, RunSummary] = {}
        """Runs of the table; the key is the name of the folder, also in `_rows`."""
        self._is_shown = False
        self._rows: dict[str, tuple[str, ...]] = {}
        self._marked: dict[str, None] = {}
        """Folder names in the order of marking."""
        self.border_title = "Runs"

    def compose(self) -> ComposeResult:
        yield RunFilter()
        yield Static("", id="empty", markup=False)
        table = RunList(cursor_type="row", zebra_stripes=False, cell_padding=CELL_PADDING)
        table.display = False
        yield table
        left_out = Static("", id="left-out", markup=False)
        left_out.display = False
        yield left_out

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self._fill())

    def on_resize(self) -> None:
        self._fill()

    @property
    def has_runs(self) -> bool:
        """True if there are runs, also if the filter matches none."""
        return bool(self._read[0])

    def focus_list(self) -> None:
        """Focus the table, or the filter if it matches no run."""
        self.query_one(RunList if self._rows else RunFilter).focus()

    def show(self, summaries: list[RunSummary], troubles: list[str], now: float) -> None:
        """List the runs, if they have changed, and why others are left out."""
        self._read = summaries, troubles, now
        has_runs = bool(summaries)
        summaries = pinned_first(summaries)
        if self._terms:
            from mnist_tui.inspection.run_filter import matching

            summaries = matching(self._terms, summaries)
        left_out = self.query_one("#left-out", Static)
        left_out.display = bool(troubles)
        left_out.update(left_out_words(troubles))
        rows = {summary.run.path.name: row(summary, now) for summary in summaries}
        if self._is_shown and rows == self._rows:
            self._update_title()
            return
        self._is_shown = True
        empty, table = self.query_one("#empty", Static), self.query_one(RunList)
        empty.update(NO_MATCH if has_runs else "" if troubles else EMPTY)
        if table.has_focus and has_runs and not summaries:
            self.query_one(RunFilter).focus()
        empty.display, table.display = not summaries, bool(summaries)
        self._runs, self._rows = {summary.run.path.name: summary for summary in summaries}, rows
        self._marked = {key: None for key in self._marked if key in rows}
        self._fill()

    def _fill(self) -> None:
        """Fill the table; the cursor stays on its run.

        Widths are explicit: DataTable would measure cells when idle, and not repaint those that it painted before.
        """
        table = self.query_one(RunList)
        chosen = self._key_under_cursor(table)
        self._update_title()
        table.clear(columns=True)
        widths = column_widths(COLUMNS, list(self._rows.values()))
        widths[0] += len(MARK) if self._marked else 0
        # at least one column: without a cell under the cursor, Enter would end the app
        shown = columns_that_fit(COLUMNS, widths, self.content_size.width - 1, 2 * CELL_PADDING)  # 1: the scroll bar
        for place in shown:
            heading = Text(COLUMNS[place].heading, justify="right" if COLUMNS[place].is_number else "left")
            table.add_column(heading, width=widths[place])
        for key, cells in self._rows.items():
            table.add_row(*(self._cell(key, place, cells[place]) for place in shown), key=key)
        if chosen in self._rows:
            table.move_cursor(row=table.get_row_index(chosen))

    def _update_title(self) -> None:
        marked = f"  [$accent]{len(self._marked)} marked[/]" if self._marked else ""
        count = f"{len(self._rows):,} of {len(self._read[0]):,}" if self._terms else f"{len(self._rows):,}"
        self.border_title = f"Runs  [$quiet]{count}[/]{marked}" if self.has_runs else "Runs"

    def _cell(self, key: str, place: int, words: str) -> Text:
        variables, heading = self.app.theme_variables, COLUMNS[place].heading
        style = {
            "name": "bold",
            "status": variables.get(COLOURS.get(self._runs[key].status, "primary"), ""),
            "age": variables["quiet"],
        }.get(heading, "")
        if self._marked and heading == "name":
            mark = MARK if key in self._marked else " " * len(MARK)
            return Text.assemble((mark, variables["accent"]), (words, style))
        return Text(words, style=style, justify="right" if COLUMNS[place].is_number else "left")

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.post_message(OpenRun(self._runs[str(event.row_key.value)].run))

    def on_data_table_row_highlighted(self) -> None:
        chosen = self.chosen
        self.border_subtitle = Content(about_words(chosen, self.size.width - 6) if chosen is not None else "")
        self.screen.refresh_bindings()

    def on_input_changed(self, event: RunFilter.Changed) -> None:
        from mnist_tui.inspection.run_filter import parse

        event.stop()
        try:
            self._terms = parse(event.value)
        except ConfigError as error:
            self.border_subtitle = Content(clip(sanitize(str(error)), self.size.width - 6))
            return
        self.border_subtitle = ""
        if self._typing is not None:
            self._typing.stop()
        self._typing = self.set_timer(TYPING_SECONDS, lambda: self.show(*self._read))

    def on_input_submitted(self, event: RunFilter.Submitted) -> None:
        event.stop()
        self._leave_filter()

    def on_run_filter_given_up(self) -> None:
        self.query_one(RunFilter).value = ""
        self._terms = ()
        self._leave_filter()

    def _leave_filter(self) -> None:
        field = self.query_one(RunFilter)
        self.show(*self._read)
        if self._rows:
            self.query_one(RunList).focus()
            field.display = bool(field.value)
        else:
            self.app.bell()

    def on_run_list_manage_wanted(self, message: RunList.ManageWanted) -> None:
        from mnist_tui.ui.home.edit_run import EditRunScreen, RemoveRunScreen

        chosen = self.chosen
        if message.action == "filter":
            field = self.query_one(RunFilter)
            field.display = True
            field.focus()
        elif chosen is None:
            return
        elif message.action == "edit":
            self.app.push_screen(EditRunScreen(chosen), lambda changed: self._report(bool(changed)))
        elif message.action == "pin":
            self._manage(lambda: management.set_pinned(chosen.run, not chosen.about.pinned))
        else:

            def remove(choice: str | None) -> None:
                if choice == "remove":
                    self._manage(lambda: management.delete(chosen.run))

            self.app.push_screen(RemoveRunScreen(chosen), remove)

    def _manage(self, action: Callable[[], None]) -> None:
        try:
            action()
        except RunError as error:
            self.app.notify(sanitize(str(error)), severity="error", markup=False)
        self._report(True)

    def _report(self, changed: bool) -> None:
        if changed:
            self.post_message(self.Changed())

    def on_run_list_resume_wanted(self) -> None:
        if self.chosen is not None:
            self.post_message(ResumeRun(self.chosen.run, self.chosen.history))

    def on_run_list_mark_wanted(self) -> None:
        key = self._key_under_cursor(self.query_one(RunList))
        if key in self._marked:
            del self._marked[key]
        elif key in self._runs:
            self._marked[key] = None
        self._fill()

    def on_run_list_compare_wanted(self) -> None:
        runs = [self._runs[key].run for key in self._marked] if self._marked else self._same_tag()
        if len(runs) < 2:
            self.app.notify("Mark at least two runs with Space; c then compares them.")
            return
        self.post_message(CompareRuns(runs))

    def _same_tag(self) -> list[RunDirectory]:
        """Return the runs that share a tag with the one under the cursor, as those of a grid do."""
        tags = self.chosen.about.tags if self.chosen is not None else ()
        groups = ([each.run for each in self._read[0] if tag in each.about.tags] for tag in tags)
        return next((runs for runs in groups if len(runs) > 1), [])

    @property
    def chosen(self) -> RunSummary | None:
        """Run under the cursor."""
        return self._runs.get(self._key_under_cursor(self.query_one(RunList)))

    def _key_under_cursor(self, table: RunList) -> str:
        cursor = table.cursor_coordinate
        if not table.is_valid_coordinate(cursor):
            return ""
        return str(table.coordinate_to_cell_key(cursor).row_key.value)


def about_words(summary: RunSummary, width: int) -> str:
    """Return the size, the tags and the note of a run in as many parts as fit."""
    about = summary.about
    parts = (data_size(summary.size), "pinned" if about.pinned else "", " ".join(about.tags), about.note)
    return clip(sanitize(" · ".join(filter(None, parts))), width)


def row(summary: RunSummary, now: float) -> tuple[str, ...]:
    """Return a run's text for each of COLUMNS."""
    config = summary.record.config
    return (
        (PIN if summary.about.pinned else "") + clip(sanitize(summary.record.name), LONGEST_NAME),
        sanitize(summary.status_in_words),
        clip(sanitize(config.networks), LONGEST_PRESET),
        f"{summary.epochs_done}/{summary.epochs_planned}",
        percent(summary.validation_accuracy),
        test_results(summary.history.test_accuracies),
        age(now - summary.record.created),
    )


def age(seconds: float) -> str:
    """Return a duration in its largest unit."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:,.0f} {unit}"
    return "now"


def left_out_words(troubles: list[str]) -> str:
    """Return why runs are not listed: the first reason, and the number of others."""
    more = f"; and {len(troubles) - 1:,} more: `mnist-tui runs` names them" if len(troubles) > 1 else ""
    return f"left out: {sanitize(troubles[0])}{more}" if troubles else ""
