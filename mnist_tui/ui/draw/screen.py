"""Draw screen: a digit drawn with the mouse or the keys, and what the model predicts for it."""

from pathlib import Path

import numpy as np
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static

from mnist_tui.analysis.centring import MnistView, as_mnist
from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.config import ConfigError
from mnist_tui.control.protocol import PredictedImages, Weights
from mnist_tui.export.into_run import exports_folder
from mnist_tui.inspection.figures import class_names
from mnist_tui.inspection.predicting import Target
from mnist_tui.render.text import sanitize
from mnist_tui.runs.directory import RunError
from mnist_tui.runs.mine import add_to_mine
from mnist_tui.runs.status import Status
from mnist_tui.ui.digits.digit_image import DigitImage
from mnist_tui.ui.draw.bars import PairBars, PredictedPair
from mnist_tui.ui.draw.canvas import SHADES, Canvas
from mnist_tui.ui.draw.dialogs import LabelDrawingScreen, LoadImageScreen, SaveDrawingScreen
from mnist_tui.ui.draw.draw_client import DrawClient, DrawRequest
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.run.model_screen import ModelScreen
from mnist_tui.ui.session import ImageAtHand, RunSession, RunView
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.steering.steering import notify

DRAWING = "your drawing"
"""Title of the drawing on other screens."""
HOW_TO_DRAW = "Drag with the mouse to draw, with its right button to erase. Or by keys: Space, then ← ↓ ↑ →."
BEFORE_A_STROKE = "Draw a digit: its prediction appears here after every stroke."
RIGHT_COLUMNS = 50
"""Least columns of the predictions."""
HINT_LINES = 4
"""Lines below the canvas."""
STROKE_SECONDS = 1.0
"""Time in the middle of a stroke after which it is predicted: requests slow a training, and bars are many bytes."""
REST_SECONDS = 0.4
"""Time without a stroke after which the centred drawing is shown again: it takes more bytes than all else."""
REFRESH_SECONDS = 2.0
"""Time after which a drawing that rests is predicted again by a model in training."""
HINT, STEPS = "#hint", "#steps"
MARGIN = 2
"""Pixels of the centred image that may be cut off at each side."""


class DrawScreen(ModelScreen):
    """Predicts the drawing after every stroke by the model in training, or by the best one after the run's end."""

    BINDINGS = bindings("draw")
    KEY_GROUPS = ("canvas", "draw", "pages", "run", "steering", "screens", "everywhere")
    CSS_PATH = "screen.tcss"
    PAGES = ("#left", "#bars", "#view")

    class TargetLoaded(Message):
        """The shape of the run's images is known, or why it is not."""

        def __init__(self, target: Target | str) -> None:
            super().__init__()
            self.target = target

    class Predicted(Message):
        """The engine has predicted a drawing, or sent an error message."""

        def __init__(self, request: DrawRequest, outcome: PredictedImages | str) -> None:
            super().__init__()
            self.request = request
            self.outcome = outcome

    def __init__(self, session: RunSession) -> None:
        super().__init__(session)
        self._client = DrawClient(session.run, self._take_outcome)
        self._target: Target | None = None
        self._canvas: Canvas | None = None
        """None until the shape of the run's images is known."""
        self._problem = ""
        """Reason why nothing can be drawn, or why there is no prediction."""
        self._waiting: ImageAtHand | None = None
        """Image to draw on as soon as there is a canvas."""
        self._looked_at: ImageAtHand | None = None
        """Image that the user looked at last on another screen."""
        self._source = ""
        """Name of the image that was loaded into the canvas."""
        self._view: MnistView | None = None
        """The drawing as MNIST would see it; None if it is blank."""
        self._pending: DrawRequest | None = None
        self._requested_at = -1e9
        self._soon: Timer | None = None
        """Timer of the next request in the middle of a stroke."""
        self._rest: Timer | None = None
        """Timer until the centred drawing is shown, after each stroke but the first."""
        self._answered: DrawRequest | None = None
        self._pair: PredictedPair | None = None
        self._said: dict[str, object] = {}
        """Lines that are shown, by the selectors of their widgets."""
        self._model = ""
        """The model of the prediction shown."""

    def compose_body(self) -> ComposeResult:
        with Container(id="body"):
            with Container(id="left"):
                yield Static(id="hint")
            with Container(id="right") as right:
                right.border_title = "Prediction"
                with Container(id="view"):
                    yield DigitImage()
                    yield Static(id="steps")
                yield PairBars()

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self.catch_up())

    def on_screen_resume(self) -> None:
        if self.session.at_hand is not None and self.session.at_hand.title != DRAWING:
            self._looked_at = self.session.at_hand

    def on_unmount(self) -> None:
        self._client.close()

    def subject(self, view: RunView) -> str:
        return f"draw · {self._model or _model_words(view, None, view.progress.step)}"

    def load(self, image: ImageAtHand) -> None:
        """Take a copy of an image as the drawing."""
        canvas = self._canvas
        if canvas is None or self._target is None:
            self._waiting = image
            return
        ink = self._target.ink_of(image.image)
        if ink.shape != canvas.drawing.image.shape:
            height, width = canvas.drawing.image.shape
            notify(self.app, f"The canvas is {width}x{height}, {image.title} is not: load another image", "error")
            return
        self._source = image.title
        canvas.drawing.replace(ink)
        canvas.update()

    def show(self, view: RunView) -> None:
        is_worth_a_try = not self._problem or view.status.is_live
        if self._target is None and view.history.started is not None and is_worth_a_try:
            self._load_target()
        self._fit()
        if self._view is None and self._canvas is not None and self._pending is None:
            if self.session.model_loader.is_loading:
                self._request()  # the reply to a blank image, which is not shown, tells that the model is loaded
        elif self._view is not None and self._pending is None:
            is_due = self.session.clock() - self._requested_at >= REFRESH_SECONDS
            has_moved = self._answered is not None and view.progress.step != self._answered.step
            if (
                self._answered is None
                or self._answered.weights != _weights(view)
                or (view.status is Status.TRAINING and is_due and has_moved)
            ):  # no engine yet, or the run ended
                self._request()
        self._show_result()

    def show_page(self) -> None:
        super().show_page()
        if (canvas := self._canvas) is not None and not self.app.focused and self.page in ("", "#left"):
            canvas.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        canvas = self._canvas
        if action in ("erase", "edit", "width", "load_image"):
            if canvas is None:
                return False
            possible = {
                "undo": canvas.drawing.can_undo,
                "redo": canvas.drawing.can_redo,
                "clear": self._view is not None,
            }
            return possible.get(str(parameters[0]), True) if action == "edit" else True
        if action in ("save", "add_to_mine"):
            return self._view is not None
        return super().check_action(action, parameters)

    def action_erase(self) -> None:
        if (canvas := self._canvas) is not None:
            canvas.switch_eraser()

    def action_width(self, step: int) -> None:
        if (canvas := self._canvas) is not None:
            canvas.change_width(step)

    def action_edit(self, change: str) -> None:
        """Undo or redo a change of the drawing, clear or invert it."""
        if (canvas := self._canvas) is not None:
            getattr(canvas.drawing, change)()
            canvas.update()

    def action_load_image(self) -> None:
        """Ask for an image to draw on."""

        def load(image: ImageAtHand | None) -> None:
            if image is not None:
                self.load(image)

        self.app.push_screen(LoadImageScreen(self.session.run, self._looked_at), load)

    def action_save(self) -> None:
        """Ask for a path, and save the drawing as the model takes it."""

        def tell(paths: tuple[Path, Path] | None) -> None:
            if paths is not None:
                notify(self.app, f"The drawing is in {paths[0]} and {paths[1].name}")

        try:
            folder = exports_folder(self.session.run)
        except RunError as error:
            notify(self.app, str(error), "error")
        else:
            self.app.push_screen(SaveDrawingScreen(self._images()[0], folder), tell)

    def action_add_to_mine(self) -> None:
        """Ask for the class of the drawing, and add it to the set "mine"."""
        count = len(self._pair.names) if self._pair is not None else self._class_count
        names = tuple(map(sanitize, class_names(self.session.view.history, count)))
        probabilities = self._pair.probabilities[1] if self._pair is not None else (float("nan"),) * count
        image = self._images()[0]

        def add(label: int | None) -> None:
            if label is None:
                return
            try:
                path, total = add_to_mine(image, label, names)
            except (ConfigError, RunError) as error:
                notify(self.app, str(error), "error")
            else:
                notify(self.app, f"Added as {names[label]}: {path} holds {total:,} image{'s' * (total > 1)}")

        self.app.push_screen(LabelDrawingScreen(-1, names, probabilities), add)

    def on_canvas_changed(self, event: Canvas.Changed) -> None:
        if event.is_complete:
            if self._rest is not None:
                self._rest.stop()
            self._rest = self.set_timer(REST_SECONDS, self._show_centred) if self._view is not None else None
            self._predict()
        elif self._soon is None:
            self._soon = self.set_timer(STROKE_SECONDS, self._predict)

    def on_draw_screen_target_loaded(self, event: TargetLoaded) -> None:
        if isinstance(event.target, str):
            self._problem = event.target
        elif self._target is None:
            self._target = event.target
            self._canvas = Canvas(event.target.shape[:2])
            self.query_one("#left").mount(self._canvas, before="#hint")
            self.call_after_refresh(self._start_drawing)
        self.catch_up()

    def on_draw_screen_predicted(self, event: Predicted) -> None:
        outcome = event.outcome
        self.session.model_loader.finish(outcome if isinstance(outcome, str) else "")
        if event.request is self._pending:
            self._pending = None
        if self._view is None:
            self.catch_up()
            return
        self._answered = event.request
        if isinstance(outcome, str):
            self._pair, self._problem = None, outcome
        else:
            names = tuple(map(sanitize, class_names(self.session.view.history, len(outcome.probabilities[0]))))
            self._pair = PredictedPair(names, outcome.probabilities, outcome.distances, outcome.limit)
            self._problem = ""
            self._model = _model_words(self.session.view, outcome.epoch, event.request.step)
        self.catch_up()

    @work(thread=True, exclusive=True, group="target")
    def _load_target(self) -> None:
        outcome: Target | str
        try:
            self.session.record.check_is_own()
            outcome = Target.of(self.session.run)
        except RunError as error:
            outcome = str(error)
        self.post_message(self.TargetLoaded(outcome))

    def _take_outcome(self, request: DrawRequest, outcome: PredictedImages | str) -> None:
        self.post_message(self.Predicted(request, outcome))

    def _start_drawing(self) -> None:
        canvas = self._canvas
        if canvas is not None:
            is_rgb = self._target is not None and self._target.shape[2] == 3
            canvas.border_title = "Your drawing, in grey" if is_rgb else "Your drawing"
            canvas.focus()
        if self._waiting is not None:
            image, self._waiting = self._waiting, None
            self.load(image)
        self.catch_up()

    @property
    def _class_count(self) -> int:
        started = self.session.view.history.started
        return len(started.class_names) if started is not None and started.class_names else 10

    def _predict(self) -> None:
        """Centre the drawing and request its prediction."""
        if self._soon is not None:
            self._soon.stop()
            self._soon = None
        self._view = self._as_mnist()
        if self._view is None:
            self._pair, self._answered, self._source = None, None, ""
        else:
            self.session.at_hand = ImageAtHand(self._images()[0], DRAWING)
            if not self._request():
                self._pair = None  # it is the prediction of another drawing
        self.catch_up()

    def _as_mnist(self) -> MnistView | None:
        canvas = self._canvas
        try:
            return as_mnist(canvas.drawing.image) if canvas is not None else None
        except AnalysisError:
            return None

    def _images(self) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        """Return the drawing and its centred image in the layout of the run's data."""
        assert self._target is not None
        assert self._canvas is not None
        drawn = self._canvas.drawing.image
        return np.stack([self._target.image_of(each) for each in (drawn, self._view.image if self._view else drawn)])

    def _request(self) -> bool:
        """Request the prediction of the drawing; return False if there is no engine."""
        view = self.session.view
        if not view.has_engine:
            return False
        self._pending = DrawRequest(self._images(), _weights(view), view.progress.step)
        self._requested_at = self.session.clock()
        self._client.request(self._pending)
        return True

    def _fit(self) -> None:
        """Make the canvas as large as the room allows."""
        canvas, room = self._canvas, self.query_one("#body").size
        if canvas is None or not room.area:
            return
        left = self.query_one("#left")
        if self.is_small:
            canvas.fit(room.width, room.height - 1)
            left.styles.width = "1fr"
        else:
            left.styles.width = canvas.fit(room.width - RIGHT_COLUMNS, room.height - HINT_LINES)

    def _show_result(self) -> None:
        canvas = self._canvas
        view, bars = self._view, self.query_one(PairBars)
        self.set_class(view is None, "-blank")
        if canvas is None:
            self._say(HINT, "")
            bars.show(sanitize(self._problem) or "The canvas appears as soon as the run's data are loaded.")
            return
        self._say(HINT, f"drawn on a copy of {self._source}" if self._source else HOW_TO_DRAW)
        if view is None:
            bars.show("\n".join(filter(None, (BEFORE_A_STROKE, self.missing_model(self.session.view)))))
            return
        if self._rest is None and not canvas.is_dragging:
            step = 255 / (SHADES - 1)
            self.query_one(DigitImage).show((np.rint(view.image / step) * step).astype(np.uint8), MARGIN)
            self._say(STEPS, "As MNIST would see it", *view.steps)
        if self._pair is None:
            missing = self.missing_model(self.session.view) or sanitize(self._problem) or "predicting …"
            bars.show(missing)
            self.query_one("#right").border_subtitle = ""
            return
        bars.show(self._pair)
        limit = f"above {self._pair.limit:.3f}: unlike any validation image"
        self.query_one("#right").border_subtitle = limit if self._pair.distances else ""

    def _show_centred(self) -> None:
        self._rest = None
        self.catch_up()

    def _say(self, where: str, *lines: str) -> None:
        """Show lines, unless they are shown. Only those below the canvas change the layout."""
        colours = palette_of(self)
        if self._said.get(where) == (colours, lines):
            return
        self._said[where] = colours, lines
        first, rest = (lines[0], lines[1:]) if where == STEPS else ("", lines)
        text = Text.assemble((first, paint(colours.foreground, bold=True)), "\n" * bool(first))
        text.append("\n".join(rest), paint(colours.quiet))
        self.query_one(where, Static).update(text, layout=where == HINT)


def _weights(view: RunView) -> Weights:
    """Return the weights to ask: those that train, or the best ones after the end."""
    return "current" if view.status.is_live else "best"


def _model_words(view: RunView, epoch: int | None, step: int) -> str:
    """Return the name of the model whose weights are those of an epoch's end, or of a step (`epoch` is None)."""
    best = view.history.best_epoch
    if view.status.is_live and not epoch:
        return f"model in training, step {step:,}"
    epoch = epoch or (best.epoch if best is not None else None)
    return f"model of epoch {epoch}" if epoch else "no model yet"
