"""A small app around one screen of a run, for tests: no timer, no engine; what the screen asks for is written down."""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager

from textual.app import App
from textual.pilot import Pilot

from mnist_tui.runs.directory import RunDirectory
from mnist_tui.ui.messages import OpenDigits
from mnist_tui.ui.run.screen import RunScreen
from mnist_tui.ui.session import RunSession
from mnist_tui.ui.theme import DARK, LIGHT

SIZES = [(80, 24), (120, 40), (200, 60)]


class Host(App[None]):
    """Shows the screen that `build` makes for the run."""

    ENABLE_COMMAND_PALETTE = False

    def __init__(self, run: RunDirectory, build: Callable[[RunSession], RunScreen], now: float = 0.0) -> None:
        super().__init__()
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = DARK.name
        self.now = now
        self.session = RunSession(run, clock=lambda: self.now)
        self.session.poll()
        self._build = build
        self.opened: list[OpenDigits] = []

    def on_mount(self) -> None:
        self.front = self._build(self.session)
        self.push_screen(self.front)

    def on_unmount(self) -> None:
        self.session.close()

    def on_open_digits(self, message: OpenDigits) -> None:
        self.opened.append(message)

    def action_go_back(self) -> None:
        self.pop_screen()

    def follow(self) -> None:
        """What the real app's timer does."""
        if self.session.poll() and isinstance(self.screen, RunScreen):
            self.screen.update_view(self.session.view)

    def shown(self, size: tuple[int, int]) -> AbstractAsyncContextManager[Pilot[None]]:
        """Run in a terminal of this size."""
        return self.run_test(size=size)

    def lines(self) -> list[str]:
        """The text on the screen, a string a line."""
        return [strip.text for strip in self.screen._compositor.render_strips()]

    def text(self) -> str:
        """The text on the screen."""
        return "\n".join(self.lines())

    def told(self) -> Iterator[str]:
        """What notifications said."""
        return (notification.message for notification in self._notifications)


async def settled(pilot: Pilot[None]) -> None:
    """Wait until nothing is being read and everything has been painted."""
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()
    await pilot.pause()
