"""The rule that ends a run before its last epoch: off, or a metric and how long to wait for a better one."""

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Static

from mnist_tui.config import ConfigError, EarlyStopping
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.session import RunView
from mnist_tui.ui.shared.choice_field import ChoiceField
from mnist_tui.ui.shared.dialog import Dialog

CHOICES = ("off", "loss", "accuracy")
USUAL_PATIENCE = "3"


class EarlyStoppingScreen(Dialog[str | None]):
    """Returns the rule as `EarlyStopping` reads it; None when it stays."""

    BINDINGS = bindings("early_stopping")
    TITLE_WORDS = "Early stopping"
    DEFAULT_CSS = """
    EarlyStoppingScreen Horizontal, EarlyStoppingScreen Horizontal Vertical { height: auto; }
    EarlyStoppingScreen #labels { width: 24; color: $quiet; }
    EarlyStoppingScreen Input { width: 14; height: 1; border: none; padding: 0; background: transparent; }
    EarlyStoppingScreen Input:focus { border: none; background: $accent 25%; }
    EarlyStoppingScreen ChoiceField { width: 14; }
    EarlyStoppingScreen #verdict { height: 2; margin: 1 0; color: $quiet; }
    EarlyStoppingScreen #verdict.-refused { color: $error; }
    """

    def __init__(self, view: RunView) -> None:
        super().__init__()
        self._before = view.history.early_stopping
        metric, _, patience = self._before.partition(":")
        self._metric = metric if metric in CHOICES else "off"
        self._patience = patience or USUAL_PATIENCE

    def compose_box(self) -> ComposeResult:
        with Horizontal():
            yield Static("validation metric\nepochs to wait", id="labels")
            with Vertical():
                yield ChoiceField(CHOICES, self._metric)
                yield Input(self._patience, compact=True, type="integer", max_length=4, select_on_focus=True)
        yield Static(id="verdict", markup=False)
        yield Static(Text("← → change   ↑ ↓ other field   Enter set   Esc leave it", style="dim"))

    def on_mount(self) -> None:
        """Say what Enter would set."""
        self._judge()

    @property
    def _rule(self) -> str:
        metric = self.query_one(ChoiceField).value
        return metric if metric == "off" else f"{metric}:{self.query_one(Input).value}"

    @on(Input.Changed)
    @on(ChoiceField.Changed)
    def _judge(self) -> bool:
        """Check the rule; say it in words, or the reason against it."""
        review = self.query_one("#verdict", Static)
        try:
            rule = EarlyStopping.parse(self._rule)
        except ConfigError as error:
            review.update(str(error))
            review.add_class("-refused")
            return False
        review.remove_class("-refused")
        review.update("The run goes on to its last planned epoch." if rule is None else in_words(rule))
        return True

    @on(Input.Submitted)
    def action_submit(self) -> None:
        """Set it, if it can be."""
        if not self._judge():
            self.app.bell()
            return
        self.dismiss(None if self._rule == self._before else self._rule)

    def action_other_field(self) -> None:
        """From the metric to the patience and back."""
        choice, patience = self.query_one(ChoiceField), self.query_one(Input)
        (patience if choice.has_focus else choice).focus()


def in_words(rule: EarlyStopping) -> str:
    """What the rule does."""
    better = "lower validation loss" if rule.metric == "loss" else "higher validation accuracy"
    epochs = "one epoch" if rule.patience == 1 else f"{rule.patience:,} epochs in a row"
    return f"The run ends after {epochs} without a {better}."
