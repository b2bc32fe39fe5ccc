"""The Textual app: it wires screens, the opened run and the timer, and draws nothing itself."""

import asyncio
import gc
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from textual import work
from textual.app import App, SystemCommand
from textual.driver import Driver
from textual.events import Key
from textual.screen import Screen

from mnist_tui.config import ConfigError, RunConfig
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.settings import SETTINGS_BY_KEY, Catalogue
from mnist_tui.textbook import INDEX, pages
from mnist_tui.ui.home.screen import HomeScreen, do_nothing
from mnist_tui.ui.keymap import bindings, screen_keys, unused_words
from mnist_tui.ui.messages import FindRate, OpenDigits, OpenRun, OpenWhy, ResumeRun, ShowData, StartRun, TakeRate
from mnist_tui.ui.screens import SCREENS
from mnist_tui.ui.terminal.colours import ColourDepth
from mnist_tui.ui.terminal.differences import diff_driver
from mnist_tui.ui.terminal.hang_up import catch_signals, is_terminal_gone
from mnist_tui.ui.terminal.recolour import recolour, send_truecolor
from mnist_tui.ui.theme import colour_numbers, themes

if TYPE_CHECKING:
    from mnist_tui.ui.data.screen import LookAtData
    from mnist_tui.ui.home.machine_panel import MachineLoad
    from mnist_tui.ui.session import RunSession

FRAME_SECONDS = 0.25
"""Between polls of the run: four frames a second look smooth and are cheap on a slow connection."""
CHECK_SECONDS = 15
"""Time that a notification of the check of an own model is shown."""
READING_SECONDS = 2
"""Seconds between two notifications while a run's data are read."""


class MnistTuiApp(App[int], inherit_bindings=False):
    """The user interface.

    Args:
        catalogue: Presets and data sets to choose from.
        launch: Starts a run.
        run: A run to open at once.
        clock: Returns seconds since 1970.
        depth: Number of colours of the terminal.
        look_at_data: Examines a data set; None to leave out the data screen.
        keep_warm: Keeps a warm engine for the next run (see HomeScreen).
        prepare: Lets the warm engine prepare the next run.
    """

    TITLE = "mnist-tui"
    CSS_PATH = "app.tcss"
    BINDINGS = bindings("everywhere", "moves")

    def __init__(
        self,
        catalogue: Catalogue,
        launch: Callable[[RunConfig], RunDirectory],
        run: RunDirectory | None = None,
        clock: Callable[[], float] = time.time,
        depth: ColourDepth = ColourDepth.TRUECOLOR,
        look_at_data: "LookAtData | None" = None,
        keep_warm: Callable[[RunConfig], None] = do_nothing,
        prepare: Callable[[RunConfig], None] = do_nothing,
    ) -> None:
        self._depth = depth
        super().__init__()
        send_truecolor(self)
        self.no_color = depth is ColourDepth.MONOCHROME
        self._catalogue = catalogue
        self._launch = launch
        self._look_at_data = look_at_data
        self._home = partial(HomeScreen, catalogue, clock, keep_warm, prepare)
        self.notification: Callable[[str], str] = lambda _: ""
        """Returns what to write to the terminal so that it draws attention to a sentence."""
        self.sample_machine: Callable[[], MachineLoad] | None = None
        """Samples the load of this machine; None to leave out its panel."""
        self._first_run = run
        self._clock = clock
        self._leaving = False
        self._reading_due = 0.0
        self._told: dict[str, float] = {}
        """Notifications and the times until which they are shown."""
        self.ended_by = 0
        """Exit status after a hang-up or a signal; 0 without one."""
        self.session: RunSession | None = None
        self._dark, self._light = themes(depth)
        self.register_theme(self._dark)
        self.register_theme(self._light)
        self.theme = self._dark.name
        for key in screen_keys():  # not in BINDINGS: a screen may be added after this class was made
            self.bind(key.keys, key.action, description=key.label)

    def get_driver_class(self) -> type[Driver]:
        """Return the driver, wrapped so that it writes only cells that changed, in the terminal's colours."""
        recoloured = recolour(self._depth, colour_numbers(self._depth))
        return diff_driver(super().get_driver_class(), lambda: self.ended_by != 0 and is_terminal_gone(), recoloured)

    def on_mount(self) -> None:
        if not self.is_headless:
            loop = asyncio.get_running_loop()

            def leave(status: int) -> None:
                self.ended_by = status
                loop.call_soon_threadsafe(self.exit)

            catch_signals(leave)
        self.push_screen(self._home(sample_machine=self.sample_machine))
        if self._first_run is not None:
            self.open_run(self._first_run)
        self.set_interval(FRAME_SECONDS, self._follow)

    def open_run(self, run: RunDirectory) -> None:
        """Open a run on its training screen."""
        from mnist_tui.ui.session import RunSession  # imports numpy, which the home screen does without

        try:
            session = RunSession(run, self._clock)
        except RunError as error:
            self._show_error(str(error))
            return
        self._close_run()
        session.poll()
        session.news()  # what happened before is no news
        self.session = session
        for spec in SCREENS:
            self.install_screen(spec.build(session), spec.name)
        self.push_screen(SCREENS[0].name)
        if not self.is_headless:
            gc.freeze()  # what is there now stays: looking through it for garbage held the screen up for 60 to 90 ms

    def _close_run(self) -> None:
        self._pop_to_home()
        if self.session is not None:
            for spec in SCREENS:
                self.uninstall_screen(spec.name)
            self.session.close()
            self.session = None

    def on_unmount(self) -> None:
        """Detach from the engine at once, so that it need not wait for a timeout."""
        if self.session is not None:
            self.session.close()

    def _pop_to_home(self) -> None:
        while len(self.screen_stack) > 2:  # Textual's own empty screen, then home
            self.pop_screen()

    def _follow(self) -> None:
        if self.session is None:
            return
        is_changed = self.session.poll()
        for sentence in self.session.news():
            self._announce(sentence)
        if not is_changed:
            return
        from mnist_tui.ui.run.screen import RunScreen  # numpy: not before there is a run
        from mnist_tui.ui.shared.dialog import Dialog

        if isinstance(self.screen, RunScreen | Dialog):
            self.screen.update_view(self.session.view)
        if self._leaving and not self.session.view.status.is_live:
            self.exit(return_code=self._status())

    def _announce(self, sentence: str) -> None:
        """Let the terminal draw attention to the run, if the user wants that."""
        sequence = self.notification(sentence)
        if sequence and self._driver is not None:
            self._driver.write(sequence)

    def on_start_run(self, message: StartRun) -> None:
        self._start(message.config)

    def on_open_run(self, message: OpenRun) -> None:
        self.open_run(message.run)

    def on_resume_run(self, message: ResumeRun) -> None:
        from mnist_tui.ui.steering.choices import AddEpochScreen, ResumeScreen  # numpy

        def decide(choice: str | None) -> None:
            if choice == "train":
                self._resume(message.run, message.epochs)

        dialog = AddEpochScreen if message.adds_epoch else ResumeScreen
        self.push_screen(dialog(message.history, message.epochs), decide)

    def on_show_data(self, message: ShowData) -> None:
        from mnist_tui.ui.data.screen import DataScreen  # numpy

        try:
            spec = SETTINGS_BY_KEY["data"].parse(message.spec, self._catalogue)
        except ConfigError as error:
            self._show_error(str(error))
            return
        if self._look_at_data is not None:
            self.push_screen(DataScreen(str(spec), self._look_at_data))

    def on_find_rate(self, message: FindRate) -> None:
        from mnist_tui.ui.find_rate.screen import FindRateScreen  # numpy

        self.push_screen(FindRateScreen(message.config))

    def on_take_rate(self, message: TakeRate) -> None:
        home = self.screen_stack[1]
        assert isinstance(home, HomeScreen)
        self._pop_to_home()
        home.set_learning_rate(message.rate)

    def on_open_digits(self, message: OpenDigits) -> None:
        from mnist_tui.ui.digits.screen import DigitsScreen

        digits = self.get_screen("digits")
        assert isinstance(digits, DigitsScreen)
        digits.set_filter(message.wanted)
        self.push_screen(digits)

    async def on_open_why(self, message: OpenWhy) -> None:
        await self.open_why(message.page, message.layer)

    async def open_why(self, page: str = INDEX, layer: str = "") -> None:
        """Show a page of the textbook, with an exhibit of the opened run; see textbook.page_of for a topic's page."""
        from mnist_tui.ui.why.screen import WhyScreen

        if isinstance(self.screen, WhyScreen):
            await self.screen.show_page_of(page, layer)
        else:
            self.push_screen(WhyScreen(page, layer, self.session if self._shows_run else None))

    async def action_open_why(self) -> None:
        """Show the page on what is in front."""
        from mnist_tui.ui.shared.help import HelpScreen
        from mnist_tui.ui.shared.sized_screen import SizedScreen

        if isinstance(self.screen, HelpScreen):
            self.pop_screen()
        await self.open_why(*(self.screen.why() if isinstance(self.screen, SizedScreen) else ()))

    def show_reading(self, done: int, total: int) -> None:
        """Notify how much of a run's data is read, once a second has passed; called in a thread."""
        now = time.monotonic()
        if now >= self._reading_due and total:
            self._reading_due = now + READING_SECONDS
            self.notify(f"Reading the data: {min(1.0, done / total):.0%}", timeout=READING_SECONDS)

    @work(thread=True, exclusive=True, group="start")
    def _start(self, config: RunConfig) -> None:
        self._reading_due = time.monotonic() + 1
        if config.model:
            self.notify(f"Checking {config.network(0)}: this takes some seconds", timeout=CHECK_SECONDS, markup=False)
        try:
            run = self._launch(config)
        except (ConfigError, RunError) as error:
            self._show_error(str(error))
        else:
            self.post_message(OpenRun(run))

    @work(thread=True, exclusive=True, group="start")
    def _resume(self, run: RunDirectory, epochs: int | None) -> None:
        from mnist_tui.control.client import origin
        from mnist_tui.control.resume import resume_run  # numpy

        try:
            resume_run(run, origin("screen"), self._catalogue, epochs=epochs)
        except (ConfigError, RunError) as error:
            self._show_error(str(error))
            return
        session = self.session
        if session is None or session.run.path != run.path or not self._shows_run:
            self.post_message(OpenRun(run))
        else:
            session.recheck_engine()

    @property
    def _shows_run(self) -> bool:
        """True if a screen of the opened run is in front, or a dialog over one."""
        return len(self.screen_stack) > 2

    def _show_error(self, sentence: str) -> None:
        from mnist_tui.ui.steering.steering import notify

        notify(self, sentence, "error")

    def action_view(self, name: str) -> None:
        """Open a screen of the run, or home."""
        from mnist_tui.ui.digits.digit_list import MISTAKES
        from mnist_tui.ui.digits.screen import DigitsScreen

        if name == "home" or self.session is None:
            self._pop_to_home()
            return
        screen = self.get_screen(name)
        if isinstance(screen, DigitsScreen):
            screen.set_filter(MISTAKES)
        while len(self.screen_stack) > 3:
            self.pop_screen()
        if len(self.screen_stack) == 3:
            self.switch_screen(screen)  # over home would cost the time to bring home to the front
        else:
            self.push_screen(screen)

    def action_predict_files(self) -> None:
        """Open the screen that predicts image files with the opened run's model, or go to its path."""
        from mnist_tui.ui.predict.screen import PredictScreen

        if isinstance(self.screen, PredictScreen):
            self.screen.focus_path()
        elif self.session is not None:
            self.push_screen(PredictScreen(self.session))

    def action_follow_image(self) -> None:
        """Open the layers screen with the image that the user looked at last."""
        if self.session is not None:
            self.push_screen("layers")

    def action_draw_on_image(self) -> None:
        """Open the draw screen with a copy of the image that the user looked at last."""
        from mnist_tui.ui.draw.screen import DrawScreen

        draw = self.get_screen("draw")
        if self.session is not None and self.session.at_hand is not None and isinstance(draw, DrawScreen):
            draw.load(self.session.at_hand)
            self.push_screen(draw)

    def action_go_back(self) -> None:
        """Go up one level: to the screen below, from a screen of SCREENS to the first one, then home and back."""
        first, *others = SCREENS
        installed = [self.get_screen(spec.name) for spec in others] if self.session is not None else []
        depth = len(self.screen_stack)
        if depth == 2 or (depth == 3 and self.screen in installed):
            self.action_view(first.name)
        else:
            self.pop_screen()

    @property
    def _run_to_export(self) -> RunDirectory | None:
        """The run under the cursor on the home screen, else the opened one; None if there is none."""
        if isinstance(self.screen, HomeScreen):
            return self.screen.chosen_run
        return self.session.run if self.session is not None else None

    def action_export_run(self) -> None:
        """Ask for a format, and export the run in a thread."""
        from mnist_tui.ui.run.exporting import ask_and_export

        run = self._run_to_export
        if run is not None:
            ask_and_export(self, run, self._catalogue.load_data)

    def action_save_screen(self) -> None:
        """Save a picture of the screen among the exports of the opened run."""
        from mnist_tui.ui.run.exporting import save_picture

        if self.session is not None:
            save_picture(self, self.session)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """List the screens, and the keys that work now, for the command palette."""
        screens = screen_keys() if self.session is not None else ()
        for key in screens:
            yield SystemCommand(key.label, key.help, partial(self.run_action, key.action))
        if self._run_to_export is not None:  # also where e exports digits or reviews
            yield SystemCommand("Export run", "Export the run: report, model, history…", self.action_export_run)
        listed = {key.action for key in screens} | {"app.command_palette", "app.export_run"}
        for node, binding, enabled, _ in screen.active_bindings.values():
            if enabled and binding.description and binding.action not in listed:
                action = partial(self.run_action, binding.action, node)
                yield SystemCommand(binding.description, binding.tooltip, action)
        for page in pages():
            yield SystemCommand(
                f"Why: {page.title}", "Open this page of the textbook", partial(self.open_why, page.name)
            )

    def on_key(self, event: Key) -> None:
        """Notify the user if a key has no meaning here."""
        starts_up = self.focused is None and isinstance(self.screen, HomeScreen)
        if event.key not in self.screen.active_bindings and not starts_up:
            self.notify(unused_words(event.key, getattr(self.screen, "KEY_GROUPS", ())), timeout=2, markup=False)

    def notify(self, message: str, *, timeout: float | None = None, **options: Any) -> None:
        """Show a notification, unless the same one is still shown: a held key would fill the screen."""
        now = time.monotonic()
        if self._told.get(message, now) <= now:
            self._told = {message: until for message, until in self._told.items() if until > now}
            self._told[message] = now + (self.NOTIFICATION_TIMEOUT if timeout is None else timeout)
            super().notify(message, timeout=timeout, **options)

    def action_press(self, key: str) -> None:
        """Do what another key does."""
        self.simulate_key(key)

    def action_help(self) -> None:
        """Show all keys of the screen in front."""
        from mnist_tui.ui.shared.help import HelpScreen

        self.push_screen(HelpScreen((*getattr(self.screen, "KEY_GROUPS", ("everywhere",)), "moves")))

    def action_toggle_dark(self) -> None:
        """Switch between the two themes."""
        self.theme = (self._light if self.theme == self._dark.name else self._dark).name

    def action_redraw(self) -> None:
        """Repaint the whole screen, after a terminal multiplexer garbled it."""
        self.refresh(layout=True)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        if action == "export_run":
            return self._run_to_export is not None
        if action in ("view", "save_screen") or (action == "go_back" and len(self.screen_stack) == 2):
            return self.session is not None
        return True

    async def action_quit(self) -> None:
        """Quit; if the opened run is live, ask what to do with it. Asked again, leave it running."""
        from mnist_tui.ui.steering.choices import LeaveScreen

        if isinstance(self.screen, LeaveScreen):
            self.screen.dismiss("leave")
            return
        if self.session is not None:
            self.session.poll()
        if self.session is None or not self.session.view.status.is_live:
            self.exit(return_code=self._status())
            return
        self.push_screen(LeaveScreen(self.session.view), self._leave)

    def _leave(self, choice: str | None) -> None:
        if choice == "leave":
            self.exit(return_code=0)
        elif choice == "stop" and self.session is not None:
            from mnist_tui.ui.steering.steering import send_command

            self._leaving = True
            send_command(self, self.session.run, "stop", on_error=self._stay)

    def _stay(self) -> None:
        self._leaving = False

    def _status(self) -> int:
        from mnist_tui.runs.status import Status

        failed = (Status.FAILED, Status.CRASHED)
        return 1 if self.session is not None and self.session.view.status in failed else 0
