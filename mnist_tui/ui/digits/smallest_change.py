"""Screen of the smallest change that turns the prediction for an image, by two norms."""

import numpy as np
from numpy.typing import NDArray
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Container, Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from mnist_tui.analysis.smallest_change import NORMS
from mnist_tui.control.protocol import Perturb, Perturbation
from mnist_tui.render.text import percent, sanitize
from mnist_tui.ui.digits.answers import Answers
from mnist_tui.ui.digits.digit_image import DigitImage, SaliencyOverlay
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.run.model_screen import ModelScreen
from mnist_tui.ui.session import ImageAtHand, RunSession, RunView
from mnist_tui.ui.shared.paint import paint, palette_of

TALL = 34
"""Lines of the terminal from which both norms are shown."""


class SmallestChangeScreen(ModelScreen):
    """The image, the changed image and their difference, for the L2 and the L∞ norm."""

    BINDINGS = bindings("change")
    KEY_GROUPS = ("change", "pages", "run", "steering", "screens", "everywhere")
    CSS_PATH = "smallest_change.tcss"
    PAGES = tuple(f"#{norm}" for norm in NORMS)

    class Answered(Message):
        """The engine has sent a result, or an error message."""

    def __init__(self, session: RunSession, at_hand: ImageAtHand, names: tuple[str, ...], margin: int) -> None:
        super().__init__(session)
        self._at_hand = at_hand
        self._names = names
        self._margin = margin
        """Pixels at each side of the image that may be cut off."""
        self._target: int | None = None
        """Class to turn the prediction into; None: the runner-up."""
        self._answers = Answers(session, lambda: self.post_message(self.Answered()))
        self._found: dict[str, Perturbation] = {}

    def compose_body(self) -> ComposeResult:
        with Container(id="body"):
            yield Static(id="words")
            for norm in NORMS:
                with Horizontal(id=norm):
                    for part in ("original", "changed", "difference"):
                        yield DigitImage(id=f"{norm}-{part}")

    @property
    def pages(self) -> tuple[str, ...]:
        return self.PAGES if self.is_small or self.app.size.height < TALL else ()

    def on_unmount(self) -> None:
        self._answers.close()

    def on_smallest_change_screen_answered(self) -> None:
        self.catch_up()

    def subject(self, view: RunView) -> str:  # noqa: ARG002
        return f"smallest change of {self._at_hand.title}"

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "turn_target":
            return bool(self._found) and len(self._names) > 2
        return super().check_action(action, parameters)

    def action_turn_target(self, step: int) -> None:
        """Turn the prediction into the next (1) or the previous (-1) class."""
        found = next(iter(self._found.values()))
        predicted = int(np.argmax(found.probabilities))
        others = [each for each in range(len(self._names)) if each != predicted]
        self._target = others[(others.index(found.target) + step) % len(others)]
        self.catch_up()

    def show(self, view: RunView) -> None:
        problem, waiting = self.missing_model(view), False
        if not problem and view.history.best_epoch is None:
            problem = "no epoch is validated yet"
        for norm in NORMS:
            outcome = None
            if not waiting:  # one request at a time, the first norm first
                outcome = self._answers.get(Perturb(self._at_hand.image.tobytes(), norm, self._target), view)
            waiting = waiting or outcome is None
            if isinstance(outcome, Perturbation):
                self._found[norm] = outcome
            elif isinstance(outcome, str):
                problem = problem or sanitize(outcome)
            self._show_row(norm, outcome if isinstance(outcome, Perturbation) else None)
        self.query_one("#words", Static).update(self._words(problem))

    def _words(self, problem: str) -> Text:
        colours = palette_of(self)
        found = next(iter(self._found.values()), None)
        words = Text()
        if found is not None:
            predicted = int(np.argmax(found.probabilities))
            target = found.target if self._target is None else self._target
            words.append("Smallest change found that turns ")
            words.append(self._names[predicted], paint(colours.foreground, bold=True)).append(" into ")
            words.append(self._names[target], paint(colours.predicted_class, bold=True))
            words.append(", the runner-up" if self._target is None else "")
            words.append("; sizes in grey levels of 255  ", paint(colours.quiet))
            plus, minus = ("+", "-") if colours.needs_signs else ("■", "■")
            words.append(f"{plus} brighter", paint(colours.success)).append("  ")
            words.append(f"{minus} darker", paint(colours.wrong))
        if problem:
            words.append("\n" if words else "").append(problem, paint(colours.quiet))
        return words

    def _show_row(self, norm: str, found: Perturbation | None) -> None:
        image, title = self._at_hand.image, NORMS[norm].title
        original, changed, difference = (
            self.query_one(f"#{norm}-{part}", DigitImage) for part in ("original", "changed", "difference")
        )
        original.border_title, changed.border_title, difference.border_title = (
            "Image",
            f"Changed, {title}",
            "Difference",
        )
        original.show(image, self._margin)
        original.border_subtitle = self._prediction(found.probabilities) if found is not None else ""
        if found is None or found.image is None:
            blank = np.zeros_like(image)
            changed.show(blank, self._margin)
            difference.show(blank, self._margin)
            changed.border_subtitle = "searching …" if found is None else "none found"
            difference.border_subtitle = ""
            return
        other = np.frombuffer(found.image, np.uint8).reshape(image.shape)
        changed.show(other, self._margin)
        changed.border_subtitle = self._prediction(found.changed)
        change = other.astype(np.int16) - image
        factor = 255 / max(1, int(np.abs(change).max()))
        overlay = SaliencyOverlay(_signed(change, factor), palette_of(self).needs_signs)
        difference.show(np.zeros(image.shape[:2], np.uint8), self._margin, overlay)
        difference.border_title = f"×{factor:.1f}" if self.is_small else f"Difference ×{factor:.1f}"
        size = f"{found.size:.1f}" if norm == "l2" else f"{found.size:.0f}"
        difference.border_subtitle = f"{title} {size}" if self.is_small else f"{title} {size} grey levels"

    def _prediction(self, probabilities: tuple[float, ...]) -> Content:
        predicted = int(np.argmax(probabilities))
        return Content(f"{self._names[predicted]}  {percent(probabilities[predicted], 1)}")


def _signed(change: NDArray[np.int16], factor: float) -> bytes:
    """Return a change as one signed byte per pixel; of RGB pixels the change of the channel that changed most."""
    if change.ndim == 3:
        most = np.abs(change).argmax(axis=-1)[..., np.newaxis]
        change = np.take_along_axis(change, most, axis=-1)[..., 0]
    signed: NDArray[np.int8] = np.rint(change * (factor * 127 / 255)).astype(np.int8)
    return signed.tobytes()
