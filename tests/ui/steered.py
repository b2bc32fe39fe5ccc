"""What the tests of steering share: a run under way, what happens to it, and what the engine was asked."""

from textual.pilot import Pilot

from mnist_tui.control.client import who
from mnist_tui.control.protocol import AnyRequest, Explain
from mnist_tui.events import AlertKind, AlertRaised, Phase, PhaseChanged, SettingChanged
from mnist_tui.ui.app import MnistTuiApp
from mnist_tui.ui.steering.steering import steerable
from tests.kit.fake_engine import FakeEngine
from tests.kit.recording import Replay
from tests.ui.program import settled, wait_until

SIZE = (120, 40)
ME = who("screen")


def pause(replay: Replay) -> None:
    now = replay.clock.now
    replay.write(SettingChanged(time=now, setting="pause", value="after this batch", by="somebody", step=1_200))
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


async def asks(pilot: Pilot[int], engine: FakeEngine, *expected: AnyRequest) -> None:
    """Wait for the requests that these are, all in all, beside questions about digits."""

    def steered() -> list[AnyRequest]:
        return [request for request in engine.asked() if not isinstance(request, Explain)]

    await wait_until(pilot, lambda: len(steered()) >= len(expected), f"{len(expected)} requests")
    await settled(pilot)
    assert steered() == list(expected)


def offered(app: MnistTuiApp) -> set[str]:
    assert app.session is not None
    return set(steerable(app.session.view))
