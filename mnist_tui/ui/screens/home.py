"""The home screen: the settings of the next run, and the runs so far."""

from collections.abc import Callable
from pathlib import Path

from textual import work
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Static

from mnist_tui import __version__
from mnist_tui.config import Catalogue
from mnist_tui.runs.directory import home, list_runs
from mnist_tui.runs.summary import RunSummary, summaries
from mnist_tui.ui.messages import StartRun
from mnist_tui.ui.widgets.preset_panel import PresetPanel
from mnist_tui.ui.widgets.run_table import RunTable
from mnist_tui.ui.widgets.settings_form import SettingsForm

REFRESH_SECONDS = 2.0
RECENT_RUNS = 200


class HomeScreen(Screen[None]):
    """Enter starts a run; Tab and Enter open an earlier one."""

    CSS_PATH = "home.tcss"
    KEY_GROUPS = ("home", "choice", "everywhere")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (160, "-wide")]  # noqa: RUF012

    def __init__(self, catalogue: Catalogue, clock: Callable[[], float]) -> None:
        super().__init__()
        self._catalogue = catalogue
        self._clock = clock

    def compose(self) -> ComposeResult:
        yield Static(id="title")
        with Container(id="body"):
            with Container(id="next"):
                yield SettingsForm(self._catalogue)
                yield PresetPanel()
            yield RunTable()
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Paint first; then read the runs, and again while the screen is in front."""
        words = (
            "[b $primary] mnist-tui [/][$quiet] $version   train a network on digits, and watch it   runs in $folder[/]"
        )
        self.query_one("#title", Static).update(Content.from_markup(words, version=__version__, folder=brief(home())))
        self.query_one(SettingsForm).focus_first()
        self.set_interval(REFRESH_SECONDS, self._refresh)

    def on_screen_resume(self) -> None:
        """Catch up with what happened meanwhile."""
        self._read_runs()

    def _refresh(self) -> None:
        if self.is_active:  # not `is_current`, which Textual also says of the screen below the one in front
            self._read_runs()

    @work(thread=True, exclusive=True, group="runs")
    def _read_runs(self) -> None:
        found = summaries(list_runs()[:RECENT_RUNS])
        self.app.call_from_thread(self._show_runs, found)

    def _show_runs(self, found: list[RunSummary]) -> None:
        if self.is_active:  # another screen may have come in front meanwhile
            self.query_one(RunTable).show(found, self._clock())

    def on_settings_form_preset_chosen(self, event: SettingsForm.PresetChosen) -> None:
        """Say what kind of network that is."""
        self.query_one(PresetPanel).preset = event.preset

    def on_settings_form_submitted(self, event: SettingsForm.Submitted) -> None:
        """Start it."""
        self.post_message(StartRun(event.config))


def brief(path: Path) -> str:
    """A path as people write it: from ~ on when it lies below their home."""
    return f"~/{path.relative_to(Path.home())}" if path.is_relative_to(Path.home()) else str(path)
