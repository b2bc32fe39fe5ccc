"""Map screen: the validation images in two dimensions, by the features of the last hidden layer."""

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

from mnist_tui.analysis.projection import ProjectionError, umap
from mnist_tui.analysis.query import Query, Term
from mnist_tui.control.protocol import Project, Projection, Reply, Weights
from mnist_tui.render.images import blank_margin
from mnist_tui.render.scatter import class_signs
from mnist_tui.render.text import clip, percent, sanitize
from mnist_tui.runs.directory import RunError
from mnist_tui.ui.digits.digit_image import DigitImage
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.map.points import MapPoints, ValidationImages, map_points
from mnist_tui.ui.map.scatter_view import ScatterView, class_colour
from mnist_tui.ui.messages import OpenDigits
from mnist_tui.ui.run.model_client import ModelClient
from mnist_tui.ui.run.weights_screen import WeightsScreen, weights_at
from mnist_tui.ui.session import ImageAtHand, RunSession, RunView
from mnist_tui.ui.shared.newest_first import NewestFirst
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.steering.steering import notify

Moment = tuple[Weights, float]
"""Weights, and the time of the event that made them; of weights in training, the number of epochs before."""
CACHED = 40
"""Maps that are kept, so that playing the epochs again asks for none."""


class UmapClient(NewestFirst[tuple[Moment, NDArray[np.float32]], NDArray[np.float32] | str]):
    """Computes one UMAP at a time; the outcome is an array (n, 2) or an error message."""

    def outcome(self, question: tuple[Moment, NDArray[np.float32]]) -> NDArray[np.float32] | str:
        try:
            return umap(question[1])
        except ProjectionError as error:
            return str(error)


class MapScreen(WeightsScreen):
    """Asks the engine for a projection with the weights of the epoch that all screens show."""

    BINDINGS = bindings("map", "run")  # Esc removes the mark before it goes back
    KEY_GROUPS = ("map", "travel", "cursor", "pages", "run", "steering", "screens", "everywhere")
    PAGES = ("ScatterView", "#side")
    CSS_PATH = "screen.tcss"

    class Replied(Message):
        """A projection, a UMAP or the images came."""

    def __init__(self, session: RunSession) -> None:
        super().__init__(session)
        self._client: ModelClient[Project] = ModelClient(session.run, self._take_reply)
        self._umap_client = UmapClient(self._take_umap)
        self._asked_moment: Moment | None = None
        """Weights that the engine was asked for last."""
        self._projections: dict[Moment, Projection | str] = {}
        self._umaps: dict[Moment, NDArray[np.float32]] = {}
        self._umap_asked: Moment | None = None
        self._wants_umap = False
        self._images: ValidationImages | str | None = None
        self._shown: tuple[object, ...] = ()
        self._points: MapPoints | None = None

    def compose_body(self) -> ComposeResult:
        yield Static(id="waiting")
        with Container(id="body"):
            yield ScatterView()
            with Container(id="side"):
                yield DigitImage()
                yield Static(id="words")
                yield Static(id="legend")

    def on_mount(self) -> None:
        self._read_images()

    def on_unmount(self) -> None:
        self._client.close()
        self._umap_client.close()

    @work(thread=True, exclusive=True, group="images")
    def _read_images(self) -> None:
        try:
            self._images = ValidationImages.read(self.session.run)
        except RunError as error:
            self._images = str(error)
        self.post_message(self.Replied())

    # What is shown

    def subject(self, view: RunView) -> str:  # noqa: ARG002
        return "map" if self.is_narrow else "map of the validation images"

    def moment(self, view: RunView) -> Moment:
        """Return the weights to show. Those in training are asked for again at the end of an epoch only."""
        weights = weights_at(view, self.point, follows=self.session.follows)
        epochs = view.history.epochs
        if weights == "current":
            return weights, float(len(epochs))
        best = view.history.best_epoch
        number = best.epoch if weights == "best" and best is not None else weights
        return weights, next((each.time for each in reversed(epochs) if each.epoch == number), 0.0)

    def show(self, view: RunView) -> None:
        self.ask_for_predictions(view)
        moment = self.moment(view)
        self._ask(view, moment)
        self._ask_for_umap(moment)
        self._update_points(moment)
        problem = self._problem(view, moment)
        is_missing = self._points is None or isinstance(self._projections.get(moment), str)
        self.set_class(is_missing, "-empty")
        if self._points is None or is_missing:
            self.query_one("#waiting", Static).update(problem)
            return
        scatter = self.query_one(ScatterView)
        scatter.show(self._points, class_signs(self._names()))
        scatter.border_title = Content(self._title(moment))
        scatter.border_subtitle = Content(problem or self._counts_words())
        if self.focused is None:
            scatter.focus()
        self._show_side()

    def take_predictions(self) -> None:
        self.catch_up()

    def _ask(self, view: RunView, moment: Moment) -> None:
        if not view.has_engine:
            self._asked_moment = None
        elif moment != self._asked_moment:
            self._asked_moment = moment
            if not isinstance(self._projections.get(moment), Projection):
                self._projections.pop(moment, None)
                self._client.request(Project(moment[0]))

    def _ask_for_umap(self, moment: Moment) -> None:
        projection = self._projections.get(moment)
        if not self._wants_umap or not isinstance(projection, Projection):
            return
        if moment not in self._umaps and moment != self._umap_asked:
            self._umap_asked = moment
            self._umap_client.request((moment, projection.components.array()))

    def _update_points(self, moment: Moment) -> None:
        """Build the points again if anything that they are made from changed; else keep them, also while waiting."""
        projection, images = self._projections.get(moment), self._images
        if not isinstance(projection, Projection) or not isinstance(images, ValidationImages):
            return
        places = self._umaps.get(moment) if self._wants_umap else None
        if self._wants_umap and places is None:
            return
        read = self.predictions
        is_same = read is not None and projection.epoch is not None and read.epoch == projection.epoch
        is_recorded = self.asked is not None and self.asked.epoch == projection.epoch
        if is_recorded and not is_same and not self.problem:
            return  # until the recorded predictions are read
        made_from = (id(projection), id(places), id(read) if is_same else None)
        if made_from == self._shown:
            return
        self._shown = made_from
        before = self._points
        self._points = map_points(projection, images, read if is_same else None, before, places)

    def _problem(self, view: RunView, moment: Moment) -> str:
        """Return why the map of these weights is not shown; empty if it is."""
        if isinstance(self._images, str):
            return f"The validation images cannot be shown: {sanitize(self._images)}"
        projection = self._projections.get(moment)
        if isinstance(projection, str):
            return sanitize(projection)
        if projection is None:
            return self.missing_model(view) or "Computing the features of the validation images …"
        return "UMAP takes some seconds …" if self._wants_umap and moment not in self._umaps else ""

    def _title(self, moment: Moment) -> str:
        projection = self._projections.get(moment)
        if not isinstance(projection, Projection):
            return "Map"
        when = f"step {projection.step:,}" if projection.epoch is None else f"epoch {projection.epoch}"
        features = f"{projection.dimensions:,} feature{'s' if projection.dimensions != 1 else ''}"
        if self._wants_umap:
            return f"UMAP of {features}, {when}"
        shares = " and ".join(percent(share, 0) for share in projection.shares[:2])
        words = f"PCA of {features}, {when}: {shares}"
        return words if self.is_narrow else f"{words} of the variance"

    def _counts_words(self) -> str:
        assert self._points is not None
        wrong, count = int(self._points.wrong.sum()), len(self._points.rows)
        if not self._points.places.any():
            return f"{count:,} images, all with the same features"
        words = f"{count:,} images · {wrong:,} misclassified"
        return words if self.is_narrow else f"{words}, drawn as their true class"

    def _names(self) -> tuple[str, ...]:
        view, points = self.session.view, self._points
        started = view.history.started
        count = len(started.class_names) if started is not None else 0
        if points is not None:
            count = max(count, int(points.labels.max(initial=0)) + 1, int(points.predicted.max(initial=0)) + 1)
        return self.class_names(view, count)

    # The image under the cursor

    def on_scatter_view_cursor_moved(self) -> None:
        self._show_side()

    def _show_side(self) -> None:
        points, images, scatter = self._points, self._images, self.query_one(ScatterView)
        if points is None or not isinstance(images, ValidationImages):
            return
        picture, words, row = self.query_one(DigitImage), Text(), scatter.under_cursor
        picture.set_class(row is None, "-hidden")
        if row is not None and row < len(points.rows):
            image = images.images[points.rows[row]]
            picture.show(image, blank_margin(images.images))
            title = f"#{int(points.indices[row]):05d} of the validation split"
            self.session.at_hand = ImageAtHand(image, title, int(points.labels[row]))
            words = self._words(points, row)
        chosen = len(scatter.chosen())
        if scatter.corner is not None:
            words.append(f"\n{chosen:,} images in the rectangle: Enter opens them")
        elif chosen > 1:
            words.append(f"\n{chosen:,} images here: Enter opens them")
        elif row is None:
            words = Text("no image here: the arrows move the cursor")
        self.query_one("#words", Static).update(words)
        self.query_one("#legend", Static).update(self._legend(points))
        self.refresh_keys()

    def _words(self, points: MapPoints, row: int) -> Text:
        names, colours = self._names(), palette_of(self)
        true, predicted = names[points.labels[row]], names[points.predicted[row]]
        words = Text.assemble(
            (f"#{int(points.indices[row]):05d}", paint(colours.foreground, bold=True)),
            ": a ",
            (clip(true, 16), paint(colours.true_class, bold=True)),
        )
        words.append("\npredicted ")
        if points.wrong[row]:
            words.append("as ").append(clip(predicted, 16), paint(colours.predicted_class, bold=True))
        else:
            words.append("correctly")
        if points.confidences is not None:
            words.append(f", {percent(float(points.confidences[row]), 1)}")
        return words

    def _legend(self, points: MapPoints) -> Text:
        """Return a line a class: its sign, its name, and how many of its images are misclassified."""
        names, variables = self._names(), self.app.theme_variables
        totals = np.bincount(points.labels, minlength=len(names))
        errors = np.bincount(points.labels[points.wrong], minlength=len(names))
        colours, signs, width = palette_of(self), class_signs(names), max(8, self.query_one("#legend").size.width - 13)
        legend = Text("class".ljust(width - 1) + "images  wrong\n", paint(colours.quiet))
        for number, (sign, name) in enumerate(zip(signs, names, strict=True)):
            legend.append(f"{sign} ", paint(class_colour(variables, number), bold=True))
            label = "" if name == sign else name
            legend.append(clip(label, width - 4).ljust(width - 3) + f"{totals[number]:7,}")
            legend.append(f"{errors[number]:7,}\n", paint(colours.wrong if errors[number] else colours.quiet))
        return legend

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("open_area", "mark_corner", "clear_mark"):
            scatter = self.query_one(ScatterView) if self.has_widgets and self._points is not None else None
            if scatter is None:
                return False
            if action == "open_area":
                return bool(len(scatter.chosen()))
            return action == "mark_corner" or scatter.corner is not None
        if action == "next_method":
            return self._points is not None
        return super().check_action(action, parameters)

    def action_open_area(self) -> None:
        """Open the images in the rectangle, or in the cell under the cursor, in the gallery."""
        scatter, points = self.query_one(ScatterView), self._points
        rows = scatter.chosen()
        if points is None or not rows.size:
            return
        indices = tuple(sorted(int(index) for index in points.indices[rows]))
        scatter.clear()
        self.post_message(OpenDigits(Query((Term("index", ":", indices),), self._names())))

    def on_scatter_view_area_chosen(self) -> None:
        self.action_open_area()

    def action_mark_corner(self) -> None:
        self.query_one(ScatterView).mark()

    def action_clear_mark(self) -> None:
        self.query_one(ScatterView).clear()

    def action_next_method(self) -> None:
        """Switch between the principal components and UMAP, which is computed at the first use."""
        self._wants_umap = not self._wants_umap
        self.catch_up()

    def _play_on(self) -> None:
        view = self.session.view
        if not view.has_engine or self.moment(view) in self._projections:  # else the next frame waits for this one
            super()._play_on()

    # Replies, which come in threads

    def _take_reply(self, request: Project, reply: Reply | str) -> None:
        outcome = reply if isinstance(reply, str) else reply.projection or "The engine's reply has no projection."
        self.session.model_loader.finish(outcome if isinstance(outcome, str) else "")
        self.call_later(self._keep, request, outcome)

    def _keep(self, request: Project, outcome: Projection | str) -> None:
        moment = self._asked_moment
        if moment is not None and moment[0] == request.weights:
            self._projections[moment] = outcome
            _forget_oldest(self._projections)
            self.catch_up()

    def _take_umap(self, question: tuple[Moment, NDArray[np.float32]], found: NDArray[np.float32] | str) -> None:
        self.call_later(self._keep_umap, question[0], found)

    def _keep_umap(self, moment: Moment, found: NDArray[np.float32] | str) -> None:
        self._umap_asked = None
        if isinstance(found, str):
            self._wants_umap = False
            notify(self.app, found, "error")
        else:
            self._umaps[moment] = found
            _forget_oldest(self._umaps)
        self.catch_up()

    def on_map_screen_replied(self) -> None:
        self.catch_up()


def _forget_oldest(known: dict[Moment, Any]) -> None:
    while len(known) > CACHED:
        del known[next(iter(known))]
