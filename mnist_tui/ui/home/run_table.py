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
from mnist_tui.render.columns import column_widths, columns_that_fit
from mnist_tui.render.text import clip, sanitize
from mnist_tui.runs import management
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.summary import RunSummary, pinned_first
from mnist_tui.ui.home.run_rows import COLUMNS, about_words, left_out_words, row
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.messages import CompareRuns, OpenRun, ResumeRun
from mnist_tui.ui.screens import SCREENS
from mnist_tui.ui.shared.limited_input import LimitedInput
from mnist_tui.ui.theme import status_colour

if TYPE_CHECKING:
    from mnist_tui.inspection.run_filter import RunTerm  # brings numpy, which the home screen does without

EMPTY = (
    "No runs yet.\n\nPress Enter to start the first one with the settings shown:\n"
    "it trains a small network on 55,000 digits and shows\nits curves, its confusions and its mistakes as they come."
)
TALL = 24
"""Lines from which on the hint has room for a list of all screens."""
NO_MATCH = "No run matches the filter."
MARK = "✔ "
"""Precedes the name of a marked run."""
TYPING_SECONDS = 0.1
"""Pause in the typing after which the filter is applied: a table of 1,000 rows takes time."""
CELL_PADDING = 1
"""Blank cells on either side of every cell."""


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

    class Moved(Message):
        """Posted when the cursor is on another run."""

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
        self._layout: tuple[list[int], list[int]] = [], []
        """Columns that are shown, and the widths of all."""
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
        if self._is_shown:
            self._update_hint()

    @property
    def has_runs(self) -> bool:
        """True if there are runs, also if the filter matches none."""
        return bool(self._read[0])

    @property
    def lines(self) -> int:
        """Lines that it needs to show all runs, with its frame."""
        filter_line, troubles = self.query_one(RunFilter).display, self.query_one("#left-out").display
        return max(1, len(self._rows)) + 3 + filter_line + 2 * troubles

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
        self._runs = {summary.run.path.name: summary for summary in summaries}
        rows = {key: row(summary, now) for key, summary in self._runs.items()}
        if self._is_shown and list(rows) == list(self._rows):
            self._update_cells(rows)
            self._update_title()
            return
        self._is_shown = True
        empty, table = self.query_one("#empty", Static), self.query_one(RunList)
        self._update_hint()
        if table.has_focus and has_runs and not summaries:
            self.query_one(RunFilter).focus()
        empty.display, table.display = not summaries, bool(summaries)
        self._rows = rows
        self._marked = {key: None for key in self._marked if key in rows}
        self._fill()

    def _update_hint(self) -> None:
        hint = NO_MATCH if self.has_runs else "" if self._read[1] else empty_words(self.size.height)
        self.query_one("#empty", Static).update(hint)

    def _update_cells(self, rows: dict[str, tuple[str, ...]]) -> None:
        """Show other texts of the same runs: only what has changed, so that the row of a live run may move."""
        before, self._rows = self._rows, rows
        if self._layout != self._lay_out():
            self._fill()
            return
        table = self.query_one(RunList)
        for key, cells in rows.items():
            if cells == before[key]:
                continue
            for place in self._layout[0]:
                if cells[place] != before[key][place]:
                    table.update_cell(key, COLUMNS[place].heading, self._cell(key, place, cells[place]))

    def _lay_out(self) -> tuple[list[int], list[int]]:
        """Return the columns that fit, and the widths of all."""
        widths = column_widths(COLUMNS, list(self._rows.values()))
        widths[0] += len(MARK) if self._marked else 0
        # at least one column: without a cell under the cursor, Enter would end the app
        room = self.content_size.width - 1  # without the scroll bar
        return columns_that_fit(COLUMNS, widths, room, 2 * CELL_PADDING), widths

    def _fill(self) -> None:
        """Fill the table; the cursor stays on its run.

        Widths are explicit: DataTable would measure cells when idle, and not repaint those that it painted before.
        """
        table = self.query_one(RunList)
        chosen = self._key_under_cursor(table)
        self._update_title()
        table.clear(columns=True)
        shown, widths = self._layout = self._lay_out()
        for place in shown:
            heading = Text(COLUMNS[place].heading, justify="right" if COLUMNS[place].is_number else "left")
            table.add_column(heading, width=widths[place], key=COLUMNS[place].heading)
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
            "status": variables.get(status_colour(self._runs[key].status), ""),
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
        self.post_message(self.Moved())

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


def empty_words(height: int) -> str:
    """Return the hint of a table without runs: what to do, and if there is room, what each screen will show."""
    if height < TALL:
        return EMPTY
    rows = [(f"{number}  {spec.label}", spec.help) for number, spec in enumerate(SCREENS, 1)]
    left, right = (max(len(row[side]) for row in rows) for side in (0, 1))
    return (
        EMPTY
        + "\n\n\nIts screens, by their keys:\n\n"
        + "\n".join(f"{keys:<{left}}   {words:<{right}}" for keys, words in rows)
    )
