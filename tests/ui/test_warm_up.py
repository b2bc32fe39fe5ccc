"""The home screen has an engine kept warm for its settings, and prepared once they are still."""

import pytest

from mnist_tui.cli.wiring import catalogue
from mnist_tui.config import RunConfig
from mnist_tui.ui.app import MnistTuiApp
from mnist_tui.ui.home import screen
from tests.kit.recording import Clock
from tests.ui.program import no_launch, settled, wait_until


async def test_the_engine_is_warm_for_the_settings_and_prepared_once_they_are_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept: list[RunConfig] = []
    prepared: list[RunConfig] = []
    monkeypatch.setattr(screen, "STILL_SECONDS", 3600.0)
    app = MnistTuiApp(catalogue(), no_launch, clock=Clock(0.0), keep_warm=kept.append, prepare=prepared.append)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await wait_until(pilot, lambda: bool(kept), "the first settings")
        await pilot.press("right")
        await wait_until(pilot, lambda: kept[-1].preset != "fast", "the other preset")
        assert prepared == []
        monkeypatch.setattr(screen, "STILL_SECONDS", 0.01)
        await pilot.press("right")
        await wait_until(pilot, lambda: bool(prepared), "what is prepared")
        assert prepared == [kept[-1]]
