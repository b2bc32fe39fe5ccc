"""The learning rate as it is, and another one: typed, doubled or halved."""

import math

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.widgets import Input, Static

from mnist_tui.config import ConfigError
from mnist_tui.settings import SETTINGS_BY_KEY, Catalogue
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.session import RunView
from mnist_tui.ui.shared.dialog import Dialog

SETTING = SETTINGS_BY_KEY["learning_rate"]
NO_CATALOGUE = Catalogue({}, (), lambda _: None)
"""A number is read without one."""


class LearningRateScreen(Dialog[float | None]):
    """Returns the new peak of the schedule; None when it stays."""

    BINDINGS = bindings("learning_rate")
    TITLE_WORDS = "Learning rate"
    DEFAULT_CSS = """
    LearningRateScreen Input { width: 24; height: 1; border: none; padding: 0 1; margin: 1 0; background: $accent 25%; }
    LearningRateScreen Input:focus { border: none; }
    LearningRateScreen Input.-refused { color: $error; }
    LearningRateScreen #verdict { height: 2; color: $quiet; }
    LearningRateScreen #verdict.-refused { color: $error; }
    """

    def __init__(self, view: RunView) -> None:
        super().__init__()
        self._peak = view.history.max_learning_rate
        self._now = view.history.steps.column("learning_rate")[-1] if view.history.steps.count else math.nan

    def compose_box(self) -> ComposeResult:
        words = Text(f"Peak of the schedule: {self._peak:.6g}")
        if self._now == self._now:
            words.append(f"     at the newest step: {self._now:.4g}")
        yield Static(words)
        yield Input(f"{self._peak:.6g}", compact=True, select_on_focus=True)
        yield Static(id="verdict", markup=False)
        yield Static(Text("↑ double   ↓ halve   Enter set   Esc leave it", style="dim"))

    def on_mount(self) -> None:
        """Say what Enter would do."""
        self._judge()

    @on(Input.Changed)
    def _judge(self) -> float | None:
        """Read the field; say the reason against it, or what it means."""
        field, review = self.query_one(Input), self.query_one("#verdict", Static)
        value, words = None, ""
        try:
            value = SETTING.parse(field.value, NO_CATALOGUE)
        except ConfigError as error:
            words = str(error)
        field.set_class(value is None, "-refused")
        review.set_class(value is None, "-refused")
        if isinstance(value, float):
            ratio = value / self._peak
            words = "as it is" if math.isclose(ratio, 1, rel_tol=1e-9) else f"{ratio:.4g} times the peak of now"
        review.update(words)
        return value if isinstance(value, float) else None

    @on(Input.Submitted)
    def _set(self) -> None:
        value = self._judge()
        if value is None:
            self.app.bell()
        else:
            self.dismiss(None if math.isclose(value, self._peak, rel_tol=1e-9) else value)

    def action_scale(self, factor: float) -> None:
        """Double or halve, within the bounds; rubbish becomes the peak of now."""
        value = self._judge()
        scaled = self._peak if value is None else value * float(factor)
        field = self.query_one(Input)
        field.value = f"{min(SETTING.maximum, max(SETTING.minimum, scaled)):.6g}"
        field.cursor_position = len(field.value)
