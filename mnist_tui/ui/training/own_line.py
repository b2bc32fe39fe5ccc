"""Dialog for a reference line of the user's own."""

from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input, Static

from mnist_tui.metrics import Metric
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.shared.dialog import Dialog
from mnist_tui.ui.shared.limited_input import NUMBER, LimitedInput


@dataclass(frozen=True)
class OwnLine:
    """The line of a metric."""

    metric: str
    """Key of the metric."""
    value: float | None
    """Unscaled; None removes the line."""


class OwnLineScreen(Dialog[OwnLine | None]):
    """Returns the line; None if it stays."""

    BINDINGS = bindings("own_line")
    TITLE_WORDS = "Reference line"
    DEFAULT_CSS = """
    OwnLineScreen Input { width: 24; height: 1; border: none; padding: 0 1; margin: 1 0; background: $focus; }
    OwnLineScreen Input:focus { border: none; }
    OwnLineScreen #problem { color: $error; height: 1; }
    OwnLineScreen #keys { color: $quiet; }
    """

    def __init__(self, metric: Metric, value: float | None) -> None:
        super().__init__()
        self._metric = metric
        self._value = "" if value is None else f"{value * metric.scale:.10g}"

    def compose_box(self) -> ComposeResult:
        unit = f" in {self._metric.unit}" if self._metric.unit else ""
        yield Static(f"{self._metric.label}{unit}; empty: no line", markup=False)
        yield LimitedInput(self._value, NUMBER, compact=True, select_on_focus=True)
        yield Static(id="problem", markup=False)
        yield Static("Enter set   Esc cancel", id="keys")

    @on(Input.Submitted)
    def _submit(self, event: Input.Submitted) -> None:
        metric, text = self._metric, event.value.strip()
        low, high = metric.bounds
        try:
            value = float(text) if text else None
            if value is not None and not low <= value <= min(high, 1e300):
                raise ValueError
        except ValueError:
            bounds = f"from {low:g} to {high:g}" if high <= 1e300 else f"of at least {low:g}"
            self.query_one("#problem", Static).update(f"{metric.label} must be a number {bounds}")
            self.app.bell()
        else:
            self.dismiss(OwnLine(metric.key, None if value is None else value / metric.scale))
