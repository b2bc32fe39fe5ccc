"""Which digits are read as which: the confusion matrix of the newest epoch, and the cell under the cursor in words."""

from typing import TypeVar

from textual.app import ComposeResult
from textual.containers import Container
from textual.widget import Widget
from textual.widgets import Static

from mnist_tui.analysis.confusion import report, top_confusions
from mnist_tui.analysis.mistakes import DigitFilter
from mnist_tui.render.text import percent
from mnist_tui.ui.digit_list import digit_list
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.messages import OpenDigits
from mnist_tui.ui.screens.digit import DigitScreen
from mnist_tui.ui.screens.prediction_screen import PredictionScreen
from mnist_tui.ui.session import RunView
from mnist_tui.ui.waiting import before_the_first_epoch
from mnist_tui.ui.widgets.class_scores import ClassScores, Scores
from mnist_tui.ui.widgets.confusion_matrix import ConfusionMatrix
from mnist_tui.ui.widgets.gallery import Gallery
from mnist_tui.ui.widgets.here_panel import Cell, HerePanel
from mnist_tui.ui.widgets.worst_confusions import Worst, WorstConfusions

WORST = 50
"""Confusions that are listed at most; a screen shows what fits."""
RECENT_EPOCHS = 30
"""Epochs whose counts of a cell are shown at most."""


Panel = TypeVar("Panel", bound=Widget)


class ConfusionScreen(PredictionScreen):
    """The matrix and what it says. Opening a cell posts `OpenDigits` to the app; the filters are the cell's."""

    BINDINGS = bindings("confusion")
    KEY_GROUPS = ("confusion", "cursor", "run", "everywhere")
    CSS_PATH = "confusion.tcss"

    def compose_body(self) -> ComposeResult:
        yield Static(id="waiting")
        with Container(id="body"):
            yield _titled(ConfusionMatrix(), "Confusion")
            with Container(id="side"):
                yield _titled(HerePanel(), "Here")
                yield _titled(Gallery(can_focus=False, with_cursor=False), "The surest of them")
                yield _titled(WorstConfusions(), "Worst confusions")
                yield _titled(ClassScores(), "Classes, %")

    def subject(self, view: RunView) -> str:
        if not view.history.epochs:
            return "confusion of the validation digits"
        newest = view.history.epochs[-1]
        total = report(newest.confusion).total
        epoch = f"epoch {newest.epoch} of {view.progress.epochs}"
        if self.is_narrow:
            return f"confusion · {epoch}"
        return f"confusion of {total:,} validation digits · {epoch}"

    def show(self, view: RunView) -> None:
        epochs = view.history.epochs
        self.set_class(not epochs, "-empty")
        if not epochs:
            self.query_one("#waiting", Static).update(before_the_first_epoch(view, "The first matrix comes"))
            return
        matrix = self.query_one(ConfusionMatrix)
        matrix.show(epochs[-1].confusion, self._names(view))
        if self.query_one(Gallery).display:
            self.ask_for_predictions(view)
        figures = report(epochs[-1].confusion)
        mistakes = "1 mistake" if figures.mistakes == 1 else f"{figures.mistakes:,} mistakes"
        matrix.border_subtitle = f"{percent(figures.accuracy)} of {figures.total:,} validation digits, {mistakes}"
        if self.focused is None:
            matrix.focus()
        self._tell(view)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer offers nothing to open before there is a matrix."""
        if action in ("open_cell", "next_numbers"):
            return bool(self.session.view.history.epochs)
        return super().check_action(action, parameters)

    def action_open_cell(self) -> None:
        """Open the digits of the cell under the cursor."""
        self.query_one(ConfusionMatrix).open()

    def action_next_numbers(self) -> None:
        """Counts, share of the row, share of the column."""
        matrix = self.query_one(ConfusionMatrix)
        matrix.numbers = matrix.numbers.following
        matrix.border_title = "Confusion" if matrix.numbers.value == "digits" else f"Confusion, {matrix.numbers.value}"

    def on_confusion_matrix_cell_moved(self) -> None:
        """The words follow the cursor."""
        self._tell(self.session.view)

    def on_confusion_matrix_cell_opened(self, event: ConfusionMatrix.CellOpened) -> None:
        """Hand the cell's digits to the app; an empty cell says that it is one."""
        if self.query_one(ConfusionMatrix).counts[event.true][event.predicted]:
            self.post_message(OpenDigits(DigitFilter.cell(event.true, event.predicted)))
            return
        names = self._names(self.session.view)
        read = "right" if event.true == event.predicted else f"as {names[event.predicted]}"
        self.notify(f"No {names[event.true]} was read {read}: this cell has no digits to open.", timeout=4)

    def _tell(self, view: RunView) -> None:
        """The panels beside the matrix, for the cell under the cursor."""
        matrix, names = self.query_one(ConfusionMatrix), self._names(view)
        true, predicted = matrix.cursor
        figures = report(matrix.counts)
        self.query_one(HerePanel).cell = Cell(
            true=names[true],
            predicted=names[predicted],
            count=matrix.counts[true][predicted],
            support=figures.classes[true].support,
            trend=tuple(
                (epoch.epoch, epoch.confusion[true][predicted]) for epoch in view.history.epochs[-RECENT_EPOCHS:]
            ),
            recall=figures.classes[true].recall,
            precision=figures.classes[predicted].precision,
        )
        self._show_sample(names)
        worst = tuple(top_confusions(matrix.counts, WORST))
        self.query_one(WorstConfusions).worst = Worst(worst, names, matrix.cursor)
        self.query_one(ClassScores).scores = Scores(figures, names, true)

    def take_predictions(self) -> None:
        """The digits of the cell under the cursor, where there is room for them."""
        if self.query_one(ConfusionMatrix).counts:
            self._show_sample(self._names(self.session.view))

    def on_gallery_digit_opened(self, event: Gallery.DigitOpened) -> None:
        """A click on one of the cell's digits shows it large."""
        digits = self.query_one(Gallery).digits
        if digits:
            self.app.push_screen(DigitScreen(self.session, digits, event.position))

    def _show_sample(self, names: tuple[str, ...]) -> None:
        if self.predictions is not None and self.query_one(Gallery).display:
            cell = DigitFilter.cell(*self.query_one(ConfusionMatrix).cursor)
            self.query_one(Gallery).show(digit_list(self.predictions, cell, names))

    def _names(self, view: RunView) -> tuple[str, ...]:
        epochs = view.history.epochs
        return self.class_names(view, len(epochs[-1].confusion) if epochs else 0)


def _titled(panel: Panel, title: str) -> Panel:
    panel.border_title = title
    return panel
