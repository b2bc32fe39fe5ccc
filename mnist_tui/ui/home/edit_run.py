"""Dialogs of the run table: name, tags and note of a run, and the question before it is deleted."""

from textual.app import ComposeResult
from textual.widgets import Input, Static

from mnist_tui.config import ConfigError
from mnist_tui.render.text import data_size, sanitize
from mnist_tui.runs import management
from mnist_tui.runs.directory import RunError
from mnist_tui.runs.summary import RunSummary
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.shared.dialog import ChoiceDialog, Dialog

FIELDS = (("name", "letters, digits, dots, dashes"), ("tags", "separated by blanks"), ("note", "a few words"))
"""Fields of the dialog, and what they take."""


class EditRunScreen(Dialog[bool | None]):
    """Returns True if the run was changed."""

    BINDINGS = bindings("edit_run")
    TITLE_WORDS = "Edit run"
    DEFAULT_CSS = """
    EditRunScreen Input { border: none; padding: 0 1; background: $focus; margin-bottom: 1; }
    EditRunScreen Input:focus { border: none; }
    """

    def __init__(self, summary: RunSummary) -> None:
        super().__init__()
        self._summary = summary

    def compose_box(self) -> ComposeResult:
        about = self._summary.about
        texts = (self._summary.record.name, " ".join(about.tags), about.note)
        for (name, hint), text in zip(FIELDS, texts, strict=True):
            yield Static(name)
            yield Input(text, placeholder=hint, id=name, compact=True, select_on_focus=False)
        yield Static("Enter save   Tab next field   Esc cancel", id="hint", markup=False)

    def on_input_submitted(self) -> None:
        run, record = self._summary.run, self._summary.record
        name, tags, note = (self.query_one(f"#{key}", Input).value for key, _ in FIELDS)
        try:
            if name.strip() != record.name:
                management.rename(run, name.strip())
            management.set_tags(run, *tags.split())
            management.set_note(run, note)
        except (ConfigError, RunError) as error:
            hint = self.query_one("#hint", Static)
            hint.styles.color = self.app.theme_variables["error"]
            hint.update(sanitize(str(error)))
            return
        self.dismiss(True)


class RemoveRunScreen(ChoiceDialog):
    """Confirmation before a run is deleted. Returns "remove" or "cancel"."""

    BINDINGS = bindings("remove_run")
    TITLE_WORDS = "Remove run"
    CHOICES = (
        ("remove", "Del", "Remove", "move it to the trash"),
        ("cancel", "Esc", "Cancel", "keep the run"),
    )
    FIRST = 1

    def __init__(self, summary: RunSummary) -> None:
        super().__init__(
            f"Move {sanitize(summary.record.name)} ({data_size(summary.size)}) to the trash?"
            " `mnist-tui restore` brings it back."
        )
