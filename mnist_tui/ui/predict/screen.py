"""Screen that predicts image files: photographs of handwriting, images of any size, and arrays."""

from dataclasses import replace
from pathlib import Path

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message
from textual.widgets import Input, Static, Tree
from textual.widgets.directory_tree import DirEntry

from mnist_tui.analysis.handwriting import Handwriting
from mnist_tui.config import ConfigError
from mnist_tui.inspection.figures import class_names
from mnist_tui.inspection.pictures import is_picture
from mnist_tui.inspection.predicting import Prediction, Target, Threshold, boxed, default_threshold
from mnist_tui.render.text import percent, sanitize
from mnist_tui.runs.directory import RunError
from mnist_tui.settings import user_path
from mnist_tui.ui.digits.digit_image import DigitImage
from mnist_tui.ui.digits.probability_bars import ClassProbabilities, ProbabilityBars
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.predict.file_tree import FileTree
from mnist_tui.ui.predict.predict_client import FileRequest, PredictClient, PredictedFile
from mnist_tui.ui.predict.steps_view import StepsView
from mnist_tui.ui.run.model_screen import ModelScreen
from mnist_tui.ui.session import RunSession, RunView
from mnist_tui.ui.shared.limited_input import LimitedInput
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.shared.sized_screen import hide

MOST_NAMES = 12
"""Classes of a file that its line in the list names."""
CHOOSE = "Choose an image file: PNG, JPEG, GIF, BMP, TIFF, WebP, PNM or .npy."


class PredictScreen(ModelScreen):
    """Predicts the file under the cursor, then the others of its folder."""

    BINDINGS = bindings("predict")
    KEY_GROUPS = ("files", "predict", "pages", "run", "steering", "screens", "everywhere")
    CSS_PATH = "screen.tcss"
    PAGES = ("#list", "#prediction", "#steps")

    class Predicted(Message):
        """A file has been read, and predicted if there is a model."""

        def __init__(self, request: FileRequest, outcome: PredictedFile) -> None:
            super().__init__()
            self.request = request
            self.outcome = outcome

    def __init__(self, session: RunSession, folder: Path | None = None) -> None:
        super().__init__(session)
        self._folder = folder or Path.cwd()
        self._file: Path | None = None
        self._position = 0
        """Position of the current image among those of the file."""
        self._outcomes: dict[FileRequest, PredictedFile] = {}
        self._pending: FileRequest | None = None
        """Request that the engine carries out."""
        self._prepared: FileRequest | None = None
        """Last request to the reader."""
        self._reader: PredictClient | None = None
        """Prepares images at once, while the model loads."""
        self._client: PredictClient | None = None
        self._threshold = Threshold(0.0, "")
        self._drawn: tuple[object, ...] = ()
        """Picture, image, size and colours that are drawn."""
        self._problem = ""
        try:
            target = Target.of(session.run)
        except RunError as error:
            self._problem = str(error)
        else:
            self._threshold = default_threshold(session.run, session.view.history)
            self._reader, self._client = (
                PredictClient(session.run, target, self._threshold.value, self._take_outcome) for _ in range(2)
            )

    def compose_body(self) -> ComposeResult:
        with Container(id="body"):
            with Container(id="list") as files:
                files.border_title = "Image files"
                yield LimitedInput(str(self._folder), id="path", compact=True)
                yield FileTree(self._folder)
            with Container(id="result"):
                with Container(id="prediction") as prediction:
                    prediction.border_title = "Prediction"
                    yield Static(id="words")
                    with Container(id="figures"):
                        yield DigitImage()
                        yield ProbabilityBars()
                steps = StepsView()
                steps.border_title = "Steps to the model's input"
                yield steps

    def on_mount(self) -> None:
        self.query_one(FileTree).focus()

    @property
    def pages(self) -> tuple[str, ...]:
        if self.is_small:
            return self.PAGES
        return self.PAGES[1:] if self.app.size.height < self.VERTICAL_BREAKPOINTS[1][0] else ()

    def show_page(self) -> None:
        pages = self.pages
        for page in self.PAGES:
            hide(self.query_one(page), page in pages and page != self.page)
        hide(self.query_one("#result"), self.page == "#list")
        for page, other in (("#prediction", "steps"), ("#steps", "prediction")):
            self.query_one(page).border_subtitle = f"Tab: {other}" if page in pages and not self.is_small else ""

    def focus_path(self) -> None:
        """Go to the path, where the user can type."""
        self.query_one("#path").focus()

    def on_unmount(self) -> None:
        for client in (self._reader, self._client):
            if client is not None:
                client.close()

    def subject(self, view: RunView) -> str:
        best = view.history.best_epoch
        return f"image files · model of epoch {best.epoch}" if best is not None else "image files"

    def show(self, view: RunView) -> None:
        if self._file is not None:
            self._request(self._file)
            if self._outcome is None:
                self._prepare(self._file)
        else:
            self._request_next()
        self._show_file(view)

    @on(Tree.NodeHighlighted)
    def _moved(self, event: Tree.NodeHighlighted[DirEntry]) -> None:
        path = event.node.data.path if event.node.data is not None else None
        if path is not None and is_picture(path) and path != self._file:
            self._file, self._position = path, 0
            for request in [each for each, outcome in self._outcomes.items() if each.path == path and outcome.problem]:
                del self._outcomes[request]  # so that going back to a file retries
            self.catch_up()

    @on(Input.Submitted, "#path")
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        try:
            path = user_path(event.value, "path")
        except ConfigError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        if not path.exists():
            self.notify(f"{path} cannot be found: give a file or a folder", severity="error", markup=False)
            return
        tree = self.query_one(FileTree)
        tree.path = path if path.is_dir() else path.parent
        if not path.is_dir():
            self._file, self._position = path, 0
        tree.focus()
        self.catch_up()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "previous":
            return self._position > 0
        if action == "next":
            return self._position < len(self._images) - 1
        return super().check_action(action, parameters)

    def action_previous(self) -> None:
        """Show the previous image of the file."""
        self._position -= 1
        self.catch_up()

    def action_next(self) -> None:
        """Show the next image of the file."""
        self._position += 1
        self.catch_up()

    def on_predict_screen_predicted(self, event: Predicted) -> None:
        request, outcome = event.request, event.outcome
        self._outcomes[request] = outcome
        if self._pending == request:
            self._pending = None
        if outcome.predictions:
            names = class_names(self.session.view.history, len(outcome.predictions[0].probabilities))
            words = [names[each.ranked[0]] for each in outcome.predictions[:MOST_NAMES]]
            text = ("" if max(map(len, words)) == 1 else " ").join(words)
            if len(outcome.predictions) > MOST_NAMES:
                text += "…"
            self.query_one(FileTree).mark(
                request.path, text, is_doubtful=any(each.doubts for each in outcome.predictions)
            )
        elif outcome.problem and not outcome.pictures:
            self.query_one(FileTree).mark(request.path, "✗", is_doubtful=True)
        self._request_next()
        self.catch_up()

    def _take_outcome(self, request: FileRequest, outcome: PredictedFile) -> None:
        if request.epoch is not None:
            self.session.model_loader.finish("" if outcome.predictions else outcome.problem)
        self.post_message(self.Predicted(request, outcome))

    def _request_of(self, path: Path) -> FileRequest:
        view = self.session.view
        best = view.history.best_epoch
        try:
            changed = path.stat().st_mtime_ns
        except OSError:
            changed = 0
        return FileRequest(path, changed, best.epoch if best is not None and view.has_engine else None)

    def _request(self, path: Path) -> bool:
        """Request the prediction of a file, unless it is known; return True if it was requested."""
        request = self._request_of(path)
        if self._client is None or request.epoch is None or request in self._outcomes or request == self._pending:
            return False
        self._pending = request
        self._client.request(request)
        return True

    def _prepare(self, path: Path) -> None:
        """Request the images of a file, unless they are known."""
        request = replace(self._request_of(path), epoch=None)
        if self._reader is not None and request != self._prepared and request not in self._outcomes:
            self._prepared = request
            self._reader.request(request)

    def _request_next(self) -> None:
        """Request the next file that is listed, if nothing else is to be done."""
        if self._pending is not None or not self.session.view.has_engine:
            return
        tree = self.query_one(FileTree)
        for node in tree.root.children:
            if node.data is not None and is_picture(node.data.path) and self._request(node.data.path):
                return

    @property
    def _outcome(self) -> PredictedFile | None:
        """Outcome for the current file; without a model, its images only."""
        if self._file is None:
            return None
        request = self._request_of(self._file)
        known = [each for each in self._outcomes if each.path == self._file]
        return self._outcomes[request] if request in self._outcomes else self._outcomes[known[-1]] if known else None

    @property
    def _images(self) -> list[tuple[Handwriting, int]]:
        """Each image of the current file: its picture, and its position in it."""
        outcome = self._outcome
        pictures = outcome.pictures if outcome is not None else ()
        return [(picture, place) for picture in pictures for place in range(len(picture.digits))]

    def _show_file(self, view: RunView) -> None:
        outcome, images = self._outcome, self._images
        self._position = min(self._position, max(0, len(images) - 1))
        prediction = None
        if outcome is not None and outcome.predictions:
            prediction = outcome.predictions[self._position]
        handwriting, place = images[self._position] if images else (None, 0)
        self.query_one("#words", Static).update(self._words(view, outcome, prediction, handwriting, len(images)))
        figures, steps = self.query_one("#figures"), self.query_one(StepsView)
        figures.display = handwriting is not None
        steps.show(handwriting, place)
        picture = self.query_one(DigitImage)
        drawn = handwriting, place, picture.size, palette_of(self)
        if handwriting is not None and picture.size.area and drawn != self._drawn:
            picture.show(boxed(handwriting, place, *picture.size, palette_of(self).predicted_class.rgb), 0)
            self._drawn = drawn
        bars = self.query_one(ProbabilityBars)
        if prediction is None:
            bars.shown = None
        else:
            names = class_names(view.history, len(prediction.probabilities))
            first, second, *_ = prediction.ranked
            bars.shown = ClassProbabilities(
                prediction.probabilities, names, second, first, true_role="runner-up", true_colour="foreground"
            )

    def _words(
        self,
        view: RunView,
        outcome: PredictedFile | None,
        prediction: Prediction | None,
        handwriting: Handwriting | None,
        count: int,
    ) -> Text:
        colours = palette_of(self)
        quiet = paint(colours.quiet)
        if self._problem:
            return Text(sanitize(self._problem), paint(colours.wrong))
        if self._file is None:
            return Text(CHOOSE, quiet)
        name = sanitize(self._file.name)
        if outcome is None:
            return Text.assemble((name, "bold"), ("  reading …", quiet))
        lines = [Text(name, "bold")]
        if prediction is not None:
            names = class_names(view.history, len(prediction.probabilities))
            first = prediction.ranked[0]
            words = Text.assemble(
                (f"{sanitize(names[first])}  {percent(prediction.probabilities[first], 1)}", "bold"),
                (f"   image {self._position + 1} of {count}" if count > 1 else "", quiet),
            )
            lines.append(words)
            if prediction.doubts:
                reasons = [*prediction.doubts]
                if prediction.is_unsure:
                    reasons[0] += f" (below {percent(self._threshold.value, 1)})"
                lines.append(Text(", ".join(reasons), paint(colours.wrong, bold=True)))
        elif handwriting is not None:
            missing = self.missing_model(view) or ("" if outcome.problem else "predicting …")
            lines.append(Text(missing, quiet))
        if outcome.problem:
            lines.append(Text(sanitize(outcome.problem), paint(colours.wrong)))
        if handwriting is not None:
            lines += [Text(note, quiet) for note in handwriting.notes]
        if outcome.left_out:
            lines.append(Text(f"{outcome.left_out:,} more images: `mnist-tui predict` takes them all", quiet))
        return Text("\n").join(lines)
