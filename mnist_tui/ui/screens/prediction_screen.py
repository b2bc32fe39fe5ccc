"""A screen that needs the newest epoch's predictions: reads them in a thread and says when they are there."""

from textual import work
from textual.message import Message

from mnist_tui.runs.directory import RunError
from mnist_tui.ui.screens.run_screen import RunScreen
from mnist_tui.ui.session import Predictions, RunSession, RunView


class PredictionScreen(RunScreen):
    """`ask_for_predictions` starts reading (100 ms and more); `take_predictions` is called when that is done."""

    class Loaded(Message):
        """An epoch's predictions were read, or could not be."""

        def __init__(self, epoch: int, outcome: Predictions | RunError) -> None:
            super().__init__()
            self.epoch = epoch
            self.outcome = outcome

    def __init__(self, session: RunSession) -> None:
        super().__init__(session)
        self.asked: int | None = None
        """Epoch whose predictions were last asked for."""
        self.predictions: Predictions | None = None
        """What was read last; None before that, and when it could not be read."""
        self.problem = ""
        """Why there are none, in a sentence."""

    def on_mount(self) -> None:
        """Words that carry colours of their own are said again when the theme changes."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self.update_view(self.session.view))

    def ask_for_predictions(self, view: RunView) -> None:
        """Read the newest epoch's predictions unless that was asked for already."""
        epochs = view.history.epochs
        if epochs and epochs[-1].epoch != self.asked:
            self.asked = epochs[-1].epoch
            self._load(self.asked)

    @work(thread=True, exclusive=True, group="predictions")
    def _load(self, epoch: int) -> None:
        outcome: Predictions | RunError
        try:
            outcome = self.session.predictions(epoch)
        except RunError as error:
            outcome = error
        self.post_message(self.Loaded(epoch, outcome))

    def on_prediction_screen_loaded(self, event: Loaded) -> None:
        """Keep what was read, unless a newer epoch has been asked for since."""
        if event.epoch != self.asked:
            return
        if isinstance(event.outcome, RunError):
            self.predictions, self.problem = None, str(event.outcome)
        else:
            self.predictions, self.problem = event.outcome, ""
        self.take_predictions()

    def take_predictions(self) -> None:
        """Show `predictions`, or `problem`."""
        raise NotImplementedError

    def class_names(self, view: RunView, count: int) -> tuple[str, ...]:
        """Names of the run's `count` classes; numbers where it has not said."""
        started = view.history.started
        names = started.class_names if started else ()
        return names if len(names) == count else tuple(str(each) for each in range(count))
