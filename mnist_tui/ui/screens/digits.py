"""The digits that were read wrong, or those of one cell of the confusion matrix, as a gallery."""

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import Static

from mnist_tui.analysis.mistakes import DigitFilter
from mnist_tui.ui.digit_list import Digit, DigitList, digit_list
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.paint import paint, palette_of
from mnist_tui.ui.screens.digit import DigitScreen
from mnist_tui.ui.screens.prediction_screen import PredictionScreen
from mnist_tui.ui.session import RunSession, RunView
from mnist_tui.ui.waiting import before_the_first_epoch
from mnist_tui.ui.widgets.gallery import Gallery


class DigitsScreen(PredictionScreen):
    """The gallery of the newest epoch's predictions. A new epoch reloads it; the cursor stays on its digit."""

    BINDINGS = bindings("digits")
    KEY_GROUPS = ("digits", "cursor", "run", "everywhere")
    CSS_PATH = "digits.tcss"

    def __init__(self, session: RunSession, wanted: DigitFilter | None = None) -> None:
        super().__init__(session)
        self.wanted = wanted or DigitFilter()
        """Which digits are shown."""

    def compose_body(self) -> ComposeResult:
        yield Static(id="sentence")
        yield Gallery()
        yield Static(id="where")

    def set_filter(self, wanted: DigitFilter) -> None:
        """Show other digits of the same predictions."""
        if wanted == self.wanted:
            return
        self.wanted = wanted
        if self.is_mounted:
            self._list_digits()

    def subject(self, view: RunView) -> str:
        named = self.wanted.describe(self._names(view))
        digits = self._digits
        if digits is None:
            return f"digits  {named}"
        total = len(digits.predictions.labels)
        if self.is_narrow:
            return f"{named} · {len(digits):,} of {total:,}"
        return f"digits  {named} · {len(digits):,} of {total:,} · {digits.when} · {digits.split} · by confidence"

    def show(self, view: RunView) -> None:
        self.ask_for_predictions(view)
        self._say()

    def take_predictions(self) -> None:
        """List the digits of what was read."""
        self._list_digits()

    def offered(self) -> tuple[object, ...]:
        """Also what is listed."""
        return (*super().offered(), bool(self._digits), self.wanted)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer offers only what works now."""
        if action == "open_digit":
            return bool(self._digits)
        if action == "all_mistakes":
            return self.wanted != DigitFilter()
        return super().check_action(action, parameters)

    def action_open_digit(self) -> None:
        """Open the digit under the cursor."""
        self.query_one(Gallery).open()

    def action_all_mistakes(self) -> None:
        """Drop the filter."""
        self.set_filter(DigitFilter())

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
        gallery = self.query_one(Gallery) if self.is_mounted else None
        return gallery.digits if gallery and self.predictions is not None else None

    def _list_digits(self) -> None:
        view = self.session.view
        if self.predictions is not None:
            self.query_one(Gallery).show(digit_list(self.predictions, self.wanted, self._names(view)))
        self.update_view(view)

    def _say(self) -> None:
        """Gallery or sentence, and the line below the gallery."""
        digits, gallery = self._digits, self.query_one(Gallery)
        self.set_class(not digits, "-empty")
        if not digits:
            self.query_one("#sentence", Static).update(self._sentence())
            return
        if self.focused is None:
            gallery.focus()
        self.query_one("#where", Static).update(self._position(digits, gallery.cursor))

    def _sentence(self) -> str:
        view = self.session.view
        if not view.history.epochs:
            return before_the_first_epoch(view, "The first digits come")
        if self.problem:
            return f"The digits of epoch {self.asked} cannot be shown: {self.problem}"
        digits = self._digits
        if digits is None:
            return f"Reading the digits of epoch {self.asked} …"
        total = f"{len(digits.predictions.labels):,} {digits.split} digits"
        if self.wanted == DigitFilter():
            return f"No mistakes: all {total} were read right at {digits.when}."
        return f"None of the {total} at {digits.when} is {self.wanted.describe(digits.names)}."

    def _position(self, digits: DigitList, position: int) -> Text:
        colours = palette_of(self)
        digit: Digit = digits.digit(position)
        line = Text.assemble(
            (f"{position + 1:,} of {len(digits):,}", paint(colours.foreground, bold=True)),
            f"  #{digit.index:05d}: a ",
            (digits.names[digit.true], paint(colours.true_class, bold=True)),
            ", read ",
        )
        if digit.true == digit.predicted:
            line.append("right")
        else:
            line.append("as ").append(digits.names[digit.predicted], paint(colours.predicted_class, bold=True))
        line.append(f" with {digit.confidence:.1%}".replace("%", " %"))
        if digit.true != digit.predicted:
            had = f"; {digits.names[digit.true]} had {digit.probabilities[digit.true]:.1%}".replace("%", " %")
            line.append("" if self.is_narrow else had)
        right = f"{digits.when}, {digits.split}"
        room = self.size.width - 2 - line.cell_len
        return line.append(right.rjust(room)) if room > len(right) + 1 else line

    def _names(self, view: RunView) -> tuple[str, ...]:
        return self.class_names(view, self.predictions.probabilities.shape[1] if self.predictions is not None else 0)
