"""The newest evaluation of the validation images on large terminals: the confusion matrix in small, and mistakes."""

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message

from mnist_tui.analysis.confusion import report
from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.inspection.figures import class_names
from mnist_tui.inspection.predictions import EvaluationPoint, newest_point
from mnist_tui.render.text import percent, sanitize
from mnist_tui.runs.directory import RunError
from mnist_tui.ui.confusion.thumbnail import MatrixThumbnail
from mnist_tui.ui.digits.image_grid import ImageGrid
from mnist_tui.ui.digits.mistakes import Mistakes, read_mistakes
from mnist_tui.ui.session import RunSession, RunView
from mnist_tui.ui.terminal.back_pressure import is_behind
from mnist_tui.ui.training.confusions_line import missing_words

MOST_MISTAKES = 40
MISTAKES_SECONDS = 3.0
"""Between two sets of images of the same epoch: each costs a slow line 10 kB."""


class EvaluationPanel(Horizontal):
    """Both, side by side. Nothing is read while it is hidden."""

    DEFAULT_CSS = """
    EvaluationPanel MatrixThumbnail { width: 50; height: 100%; }
    EvaluationPanel ImageGrid {
        width: 1fr; height: 100%; border: round $frame; border-title-color: $foreground; padding: 0 1;
    }
    """

    class MistakesRead(Message):
        """The misclassified images of an evaluation were read."""

        def __init__(self, mistakes: Mistakes) -> None:
            super().__init__()
            self.mistakes = mistakes

    def __init__(self, session: RunSession) -> None:
        super().__init__()
        self._session = session
        self._asked: EvaluationPoint | None = None
        self._asked_at = 0.0

    def compose(self) -> ComposeResult:
        yield MatrixThumbnail()
        yield ImageGrid("mistakes")

    def on_mount(self) -> None:
        self.query_one(ImageGrid).set_title("Mistakes")

    def show(self, view: RunView) -> None:
        """Show the newest evaluation of a run."""
        if not self.display:
            return
        history, matrix = view.history, self.query_one(MatrixThumbnail)
        event, point = history.newest_validation, newest_point(history)
        if event is None or point is None or not event.confusion:
            self._asked = None
            matrix.set_title("Confusion")
            reason = missing_words(event, is_live=view.status.is_live)
            matrix.show(reason)
            self.query_one(ImageGrid).show(reason, (), 0)
            return
        totals = report(event.confusion)
        matrix.set_title(Content(f"Confusion, {point.short_words}  {percent(totals.accuracy)} of {totals.total:,}"))
        matrix.show((event.confusion, class_names(history, len(event.confusion))))
        is_due = point.step is None or not 0 <= view.now - self._asked_at < MISTAKES_SECONDS
        if point != self._asked and is_due and not is_behind(self.app):
            self._asked, self._asked_at = point, view.now
            self._read(point)

    @work(thread=True, exclusive=True, group="mistakes")
    def _read(self, point: EvaluationPoint) -> None:
        session = self._session
        try:
            found = read_mistakes(session.inspector, session.view.history, point, MOST_MISTAKES)
        except (RunError, AnalysisError) as error:
            if point.step is not None:
                return  # a newer one has replaced it, and comes soon
            found = Mistakes(sanitize(str(error)), point)
        self.post_message(self.MistakesRead(found))

    def on_evaluation_panel_mistakes_read(self, message: MistakesRead) -> None:
        mistakes, grid, point = message.mistakes, self.query_one(ImageGrid), message.mistakes.point
        if point is not None and point == self._asked:
            grid.set_title(Content(f"{mistakes.kind}, {point.words}"))
            grid.show(mistakes.images, mistakes.shape, mistakes.margin)
