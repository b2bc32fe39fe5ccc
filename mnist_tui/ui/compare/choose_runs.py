"""Which runs to compare with: a list to be marked, narrowed by typing."""

from collections.abc import Iterable

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.events import Key
from textual.message import Message
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from mnist_tui.render.text import clip, percent, sanitize
from mnist_tui.runs.directory import RunDirectory, list_runs
from mnist_tui.runs.summary import RunSummary, summaries
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.shared.dialog import Dialog

MOST_RUNS = 200
"""Runs that are read at most, the newest."""
NAME_WIDTH = 24
MARK = "✔"


class RunFilter(Input):
    """Letters narrow the list; a run's name has no blanks, so that Space can mark."""

    BINDINGS = bindings("choose_runs")

    def __init__(self) -> None:
        super().__init__(compact=True, placeholder="type a part of a name, preset or status")

    def _of_screen(self) -> "ChooseRunsScreen":
        assert isinstance(self.screen, ChooseRunsScreen)
        return self.screen

    async def _on_key(self, event: Key) -> None:
        """A field takes every letter before its bindings are asked, and a blank is one."""
        if event.key == "space":
            event.stop()
            event.prevent_default()
            self.action_mark()

    def action_mark(self) -> None:
        """Mark the run under the cursor, or take it back."""
        self._of_screen().mark()

    def action_move(self, direction: str) -> None:
        """The list's cursor."""
        options = self._of_screen().query_one(OptionList)
        if direction == "up":
            options.action_cursor_up()
        else:
            options.action_cursor_down()

    def action_done(self) -> None:
        """Compare with those that are marked."""
        self._of_screen().done()

    def action_close(self) -> None:
        """Leave everything as it is."""
        self._of_screen().dismiss(None)


class ChooseRunsScreen(Dialog[list[RunDirectory] | None]):
    """Returns the runs to compare with, none for an empty list; None when everything is to stay as it is."""

    TITLE_WORDS = "Compare with"
    DEFAULT_CSS = """
    ChooseRunsScreen RunFilter { border: none; padding: 0; background: $accent 20%; }
    ChooseRunsScreen RunFilter:focus { border: none; }
    ChooseRunsScreen OptionList { max-height: 16; }
    ChooseRunsScreen #hint { color: $quiet; margin-top: 1; }
    """

    class RunsRead(Message):
        """The runs are known."""

        def __init__(self, found: list[RunSummary]) -> None:
            super().__init__()
            self.found = found

    def __init__(self, chosen: Iterable[RunDirectory] = (), own: RunDirectory | None = None) -> None:
        super().__init__()
        self._marked = {run.id: run for run in chosen}
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
        """The runs come when they have been read."""
        self._read_runs()

    @work(thread=True, exclusive=True)
    def _read_runs(self) -> None:
        runs = [run for run in list_runs() if self._own is None or run.path != self._own.path]
        self.post_message(self.RunsRead(summaries(runs[:MOST_RUNS])))

    def on_choose_runs_screen_runs_read(self, event: RunsRead) -> None:
        """List them."""
        self._found = event.found
        self._list()

    def on_input_changed(self) -> None:
        """Something was typed."""
        self._list()

    def _list(self) -> None:
        if self._found is None:
            return
        words = self.query_one(RunFilter).value.lower().split()
        self._listed = [run for run in self._found if all(word in _searched(run) for word in words)]
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(self._prompt(run)) for run in self._listed])
        options.highlighted = 0 if self._listed else None
        self._hint()

    def _hint(self) -> None:
        if not self._found:
            words = "There is no other run yet."
        elif not self._listed:
            words = "No run has that in its name, preset or status."
        else:
            words = f"Space marks, Enter shows the {len(self._marked)} marked, Esc leaves all as it is"
        self.query_one("#hint", Static).update(words)

    def mark(self) -> None:
        """Mark the run under the cursor, or take it back."""
        options = self.query_one(OptionList)
        place = options.highlighted
        if place is None:
            return
        run = self._listed[place].run
        if self._marked.pop(run.id, None) is None:
            self._marked[run.id] = run
        options.replace_option_prompt_at_index(place, self._prompt(self._listed[place]))
        self._hint()

    def done(self) -> None:
        """Compare with those that are marked."""
        self.dismiss(list(self._marked.values()))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A click on a line."""
        self.query_one(OptionList).highlighted = event.option_index
        self.mark()

    def _prompt(self, run: RunSummary) -> Text:
        is_marked = run.run.id in self._marked
        return Text.assemble(
            (f"{MARK if is_marked else ' '} ", f"bold {self.app.theme_variables['accent']}"),
            (f"{clip(sanitize(run.record.name), NAME_WIDTH):<{NAME_WIDTH}} ", "bold" if is_marked else ""),
            f" {clip(sanitize(run.record.config.networks), 10):<10} {run.status:<9}",
            f" {run.epochs_done:>3}/{run.epochs_planned:<3}",
            f" val {percent(run.best.validation_accuracy if run.best else None):>8}",
        )


def _searched(run: RunSummary) -> str:
    return f"{run.record.name} {run.record.config.networks} {run.status} {run.run.id}".lower()
