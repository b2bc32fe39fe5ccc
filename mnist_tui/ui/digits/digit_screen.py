"""Screen of a single digit: its image, prediction and past epochs, and an explanation from an engine."""

from collections.abc import Callable
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from mnist_tui.analysis.attribution import METHODS
from mnist_tui.control.protocol import Attribute, Attribution, Explain, Explanation, GivenDigit
from mnist_tui.events import EpochEnded
from mnist_tui.inspection.predictions import OWN_SPLITS, VALIDATION, EvaluationPoint, Predictions
from mnist_tui.render.text import sanitize
from mnist_tui.runs.directory import RunError
from mnist_tui.ui.digits.answers import Answers
from mnist_tui.ui.digits.choose_heat_map import ChooseHeatMap, HeatMapChoice
from mnist_tui.ui.digits.digit_image import DigitImage, SaliencyOverlay
from mnist_tui.ui.digits.digit_list import Digit, DigitList
from mnist_tui.ui.digits.epoch_predictions import EpochPrediction, EpochPredictions
from mnist_tui.ui.digits.explain_screen import ExplainScreen
from mnist_tui.ui.digits.explanation import neighbour_images, neighbour_title, variant_images, variant_title
from mnist_tui.ui.digits.gallery import Gallery
from mnist_tui.ui.digits.heat_map import DEFAULT_METHOD, HeatMapLegend, Legend, quantized
from mnist_tui.ui.digits.image_grid import ImageGrid
from mnist_tui.ui.digits.probability_bars import ClassProbabilities, ProbabilityBars
from mnist_tui.ui.digits.probability_curves import ProbabilityCurves, ProbabilityHistory
from mnist_tui.ui.digits.smallest_change import SmallestChangeScreen
from mnist_tui.ui.digits.words import heading, learning_sentence, prediction_words, query_words
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.session import RunSession, RunView
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.shared.sized_screen import hide

RECENT_EPOCHS = 60
"""Epochs whose predictions are loaded at most; each is a file of 100 kB."""
TITLES = {
    "prediction": "Prediction",
    "epochs": "After each epoch",
    "neighbours": "Neighbours",
    "variants": "Small changes",
}
PAGES = tuple(TITLES)
"""Panels that share the room beside the image; the style decides which are always visible."""
COMPACT = 20
"""Lines of the terminal below which the prediction is described in one line."""
IMAGE = "image"
"""Page of a small terminal with the image alone."""
EVALUATED_ONCE = "These images are evaluated once, not after each epoch."
BEFORE_EPOCHS = "Each validated epoch adds its prediction here; the first is still to come."
EpochsRead = dict[int, tuple[EpochEnded, Predictions]]
"""Epoch -> its event, which a roll back replaces, and its predictions."""


class Saliency(Enum):
    """The class whose heat map is drawn over the image."""

    NONE = "none"
    PREDICTED = "predicted"
    TRUE = "true"
    CHOSEN = "chosen"


class DigitScreen(ExplainScreen):
    """Pages through a list of digits. Another epoch shows the same digits with its predictions."""

    BINDINGS = bindings("digit")
    KEY_GROUPS = ("digit", "travel", "pages", "run", "steering", "screens", "everywhere")
    CSS_PATH = "digit_screen.tcss"

    class Answered(Message):
        """The engine has sent a heat map, or an error message."""

    class EpochsLoaded(Message):
        """The predictions of the recent epochs are loaded."""

        def __init__(self, epochs: EpochsRead) -> None:
            super().__init__()
            self.epochs = epochs

    def __init__(
        self, session: RunSession, digits: DigitList, position: int, on_move: Callable[[int], None] | None = None
    ) -> None:
        super().__init__(session)
        self.digits = digits
        """List to page through; never empty."""
        self._opened = digits
        self.position = position
        """Position of the current digit in the list."""
        self._on_move = on_move
        self._epochs: EpochsRead = {}
        self._requested_epochs: list[EpochEnded] = []
        self._saliency = Saliency.NONE
        self._method = DEFAULT_METHOD
        self._layer = ""
        self._chosen: int | None = None
        self._answers = Answers(session, lambda: self.post_message(self.Answered()))
        self._results: dict[str, str] = {}

    def compose_body(self) -> ComposeResult:
        with Container(id="body"):
            with Container(id="left"):
                yield DigitImage()
                yield HeatMapLegend(id="legend")
                gallery = Gallery(can_focus=False)
                gallery.border_title = "This list"
                yield gallery
            with Container(id="right"):
                with Container(id="prediction"):
                    yield Static(id="words")
                    yield ProbabilityBars()
                yield ImageGrid("neighbours")
                with Container(id="epochs"):
                    yield Static(id="once")
                    yield ProbabilityCurves()
                    yield EpochPredictions()
                yield ImageGrid("variants")

    def travel_points(self) -> list[EvaluationPoint]:
        return [point for point in self.session.points() if point.split == self.digits.point.split]

    def subject(self, view: RunView) -> str:  # noqa: ARG002 (the slider shows the epoch)
        place, words = f"{self.position + 1:,} of {len(self.digits):,}", query_words(self.digits.wanted)
        return f"{words} · {place}" if self.is_narrow else f"image {place}  {words} · {self.digits.split}"

    def show(self, view: RunView) -> None:
        self.ask_for_predictions(view)
        self._show_digit()
        recent = view.history.epochs[-RECENT_EPOCHS:]
        if self._has_epochs and not _same(recent, self._requested_epochs):
            self._requested_epochs = recent
            self._load_epochs(recent)
        self.request_explanation(view)
        self._show_explanation(view)
        self.show_page()

    def take_predictions(self) -> None:
        found, index = self.findings, self._digit.index
        if found is not None and found.predictions.point.split == self.digits.point.split:
            digits = self._opened.at(found)
            position = digits.position_of(index)
            if position is not None:
                self.digits, self.position = digits, position
            elif not self.follows:  # else the last prediction stays, with its step
                self.problem = "it has no prediction of this image"
        if len(self._epochs) < len(self._requested_epochs):
            self._requested_epochs = []  # some files were unreadable; try again
        self.catch_up()

    def _show_digit(self) -> None:
        digits, digit, colours = self.digits, self._digit, palette_of(self)
        self.session.at_hand = digit.at_hand
        self.query_one(DigitImage).border_title = f"#{digit.index:05d}"
        words = heading(digits, digit, colours, " " if self.is_narrow else "\n")
        if self.size.height < COMPACT:
            words = prediction_words(digits, digit, colours)
        learning = learning_sentence(digits.findings, int(digits.rows[self.position]))
        if self.problem and self.asked is not None:
            words = Text(f"{self.asked.words} cannot be shown: {self.problem}", paint(colours.wrong))
            words.append(f"\nThis is {digits.when}.", paint(colours.quiet))
        elif learning and self.size.height >= COMPACT:
            words.append(f"\n{learning}", paint(colours.quiet))
        self.query_one("#words", Static).update(words)
        probabilities = tuple(float(each) for each in digit.probabilities)
        bars = ClassProbabilities(probabilities, digits.names, digit.true, digit.predicted)
        self.query_one(ProbabilityBars).shown = bars
        once = self.query_one("#once", Static)
        once.display = not self._has_epochs or not self.session.view.history.epochs
        once.update(BEFORE_EPOCHS if self._has_epochs else EVALUATED_ONCE)
        self.query_one(EpochPredictions).predictions = self._epoch_predictions(digit)
        self.query_one(ProbabilityCurves).show(self._probability_history(digit))
        gallery = self.query_one(Gallery)
        if gallery.display:
            if gallery.digits is not digits:
                gallery.show(digits)
            gallery.go_to(self.position)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "previous":
            return self.position > 0
        if action == "next":
            return self.position < len(self.digits) - 1
        return super().check_action(action, parameters)

    def action_previous(self) -> None:
        self._go_to(self.position - 1)

    def action_next(self) -> None:
        self._go_to(self.position + 1)

    def action_next_overlay(self) -> None:
        """Draw the heat map of the next class over the image, or none; without a model, show what it waits for."""
        if not self._has_model():
            return
        left_out = {Saliency.TRUE} if self._digit.true == self._digit.predicted else set()
        left_out |= {Saliency.CHOSEN} if self._chosen is None else set()
        kinds = [each for each in Saliency if each not in left_out]
        following = kinds.index(self._saliency) + 1 if self._saliency in kinds else 0
        self._saliency = kinds[following % len(kinds)]
        self.catch_up()

    def action_choose_heat_map(self) -> None:
        """Choose the method, class and layer of the heat map."""
        if not self._has_model():
            return
        started = self.session.view.history.started
        layers = [each.name for each in started.layers if "Conv" in each.kind] if started else []
        target = self._target if self._target is not None else self._digit.predicted
        choice = HeatMapChoice(self._method, target, self._layer)
        probabilities = tuple(float(each) for each in self._digit.probabilities)
        self.app.push_screen(ChooseHeatMap(choice, self.digits.names, probabilities, layers), self._take_choice)

    def action_smallest_change(self) -> None:
        """Open the screen that changes this image until its prediction turns."""
        digit, margin = self._digit, self.digits.predictions.margin
        self.app.push_screen(SmallestChangeScreen(self.session, digit.at_hand, self.digits.names, margin))

    def _take_choice(self, choice: HeatMapChoice | None) -> None:
        if choice is not None:
            self._method, self._layer, self._chosen = choice.method, choice.layer, choice.target
            self._saliency = Saliency.CHOSEN
            self.catch_up()

    def _has_model(self) -> bool:
        """Return True if there is a model for a heat map; otherwise show what it waits for."""
        if self.explanation is None:
            self.notify(f"The heat map needs the model: {self.explanation_status(self.session.view)}", markup=False)
        return self.explanation is not None

    @property
    def _target(self) -> int | None:
        """The class of the heat map; None for the predicted one."""
        return {Saliency.TRUE: self._digit.true, Saliency.CHOSEN: self._chosen}.get(self._saliency)

    def on_digit_screen_answered(self) -> None:
        self.catch_up()

    def on_unmount(self) -> None:
        super().on_unmount()
        self._answers.close()

    def on_gallery_digit_opened(self, event: Gallery.DigitOpened) -> None:
        self._go_to(event.position)

    def on_digit_screen_epochs_loaded(self, event: EpochsLoaded) -> None:
        self._epochs = event.epochs
        self._show_digit()

    @work(thread=True, exclusive=True, group="epochs")
    def _load_epochs(self, recorded: list[EpochEnded]) -> None:
        epochs: EpochsRead = {}
        for event in recorded:
            known = self._epochs.get(event.epoch)
            if known is not None and known[0] is event:
                epochs[event.epoch] = known
                continue
            try:
                read = self.session.predictions(event.epoch)
            except RunError:
                continue  # show the other epochs
            epochs[event.epoch] = (event, read)
        self.post_message(self.EpochsLoaded(epochs))

    @property
    def _digit(self) -> Digit:
        return self.digits.digit(self.position)

    @property
    def _has_epochs(self) -> bool:
        """Return True if the digits are evaluated after every epoch, and not only once."""
        return self.digits.point.split == VALIDATION

    @property
    def explain_request(self) -> Explain:
        digit = self._digit
        given = None if digit.split in OWN_SPLITS else GivenDigit(digit.image.tobytes(), digit.true)
        return Explain(digit.split, digit.index, given)

    @property
    def pages(self) -> tuple[str, ...]:
        """The pages that share the room at this size; empty if all fit."""
        width, height = self.app.size
        if width >= self.HORIZONTAL_BREAKPOINTS[3][0] and height >= self.VERTICAL_BREAKPOINTS[2][0]:
            return ()
        pages = (IMAGE, *PAGES) if self.is_small else PAGES if self.is_narrow else PAGES[1:]
        return pages if self._has_epochs else tuple(page for page in pages if page != "epochs")

    def show_page(self) -> None:
        pages, current = self.pages, self.page
        hide(self.query_one("#left"), self.is_small and current != IMAGE)
        hide(self.query_one("#right"), current == IMAGE)
        for page in PAGES:
            panel = self.query_one(f"#{page}")
            panel.set_class(page == current, "-shown")
            following = pages[(pages.index(page) + 1) % len(pages)] if page in pages else ""
            panel.border_subtitle = f"Tab: {following}" if following else ""
            panel.border_title = Content(" · ".join(filter(None, (TITLES[page], self._results.get(page, "")))))

    def _show_explanation(self, view: RunView) -> None:
        digit, explanation, names = self._digit, self.explanation, self.digits.names
        image = self.query_one(DigitImage)
        neighbours, variants = (self.query_one(f"#{page}", ImageGrid) for page in ("neighbours", "variants"))
        shape, margin = digit.image.shape, self.digits.predictions.margin
        if explanation is None:
            status = self.explanation_status(view)
            image.show(digit.image, margin)
            image.border_subtitle = Content(self.session.model_loader.progress)
            self.query_one(HeatMapLegend).show(None)
            neighbours.show(status, shape, margin)
            variants.show(status, shape, margin)
            self._results = {}
            return
        predicted = int(np.argmax(explanation.probabilities))
        self._show_heat_map(view, explanation)
        neighbours.show(neighbour_images(explanation, digit.true, predicted, names), shape, margin)
        variants.show(variant_images(explanation, digit.true, names), shape, margin)
        self._results = {
            "neighbours": neighbour_title(explanation, names),
            "variants": variant_title(explanation, digit.true),
        }

    def _show_heat_map(self, view: RunView, explanation: Explanation) -> None:
        digit, margin = self._digit, self.digits.predictions.margin
        image, legend = self.query_one(DigitImage), self.query_one(HeatMapLegend)
        image.border_subtitle = "h: heat map"
        if self._saliency is Saliency.NONE:
            image.show(digit.image, margin)
            legend.show(None)
            return
        outcome = self._answers.get(self._heat_map_request, view)
        if not isinstance(outcome, Attribution):
            image.show(digit.image, margin)
            legend.show(sanitize(outcome) if isinstance(outcome, str) else "computing the heat map …")
            return
        values = outcome.map.array()
        image.show(digit.image, margin, SaliencyOverlay(quantized(values), palette_of(self).needs_signs))
        legend.show(Legend(outcome.method, outcome.layer, self.digits.names[outcome.target], float(abs(values).max())))
        image.border_subtitle = Content("@: method" if self.is_narrow else f"model of epoch {explanation.epoch}")

    @property
    def _heat_map_request(self) -> Attribute:
        layer = self._layer if METHODS[self._method].needs_layer else ""
        return Attribute(self._digit.image.tobytes(), self._method, self._target, layer)

    def _go_to(self, position: int) -> None:
        self.position = position
        self.catch_up()
        if self._on_move is not None:
            self._on_move(position)

    def _probability_history(self, digit: Digit) -> ProbabilityHistory | None:
        found = self._epoch_probabilities(digit)
        if not found:
            return None
        probabilities = tuple(tuple(map(float, each)) for each in found.values())
        return ProbabilityHistory(tuple(found), probabilities, digit.true, digit.predicted, self.digits.names)

    def _epoch_predictions(self, digit: Digit) -> tuple[EpochPrediction, ...]:
        return tuple(
            EpochPrediction(
                epoch=epoch,
                predicted=self.digits.names[int(each.argmax())],
                confidence=float(each.max()),
                correct=int(each.argmax()) == digit.true,
                is_current=epoch == self.digits.point.epoch,
            )
            for epoch, each in self._epoch_probabilities(digit).items()
        )

    def _epoch_probabilities(self, digit: Digit) -> dict[int, NDArray[np.floating[Any]]]:
        """Return the digit's probabilities after each epoch that has predicted it."""
        rows = {epoch: np.flatnonzero(read.indices == digit.index) for epoch, (_, read) in self._epochs.items()}
        return {epoch: self._epochs[epoch][1].probabilities[found[0]] for epoch, found in rows.items() if found.size}


def _same(events: list[EpochEnded], others: list[EpochEnded]) -> bool:
    return len(events) == len(others) and all(one is other for one, other in zip(events, others, strict=True))
