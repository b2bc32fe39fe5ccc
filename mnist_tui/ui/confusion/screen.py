"""Confusion screen: the matrix of the current evaluation, its worst confusions and class scores, and comparisons."""

from typing import Literal, TypeVar

from textual import work
from textual.app import ComposeResult
from textual.containers import Container
from textual.markup import escape
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from mnist_tui.analysis.change import SAME, WORDS
from mnist_tui.analysis.confusion import confusion_matrix, report, top_confusions
from mnist_tui.analysis.query import Query
from mnist_tui.inspection.predictions import TEST, EvaluationPoint, PredictionFiles
from mnist_tui.inspection.run_difference import MISSING, difference
from mnist_tui.render.text import percent
from mnist_tui.runs.directory import RunError
from mnist_tui.ui.confusion.cell_panel import CellPanel, SelectedCell, empty_cell_words
from mnist_tui.ui.confusion.choose_reference import PREVIOUS, ChooseReferenceScreen, Reference, epoch_references
from mnist_tui.ui.confusion.class_scores import ClassScores, Scores
from mnist_tui.ui.confusion.matrix import ConfusionMatrix
from mnist_tui.ui.confusion.matrix_painter import CellValues, Counts
from mnist_tui.ui.confusion.worst_confusions import RankedConfusions, WorstConfusions
from mnist_tui.ui.digits.digit_list import digit_list
from mnist_tui.ui.digits.digit_screen import DigitScreen
from mnist_tui.ui.digits.gallery import Gallery
from mnist_tui.ui.digits.words import split_words
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.messages import OpenDigits
from mnist_tui.ui.run.prediction_screen import PredictionScreen, validation_event
from mnist_tui.ui.session import RunSession, RunView
from mnist_tui.ui.shared.waiting import before_the_first_evaluation

WORST = 50
"""Confusions that are listed at most; the screen shows as many as fit."""
RECENT_EPOCHS = 30
"""Epochs of the cell's history at most."""


Panel = TypeVar("Panel", bound=Widget)


class ConfusionScreen(PredictionScreen):
    """The matrix and its panels. Opening a cell posts `OpenDigits` with the cell's filter to the app."""

    BINDINGS = bindings("confusion", "run", "cursor", "export")  # Esc ends a comparison before it goes back
    PAGES = ("ConfusionMatrix", "CellPanel", "WorstConfusions", "ClassScores")
    KEY_GROUPS = ("confusion", "travel", "cursor", "pages", "run", "steering", "screens", "export", "everywhere")
    CSS_PATH = "screen.tcss"

    class Tested(Message):
        """The difference from the reference was tested."""

        def __init__(self, key: object, words: str) -> None:
            super().__init__()
            self.key, self.words = key, words

    def __init__(self, session: RunSession) -> None:
        super().__init__(session)
        self._reference: Reference | Literal["previous"] | None = None
        """Matrix to compare with."""
        self._frame = ("", "")
        """Markup of the matrix' title and subtitle."""
        self._differences: dict[object, str] = {}
        """The tested difference by what was compared; empty while the predictions are read."""

    def compose_body(self) -> ComposeResult:
        yield Static(id="waiting")
        with Container(id="body"):
            yield _titled(ConfusionMatrix(), "Confusion")
            with Container(id="side"):
                yield _titled(CellPanel(), "Selected cell")
                yield _titled(Gallery(can_focus=False, with_cursor=False), "Most confident")
                worst = _titled(WorstConfusions(), "Worst confusions")
                worst.border_subtitle = "true → predicted"
                yield worst
                yield _titled(ClassScores(), "Classes, %")

    def subject(self, view: RunView) -> str:
        point, counts = self.session.point, self._counts(view)
        if point is None or counts is None:
            return "confusion of the validation images"
        if self.is_narrow:
            return "confusion"
        if point.step is not None:
            return f"confusion · {point.words}"
        return f"confusion of {sum(map(sum, counts)):,} {split_words(point)} images"

    def show(self, view: RunView) -> None:
        self.ask_for_predictions(view)
        counts, point = self._counts(view), self.session.point
        self.set_class(counts is None, "-empty")
        if counts is None or point is None:
            self.query_one("#waiting", Static).update(self._waiting_words(view))
            return
        reference = self._current_reference(view)
        matrix = self.query_one(ConfusionMatrix)
        before = reference.counts if reference is not None else None
        is_early = view.status.is_live and len(view.history.epochs) <= 1 and self.follows
        matrix.show(counts, self._names(view), before, is_early=is_early)
        figures = report(counts)
        mistakes = "1 mistake" if figures.mistakes == 1 else f"{figures.mistakes:,} mistakes"
        words = f"{percent(figures.accuracy)} of {figures.total:,} {split_words(point)} images, {mistakes}"
        subtitle = escape(words)
        if reference is not None:
            tested = self._difference_words(point, reference)
            subtitle = f"[$success]▲ better[/]  [$wrong]▼ worse[/]  {tested}".rstrip()
        values = "" if matrix.values is CellValues.COUNTS else f", {matrix.values.value}"
        values += ", similar classes together" if matrix.is_grouped else ""
        change = "" if point.step is None else f": {point.words}"
        if reference is not None:
            change = f": {point.short_words}, compared with {reference.words}"
        frame = escape(f"Confusion{change}{values}"), subtitle
        if frame != self._frame:  # each assignment repaints the whole matrix
            self._frame = matrix.border_title, matrix.border_subtitle = frame
        if self.focused is None:
            matrix.focus()
        self._show_panels(view)

    def _difference_words(self, point: EvaluationPoint, reference: Reference) -> str:
        """Return the test of the difference, for the border; empty until the predictions were read."""
        key = point, reference, self._counts(self.session.view)
        if key not in self._differences:
            self._differences[key] = ""
            self._test(key, point, reference)
        return self._differences[key]

    @work(thread=True, group="differences")
    def _test(self, key: object, point: EvaluationPoint, reference: Reference) -> None:
        inspector = self.session.inspector
        try:
            own, other = reference.point, reference.run
            before = PredictionFiles(other).load(own) if other is not None else inspector.predictions(own)
            tested = difference(point.split, before, inspector.predictions(point))
        except RunError:
            words = f"not tested: {MISSING}"
        else:
            words = tested.paired.verdict if tested.paired is not None else f"not tested: {tested.reason}"
        self.post_message(self.Tested(key, words))

    def on_confusion_screen_tested(self, message: Tested) -> None:
        self._differences[message.key] = message.words
        self.catch_up()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("open_cell", "next_numbers", "next_worst", "group_classes", "compare"):
            return self._counts(self.session.view) is not None
        if action == "leave_comparison":
            return self._reference is not None
        return super().check_action(action, parameters)

    def action_move(self, where: str) -> None:
        """Move the cursor of the matrix, also while another page is shown."""
        self.query_one(ConfusionMatrix).action_move(where)

    def action_open_cell(self) -> None:
        self.query_one(ConfusionMatrix).open()

    def action_next_numbers(self) -> None:
        matrix = self.query_one(ConfusionMatrix)
        matrix.values = matrix.values.following
        self.catch_up()

    def action_next_worst(self) -> None:
        self.query_one(ConfusionMatrix).go_to_next_worst()

    def action_group_classes(self) -> None:
        matrix = self.query_one(ConfusionMatrix)
        matrix.is_grouped = not matrix.is_grouped
        self.catch_up()

    def action_compare(self) -> None:
        """Compare with the previous epoch if there is one; the second time, ask for the reference."""
        view, point = self.session.view, self.session.point
        has_previous = self._previous_epoch(view) is not None
        if self._reference is None and has_previous:
            self._compare(PREVIOUS)
            return
        others = epoch_references(view.history.epochs, point.epoch if point is not None else None)
        count = len(self._counts(view) or ())
        fitting = [each for each in others if len(each.counts) == count]
        self.app.push_screen(ChooseReferenceScreen(self.session.run, fitting, count, has_previous), self._compare)

    def action_leave_comparison(self) -> None:
        self._reference = None
        self.catch_up()

    def on_confusion_matrix_cell_moved(self) -> None:
        self._show_panels(self.session.view)

    def on_worst_confusions_chosen(self, event: WorstConfusions.Chosen) -> None:
        self.query_one(ConfusionMatrix).go_to(event.cell)

    def on_confusion_matrix_cell_opened(self, event: ConfusionMatrix.CellOpened) -> None:
        names = self._names(self.session.view)
        if self.query_one(ConfusionMatrix).counts[event.true][event.predicted]:
            self.post_message(OpenDigits(Query.cell(event.true, event.predicted, names)))
        else:
            self.notify(empty_cell_words(names[event.true], names[event.predicted]), timeout=4, markup=False)

    def take_predictions(self) -> None:
        self.catch_up()

    def on_gallery_digit_opened(self, event: Gallery.DigitOpened) -> None:
        digits = self.query_one(Gallery).digits
        if digits:
            self.app.push_screen(DigitScreen(self.session, digits, event.position))

    def _compare(self, reference: Reference | Literal["previous"] | None) -> None:
        if reference is not None:
            self._reference = reference
            self.catch_up()

    def _previous_epoch(self, view: RunView) -> Reference | None:
        point = self.session.point
        event = validation_event(view, point) if point is not None else None
        earlier = [each for each in view.history.epochs if event is not None and each.step < event.step]
        return epoch_references(earlier)[0] if earlier else None

    def _current_reference(self, view: RunView) -> Reference | None:
        """Return the reference of the current evaluation, if it has the same number of classes."""
        counts = self._counts(view)
        reference = self._previous_epoch(view) if self._reference == PREVIOUS else self._reference
        if not isinstance(reference, Reference) or counts is None:
            return None
        return reference if len(reference.counts) == len(counts) else None

    def _counts(self, view: RunView) -> Counts | None:
        """Return the matrix of the current evaluation, or None before it is known."""
        point, tests = self.session.point, view.history.tests
        if point is None:
            return None
        event = validation_event(view, point)
        if event is not None:
            return event.confusion or None
        tested = tests[-1 if point.again else 0].test_confusion if point.split == TEST and tests else None
        if tested:
            return tested
        found = self.findings
        if found is None or found.predictions.point != point:
            return None
        classes = found.predictions.probabilities.shape[1]
        counts = confusion_matrix(found.table.true, found.table.predicted, classes)
        return tuple(tuple(row) for row in counts.tolist())

    def _waiting_words(self, view: RunView) -> str:
        point = self.session.point
        if point is None:
            return before_the_first_evaluation(view, "The first matrix comes")
        if self.problem:
            return f"The images of {point.words} cannot be shown: {self.problem}"
        return f"Loading the images of {point.words} …"

    def _show_panels(self, view: RunView) -> None:
        """Update the panels beside the matrix."""
        matrix, names, point = self.query_one(ConfusionMatrix), self._names(view), self.session.point
        true, predicted = matrix.cursor
        if not matrix.counts or point is None:
            return
        figures, reference, comparison = report(matrix.counts), self._current_reference(view), matrix.comparison
        event = validation_event(view, point)
        known = [each for each in view.history.epochs if event is not None and each.step <= event.step]
        cell = comparison.change.cell(true, predicted) if comparison is not None else None
        words = ""
        in_counts = comparison is None or comparison.in_counts
        if cell is not None and reference is not None:
            direction = "" if cell.direction == SAME else f", {WORDS[cell.direction]}"
            before, difference = f"{cell.before:,}", f"{cell.now - cell.before:+,}"
            if not in_counts:
                before, difference = percent(cell.before_share), f"{(cell.share - cell.before_share) * 100:+.2f}"
            words = f"{reference.words}: {before} ({difference.replace('-', '−')}{direction})"
        self.query_one(CellPanel).cell = SelectedCell(
            true=names[true],
            predicted=names[predicted],
            count=matrix.counts[true][predicted],
            support=figures.classes[true].support,
            trend=tuple((epoch.epoch, epoch.confusion[true][predicted]) for epoch in known[-RECENT_EPOCHS:]),
            recall=figures.classes[true].recall,
            precision=figures.classes[predicted].precision,
            comparison=words,
            direction=cell.direction if cell is not None else SAME,
        )
        self._show_gallery(names)
        worst = tuple(top_confusions(matrix.counts, WORST))
        changes = tuple(comparison.change.largest(WORST)) if comparison is not None else None
        panel = self.query_one(WorstConfusions)
        title = "Worst confusions" if changes is None else "Largest changes"
        if panel.border_title != title:
            panel.border_title = title
        panel.ranked = RankedConfusions(worst, names, matrix.cursor, changes, in_counts)
        self.query_one(ClassScores).scores = Scores(figures, names, true)

    def _show_gallery(self, names: tuple[str, ...]) -> None:
        gallery, found = self.query_one(Gallery), self.findings
        if found is not None and gallery.display and found.predictions.probabilities.shape[1] == len(names):
            cell = Query.cell(*self.query_one(ConfusionMatrix).cursor, names)
            gallery.show(digit_list(found, cell, names))

    def _names(self, view: RunView) -> tuple[str, ...]:
        return self.class_names(view, len(self._counts(view) or ()))


def _titled(panel: Panel, title: str) -> Panel:
    panel.border_title = title
    return panel
