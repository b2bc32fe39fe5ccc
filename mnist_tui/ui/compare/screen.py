"""The compare screen: the curves of several runs over each other, and a table of their results and settings."""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import DataTable, Static

from mnist_tui.analysis.comparison import TARGETS, RunResult
from mnist_tui.inspection.run_difference import Difference, EvaluatedRun, differences
from mnist_tui.render.text import cell_len, clip_pair, clip_parts, percent, test_results
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.runs.history import History
from mnist_tui.runs.notes import SEEN
from mnist_tui.runs.own_lines import read_own_lines
from mnist_tui.ui.compare.choose_runs import ChooseRunsScreen
from mnist_tui.ui.compare.columns import cursor_columns, table_columns, target_text
from mnist_tui.ui.compare.compared_runs import ComparedRun, ComparedRuns
from mnist_tui.ui.compare.group_words import group_words
from mnist_tui.ui.compare.table import ComparedTable
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.messages import OpenRun
from mnist_tui.ui.plots.board import PlotBoard
from mnist_tui.ui.plots.references import shared_lines
from mnist_tui.ui.plots.view import PlotView
from mnist_tui.ui.shared.key_footer import KeyFooter
from mnist_tui.ui.shared.paint import title_text
from mnist_tui.ui.shared.sized_screen import SizedScreen

POLL_SECONDS = 0.5
"""Between polls of the runs while this screen is in front."""
MAX_PLOTS = 2
"""Loss and accuracy; the other metrics one at a time."""


class CompareScreen(SizedScreen):
    """Reads `runs` when it is shown, and follows them while it is in front. `clock` paces the plots."""

    BINDINGS = bindings("compare")
    CSS_PATH = "screen.tcss"
    KEY_GROUPS = ("compared", "compare", "everywhere")
    AUTO_FOCUS = "ComparedTable"

    class Loaded(Message):
        """Posted when all runs were read."""

    class Tested(Message):
        """Posted when the difference of two runs was tested; `state` identifies their results."""

        def __init__(self, state: tuple[object, ...], found: list[Difference]) -> None:
            super().__init__()
            self.state, self.found = state, found

    def __init__(self, runs: Iterable[RunDirectory], clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.compared = ComparedRuns(runs)
        self._clock = clock
        self._reference: History | None = None
        self._has_references = False
        """True if the reference lines are drawn."""
        self._own_lines: dict[str, float] = {}
        self._group: tuple[list[RunResult], str] = [], ""
        """Results of all runs, and the comparison of them as one."""
        self._differences: dict[tuple[object, ...], list[Difference]] = {}
        """Tested differences by the results of the two runs; empty while they are read."""

    def compose(self) -> ComposeResult:
        yield Static(id="title")
        yield PlotBoard(id="plots", max_plots=MAX_PLOTS)
        yield Static("", id="no-plots", markup=False)
        yield ComparedTable()
        yield Static(id="group", markup=False)
        yield Static(id="difference", markup=False)
        yield Static(id="summary", markup=False)
        yield KeyFooter()

    def on_mount(self) -> None:
        self._load()
        self.show()
        self.set_interval(POLL_SECONDS, self._poll)

    @work(thread=True, exclusive=True, group="compared")
    def _load(self) -> None:
        self.compared.load()
        self.post_message(self.Loaded())

    def on_compare_screen_loaded(self) -> None:
        if not self.compared.is_loaded:
            return  # other runs were chosen in the meantime
        self.compared.poll()
        board = self.query_one(PlotBoard)
        if board.view == PlotView():
            board.set_view(self._first_view())
        self.show()

    def on_compare_screen_tested(self, message: Tested) -> None:
        self._differences[message.state] = message.found
        self.show()

    @work(thread=True, group="differences")
    def _test(self, state: tuple[object, ...], first: EvaluatedRun, second: EvaluatedRun) -> None:
        self.post_message(self.Tested(state, differences(first, second)))

    def _first_view(self) -> PlotView:
        """Return a view by epochs if their lengths differ, of the validation only if most runs have a curve of it."""
        counts = [len(history.epochs) for history in self.compared.overlay(hides_own_run=True).histories]
        return PlotView(
            axis="epochs" if len(self.compared.epoch_lengths) > 1 else "steps",
            validation_only=all(counts) and sum(count > 1 for count in counts) > len(counts) / 2,
        )

    def _poll(self) -> None:
        if self.is_active and self.compared.poll():
            self.show()

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        if self.compared.poll():
            self.show()

    def show(self) -> None:
        """Update the plots, the table and the texts."""
        table, board, reference = self.query_one(ComparedTable), self.query_one(PlotBoard), self.compared.reference
        if reference is not self._reference:
            self._reference = reference
            board.set_view(replace(board.view, window=None, cursor=None))  # they were steps of another run
        table.can_plot, table.has_maximised_plot = reference is not None, board.view.maximised is not None
        board.display = reference is not None and (table.has_maximised_plot or not self.is_small)
        placeholder = self.query_one("#no-plots", Static)
        placeholder.display = reference is None
        placeholder.update(self._no_plots_reason())
        self.query_one("#title", Static).update(title(self.compared, self.app.theme_variables))
        front = self._front
        if reference is not None:
            front_id = front.run.id if front else None
            overlay = self.compared.overlay(hides_own_run=True, front=front_id)
            if self._has_references:
                overlay = replace(overlay, references=shared_lines(reference, self._own_lines))
            board.show(reference, self._clock(), overlay)
        metrics = [panel.metric for panel in board.visible_panels]
        at_cursor = cursor_columns(self.compared, reference, board.view, metrics)
        table.show(table_columns(self.compared, at_cursor))
        rows = 1 if self.has_class("-short") else 2
        room = rows * (self.size.width - 4)
        self.query_one("#summary", Static).update(summary(front, room) if front is not None else Text())
        group = self.query_one("#group", Static)
        group.display = bool(self._group_words)
        group.update(clip_parts(self._group_words, self.size.width - 4))
        words, difference = self._difference_words(self.size.width - 4), self.query_one("#difference", Static)
        difference.display = bool(words)
        difference.update(words)

    @property
    def _group_words(self) -> str:
        """Comparison of the runs as one; computed again when their results change."""
        results = [run.result for run in self.compared.runs]
        if self._group[0] != results:
            self._group = results, group_words(results)
        return self._group[1]

    def _difference_words(self, width: int) -> str:
        """Return how the run under the cursor differs from the first one, or the second one from it.

        Long names are clipped before the result is.
        """
        runs, row = self.compared.runs, max(1, self.query_one(ComparedTable).cursor_row)
        read = [EvaluatedRun(run.run, run.history) for run in runs[:1] + runs[row : row + 1] if run.history is not None]
        if len(read) < 2:
            return ""
        first, second = read
        state = first.state + second.state
        if state not in self._differences:
            self._differences[state] = []
            self._test(state, first, second)
        found = self._differences[state]
        tested = next((each for each in found if each.paired is not None), found[0] if found else None)
        if tested is None:
            return ""
        if tested.paired is None:
            verdict, parts = f", {tested.words}", ""
        else:
            words, _, points = tested.paired.words.partition("; ")
            verdict, parts = f": {words}", f" · {tested.paired.total:,} {tested.split} images · {points}"
        name, other = clip_pair(runs[row].name, runs[0].name, width - len(" against ") - cell_len(verdict))
        return clip_parts(f"{name} against {other}{verdict}{parts}", width)

    def _no_plots_reason(self) -> str:
        if not self.compared.runs:
            return "No runs to compare: press / to choose some."
        return "None of these runs has a step yet." if self.compared.is_loaded else "reading the runs …"

    @property
    def _front(self) -> ComparedRun | None:
        row = self.query_one(ComparedTable).cursor_row
        return self.compared.runs[row] if 0 <= row < len(self.compared.runs) else None

    def on_data_table_row_highlighted(self) -> None:
        if self.has_widgets:
            self.show()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        if self._front is not None:
            self.post_message(OpenRun(self._front.run))

    def on_compared_table_run_action(self, message: ComparedTable.RunAction) -> None:
        run = self.compared.runs[message.row]
        if message.action == "hide":
            run.is_shown = not run.is_shown
        else:
            self.compared.choose([one.run for one in self.compared.runs if one is not run])
        self.show()
        self.refresh_bindings()

    def on_compared_table_plot_command(self, message: ComparedTable.PlotCommand) -> None:
        self.action_plots(message.command)

    def on_plot_board_changed(self) -> None:
        self.set_class(self.query_one(PlotBoard).view.maximised is not None, "-maximised")
        self.show()
        self.refresh_bindings()

    def action_plots(self, command: str) -> None:
        self.query_one(PlotBoard).action_plots(command)
        self.query_one(ComparedTable).focus()

    def action_references(self) -> None:
        """Draw the reference lines that all these runs share, or leave them out."""
        self._has_references, self._own_lines = not self._has_references, read_own_lines()
        self.show()

    def action_choose_runs(self) -> None:
        self.app.push_screen(ChooseRunsScreen(one.run for one in self.compared.runs), self._choose)

    def _choose(self, runs: list[RunDirectory] | None) -> None:
        if runs is None:
            return
        self.compared.choose(runs)
        self._load()
        self.show()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "plots":
            return self.has_widgets and self.query_one(PlotBoard).can_do(str(parameters[0]))
        return super().check_action(action, parameters)


def title(compared: ComparedRuns, variables: dict[str, str]) -> Text:
    """Return the title line: how many runs are compared, hidden and not read yet."""
    parts = [f"comparing {len(compared.runs)} run" + ("" if len(compared.runs) == 1 else "s")]
    hidden = sum(not run.is_shown for run in compared.runs)
    unread = sum(not run.is_loaded for run in compared.runs)
    if hidden:
        parts.append(f"{hidden} hidden")
    if unread:
        parts.append(f"reading {unread} …")
    return title_text(variables, parts[0], "".join(f" · {part}" for part in parts[1:]))


def summary(run: ComparedRun, width: int) -> Text:
    """Return the run's results in as many parts as fit into `width` columns, or the problem that it has."""
    started = run.history.started if run.history is not None else None
    text = run.problem or " · ".join(_results(run.result, started.test_count if started is not None else 0))
    name, hidden = f"{run.style.marker} {run.name}", "" if run.is_shown else " · hidden"
    room = max(1, width - len(name) - 2 - len(hidden))
    return Text.assemble((name, "bold"), f"  {clip_parts(text, room)}", hidden)


def _results(result: RunResult, test_count: int) -> list[str]:
    best = result.best
    if best is None:
        return ["no validated epoch yet"]
    parts = [f"best validation {percent(best.validation_accuracy)} in epoch {best.epoch}"]
    if result.test_accuracy is None:
        return [*parts, "not tested" if result.is_over else "tested at the end"]
    if len(result.test_accuracies) > 1:
        return [*parts, f"test {test_results(result.test_accuracies)}", SEEN]
    images = f" of {test_count:,} images" if test_count else ""
    reached = [target_text(target) for target in TARGETS if result.test_accuracy >= target]
    rating = f"reaches {reached[-1]}" if reached else f"below {target_text(TARGETS[0])}"
    weights = "its weights" if result.test_epoch == best.epoch else f"the weights of epoch {result.test_epoch}"
    return [*parts, f"test {percent(result.test_accuracy)}{images} with {weights}: {rating}"]
