"""Dialogs of the draw screen: which image to draw on, where to save the drawing, and its label."""

from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from textual.app import ComposeResult
from textual.widgets import Input, Static

from mnist_tui.config import ConfigError
from mnist_tui.inspection.drawings import find_example, free_stem, save_drawing
from mnist_tui.render.text import sanitize
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.settings import user_path
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.labels.relabel import RelabelScreen
from mnist_tui.ui.session import ImageAtHand
from mnist_tui.ui.shared.dialog import Dialog

Result = TypeVar("Result")


class TextDialog(Dialog[Result]):
    """A dialog with one field. Subclasses implement `result`, whose errors are shown below the field."""

    DEFAULT_CSS = """
    TextDialog Input { border: none; padding: 0 1; background: $focus; margin: 1 0; }
    TextDialog Input:focus { border: none; }
    """
    HINT = ""

    def __init__(self, words: str, text: str = "", placeholder: str = "") -> None:
        super().__init__()
        self._words = words
        self._text = text
        self._placeholder = placeholder

    def compose_box(self) -> ComposeResult:
        yield Static(self._words, markup=False)
        yield Input(self._text, placeholder=self._placeholder, compact=True)
        yield Static(self.HINT, id="hint", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        try:
            result = self.result(event.value)
        except (ConfigError, RunError) as error:
            hint = self.query_one("#hint", Static)
            hint.styles.color = self.app.theme_variables["error"]
            hint.update(sanitize(str(error)))
        else:
            self.dismiss(result)

    def result(self, text: str) -> Result:
        """Return the result of the dialog for a text; raises ConfigError or RunError."""
        raise NotImplementedError


class LoadImageScreen(TextDialog[ImageAtHand]):
    """Returns the image that the user wants to draw on."""

    BINDINGS = bindings("load_image")
    TITLE_WORDS = "Load image"
    HINT = "Enter load   Esc cancel"

    def __init__(self, run: RunDirectory, at_hand: ImageAtHand | None) -> None:
        words = "The index of a validation or test image, as in 247 or test 247."
        if at_hand is not None:
            words += f" Empty: {at_hand.title}."
        super().__init__(words, placeholder="247")
        self._run = run
        self._at_hand = at_hand

    def result(self, text: str) -> ImageAtHand:
        if not text.strip() and self._at_hand is not None:
            return self._at_hand
        found = find_example(self._run, text)
        return ImageAtHand(found.image, f"#{found.index:05d} of the {found.split} images", found.label)


class SaveDrawingScreen(TextDialog[tuple[Path, Path]]):
    """Saves the drawing, and returns the paths of the files."""

    BINDINGS = bindings("save_drawing")
    TITLE_WORDS = "Export the drawing"
    HINT = "Enter save   Esc cancel"

    def __init__(self, image: NDArray[np.uint8], folder: Path) -> None:
        super().__init__(
            "The name of a picture (.png) and an array (.npy) in the run's exports, or a path.",
            free_stem(folder, "drawing").name,
        )
        self._image = image
        self._folder = folder

    def result(self, text: str) -> tuple[Path, Path]:
        name = text.strip()
        is_path = "/" in name or name.startswith("~")
        return save_drawing(self._image, user_path(name if is_path else str(self._folder / name), "path"))


class LabelDrawingScreen(RelabelScreen):
    """Returns the class of the drawing."""

    TITLE_WORDS = "Add to mine as"
    OFFERS_UNKNOWN = False
