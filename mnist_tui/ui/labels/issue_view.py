"""One label issue as an image, the list of all, and the accuracy with and without them."""

from typing import TypeVar

from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from mnist_tui.ui.digits.digit_image import DigitImage
from mnist_tui.ui.digits.probability_bars import ClassProbabilities, ProbabilityBars
from mnist_tui.ui.labels.issue_list import CONFIDENT, IssueList
from mnist_tui.ui.labels.label_accuracy_panel import LabelAccuracyPanel
from mnist_tui.ui.labels.queue import LabelIssue, LabelQueue, review_words
from mnist_tui.ui.labels.words import digits_words, issue_words, place_words
from mnist_tui.ui.session import RunView
from mnist_tui.ui.shared.paint import palette_of

Panel = TypeVar("Panel", bound=Widget)


class IssueView(Container):
    """Shows the issue under the list's cursor."""

    def __init__(self) -> None:
        super().__init__()
        self._queue: LabelQueue | None = None
        self._names: tuple[str, ...] = ()
        self._view: RunView | None = None
        self._shown: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        with Container(id="left"):
            yield DigitImage()
            yield _titled(Static(id="place"), "Location")
        with Container(id="right"):
            with _titled(Container(id="answer"), "Prediction"):
                yield Static(id="words")
                yield ProbabilityBars()
            yield _titled(IssueList(), "Label issues, worst first")
            yield LabelAccuracyPanel()

    @property
    def cursor(self) -> int:
        """Position of the selected issue."""
        return self.query_one(IssueList).cursor

    @property
    def here(self) -> LabelIssue | None:
        """The selected issue; None without issues."""
        return self._queue.issue(self.cursor) if self._queue else None

    def go_to(self, position: int) -> None:
        """Select an issue."""
        self.query_one(IssueList).cursor = position

    def show(self, queue: LabelQueue, names: tuple[str, ...], cursor: int) -> None:
        """Show a queue with the cursor at a position."""
        self._queue, self._names = queue, names
        label_issues = self.query_one(IssueList)
        label_issues.show(queue, names, cursor)
        confident = int(queue.findings.label_issues.confident.sum())
        label_issues.border_subtitle = f"{CONFIDENT} confidently wrong: {f'{confident:,}' if confident else 'none'}"
        panel = self.query_one(LabelAccuracyPanel)
        panel.border_title = Content(f"Accuracy, {queue.total:,} {digits_words(queue.point)}")
        panel.accuracy = accuracy = queue.accuracy()
        panel.border_subtitle = f"corrected: {accuracy.gain.verdict}" if accuracy.gain.is_change else ""
        self._draw_again()

    def update_view(self, view: RunView) -> None:
        """Show the location and the prediction of the selected issue, unless they are shown already."""
        self._view = view
        issue, words, bars = self.here, self.query_one("#words", Static), self.query_one(ProbabilityBars)
        known = view.history.started is not None
        shown = (self._queue, self.cursor, words.size, self.app.theme, known)
        if issue is None or self._queue is None or shown == self._shown:
            return
        self._shown = shown
        image = self.query_one(DigitImage)
        image.show(issue.image, self._queue.findings.predictions.margin)
        review = review_words(issue, self._names)
        image.border_title = f"#{issue.index:05d}"
        image.border_subtitle = Content(f"review: {review}" if review else "")
        self.query_one("#place", Static).update(Content(place_words(issue.split, issue.index, view)))
        words.update(issue_words(issue, self._names, palette_of(self), *words.size))
        bars.shown = ClassProbabilities(
            tuple(float(each) for each in issue.probabilities),
            self._names,
            issue.label,
            issue.predicted,
            true_role="label",  # it may be wrong
        )

    def on_issue_list_moved(self) -> None:
        self._draw_again()

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw_again)

    def _draw_again(self) -> None:
        if self._view is not None:
            self.update_view(self._view)


def _titled(panel: Panel, title: str) -> Panel:
    panel.border_title = title
    return panel
