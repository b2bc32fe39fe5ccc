"""Helpers of the steering tests: a live run on the screen, events that pause or diverge it, requests to its engine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual.pilot import Pilot

from mnist_tui.control.client import origin
from mnist_tui.control.protocol import Explain, Request
from mnist_tui.events import AlertKind, AlertRaised, Phase, PhaseChanged, SettingChanged
from mnist_tui.ui.app import MnistTuiApp
from mnist_tui.ui.steering.steering import available_keys
from tests.kit.fake_engine import FakeEngine
from tests.kit.recording import Replay
from tests.ui.program import program, settled, wait_until

SIZE = (120, 40)
ME = origin("screen")


@asynccontextmanager
async def live(
    replay: Replay, size: tuple[int, int] = SIZE, notifications: bool = False, reply: bytes = b'{"ok":true}\n'
) -> AsyncIterator[tuple[MnistTuiApp, Pilot[int], FakeEngine]]:
    """Show the replayed run with a live engine."""
    app = program(replay.run, replay.clock)
    with FakeEngine(replay.run) as engine:
        engine.reply = reply
        async with app.run_test(size=size, notifications=notifications) as pilot:
            await settled(pilot)
            yield app, pilot, engine


async def press(pilot: Pilot[int], *keys: str) -> None:
    """Press keys, each after the screen has settled."""
    for key in keys:
        await pilot.press(key)
        await settled(pilot)


def pause(replay: Replay) -> None:
    now = replay.clock.now
    replay.write(SettingChanged(time=now, setting="pause", value="after this batch", by="ada", step=1_200))
    replay.write(PhaseChanged(time=now, phase=Phase.PAUSED))


def diverge(replay: Replay, awaits_decision: bool = True) -> None:
    replay.write(
        AlertRaised(
            time=replay.clock.now,
            kind=AlertKind.NOT_FINITE,
            text="the loss is NaN",
            step=1_200,
            epoch=2,
            awaits_decision=awaits_decision,
        )
    )
    if awaits_decision:
        replay.write(PhaseChanged(time=replay.clock.now, phase=Phase.PAUSED))


async def expect_requests(pilot: Pilot[int], engine: FakeEngine, *expected: Request) -> None:
    """Wait until the engine has got these requests and no others, explain requests excluded."""

    def steering() -> list[Request]:
        return [request for request in engine.sent() if not isinstance(request, Explain)]

    await wait_until(pilot, lambda: len(steering()) >= len(expected), f"{len(expected)} requests")
    await settled(pilot)
    assert steering() == list(expected)


def available(app: MnistTuiApp) -> set[str]:
    assert app.session is not None
    return set(available_keys(app.session.view))
