"""A widget on its own, and a made-up run to show it."""

from collections.abc import Callable

from textual.app import App, ComposeResult
from textual.widget import Widget

from mnist_tui.events import Phase, PhaseChanged
from mnist_tui.runs.history import History
from mnist_tui.runs.progress import progress
from mnist_tui.runs.status import Status
from mnist_tui.ui.session import RunView
from mnist_tui.ui.theme import DARK
from tests.kit import samples
from tests.kit.samples import CREATED
from tests.ui.program import lines, settled


class Stage(App[int]):
    """One widget, as wide as the terminal."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.register_theme(DARK)
        self.theme = DARK.name
        self._widget = widget

    def compose(self) -> ComposeResult:
        yield self._widget


async def drawn(widget: Widget, size: tuple[int, int], show: Callable[[], None] = lambda: None) -> list[str]:
    """Return the screen's lines with the widget alone, after a call of `show`."""
    app = Stage(widget)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        show()
        await settled(pilot)
        return lines(app)


def history(steps: int = 0, epochs: int = 0) -> History:
    """A run of three epochs of 550 steps, so far."""
    made = History(samples.record())
    made.apply(PhaseChanged(time=CREATED, phase=Phase.TRAINING))
    made.apply(samples.run_started())
    made.apply_all(samples.step_ended(step) for step in range(1, steps + 1))
    made.apply_all(samples.epoch_ended(epoch, validation_accuracy=0.9 + epoch / 100) for epoch in range(1, epochs + 1))
    return made


def view(made: History, status: Status = Status.TRAINING, seconds: float = 100) -> RunView:
    """The run `seconds` after it was created."""
    now = CREATED + seconds
    return RunView(made, progress(made, now), status, now, made.revision, 0)
