"""Which digits are read as which at a moment: the confusion matrix, the cell under the cursor in words, and changes."""

from typing import Literal, TypeVar

from rich.markup import escape
from textual.app import ComposeResult
from textual.containers import Container
from textual.widget import Widget
from textual.widgets import Static

from mnist_tui.analysis.change import SAME, WORDS
from mnist_tui.analysis.confusion import confusion_matrix, report, top_confusions
from mnist_tui.analysis.query import Query
from mnist_tui.inspection.predictions import TEST, EvaluationPoint
from mnist_tui.render.text import percent
from mnist_tui.ui.confusion.cell_panel import CellPanel, SelectedCell
from mnist_tui.ui.confusion.choose_reference import BEFORE, Against, AgainstScreen, epochs_against
from mnist_tui.ui.confusion.class_scores import ClassScores, Scores
from mnist_tui.ui.confusion.matrix import ConfusionMatrix
from mnist_tui.ui.confusion.matrix_painter import Counts
from mnist_tui.ui.confusion.worst_confusions import Worst, WorstConfusions
from mnist_tui.ui.digits.digit_list import digit_list, split_words
from mnist_tui.ui.digits.digit_screen import DigitScreen
from mnist_tui.ui.digits.gallery import Gallery
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.messages import OpenDigits
from mnist_tui.ui.run.prediction_screen import PredictionScreen, epoch_event
from mnist_tui.ui.session import RunSession, RunView
from mnist_tui.ui.shared.waiting import before_the_first_epoch

WORST = 50
"""Confusions that are listed at most; a screen shows what fits."""
RECENT_EPOCHS = 30
"""Epochs whose counts of a cell are shown at most."""


Panel = TypeVar("Panel", bound=Widget)


class ConfusionScreen(PredictionScreen):
    """The matrix and what it says. Opening a cell posts `OpenDigits` to the app; the filters are the cell's."""

    BINDINGS = bindings("confusion", "run")  # Esc ends a comparison before it goes back
    KEY_GROUPS = ("confusion", "travel", "cursor", "run", "steering", "screens", "everywhere")
    CSS_PATH = "screen.tcss"

    def __init__(self, session: RunSession) -> None:
        super().__init__(session)
        self._against: Against | Literal["before"] | None = None
        """What the matrix is compared with."""

    def compose_body(self) -> ComposeResult:
        yield Static(id="waiting")
        with Container(id="body"):
            yield _titled(ConfusionMatrix(), "Confusion")
            with Container(id="side"):
                yield _titled(CellPanel(), "Here")
                yield _titled(Gallery(can_focus=False, with_cursor=False), "The surest of them")
                yield _titled(WorstConfusions(), "Worst confusions")
                yield _titled(ClassScores(), "Classes, %")

    def subject(self, view: RunView) -> str:
        point, counts = self.session.point, self._counts(view)
        if point is None or counts is None:
            return "confusion of the validation digits"
        if self.is_narrow:
            return "confusion"
        return f"confusion of {sum(map(sum, counts)):,} {split_words(point)} digits"

    def show(self, view: RunView) -> None:
        self.ask_for_predictions(view)
        counts, point = self._counts(view), self.session.point
        self.set_class(counts is None, "-empty")
        if counts is None or point is None:
            self.query_one("#waiting", Static).update(self._sentence(view))
            return
        against = self._compared_with(view)
        matrix = self.query_one(ConfusionMatrix)
        matrix.show(counts, self._names(view), against.counts if against is not None else None)
        figures = report(counts)
        mistakes = "1 mistake" if figures.mistakes == 1 else f"{figures.mistakes:,} mistakes"
        words = f"{percent(figures.accuracy)} of {figures.total:,} {split_words(point)} digits, {mistakes}"
        matrix.border_subtitle = words if against is None else "[$success]▲ better[/]  [$wrong]▼ worse[/]"
        numbers = "" if matrix.numbers.value == "digits" else f", {matrix.numbers.value}"
        change = "" if against is None else f": {point.words}, compared with {escape(against.words)}"
        matrix.border_title = f"Confusion{change}{numbers}"
        if self.focused is None:
            matrix.focus()
        self._tell(view)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer offers nothing to open before there is a matrix."""
        if action in ("open_cell", "next_numbers", "compare"):
            return self._counts(self.session.view) is not None
        if action == "leave_comparison":
            return self._against is not None
        return super().check_action(action, parameters)

    def action_open_cell(self) -> None:
        """Open the digits of the cell under the cursor."""
        self.query_one(ConfusionMatrix).open()

    def action_next_numbers(self) -> None:
        """Counts, share of the row, share of the column."""
        matrix = self.query_one(ConfusionMatrix)
        matrix.numbers = matrix.numbers.following
        self.catch_up()

    def action_compare(self) -> None:
        """With the epoch before, where there is one; from then on ask with what."""
        view, point = self.session.view, self.session.point
        has_before = self._epoch_before(view) is not None
        if self._against is None and has_before:
            self._compare(BEFORE)
            return
        others = epochs_against(view.history.epochs, point.epoch if point is not None else None)
        counts = self._counts(view) or ()
        fitting = [each for each in others if len(each.counts) == len(counts)]
        self.app.push_screen(AgainstScreen(self.session.run, fitting, len(counts), has_before), self._compare)

    def action_leave_comparison(self) -> None:
        """Back to the matrix itself."""
        self._against = None
        self.catch_up()

    def on_confusion_matrix_cell_moved(self) -> None:
        """The words follow the cursor."""
        self._tell(self.session.view)

    def on_confusion_matrix_cell_opened(self, event: ConfusionMatrix.CellOpened) -> None:
        """Hand the cell's digits to the app; an empty cell says that it is one."""
        names = self._names(self.session.view)
        if self.query_one(ConfusionMatrix).counts[event.true][event.predicted]:
            self.post_message(OpenDigits(Query.cell(event.true, event.predicted, names)))
            return
        read = "right" if event.true == event.predicted else f"as {names[event.predicted]}"
        self.notify(f"No {names[event.true]} was read {read}: this cell has no digits to open.", timeout=4)

    def take_predictions(self) -> None:
        """The matrix of a set that has no event, and the digits of the cell under the cursor where there is room."""
        self.catch_up()

    def on_gallery_digit_opened(self, event: Gallery.DigitOpened) -> None:
        """A click on one of the cell's digits shows it large."""
        digits = self.query_one(Gallery).digits
        if digits:
            self.app.push_screen(DigitScreen(self.session, digits, event.position))

    def _compare(self, against: Against | Literal["before"] | None) -> None:
        if against is not None:
            self._against = against
            self.catch_up()

    def _epoch_before(self, view: RunView) -> Against | None:
        """The recorded epoch before the one that is looked at."""
        point = self.session.point
        earlier = [each for each in view.history.epochs if point and point.epoch and each.epoch < point.epoch]
        return epochs_against(earlier, None)[0] if earlier else None

    def _compared_with(self, view: RunView) -> Against | None:
        against, counts = self._against, self._counts(view)
        if against == BEFORE:
            against = self._epoch_before(view)
        if not isinstance(against, Against) or counts is None:
            return None
        return against if len(against.counts) == len(counts) else None

    def _counts(self, view: RunView) -> Counts | None:
        """The matrix of the session's moment; None before it is known."""
        point, ended = self.session.point, view.history.ended
        if point is None:
            return None
        event = epoch_event(view, point)
        if event is not None:
            return event.confusion
        if point == EvaluationPoint(TEST) and ended is not None and ended.test_confusion:
            return ended.test_confusion
        found = self.findings
        if found is None or found.predictions.point != point:
            return None
        classes = found.predictions.probabilities.shape[1]
        counts = confusion_matrix(found.table.true, found.table.predicted, classes)
        return tuple(tuple(row) for row in counts.tolist())

    def _sentence(self, view: RunView) -> str:
        point = self.session.point
        if point is None:
            return before_the_first_epoch(view, "The first matrix comes")
        if self.problem:
            return f"The digits of {point.words} cannot be shown: {self.problem}"
        return f"Reading the digits of {point.words} …"

    def _tell(self, view: RunView) -> None:
        """The panels beside the matrix, for the cell under the cursor."""
        matrix, names, point = self.query_one(ConfusionMatrix), self._names(view), self.session.point
        true, predicted = matrix.cursor
        if not matrix.counts or point is None:
            return
        figures, against = report(matrix.counts), self._compared_with(view)
        known = [each for each in view.history.epochs if point.epoch is not None and each.epoch <= point.epoch]
        cell = matrix.compared.change.cell(true, predicted) if matrix.compared is not None else None
        compared = ""
        if cell is not None and against is not None:
            share = "" if cell.direction == SAME else f", {WORDS[cell.direction]}"
            compared = f"{against.words}: {cell.before:,} ({cell.now - cell.before:+,}{share})".replace("-", "−")
        self.query_one(CellPanel).cell = SelectedCell(
            true=names[true],
            predicted=names[predicted],
            count=matrix.counts[true][predicted],
            support=figures.classes[true].support,
            trend=tuple((epoch.epoch, epoch.confusion[true][predicted]) for epoch in known[-RECENT_EPOCHS:]),
            recall=figures.classes[true].recall,
            precision=figures.classes[predicted].precision,
            compared=compared,
            direction=cell.direction if cell is not None else SAME,
        )
        self._show_sample(names)
        worst = tuple(top_confusions(matrix.counts, WORST))
        changes = tuple(matrix.compared.change.largest(WORST)) if matrix.compared is not None else None
        panel = self.query_one(WorstConfusions)
        panel.border_title = "Worst confusions" if changes is None else "Largest changes"
        panel.worst = Worst(worst, names, matrix.cursor, changes)
        self.query_one(ClassScores).scores = Scores(figures, names, true)

    def _show_sample(self, names: tuple[str, ...]) -> None:
        gallery, found = self.query_one(Gallery), self.findings
        if found is not None and gallery.display and found.predictions.probabilities.shape[1] == len(names):
            cell = Query.cell(*self.query_one(ConfusionMatrix).cursor, names)
            gallery.show(digit_list(found, cell, names))

    def _names(self, view: RunView) -> tuple[str, ...]:
        return self.class_names(view, len(self._counts(view) or ()))


def _titled(panel: Panel, title: str) -> Panel:
    panel.border_title = title
    return panel
