"""Progress of reading a data set for a run that is started on the home screen."""

import pytest

from mnist_tui.ui import app as module
from tests.ui.program import program, told


async def test_what_is_read_is_notified_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READING_SECONDS", 60)
    app = program()
    async with app.run_test(notifications=True) as pilot:
        app.show_reading(1, 4)
        app.show_reading(2, 4)
        await pilot.pause()
        assert told(app) == ["Reading the data: 25%"]
