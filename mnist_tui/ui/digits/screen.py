"""Digits screen: a gallery of one evaluation's digits, to filter, sort, select and export."""

import numpy as np
from textual import work
from textual.app import ComposeResult
from textual.widgets import Static

from mnist_tui.analysis.query import Query, QueryError, parse
from mnist_tui.analysis.sorting import SORTS
from mnist_tui.inspection.exports import export_digits
from mnist_tui.runs.directory import RunError
from mnist_tui.ui.digits.choose_filter import ChooseFilterScreen
from mnist_tui.ui.digits.digit_list import BY_CONFIDENCE, MISTAKES, DigitList, digit_list
from mnist_tui.ui.digits.digit_screen import DigitScreen
from mnist_tui.ui.digits.filter_line import FilterLine
from mnist_tui.ui.digits.gallery import Gallery
from mnist_tui.ui.digits.words import digit_line, query_words, split_words
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.run.prediction_screen import PredictionScreen
from mnist_tui.ui.session import RunSession, RunView
from mnist_tui.ui.shared.paint import palette_of
from mnist_tui.ui.shared.waiting import before_the_first_evaluation
from mnist_tui.ui.steering.steering import notify

LISTED = frozenset({"open_listed", "select", "export", "next_order", "reverse_order"})
"""Actions that need a digit in the list."""
FILTERING = frozenset({"filter", "lists"})
"""Actions that need predictions."""


class DigitsScreen(PredictionScreen):
    """The gallery follows the current evaluation, and the cursor stays on its digit."""

    BINDINGS = bindings("digits")
    KEY_GROUPS = ("digits", "filter", "travel", "cursor", "pages", "run", "steering", "screens", "everywhere")
    CSS_PATH = "screen.tcss"

    def __init__(self, session: RunSession, wanted: Query | None = None) -> None:
        super().__init__(session)
        self.wanted = wanted or MISTAKES
        """Current filter."""
        self._sort, self._reverse = BY_CONFIDENCE, False
        self._before: Query | None = None
        """While a filter is typed: the filter that Esc restores."""
        self.selected: set[tuple[str, int]] = set()
        """(split, index) of the selected digits."""

    def compose_body(self) -> ComposeResult:
        yield Static(id="sentence")
        yield Gallery()
        yield Static(id="where")
        yield FilterLine()

    def set_filter(self, wanted: Query) -> None:
        """Apply another filter."""
        self._stop_typing()
        if wanted == self.wanted:
            return
        self.wanted = wanted
        if self.has_widgets:
            self._update_list()

    def subject(self, view: RunView) -> str:  # noqa: ARG002 (the slider shows the epoch)
        words, digits = query_words(self.wanted), self._digits
        if digits is None:
            return f"images  {words}"
        shown = f"{words} · {len(digits):,} of {len(digits.predictions):,}"
        if self.is_narrow:
            return shown
        selected = len(self._selected_indices(digits))
        selection = f" · {selected:,} selected" if selected else ""
        return f"images  {shown}{selection} · {digits.split} · {digits.order}"

    def show(self, view: RunView) -> None:
        self.ask_for_predictions(view)
        self._show_gallery()

    def take_predictions(self) -> None:
        self._update_list()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in LISTED:
            return bool(self._digits)
        if action in FILTERING:
            return self.findings is not None
        if action == "all_mistakes":
            return self.wanted.terms != MISTAKES.terms
        return super().check_action(action, parameters)

    def action_open_listed(self) -> None:
        self.query_one(Gallery).open()

    def action_all_mistakes(self) -> None:
        self.set_filter(MISTAKES)

    def action_lists(self) -> None:
        if self.findings is not None:
            self.app.push_screen(ChooseFilterScreen(self.findings.table, str(self.wanted)), self._apply_chosen)

    def action_next_order(self) -> None:
        kinds = list(SORTS.values())
        self._sort, self._reverse = kinds[(kinds.index(self._sort) + 1) % len(kinds)], False
        self._update_list(from_the_top=True)

    def action_reverse_order(self) -> None:
        self._reverse = not self._reverse
        self._update_list(from_the_top=True)

    def action_select(self) -> None:
        """Select or deselect the digit under the cursor, then move to the next one."""
        digits, gallery = self._digits, self.query_one(Gallery)
        if digits:
            self.selected ^= {(digits.point.split, digits.digit(gallery.cursor).index)}
            gallery.select(self._selected_indices(digits))
            gallery.go_to(gallery.cursor + 1)
            self.catch_up()

    def action_export(self) -> None:
        """Export the selected digits, or all listed ones if none is selected."""
        digits = self._digits
        if digits:
            self._export(digits, self._selected_indices(digits))

    @work(thread=True, group="export")
    def _export(self, digits: DigitList, selected: frozenset[int]) -> None:
        indices = digits.predictions.indices
        rows = np.flatnonzero(np.isin(indices, list(selected))) if selected else digits.rows
        try:
            written = export_digits(self.session.run, digits.findings, rows, digits.names)
        except RunError as error:
            notify(self.app, str(error), "error")
        else:
            notify(self.app, f"{len(rows):,} images in {written.table} and {written.images.name}")

    def action_filter(self) -> None:
        line = self.query_one(FilterLine)
        if not line.is_open:
            self._before = self.wanted
            line.open("" if self.wanted.terms == MISTAKES.terms else str(self.wanted), self._names(self.session.view))
            self.set_class(True, "-typing")
            self._show_count()

    def on_filter_line_changed(self, event: FilterLine.Changed) -> None:
        if self._before is None:
            return
        try:
            self.wanted = parse(event.text, self._names(self.session.view))
        except QueryError as error:
            self.query_one(FilterLine).show_error(str(error))
        else:
            self._update_list(from_the_top=True)

    def on_filter_line_submitted(self, event: FilterLine.Submitted) -> None:
        try:
            wanted = parse(event.text, self._names(self.session.view))
        except QueryError as error:
            self.query_one(FilterLine).show_error(str(error))
            self.app.bell()
        else:
            self.set_filter(wanted)
            self.catch_up()

    def on_filter_line_cancelled(self) -> None:
        if self._before is not None:
            self.set_filter(self._before)

    def on_gallery_digit_moved(self) -> None:
        self._show_gallery()

    def on_gallery_digit_opened(self, event: Gallery.DigitOpened) -> None:
        """Open the screen of the digit; the gallery's cursor follows it."""
        digits, gallery = self._digits, self.query_one(Gallery)
        if digits:
            self.app.push_screen(DigitScreen(self.session, digits, event.position, on_move=gallery.go_to))

    @property
    def _digits(self) -> DigitList | None:
        gallery = self.query_one(Gallery) if self.has_widgets else None
        return gallery.digits if gallery and self.findings is not None else None

    def _selected_indices(self, digits: DigitList) -> frozenset[int]:
        return frozenset(index for split, index in self.selected if split == digits.point.split)

    def _apply_chosen(self, text: str | None) -> None:
        if text is not None:
            self.set_filter(parse(text, self._names(self.session.view)))

    def _stop_typing(self) -> None:
        if self._before is not None:
            self._before = None
            self.query_one(FilterLine).close()
            self.set_class(False, "-typing")
            self.set_focus(self.query_one(Gallery))

    def _update_list(self, *, from_the_top: bool = False) -> None:
        view = self.session.view
        if self.findings is not None:
            digits = digit_list(self.findings, self.wanted, self._names(view), self._sort, reverse=self._reverse)
            gallery = self.query_one(Gallery)
            gallery.show(digits)
            gallery.select(self._selected_indices(digits))
            if from_the_top:
                gallery.go_to(0)
        self.update_view(view)
        self._show_count()

    def _show_count(self) -> None:
        digits = self._digits
        if self._before is not None and digits is not None:
            self.query_one(FilterLine).show_count(f"{len(digits):,} of {len(digits.predictions):,}")

    def _show_gallery(self) -> None:
        digits, gallery = self._digits, self.query_one(Gallery)
        self.set_class(not digits, "-empty")
        if not digits:
            self.query_one("#sentence", Static).update(self._sentence())
            return
        self.session.at_hand = digits.digit(gallery.cursor).at_hand
        if self.focused is None:
            self.set_focus(gallery)  # at once: `focus` would take it later, from a filter that opens meanwhile
        room = self.size.width - 2
        words = digit_line(digits, gallery.cursor, palette_of(self), room, is_narrow=self.is_narrow)
        self.query_one("#where", Static).update(words)

    def _sentence(self) -> str:
        view = self.session.view
        if self.asked is None:
            return before_the_first_evaluation(view, "The first images come")
        if self.problem:
            return f"The images of {self.asked.words} cannot be shown: {self.problem}"
        digits = self._digits
        if digits is None:
            return f"Loading the images of {self.asked.words} …"
        total = f"{len(digits.predictions):,} {split_words(digits.point)} images"
        if self.wanted.terms == MISTAKES.terms:
            return f"No mistakes: all {total} are correct ({digits.when})."
        return f"None of the {total} ({digits.when}) matches {query_words(self.wanted)}."

    def _names(self, view: RunView) -> tuple[str, ...]:
        read = self.predictions
        return self.class_names(view, read.probabilities.shape[1] if read is not None else 0)
