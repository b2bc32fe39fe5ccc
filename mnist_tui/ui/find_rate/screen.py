"""The screen that finds a learning rate: the loss over a growing rate, live, and a suggestion to take."""

from textwrap import wrap

from rich.text import Text
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import Static

from mnist_tui.analysis.learning_rate import HIGHEST, LOWEST, Suggestion, smoothed, suggest
from mnist_tui.config import RunConfig
from mnist_tui.render.rate_plot import RateColours, draw_rates
from mnist_tui.render.text import sanitize
from mnist_tui.ui.find_rate.search import RateSearch
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.messages import TakeRate
from mnist_tui.ui.shared.key_footer import KeyFooter
from mnist_tui.ui.shared.line_widget import LineWidget
from mnist_tui.ui.shared.paint import paint, palette_of, title_text
from mnist_tui.ui.shared.sized_screen import SizedScreen

EXPLANATION = (
    "A new model trains for some hundred steps while the learning rate grows from 1e-6 to 1 or until the loss explodes."
    " The curve shows where the loss falls and where it rises. No run is created."
)
"""Text in place of the curve until the first step."""


class RateCurve(LineWidget):
    """Loss over the learning rate."""

    def __init__(self) -> None:
        super().__init__()
        self.rates: list[float] = []
        self.losses: list[float] = []
        self.suggested: float | None = None

    def draw(self) -> list[Text]:
        colours = palette_of(self)
        if not self.rates:
            return [Text(line, paint(colours.quiet)) for line in wrap(EXPLANATION, max(1, self.size.width))]
        shades = RateColours(
            colours.quiet.rgb, colours.train.rgb, colours.accent.rgb, colours.quiet.rgb, colours.background.rgb
        )
        means, limits, (columns, rows) = smoothed(self.losses), (LOWEST, HIGHEST), self.size
        return draw_rates(self.rates, self.losses, means, limits, self.suggested, shades, columns, rows)


class FindRateScreen(SizedScreen):
    """Runs a range test as long as it is open. Enter takes the suggestion into the settings of the next run."""

    BINDINGS = bindings("pages", "find_rate")
    CSS_PATH = "screen.tcss"
    KEY_GROUPS = ("find_rate", "everywhere")

    class Reported(Message):
        """The test has come further, or is over."""

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        self._config = config
        self._search = RateSearch(config, lambda: self.post_message(self.Reported()))
        self._found: Suggestion | None = None

    def compose(self) -> ComposeResult:
        yield Static(self._title(), id="title")
        curve = RateCurve()
        curve.border_title = "Loss over the learning rate"
        curve.border_subtitle = "· a step   line: smoothed   │ suggested"
        yield curve
        yield Static(id="result", markup=False)
        yield KeyFooter()

    def on_mount(self) -> None:
        super().on_mount()
        self._search.start()
        self._show()

    def on_unmount(self) -> None:
        self._search.cancel()

    def _title(self) -> Text:
        config = self._config
        details = f"  {config.network(0)}, {config.optimizer}, batch size {config.batch_size}, {sanitize(config.data)}"
        return title_text(self.app.theme_variables, "Learning rate", details)

    def on_find_rate_screen_reported(self) -> None:
        if self.has_widgets:
            self._show()

    def _show(self) -> None:
        search, curve, result = self._search, self.query_one(RateCurve), self.query_one("#result", Static)
        count = len(search.rates)  # the thread may append meanwhile
        curve.rates, curve.losses = search.rates[:count], search.losses[:count]
        words = sanitize(search.problem or f"{search.words} …")
        if search.is_over and not search.problem:
            self._found = found = suggest(curve.rates, curve.losses)
            curve.suggested = found.rate
            words = f"No suggestion: {found.reason}."
            if found.rate is not None:
                words = f"Suggested maximum: {found.rate:g}, as {found.reason}."
        result.update(words)
        result.set_class(bool(search.problem), "-refused")
        curve.redraw()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "take":
            return self._found is not None and self._found.rate is not None
        return super().check_action(action, parameters)

    def action_take(self) -> None:
        """Take the suggested rate into the settings of the next run."""
        if self._found is not None and self._found.rate is not None:
            self.app.post_message(TakeRate(self._found.rate))
