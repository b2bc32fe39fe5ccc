"""Dialog that shows the learning rate and changes its maximum."""

import math

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.widgets import Input, Static

from mnist_tui.config import ConfigError
from mnist_tui.control.commands import Fields, parse_learning_rate
from mnist_tui.settings import SETTINGS_BY_KEY
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.session import RunView
from mnist_tui.ui.shared.dialog import Dialog
from mnist_tui.ui.shared.limited_input import NUMBER, LimitedInput

SETTING = SETTINGS_BY_KEY["learning_rate"]


class LearningRateScreen(Dialog[Fields | None]):
    """Input for the maximum learning rate. Returns the fields of the request; None if it stays."""

    BINDINGS = bindings("learning_rate")
    TITLE_WORDS = "Learning rate"
    DEFAULT_CSS = """
    LearningRateScreen Input { width: 24; height: 1; border: none; padding: 0 1; margin: 1 0; background: $focus; }
    LearningRateScreen Input:focus { border: none; }
    LearningRateScreen Input.-invalid { color: $error; }
    LearningRateScreen #effect { height: 2; color: $quiet; }
    LearningRateScreen #effect.-invalid { color: $error; }
    """

    def __init__(self, view: RunView) -> None:
        super().__init__()
        steps = view.history.steps
        self._max = view.history.max_learning_rate
        self._now = steps.column("learning_rate")[-1] if steps.count else math.nan

    def compose_box(self) -> ComposeResult:
        text = Text(f"Maximum of the schedule: {self._max:.6g}")
        if not math.isnan(self._now):
            text.append(f"     at the newest step: {self._now:.4g}")
        yield Static(text)
        yield LimitedInput(f"{self._max:.6g}", NUMBER, compact=True, select_on_focus=True)
        yield Static(id="effect", markup=False)
        yield Static(Text("↑ double   ↓ halve   Enter set   Esc cancel", style="dim"))

    def on_mount(self) -> None:
        self._validate_input()

    @on(Input.Changed)
    def _validate_input(self) -> float | None:
        """Show what the value means or why it is invalid, and return it if it is valid."""
        field, effect = self.query_one(Input), self.query_one("#effect", Static)
        value = None
        try:
            value = parse_learning_rate(field.value)
        except ConfigError as error:
            effect.update(str(error))
        else:
            unchanged = self._is_unchanged(value)
            effect.update("unchanged" if unchanged else f"{value / self._max:.4g} times the current maximum")
        field.set_class(value is None, "-invalid")
        effect.set_class(value is None, "-invalid")
        return value

    def _is_unchanged(self, value: float) -> bool:
        return math.isclose(value, self._max, rel_tol=1e-9)

    @on(Input.Submitted)
    def _submit(self) -> None:
        value = self._validate_input()
        if value is None:
            self.app.bell()
        else:
            self.dismiss(None if self._is_unchanged(value) else {"value": value})

    def action_scale(self, factor: float) -> None:
        """Multiply the value within its bounds; an invalid one is reset."""
        value = self._validate_input()
        scaled = self._max if value is None else value * float(factor)
        field = self.query_one(Input)
        field.value = f"{min(SETTING.maximum, max(SETTING.minimum, scaled)):.6g}"
        field.cursor_position = len(field.value)
