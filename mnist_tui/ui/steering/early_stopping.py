"""Dialog that changes the early-stopping rule: off, or a metric and a patience."""

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Static

from mnist_tui.config import ConfigError, EarlyStopping
from mnist_tui.control.commands import Fields
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.session import RunView
from mnist_tui.ui.shared.choice_field import ChoiceField
from mnist_tui.ui.shared.dialog import Dialog
from mnist_tui.ui.shared.limited_input import WHOLE_NUMBER, LimitedInput

METRICS = ("off", "loss", "accuracy")
DEFAULT_PATIENCE = "3"


class EarlyStoppingScreen(Dialog[Fields | None]):
    """Inputs for the rule. Returns the fields of the request; None if it stays."""

    BINDINGS = bindings("early_stopping")
    TITLE_WORDS = "Early stopping"
    DEFAULT_CSS = """
    EarlyStoppingScreen Horizontal, EarlyStoppingScreen Horizontal Vertical { height: auto; }
    EarlyStoppingScreen #labels { width: 24; color: $quiet; }
    EarlyStoppingScreen Input { width: 14; height: 1; border: none; padding: 0; background: transparent; }
    EarlyStoppingScreen Input:focus { border: none; background: $focus; }
    EarlyStoppingScreen ChoiceField { width: 14; }
    EarlyStoppingScreen #effect { height: 2; margin: 1 0; color: $quiet; }
    EarlyStoppingScreen #effect.-invalid { color: $error; }
    """

    def __init__(self, view: RunView) -> None:
        super().__init__()
        self._current = view.history.early_stopping
        metric, _, patience = self._current.partition(":")
        self._metric = metric if metric in METRICS else "off"
        self._patience = patience or DEFAULT_PATIENCE

    def compose_box(self) -> ComposeResult:
        with Horizontal():
            yield Static("validation metric\npatience in epochs", id="labels")
            with Vertical():
                yield ChoiceField(METRICS, self._metric)
                yield LimitedInput(self._patience, WHOLE_NUMBER, compact=True, max_length=4, select_on_focus=True)
        yield Static(id="effect", markup=False)
        yield Static(Text("← → change   ↑ ↓ other field   Enter set   Esc cancel", style="dim"))

    def on_mount(self) -> None:
        self._validate_inputs()

    @property
    def _rule(self) -> str:
        metric = self.query_one(ChoiceField).value
        return metric if metric == "off" else f"{metric}:{self.query_one(Input).value}"

    @on(Input.Changed)
    @on(ChoiceField.Changed)
    def _validate_inputs(self) -> bool:
        """Show what the rule does, or why it is invalid; return True if it is valid."""
        effect = self.query_one("#effect", Static)
        try:
            rule = EarlyStopping.parse(self._rule)
        except ConfigError as error:
            effect.update(str(error))
            effect.add_class("-invalid")
            return False
        effect.remove_class("-invalid")
        effect.update("The run trains all planned epochs." if rule is None else _describe(rule))
        return True

    @on(Input.Submitted)
    def action_submit(self) -> None:
        """Return the rule, if it is valid."""
        if not self._validate_inputs():
            self.app.bell()
            return
        self.dismiss(None if self._rule == self._current else {"rule": self._rule})

    def action_other_field(self) -> None:
        """Move the focus between the metric and the patience."""
        metric, patience = self.query_one(ChoiceField), self.query_one(Input)
        (patience if metric.has_focus else metric).focus()


def _describe(rule: EarlyStopping) -> str:
    better = "lower validation loss" if rule.metric == "loss" else "higher validation accuracy"
    epochs = "one epoch" if rule.patience == 1 else f"{rule.patience:,} epochs in a row"
    return f"The run stops after {epochs} without a {better}."
