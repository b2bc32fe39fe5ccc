"""Runs side by side: their curves over each other, and below a table of results, needed images and settings."""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import DataTable, Static

from mnist_tui.runs.directory import RunDirectory
from mnist_tui.runs.history import History
from mnist_tui.ui.compare.choose_runs import ChooseRunsScreen
from mnist_tui.ui.compare.columns import CursorReader, columns_of
from mnist_tui.ui.compare.compared_runs import ComparedRun, ComparedRuns
from mnist_tui.ui.compare.table import ComparedTable
from mnist_tui.ui.compare.words import about, heading
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.messages import OpenRun
from mnist_tui.ui.plots.board import PlotBoard
from mnist_tui.ui.plots.view import PlotView
from mnist_tui.ui.shared.key_footer import KeyFooter
from mnist_tui.ui.shared.sized_screen import SizedScreen

FOLLOW_SECONDS = 0.5
"""Between looks at the runs while this screen is in front; a look that finds nothing new paints nothing."""

MOST_PLOTS = 2
"""Loss and accuracy, large; the others one at a time."""


class CompareScreen(SizedScreen):
    """`runs` are read when the screen is shown, and followed while it is in front. `clock` paces the plots."""

    BINDINGS = bindings("compare")
    CSS_PATH = "screen.tcss"
    KEY_GROUPS = ("compared", "compare", "everywhere")
    AUTO_FOCUS = "ComparedTable"

    class Loaded(Message):
        """All runs were read."""

    def __init__(self, runs: Iterable[RunDirectory], clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.compared = ComparedRuns(runs)
        self._clock = clock
        self._reader = CursorReader()
        self._ruler: History | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="title")
        yield PlotBoard(id="plots", most=MOST_PLOTS)
        yield Static("", id="nothing", markup=False)
        yield ComparedTable()
        yield Static(id="about", markup=False)
        yield KeyFooter()

    def on_mount(self) -> None:
        """Read them aside: a million steps take seconds."""
        self._load()
        self.show()
        self.set_interval(FOLLOW_SECONDS, self._follow)

    @work(thread=True, exclusive=True, group="compared")
    def _load(self) -> None:
        self.compared.load()
        self.post_message(self.Loaded())

    def on_compare_screen_loaded(self) -> None:
        """All that there is is known."""
        if not self.compared.is_read:
            return  # others were chosen meanwhile
        self.compared.poll()
        board = self.query_one(PlotBoard)
        if board.view == PlotView():
            board.look(self._first_view())
        self.show()

    def _first_view(self) -> PlotView:
        """By epochs where steps are of other lengths; the validation alone where most have a curve of it."""
        counts = [len(history.epochs) for history in self.compared.overlay(alone=True).histories]
        return PlotView(
            axis="epochs" if len(self.compared.epoch_lengths) > 1 else "steps",
            validation_alone=all(counts) and sum(count > 1 for count in counts) > len(counts) / 2,
        )

    def _follow(self) -> None:
        if self.is_active and self.compared.poll():
            self.show()

    def on_screen_resume(self) -> None:
        """Catch up with what happened while another screen was in front."""
        super().on_screen_resume()
        if self.compared.poll():
            self.show()

    def show(self) -> None:
        """Draw and list what is known now."""
        table, board, ruler = self.query_one(ComparedTable), self.query_one(PlotBoard), self.compared.ruler
        if ruler is not self._ruler:
            self._ruler = ruler
            board.look(replace(board.view, window=None, cursor=None))  # they were steps of another run
        table.can_plot, table.one_plot = ruler is not None, board.view.maximised is not None
        board.display = ruler is not None
        nothing = self.query_one("#nothing", Static)
        nothing.display = ruler is None
        nothing.update(self._why_nothing())
        self.query_one("#title", Static).update(heading(self.compared, self.app.theme_variables))
        if ruler is not None:
            front = self._front
            board.show(ruler, self._clock(), self.compared.overlay(alone=True, front=front.run.id if front else None))
        metrics = [panel.metric for panel in board.panels_shown]
        at_cursor = self._reader.columns(self.compared, ruler, board.view, metrics)
        table.show(columns_of(self.compared, at_cursor))
        self._tell()

    def _why_nothing(self) -> str:
        if not self.compared.runs:
            return "No run is compared: / chooses some."
        return "None of these runs has a step yet." if self.compared.is_read else "reading the runs …"

    @property
    def _front(self) -> ComparedRun | None:
        row = self.query_one(ComparedTable).cursor_row
        return self.compared.runs[row] if 0 <= row < len(self.compared.runs) else None

    def _tell(self) -> None:
        """About the run under the cursor, in words."""
        front = self._front
        self.query_one("#about", Static).update(about(front) if front is not None else Text())

    def on_data_table_row_highlighted(self) -> None:
        """Another run is drawn over the others."""
        if self.has_widgets:
            self.show()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Enter, or a click on the row under the cursor."""
        event.stop()
        if self._front is not None:
            self.post_message(OpenRun(self._front.run))

    def on_compared_table_asked(self, message: ComparedTable.Asked) -> None:
        """A key for a run."""
        run = self.compared.runs[message.row]
        if message.what == "hide":
            run.is_shown = not run.is_shown
        else:
            self.compared.choose([one.run for one in self.compared.runs if one is not run])
        self.show()
        self.refresh_bindings()

    def on_compared_table_plots(self, message: ComparedTable.Plots) -> None:
        """An arrow."""
        self.action_plots(message.what)

    def on_plot_board_changed(self) -> None:
        """The curves are looked at differently."""
        self.set_class(self.query_one(PlotBoard).view.maximised is not None, "-maximised")
        self.show()
        self.refresh_bindings()

    def action_plots(self, what: str) -> None:
        """A key for the plots."""
        self.query_one(PlotBoard).action_plots(what)
        self.query_one(ComparedTable).focus()

    def action_choose_runs(self) -> None:
        """Other runs, or more of them."""
        self.app.push_screen(ChooseRunsScreen(one.run for one in self.compared.runs), self._choose)

    def _choose(self, runs: list[RunDirectory] | None) -> None:
        if runs is None:
            return
        self.compared.choose(runs)
        self._load()
        self.show()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is nothing to look at before the first step."""
        if action == "plots":
            return self.has_widgets and self.query_one(PlotBoard).can_do(str(parameters[0]))
        return super().check_action(action, parameters)
