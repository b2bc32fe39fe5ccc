"""The digits of a moment as a gallery: filtered by what is typed, sorted, selected and exported."""

import numpy as np
from textual import work
from textual.app import ComposeResult
from textual.widgets import Static

from mnist_tui.analysis.query import Query, QueryError, parse
from mnist_tui.analysis.sorting import SORTS
from mnist_tui.inspection.exports import export_digits
from mnist_tui.runs.directory import RunError
from mnist_tui.ui.digits.choose_list import ListsScreen
from mnist_tui.ui.digits.digit_line import digit_line
from mnist_tui.ui.digits.digit_list import MISTAKES, SURE, DigitList, digit_list, query_words, split_words
from mnist_tui.ui.digits.digit_screen import DigitScreen
from mnist_tui.ui.digits.filter_line import FilterLine
from mnist_tui.ui.digits.gallery import Gallery
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.run.prediction_screen import PredictionScreen
from mnist_tui.ui.session import RunSession, RunView
from mnist_tui.ui.shared.paint import palette_of
from mnist_tui.ui.shared.waiting import before_the_first_epoch
from mnist_tui.ui.steering.steering import notify

LISTED = frozenset({"open_listed", "select", "export", "next_order", "reverse_order"})
"""Actions that need digits in the list."""
READ = frozenset({"filter", "lists"})
"""Actions that need digits to choose from."""


class DigitsScreen(PredictionScreen):
    """The gallery of the moment's digits. Another moment reloads it; the cursor stays on its digit."""

    BINDINGS = bindings("digits")
    KEY_GROUPS = ("digits", "filter", "travel", "cursor", "run", "steering", "screens", "everywhere")
    CSS_PATH = "screen.tcss"

    def __init__(self, session: RunSession, wanted: Query | None = None) -> None:
        super().__init__(session)
        self.wanted = wanted or MISTAKES
        """Which digits are shown."""
        self._sort, self._reverse = SURE, False
        self._before: Query | None = None
        """While a filter is typed: the one that Esc goes back to."""
        self.selected: set[tuple[str, int]] = set()
        """(split, index) of the digits that were selected."""

    def compose_body(self) -> ComposeResult:
        yield Static(id="sentence")
        yield Gallery()
        yield Static(id="where")
        yield FilterLine()

    def set_filter(self, wanted: Query) -> None:
        """Show other digits of the same predictions."""
        self._stop_typing()
        if wanted == self.wanted:
            return
        self.wanted = wanted
        if self.has_widgets:
            self._list_digits()

    def subject(self, view: RunView) -> str:  # noqa: ARG002 (the slider says when)
        named, digits = query_words(self.wanted), self._digits
        if digits is None:
            return f"digits  {named}"
        shown = f"{named} · {len(digits):,} of {len(digits.predictions):,}"
        if self.is_narrow:
            return shown
        selected = len(self._selected_indices(digits))
        chosen = f" · {selected:,} selected" if selected else ""
        return f"digits  {shown}{chosen} · {digits.split} · {digits.order}"

    def show(self, view: RunView) -> None:
        self.ask_for_predictions(view)
        self._say()

    def take_predictions(self) -> None:
        """List the digits of what was read."""
        self._list_digits()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer offers only what works now."""
        if action in LISTED:
            return bool(self._digits)
        if action in READ:
            return self.findings is not None
        if action == "all_mistakes":
            return self.wanted.terms != MISTAKES.terms
        return super().check_action(action, parameters)

    def action_open_listed(self) -> None:
        """Open the digit under the cursor."""
        self.query_one(Gallery).open()

    def action_all_mistakes(self) -> None:
        """Drop the filter."""
        self.set_filter(MISTAKES)

    def action_lists(self) -> None:
        """Choose one of the ready-made filters."""
        if self.findings is not None:
            self.app.push_screen(ListsScreen(self.findings.table, str(self.wanted)), self._choose_list)

    def action_next_order(self) -> None:
        """Sort by something else."""
        kinds = list(SORTS.values())
        self._sort, self._reverse = kinds[(kinds.index(self._sort) + 1) % len(kinds)], False
        self._list_digits(from_the_top=True)

    def action_reverse_order(self) -> None:
        """The same order from its other end."""
        self._reverse = not self._reverse
        self._list_digits(from_the_top=True)

    def action_select(self) -> None:
        """Select the digit under the cursor, or take it back; then go on to the next."""
        digits, gallery = self._digits, self.query_one(Gallery)
        if digits:
            self.selected ^= {(digits.point.split, digits.digit(gallery.cursor).index)}
            gallery.select(self._selected_indices(digits))
            gallery.go_to(gallery.cursor + 1)
            self.catch_up()

    def action_export(self) -> None:
        """Write the selected digits, or all listed when none is, into the run directory."""
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
            notify(self.app, f"{len(rows):,} digits in {written.table} and {written.images.name}")

    def action_filter(self) -> None:
        """Type which digits to show."""
        line = self.query_one(FilterLine)
        if not line.is_open:
            self._before = self.wanted
            line.open("" if self.wanted.terms == MISTAKES.terms else str(self.wanted), self._names(self.session.view))
            self.set_class(True, "-typing")
            self._count()

    def on_filter_line_typed(self, event: FilterLine.Typed) -> None:
        """Show what passes, while it is typed."""
        if self._before is None:
            return
        try:
            self.wanted = parse(event.finished, self._names(self.session.view))
        except QueryError as error:
            self.query_one(FilterLine).tell("", str(error))
        else:
            self._list_digits(from_the_top=True)

    def on_filter_line_kept(self, event: FilterLine.Kept) -> None:
        """The filter stays, if it can be read."""
        try:
            wanted = parse(event.text, self._names(self.session.view))
        except QueryError as error:
            self.query_one(FilterLine).tell("", str(error))
            self.app.bell()
        else:
            self.set_filter(wanted)
            self.catch_up()

    def on_filter_line_given_up(self) -> None:
        """The filter of before comes back."""
        if self._before is not None:
            self.set_filter(self._before)

    def on_gallery_digit_moved(self) -> None:
        """The line below says where the cursor is."""
        self._say()

    def on_gallery_digit_opened(self, event: Gallery.DigitOpened) -> None:
        """Show one digit, large; the cursor follows it there."""
        digits, gallery = self._digits, self.query_one(Gallery)
        if digits:
            self.app.push_screen(DigitScreen(self.session, digits, event.position, on_move=gallery.go_to))

    @property
    def _digits(self) -> DigitList | None:
        gallery = self.query_one(Gallery) if self.has_widgets else None
        return gallery.digits if gallery and self.findings is not None else None

    def _selected_indices(self, digits: DigitList) -> frozenset[int]:
        return frozenset(index for split, index in self.selected if split == digits.point.split)

    def _choose_list(self, text: str | None) -> None:
        if text is not None:
            self.set_filter(parse(text, self._names(self.session.view)))

    def _stop_typing(self) -> None:
        if self._before is not None:
            self._before = None
            self.query_one(FilterLine).close()
            self.set_class(False, "-typing")
            self.set_focus(self.query_one(Gallery))

    def _list_digits(self, *, from_the_top: bool = False) -> None:
        view = self.session.view
        if self.findings is not None:
            digits = digit_list(self.findings, self.wanted, self._names(view), self._sort, reverse=self._reverse)
            gallery = self.query_one(Gallery)
            gallery.show(digits)
            gallery.select(self._selected_indices(digits))
            if from_the_top:
                gallery.go_to(0)
        self.update_view(view)
        self._count()

    def _count(self) -> None:
        """Beside what is typed: how many digits pass."""
        digits = self._digits
        if self._before is not None and digits is not None:
            self.query_one(FilterLine).tell(f"{len(digits):,} of {len(digits.predictions):,}")

    def _say(self) -> None:
        """Gallery or sentence, and the line below the gallery."""
        digits, gallery = self._digits, self.query_one(Gallery)
        self.set_class(not digits, "-empty")
        if not digits:
            self.query_one("#sentence", Static).update(self._sentence())
            return
        if self.focused is None:
            gallery.focus()
        room = self.size.width - 2
        words = digit_line(digits, gallery.cursor, palette_of(self), room, is_narrow=self.is_narrow)
        self.query_one("#where", Static).update(words)

    def _sentence(self) -> str:
        view = self.session.view
        if self.asked is None:
            return before_the_first_epoch(view, "The first digits come")
        if self.problem:
            return f"The digits of {self.asked.words} cannot be shown: {self.problem}"
        digits = self._digits
        if digits is None:
            return f"Reading the digits of {self.asked.words} …"
        total = f"{len(digits.predictions):,} {split_words(digits.point)} digits"
        if self.wanted.terms == MISTAKES.terms:
            return f"No mistakes: all {total} were read right at {digits.when}."
        return f"None of the {total} at {digits.when} is {query_words(self.wanted)}."

    def _names(self, view: RunView) -> tuple[str, ...]:
        read = self.predictions
        return self.class_names(view, read.probabilities.shape[1] if read is not None else 0)
