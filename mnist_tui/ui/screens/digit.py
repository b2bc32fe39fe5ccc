"""One digit, large, with what the network gave each class, and what it read after each epoch."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message
from textual.widgets import Static

from mnist_tui.render.text import percent
from mnist_tui.runs.directory import RunError
from mnist_tui.ui.digit_list import Digit, DigitList
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.paint import paint, palette_of
from mnist_tui.ui.screens.run_screen import RunScreen
from mnist_tui.ui.session import RunSession, RunView
from mnist_tui.ui.theme import Palette
from mnist_tui.ui.widgets.digit_picture import DigitPicture
from mnist_tui.ui.widgets.epoch_readings import EpochReadings, Reading
from mnist_tui.ui.widgets.gallery import Gallery
from mnist_tui.ui.widgets.probability_bars import Answer, ProbabilityBars

RECENT_EPOCHS = 30
"""Epochs whose readings are looked up at most: each is a file of 100 kB."""

Past = dict[int, NDArray[np.floating[Any]]]
"""Epoch -> probabilities of all digits, shape (n, classes)."""


def digit_words(digits: DigitList, digit: Digit, colours: Palette, separator: str) -> Text:
    """What is known of the digit, in a sentence whose halves stand apart by `separator`; `digit` is one of `digits`."""
    part = "test part" if digits.split == "test" else f"training part ({digits.split} split)"
    words = Text.assemble(
        (f"#{digit.index:05d}", paint(colours.foreground, bold=True)),
        f" of the {part}:{separator}a ",
        (digits.names[digit.true], paint(colours.true_class, bold=True)),
        ", read ",
    )
    if digit.true == digit.predicted:
        words.append("right")
    else:
        words.append("as ").append(digits.names[digit.predicted], paint(colours.predicted_class, bold=True))
    return words.append(f" with {percent(digit.confidence, 1)}, {digits.when}")


class DigitScreen(RunScreen):
    """Pages through a list of digits. It keeps the epoch that it was opened with, however the training goes on."""

    BINDINGS = bindings("digit")
    KEY_GROUPS = ("digit", "run", "everywhere")
    CSS_PATH = "digit.tcss"

    class PastLoaded(Message):
        """What the network made of the digits after each of the recent epochs."""

        def __init__(self, past: Past) -> None:
            super().__init__()
            self.past = past

    def __init__(
        self, session: RunSession, digits: DigitList, position: int, on_move: Callable[[int], None] | None = None
    ) -> None:
        super().__init__(session)
        self.digits = digits
        """The list, never empty."""
        self.position = position
        """Which digit of the list is shown."""
        self._on_move = on_move
        self._past: Past = {}
        self._past_asked = 0

    def compose_body(self) -> ComposeResult:
        with Container(id="body"):
            yield DigitPicture()
            with Container(id="side"):
                with Container(id="answer") as answer:
                    answer.border_title = "Answer"
                    yield Static(id="words")
                    yield ProbabilityBars()
                readings = EpochReadings()
                readings.border_title = "After each epoch"
                yield readings
                neighbours = Gallery(can_focus=False)
                neighbours.border_title = "This list"
                yield neighbours

    def subject(self, view: RunView) -> str:  # noqa: ARG002 (the digit stays with its epoch)
        named = self.digits.wanted.describe(self.digits.names)
        place = f"{self.position + 1:,} of {len(self.digits):,}"
        if self.is_narrow:
            return f"{named} · {place}"
        return f"digit {place}  {named} · {self.digits.when} · {self.digits.split}"

    def show(self, view: RunView) -> None:
        digit, names = self.digits.digit(self.position), self.digits.names
        picture = self.query_one(DigitPicture)
        picture.show(digit.image)
        picture.border_title = f"#{digit.index:05d}"
        words = digit_words(self.digits, digit, palette_of(self), " " if self.is_narrow else "\n")
        self.query_one("#words", Static).update(words)
        self.query_one(ProbabilityBars).answer = Answer(
            tuple(float(each) for each in digit.probabilities), names, digit.true, digit.predicted
        )
        self.query_one(EpochReadings).readings = self._readings()
        self._show_neighbours()
        if self.digits.predictions.epoch is not None and len(view.history.epochs) > self._past_asked:
            self._past_asked = len(view.history.epochs)
            self._load_past([each.epoch for each in view.history.epochs[-RECENT_EPOCHS:]])

    def on_mount(self) -> None:
        """Words that carry colours of their own are said again when the theme changes."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self.update_view(self.session.view))

    @work(thread=True, exclusive=True, group="past")
    def _load_past(self, epochs: list[int]) -> None:
        past: Past = {}
        for epoch in epochs:
            try:
                read = self.session.predictions(epoch)
            except RunError:
                continue  # an epoch without its file is left out: the others still tell the story
            if np.array_equal(read.indices, self.digits.predictions.indices):
                past[epoch] = read.probabilities
        self.post_message(self.PastLoaded(past))

    def on_digit_screen_past_loaded(self, event: PastLoaded) -> None:
        """Show the readings."""
        self._past = event.past
        self.query_one(EpochReadings).readings = self._readings()

    def offered(self) -> tuple[object, ...]:
        """Also whether there are neighbours."""
        return (*super().offered(), self.position > 0, self.position < len(self.digits) - 1)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer offers only the neighbours that there are."""
        if action == "previous":
            return self.position > 0
        if action == "next":
            return self.position < len(self.digits) - 1
        return super().check_action(action, parameters)

    def action_previous(self) -> None:
        """The digit before."""
        self._go_to(self.position - 1)

    def action_next(self) -> None:
        """The digit after."""
        self._go_to(self.position + 1)

    def on_gallery_digit_opened(self, event: Gallery.DigitOpened) -> None:
        """A click on one of the list."""
        self._go_to(event.position)

    def _show_neighbours(self) -> None:
        """The list around the digit, where there is room for it."""
        gallery = self.query_one(Gallery)
        if gallery.display:
            if gallery.digits is not self.digits:
                gallery.show(self.digits)
            gallery.go_to(self.position)

    def _go_to(self, position: int) -> None:
        self.position = position
        self.update_view(self.session.view)
        if self._on_move is not None:
            self._on_move(position)

    def _readings(self) -> tuple[Reading, ...]:
        row = int(self.digits.rows[self.position])
        true = int(self.digits.predictions.labels[row])
        return tuple(
            Reading(
                epoch=epoch,
                predicted=self.digits.names[int(read[row].argmax())],
                confidence=float(read[row].max()),
                right=int(read[row].argmax()) == true,
                chosen=epoch == self.digits.predictions.epoch,
            )
            for epoch, read in self._past.items()
        )
