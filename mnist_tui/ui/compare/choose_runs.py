"""The dialog to choose the runs to compare with: a list that is filtered by typing and marked by Space."""

from collections.abc import Iterable

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from mnist_tui.render.text import clip, percent, sanitize
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.runs.summary import RunSummary, newest_summaries
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.shared.dialog import Dialog
from mnist_tui.ui.shared.limited_input import LimitedInput

MAX_RUNS = 200
"""Older runs are not listed."""
NAME_WIDTH = 24
MARK = "✔"


class RunFilter(LimitedInput):
    """Filters the list. Run names have no blanks, so that Space can mark a run."""

    def __init__(self) -> None:
        super().__init__(compact=True, placeholder="part of a name, preset or status")

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return key != "space" and super().check_consume_key(key, character)


class ChooseRunsScreen(Dialog[list[RunDirectory] | None]):
    """Returns the marked runs, or None if it was cancelled. The run `own` is not listed."""

    BINDINGS = bindings("choose_runs")
    TITLE_WORDS = "Compare with"
    DEFAULT_CSS = """
    ChooseRunsScreen RunFilter { border: none; padding: 0; background: $focus; }
    ChooseRunsScreen RunFilter:focus { border: none; }
    ChooseRunsScreen OptionList { max-height: 16; }
    ChooseRunsScreen #hint { color: $quiet; margin-top: 1; }
    """

    class RunsRead(Message):
        """Posted when the runs were read."""

        def __init__(self, found: list[RunSummary]) -> None:
            super().__init__()
            self.found = found

    def __init__(self, chosen: Iterable[RunDirectory] = (), own: RunDirectory | None = None) -> None:
        super().__init__()
        self._marked = {run.path.name: run for run in chosen}
        self._own = own
        self._found: list[RunSummary] | None = None
        self._listed: list[RunSummary] = []

    def compose_box(self) -> ComposeResult:
        yield RunFilter()
        options = OptionList()
        options.can_focus = False  # the arrows reach it from the line above
        yield options
        yield Static("reading the runs …", id="hint", markup=False)

    def on_mount(self) -> None:
        self._read_runs()

    @work(thread=True, exclusive=True)
    def _read_runs(self) -> None:
        own = self._own.path if self._own is not None else None
        self.post_message(self.RunsRead(newest_summaries(MAX_RUNS, other_than=own)))

    def on_choose_runs_screen_runs_read(self, event: RunsRead) -> None:
        self._found = event.found
        self._list()

    def on_input_changed(self) -> None:
        self._list()

    def _list(self) -> None:
        if self._found is None:
            return
        wanted = self.query_one(RunFilter).value.lower().split()
        self._listed = [run for run in self._found if all(word in _searched_text(run) for word in wanted)]
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(self._prompt(run)) for run in self._listed])
        options.highlighted = 0 if self._listed else None
        self._update_hint()

    def _update_hint(self) -> None:
        if not self._found:
            hint = "There are no other runs."
        elif not self._listed:
            hint = "No run matches."
        else:
            hint = f"Space mark   Enter compare ({len(self._marked)} marked)   Esc cancel"
        self.query_one("#hint", Static).update(hint)

    def action_mark(self) -> None:
        options = self.query_one(OptionList)
        index = options.highlighted
        if index is None:
            return
        run = self._listed[index].run
        if self._marked.pop(run.path.name, None) is None:
            self._marked[run.path.name] = run
        options.replace_option_prompt_at_index(index, self._prompt(self._listed[index]))
        self._update_hint()

    def action_move(self, direction: str) -> None:
        options = self.query_one(OptionList)
        if direction == "up":
            options.action_cursor_up()
        else:
            options.action_cursor_down()

    def action_done(self) -> None:
        self.dismiss(list(self._marked.values()))

    def on_input_submitted(self) -> None:
        self.action_done()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.query_one(OptionList).highlighted = event.option_index
        self.action_mark()

    def _prompt(self, run: RunSummary) -> Text:
        is_marked = run.run.path.name in self._marked
        return Text.assemble(
            (f"{MARK if is_marked else ' '} ", f"bold {self.app.theme_variables['accent']}"),
            (f"{clip(sanitize(run.record.name), NAME_WIDTH):<{NAME_WIDTH}} ", "bold" if is_marked else ""),
            f" {clip(sanitize(run.record.config.networks), 10):<10} {run.status:<9}",
            f" {run.epochs_done:>3}/{run.epochs_planned:<3}",
            f" val {percent(run.best.validation_accuracy if run.best else None):>8}",
        )


def _searched_text(run: RunSummary) -> str:
    return f"{run.record.name} {run.record.config.networks} {run.status} {run.run.id}".lower()
