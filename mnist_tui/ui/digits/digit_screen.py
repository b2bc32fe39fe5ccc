"""One digit, large: the answer and how it came about over the epochs, and, by an engine, why."""

from collections.abc import Callable
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.markup import escape
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message
from textual.widgets import Static

from mnist_tui.control.protocol import GivenDigit
from mnist_tui.events import EpochEnded
from mnist_tui.inspection.predictions import OWN_SPLITS, EvaluationPoint
from mnist_tui.runs.directory import RunError
from mnist_tui.ui.digits.digit_image import DigitImage, SaliencyOverlay
from mnist_tui.ui.digits.digit_list import Digit, DigitList, query_words
from mnist_tui.ui.digits.epoch_predictions import EpochPrediction, EpochPredictions
from mnist_tui.ui.digits.explain_screen import AskingScreen
from mnist_tui.ui.digits.explainer import Question
from mnist_tui.ui.digits.explanation import neighbour_pictures, neighbour_title, variant_pictures, variant_title
from mnist_tui.ui.digits.gallery import Gallery
from mnist_tui.ui.digits.image_grid import ImageGrid
from mnist_tui.ui.digits.probability_bars import BarChart, ProbabilityBars
from mnist_tui.ui.digits.probability_curves import Course, ProbabilityCurves
from mnist_tui.ui.digits.words import answer_words, life_words
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.session import RunSession, RunView
from mnist_tui.ui.shared.paint import paint, palette_of

RECENT_EPOCHS = 60
"""Epochs whose answers are looked up at most: each is a file of 100 kB."""
TITLES = {
    "answer": "Answer",
    "epochs": "After each epoch",
    "neighbours": "Nearest digits",
    "variants": "Under small changes",
}
PAGES = tuple(TITLES)
"""What shares the room beside the picture; the screen's style says which of them are always there."""
Past = dict[int, tuple[EpochEnded, NDArray[np.floating[Any]]]]
"""Epoch -> its event, which a roll back makes another, and the probabilities of all digits, shape (n, classes)."""


class Over(Enum):
    """What is laid over the picture."""

    NOTHING = "nothing"
    PREDICTED = "predicted"
    TRUE = "true"


class DigitScreen(AskingScreen):
    """Pages through a list of digits. Travelling shows the same digits as another epoch read them."""

    BINDINGS = bindings("digit")
    KEY_GROUPS = ("digit", "travel", "run", "steering", "screens", "everywhere")
    CSS_PATH = "digit_screen.tcss"

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
        self._past_asked: list[EpochEnded] = []
        self._page = PAGES[0]
        self._over = Over.NOTHING
        self._results: dict[str, str] = {}

    def compose_body(self) -> ComposeResult:
        with Container(id="body"):
            with Container(id="left"):
                yield DigitImage()
                neighbours = Gallery(can_focus=False)
                neighbours.border_title = "This list"
                yield neighbours
            with Container(id="right"):
                with Container(id="answer"):
                    yield Static(id="words")
                    yield ProbabilityBars()
                yield ImageGrid("neighbours")
                with Container(id="epochs"):
                    yield Static("These digits are read once, and not after each epoch.", id="once")
                    yield ProbabilityCurves()
                    yield EpochPredictions()
                yield ImageGrid("variants")

    def travel_points(self) -> list[EvaluationPoint]:
        """The moments at which these digits were read."""
        return [point for point in self.session.points() if point.split == self.digits.point.split]

    def subject(self, view: RunView) -> str:  # noqa: ARG002 (the slider says when)
        place, named = f"{self.position + 1:,} of {len(self.digits):,}", query_words(self.digits.wanted)
        return f"{named} · {place}" if self.is_narrow else f"digit {place}  {named} · {self.digits.split}"

    def show(self, view: RunView) -> None:
        self.ask_for_predictions(view)
        self._show_digit()
        recent = view.history.epochs[-RECENT_EPOCHS:]
        if self._has_past and not _same(recent, self._past_asked):
            self._past_asked = recent
            self._load_past(recent)
        self.ask_why(view)
        self._show_why(view)
        self._show_page()

    def take_predictions(self) -> None:
        """The same digits as the moment read them, if it could be read and they are the same."""
        found = self.findings
        if found is not None and np.array_equal(found.predictions.indices, self.digits.predictions.indices):
            self.digits = self.digits.at(found)
        if len(self._past) < len(self._past_asked):
            self._past_asked = []  # some could not be read: they may have been mended
        self.catch_up()

    def _show_digit(self) -> None:
        digits, digit, colours = self.digits, self._digit, palette_of(self)
        self.query_one(DigitImage).border_title = f"#{digit.index:05d}"
        words = answer_words(digits, digit, colours, " " if self.is_narrow else "\n")
        life = life_words(digits.findings, int(digits.rows[self.position]))
        if self.problem and self.asked is not None:
            words = Text(f"{self.asked.words} cannot be shown: {self.problem}", paint(colours.wrong))
            words.append(f"\nThis is {digits.when}.", paint(colours.quiet))
        elif life:
            words.append(f"\n{life}", paint(colours.quiet))
        self.query_one("#words", Static).update(words)
        probabilities = tuple(float(each) for each in digit.probabilities)
        self.query_one(ProbabilityBars).answer = BarChart(probabilities, digits.names, digit.true, digit.predicted)
        self.query_one("#once").display = not self._has_past
        self.query_one(EpochPredictions).readings = self._readings()
        self.query_one(ProbabilityCurves).show(self._course(digit))
        gallery = self.query_one(Gallery)
        if gallery.display:
            if gallery.digits is not digits:
                gallery.show(digits)
            gallery.go_to(self.position)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer offers only what works now."""
        if action == "previous":
            return self.position > 0
        if action == "next":
            return self.position < len(self.digits) - 1
        if action == "turn_page":
            return len(self._pages) > 1
        if action == "next_overlay":
            return self.why is not None
        return super().check_action(action, parameters)

    def action_previous(self) -> None:
        """The digit before."""
        self._go_to(self.position - 1)

    def action_next(self) -> None:
        """The digit after."""
        self._go_to(self.position + 1)

    def action_turn_page(self, step: int) -> None:
        """Another of the pages that share their room."""
        pages = self._pages
        if pages:
            self._page = pages[(pages.index(self._page) + step) % len(pages)] if self._page in pages else pages[0]
        self._show_page()

    def action_next_overlay(self) -> None:
        """Lay what spoke for a class over the picture, or take it away."""
        kinds = [each for each in Over if each is not Over.TRUE or self._digit.true != self._digit.predicted]
        place = kinds.index(self._over) + 1 if self._over in kinds else 0
        self._over = kinds[place % len(kinds)]
        self._show_why(self.session.view)

    def on_gallery_digit_opened(self, event: Gallery.DigitOpened) -> None:
        """A click on one of the list."""
        self._go_to(event.position)

    def on_digit_screen_past_loaded(self, event: PastLoaded) -> None:
        """Draw and list them."""
        self._past = event.past
        self._show_digit()

    @work(thread=True, exclusive=True, group="past")
    def _load_past(self, recorded: list[EpochEnded]) -> None:
        past: Past = {}
        for event in recorded:
            known = self._past.get(event.epoch)
            if known is not None and known[0] is event:
                past[event.epoch] = known
                continue
            try:
                read = self.session.predictions(event.epoch)
            except RunError:
                continue  # an epoch without its file is left out: the others still tell the story
            if np.array_equal(read.indices, self.digits.predictions.indices):
                past[event.epoch] = (event, read.probabilities)
        self.post_message(self.PastLoaded(past))

    @property
    def _digit(self) -> Digit:
        return self.digits.digit(self.position)

    @property
    def _has_past(self) -> bool:
        """Whether the digits are read after every epoch; others are read once."""
        return self.digits.point.epoch is not None

    @property
    def asked_about(self) -> Question:
        """The digit that is shown."""
        digit = self._digit
        given = None if digit.split in OWN_SPLITS else GivenDigit(digit.image.tobytes(), digit.true)
        return Question(digit.split, digit.index, given)

    @property
    def _pages(self) -> tuple[str, ...]:
        """What shares the room beside the picture at this size; nothing where there is room for all."""
        width, height = self.app.size
        if width >= self.HORIZONTAL_BREAKPOINTS[2][0] and height >= self.VERTICAL_BREAKPOINTS[2][0]:
            return ()
        pages = PAGES if self.is_narrow else PAGES[1:]
        return pages if self._has_past else tuple(page for page in pages if page != "epochs")

    def _show_page(self) -> None:
        pages = self._pages
        if pages and self._page not in pages:
            self._page = pages[0]
        for page in PAGES:
            panel = self.query_one(f"#{page}")
            panel.set_class(page == self._page, "-shown")
            following = pages[(pages.index(page) + 1) % len(pages)] if page in pages else ""
            panel.border_subtitle = f"Tab: {following}" if following else ""
            panel.border_title = " · ".join(filter(None, (TITLES[page], escape(self._results.get(page, "")))))

    def _show_why(self, view: RunView) -> None:
        digit, why, names = self._digit, self.why, self.digits.names
        picture, predicted = self.query_one(DigitImage), digit.predicted
        if why is None:
            words = self.waited_for(view)
            picture.show(digit.image)
            picture.border_subtitle = ""
            for page in ("neighbours", "variants"):
                self.query_one(f"#{page}", ImageGrid).show(words)
            self._results = {}
            return
        predicted = max(range(len(why.probabilities)), key=why.probabilities.__getitem__)
        marks = self.app.no_color
        if self._over is Over.NOTHING:
            picture.show(digit.image)
            picture.border_subtitle = "h: heat map"
        else:
            values = why.for_predicted if self._over is Over.PREDICTED else why.for_true
            named = escape(names[predicted if self._over is Over.PREDICTED else digit.true])
            picture.show(digit.image, SaliencyOverlay(values, marks))
            spoke = (f"+ for {named}", "- against") if marks else (f"■ for {named}", "■ against")
            network = "" if self.is_narrow else f"  the network of epoch {why.epoch}"
            picture.border_subtitle = f"[$success]{spoke[0]}[/]  [$wrong]{spoke[1]}[/]{network}"
        neighbours = neighbour_pictures(why, digit.true, predicted, names)
        self.query_one("#neighbours", ImageGrid).show(neighbours)
        self.query_one("#variants", ImageGrid).show(variant_pictures(why, digit.true, names))
        self._results = {
            "neighbours": neighbour_title(why, names),
            "variants": variant_title(why, digit.true),
        }

    def _go_to(self, position: int) -> None:
        self.position = position
        self.catch_up()
        if self._on_move is not None:
            self._on_move(position)

    def _course(self, digit: Digit) -> Course | None:
        row, past = int(self.digits.rows[self.position]), self._past
        if not past:
            return None
        read = tuple(tuple(float(each) for each in probabilities[row]) for _, probabilities in past.values())
        return Course(tuple(past), read, digit.true, digit.predicted, self.digits.names, self.digits.point.epoch)

    def _readings(self) -> tuple[EpochPrediction, ...]:
        row = int(self.digits.rows[self.position])
        true = int(self.digits.predictions.labels[row])
        return tuple(
            EpochPrediction(
                epoch=epoch,
                predicted=self.digits.names[int(read[row].argmax())],
                confidence=float(read[row].max()),
                right=int(read[row].argmax()) == true,
                chosen=epoch == self.digits.point.epoch,
            )
            for epoch, (_, read) in self._past.items()
        )


def _same(events: list[EpochEnded], others: list[EpochEnded]) -> bool:
    return len(events) == len(others) and all(one is other for one, other in zip(events, others, strict=True))
