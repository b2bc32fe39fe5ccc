"""Messages from screens to the app. A widget's own messages are nested in the widget."""

from typing import TYPE_CHECKING

from textual.message import Message

from mnist_tui.config import RunConfig
from mnist_tui.runs.directory import RunDirectory

if TYPE_CHECKING:
    from mnist_tui.analysis.query import Query  # brings numpy, which the home screen does without
    from mnist_tui.runs.history import History


class StartRun(Message):
    """Start a run with these settings."""

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        self.config = config


class ShowData(Message):
    """Show the data set with this spec, as the user typed it."""

    def __init__(self, spec: str) -> None:
        super().__init__()
        self.spec = spec


class FindRate(Message):
    """Find a learning rate for these settings."""

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        self.config = config


class TakeRate(Message):
    """Take a learning rate into the settings of the next run."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate


class OpenRun(Message):
    """Open a run on its training screen."""

    def __init__(self, run: RunDirectory) -> None:
        super().__init__()
        self.run = run


class CompareRuns(Message):
    """Show runs side by side."""

    def __init__(self, runs: list[RunDirectory]) -> None:
        super().__init__()
        self.runs = runs


class ResumeRun(Message):
    """Resume a run that is over, if the user confirms it; `epochs` is the new total, if given."""

    def __init__(
        self, run: RunDirectory, history: "History", epochs: int | None = None, *, adds_epoch: bool = False
    ) -> None:
        super().__init__()
        self.run = run
        self.history = history
        self.epochs = epochs
        self.adds_epoch = adds_epoch


class OpenWhy(Message):
    """Show a page of the textbook; `layer` names the layer that it is about."""

    def __init__(self, page: str, layer: str = "") -> None:
        super().__init__()
        self.page = page
        self.layer = layer


class OpenDigits(Message):
    """Show the digits screen with this filter."""

    def __init__(self, wanted: "Query") -> None:
        super().__init__()
        self.wanted = wanted
