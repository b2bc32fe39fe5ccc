"""The home screen: the settings of the next run, and all runs."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textual import work
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from mnist_tui import __version__
from mnist_tui.config import RunConfig
from mnist_tui.render.text import sanitize
from mnist_tui.runs.directory import RunDirectory, home
from mnist_tui.settings import Catalogue
from mnist_tui.ui.home.next_run import sketch
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.messages import CompareRuns, FindRate, OpenRun, ShowData, StartRun
from mnist_tui.ui.shared.sized_screen import SizedScreen

if TYPE_CHECKING:  # these bring Textual's tables and fields and the vocabulary of events: not before the first paint
    from mnist_tui.runs.summary import RunSummary
    from mnist_tui.ui.home.glance import Glance
    from mnist_tui.ui.home.machine_panel import MachineLoad
    from mnist_tui.ui.home.preset_panel import PresetPanel
    from mnist_tui.ui.home.queue_panel import QueuePanel
    from mnist_tui.ui.home.run_table import RunTable
    from mnist_tui.ui.home.settings_form import SettingsForm

REFRESH_SECONDS = 2.0
FIRST_PAINT_SECONDS = 0.02
"""Delay until the first paint is written; `call_after_refresh` would come too early."""
FIRST_RUNS, RECENT_RUNS = 200, 2_000
"""Newest runs that are listed at once, and that are listed at most."""
STILL_SECONDS = 1.0
"""Time without a change of the settings after which the run that they describe is prepared."""
LEAST_LIST, FULL_GLANCE = 6, 28
"""Lines of the list that are kept at least, and lines that the glance takes first."""
PURPOSE = "train a network on digits, and watch it"


def do_nothing(_: RunConfig) -> None:
    """Prepare nothing."""


class HomeScreen(SizedScreen):
    """Enter starts a run; Tab and Enter open an earlier one.

    Args:
        catalogue: Presets and data sets to choose from.
        clock: Returns seconds since 1970.
        keep_warm: Keeps a warm engine for the next run; called in the main thread.
        prepare: Lets the warm engine prepare the next run; called in another thread.
    """

    class RunsRead(Message):
        """The runs were read; `troubles` says why some were not."""

        def __init__(self, found: "list[RunSummary]", troubles: list[str]) -> None:
            super().__init__()
            self.found = found
            self.troubles = troubles

    BINDINGS = bindings("enqueue", "opened", "find", "look")
    CSS_PATH = "screen.tcss"
    PAGES = ("#runs", "#next")
    KEY_GROUPS = (
        "home",
        "enqueue",
        "find",
        "look",
        "data_field",
        "choice",
        "runs",
        "queue",
        "opened",
        "screens",
        "everywhere",
    )

    def __init__(
        self,
        catalogue: Catalogue,
        clock: Callable[[], float],
        keep_warm: Callable[[RunConfig], None] = do_nothing,
        prepare: Callable[[RunConfig], None] = do_nothing,
        sample_machine: "Callable[[], MachineLoad] | None" = None,
    ) -> None:
        super().__init__()
        self._sample_machine = sample_machine
        self._keep_warm, self._prepare = keep_warm, prepare
        self._catalogue = catalogue
        self._clock = clock
        self._setting: Widget = self
        """The setting that had the focus before the runs."""
        self._preset: PresetPanel | None = None
        self._runs: RunTable | None = None
        self._queue: QueuePanel | None = None
        self._glance: Glance | None = None
        """Made once runs were read: it brings NumPy and the plots."""
        self._is_furnished = False
        self._next: RunConfig | None = None
        """Last valid settings of the form."""
        self._still: Timer | None = None

    def compose(self) -> ComposeResult:
        yield Static(self._title(), id="title")
        with Container(id="body"):
            settings = Static(sketch(self._catalogue, self._catalogue.complete({}).preset), id="sketch", markup=False)
            settings.border_title = "Next run"
            yield settings

    def _title(self) -> Content:
        """Return the title line with as many of its parts as fit."""
        version, folder = f" {__version__}   ", f"runs in {sanitize(brief(home()))}"
        room = self.app.size.width - len(" mnist-tui ") - len(version) - 2
        choices = (f"{PURPOSE}   {folder}", folder, PURPOSE)
        words = next((each for each in choices if len(each) <= room), "")
        return Content.from_markup("[b $primary] mnist-tui [/][$quiet]$version$words[/]", version=version, words=words)

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        if self.has_widgets:
            self.query_one("#title", Static).update(self._title())
            self.call_after_refresh(self._share_lines)

    async def _furnish(self) -> None:
        """Mount the widgets and read the runs; not behind a run, so that leaving it need not wait for this."""
        if self._is_furnished or not self.is_active:
            return
        self._is_furnished = True
        from mnist_tui.ui.home.preset_panel import PresetPanel
        from mnist_tui.ui.home.queue_panel import QueuePanel
        from mnist_tui.ui.home.run_table import RunTable
        from mnist_tui.ui.home.settings_form import SettingsForm
        from mnist_tui.ui.shared.key_footer import KeyFooter

        form, self._preset, runs, queue = (
            SettingsForm(self._catalogue),
            PresetPanel(self._catalogue.recipes),
            RunTable(),
            QueuePanel(),
        )
        body = self.query_one("#body")
        with self.app.batch_update():
            body.remove_children()  # all asked for before the first await, during which the app may be left
            mounts = (
                body.mount(Container(form, self._preset, id="next"), Container(runs, queue, id="runs")),
                self.mount(KeyFooter()),
            )
            for mounted in mounts:
                await mounted
        if not form.is_attached:
            return
        self._runs, self._queue = runs, queue
        self._page = "#next"
        self.show_page()
        form.focus_first()
        self._read_runs()
        self.set_interval(REFRESH_SECONDS, self._refresh)
        if self._sample_machine is not None:
            from mnist_tui.ui.home.machine_panel import HomeMachinePanel

            await self.query_one("#next").mount(HomeMachinePanel(self._sample_machine))

    @property
    def chosen_run(self) -> RunDirectory | None:
        """Run under the cursor of the table; None without one."""
        chosen = self._runs.chosen if self._runs is not None else None
        return chosen.run if chosen is not None else None

    def on_screen_resume(self) -> None:
        if self._runs is None:
            self.set_timer(FIRST_PAINT_SECONDS, self._furnish)
        else:
            self._read_runs()
            self.refresh_bindings()
            if self._next is not None:
                self._warm_up(self._next)

    def _refresh(self) -> None:
        if self.is_active:  # not `is_current`, which Textual also says of the screen below the one in front
            self._read_runs()

    @work(thread=True, exclusive=True, group="runs")
    def _read_runs(self) -> None:
        from mnist_tui.runs.summary import newest_summaries

        troubles: list[str] = []
        if self._runs is not None and not self._runs.has_runs:
            self.post_message(self.RunsRead(newest_summaries(FIRST_RUNS), []))
        found = newest_summaries(RECENT_RUNS, troubles)
        self.post_message(self.RunsRead(found, troubles))

    def on_home_screen_runs_read(self, event: RunsRead) -> None:
        if self._runs is not None and self.is_active:  # another screen may have come in front meanwhile
            before = self._runs.has_runs
            self._runs.show(event.found, event.troubles, self._clock())
            if self._runs.has_runs != before:
                self.refresh_bindings()  # with the first run comes the key that leads to it
                if self.is_small and not before:
                    self.action_other_side()  # the runs come first
            self._show_glance()

    @work(thread=True, exclusive=True, group="import")
    def _import_glance(self) -> None:
        """Import the glance in a thread, since NumPy and the plots take longer than a key may wait."""
        import mnist_tui.ui.home.glance  # noqa: F401

        self.call_later(self._mount_glance)

    async def _mount_glance(self) -> None:
        from mnist_tui.ui.home.glance import Glance

        if self._glance is None and self.has_widgets:
            glance = Glance(self._clock)
            await self.query_one("#runs").mount(glance)
            self._glance = glance
            self._show_glance()

    def _show_glance(self) -> None:
        """Show the run under the cursor, and in which settings it differs from the form."""
        if self._runs is None:
            return
        self.set_class(not self._runs.has_runs, "-no-runs")
        self.call_after_refresh(self._share_lines)
        if self._glance is not None:
            self._glance.show(self._runs.chosen, self._next)
        elif self._runs.has_runs:
            self._import_glance()

    def _share_lines(self) -> None:
        """Give the list as many lines as it needs, up to a third, and the rest to the glance if it is shown."""
        if self._runs is None or self._queue is None:
            return
        if self._glance is not None and self._glance.display and self._runs.has_runs:
            queue = self._queue.outer_size.height if self._queue.display else 0
            room = self.query_one("#runs").size.height - queue
            most = max(LEAST_LIST, min(room // 3, room - FULL_GLANCE))
            self._runs.styles.height = min(self._runs.lines, most)
        else:
            self._runs.styles.clear_rule("height")

    def on_queue_panel_changed(self) -> None:
        self.call_after_refresh(self._share_lines)

    def on_run_table_moved(self) -> None:
        self._show_glance()

    def on_descendant_focus(self) -> None:
        self.set_class(self._runs is not None and self.query_one("#runs").has_focus_within, "-at-runs")
        self.call_after_refresh(self._share_lines)  # the glance may have come or gone

    def on_glance_opened(self, message: "Glance.Opened") -> None:
        self.post_message(OpenRun(message.run))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        if action in ("look_at_data", "enqueue", "find_rate"):
            return self._is_furnished
        return action != "other_side" or (self._runs is not None and self._runs.has_runs)

    def action_other_side(self) -> None:
        """Move the focus from the last setting to the runs, to the queue if there is one, and back."""
        if self._runs is None or self._queue is None:
            return
        if self._runs.has_focus_within and self._queue.has_entries:
            self._queue.focus_list()
        elif self._runs.has_focus_within or self._queue.has_focus_within:
            self._page = "#next"
            self.show_page()
            self.remove_class("-at-runs")
            self.call_after_refresh(self._setting.focus)
        elif self.focused is not None:
            self._setting = self.focused
            self._page = "#runs"
            self.show_page()
            self.call_after_refresh(self._runs.focus_list)

    def action_enqueue(self) -> None:
        """Add a run with the settings shown to the queue, if they are valid."""
        from mnist_tui.ui.home.settings_form import SettingsForm

        given = self.query_one(SettingsForm).given()
        if given is None or self._queue is None:
            self.app.bell()
        else:
            self._queue.add(given)

    def action_find_rate(self) -> None:
        """Find a learning rate for the settings shown, if they are valid."""
        from mnist_tui.ui.home.settings_form import SettingsForm

        given = self.query_one(SettingsForm).given()
        if given is None:
            self.app.bell()
        else:
            self.post_message(FindRate(self._catalogue.complete(given)))

    def set_learning_rate(self, rate: float) -> None:
        """Fill in the learning rate of the next run."""
        from textual.widgets import Input

        field = self.query_one("#learning_rate", Input)
        field.value = f"{rate:g}"
        field.focus()

    def action_look_at_data(self) -> None:
        """Look at the data of the next run."""
        from mnist_tui.ui.home.settings_form import SettingsForm

        self.post_message(ShowData(self.query_one(SettingsForm).texts()["data"]))

    def on_run_table_changed(self) -> None:
        self._read_runs()

    def on_compare_runs(self, message: CompareRuns) -> None:
        from mnist_tui.ui.compare.screen import CompareScreen  # numpy and plots: not before they are needed

        message.stop()
        self.app.push_screen(CompareScreen(message.runs))

    def on_settings_form_preset_chosen(self, event: "SettingsForm.PresetChosen") -> None:
        if self._preset is not None:
            self._preset.preset = event.preset

    def on_settings_form_completed(self, event: "SettingsForm.Completed") -> None:
        self._next = event.config
        self._show_glance()
        self._warm_up(event.config)

    def _warm_up(self, config: RunConfig) -> None:
        self._keep_warm(config)
        if self._still is not None:
            self._still.stop()
        self._still = self.set_timer(STILL_SECONDS, lambda: self._prepare_in_thread(config))

    @work(thread=True, exclusive=True, group="prepare")
    def _prepare_in_thread(self, config: RunConfig) -> None:
        self._prepare(config)

    def on_settings_form_submitted(self, event: "SettingsForm.Submitted") -> None:
        self.post_message(StartRun(event.config))


def brief(path: Path) -> str:
    """Return a path, with ~ for the user's home if there is one."""
    with contextlib.suppress(RuntimeError, ValueError):  # the user has no home, or the path is not below it
        return f"~/{path.relative_to(Path.home())}"
    return str(path)
