"""The real app for tests: wired as the command line wires it, but with a scripted clock and a launch of the test's own.

app = program(recorded_run(), clock)
async with app.run_test(size=(120, 40)) as pilot:
    await pilot.press("2")
    await settled(pilot)
    assert "Confusion" in text(app)
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator

from textual._compositor import LayoutUpdate
from textual.app import App
from textual.pilot import Pilot
from textual.strip import Strip
from textual.worker import WorkerCancelled

from mnist_tui.cli.wiring import catalogue, look_at_data
from mnist_tui.config import RunConfig
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.ui.app import MnistTuiApp
from mnist_tui.ui.data.screen import LookAtData
from tests.kit.recording import Clock

PATIENCE_SECONDS = 60.0
"""How long a wait looks before it gives up, by which only a broken test is slow."""


def no_launch(config: RunConfig) -> RunDirectory:
    """Start nothing."""
    raise RunError(f"this test starts nothing, and not {config}")


def program(
    run: RunDirectory | None = None,
    clock: Callable[[], float] = Clock(0.0),  # noqa: B008 (it stands still)
    launch: Callable[[RunConfig], RunDirectory] = no_launch,
    look_at_data: LookAtData = look_at_data,
) -> MnistTuiApp:
    """The face, with the engine's registries, on the home screen or on a run."""
    return MnistTuiApp(catalogue(), launch, run, clock, look_at_data=look_at_data)


def strips(app: App[int]) -> list[Strip]:
    """The screen's lines with their colours, with the screens that shine through from below.

    Textual gives them out as SVG alone: this is how its `export_screenshot` asks for them. Private, so nowhere else.
    """
    update = app.screen._compositor.render_update(full=True, screen_stack=app._background_screens)
    assert isinstance(update, LayoutUpdate)
    return [Strip.join(parts) for parts in update.strips]


def lines(app: App[int]) -> list[str]:
    """The screen's lines."""
    return [strip.text for strip in strips(app)]


def lines_within(app: App[int], width: int) -> list[str]:
    """The screen's lines, none of which is wider than the terminal."""
    assert max(strip.cell_length for strip in strips(app)) <= width
    return lines(app)


def text(app: App[int]) -> str:
    """What a person sees."""
    return "\n".join(lines(app))


def looks() -> Iterator[None]:
    """A turn for every look at a screen, until patience is out."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        yield


async def settled(pilot: Pilot[int]) -> None:
    """Wait until nothing is being read and the screen has stopped changing."""
    before: list[str] | None = None
    for _ in looks():
        with contextlib.suppress(WorkerCancelled):  # a newer one took its place
            await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        now = lines(pilot.app)
        if now == before and all(worker.is_finished for worker in pilot.app.workers):
            return
        before = now
    raise AssertionError(f"the screen never settled:\n{text(pilot.app)}")


async def wait_until(pilot: Pilot[int], condition: Callable[[], bool], what: str) -> None:
    """Wait for a state and until all of the screen shows it; AssertionError with the screen when it never comes."""
    before: list[str] | None = None
    for _ in looks():
        if condition():
            now = lines(pilot.app)
            if now == before:
                return
            before = now
        await pilot.pause()
    raise AssertionError(f"expected {what}; the screen was:\n{text(pilot.app)}")


async def wait_for(pilot: Pilot[int], words: str) -> None:
    """Wait until `words` are on one line of the screen."""
    await wait_until(pilot, lambda: words in text(pilot.app), f"{words!r} on the screen")


def told(app: App[int]) -> list[str]:
    """What notifications said so far; on the screen they are wrapped. Textual has no public list of them."""
    return [notification.message for notification in app._notifications]


async def left(app: App[int]) -> int | None:
    """Wait until the app has ended; returns its exit status."""
    for _ in looks():
        if not app.is_running:
            return app.return_code
        await asyncio.sleep(0.01)
    raise AssertionError(f"expected the app to end; the screen was:\n{text(app)}")
