"""Base of the screen that follows an image through a model: the image at hand, and the requests to the engines."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from textual import work
from textual.message import Message

from mnist_tui.control.protocol import LayerView
from mnist_tui.inspection.predictions import VALIDATION, EvaluationPoint
from mnist_tui.runs.directory import RunError
from mnist_tui.ui.confusion.choose_reference import PREVIOUS, ChooseReferenceScreen, Reference, epoch_references
from mnist_tui.ui.layers.comparison import Comparison, previous
from mnist_tui.ui.layers.inspections import Ask, Inspections
from mnist_tui.ui.layers.sides import Selection, Side, neighbours, side_of
from mnist_tui.ui.run.weights_screen import WeightsScreen
from mnist_tui.ui.session import ImageAtHand, RunSession, RunView
from mnist_tui.ui.steering.steering import notify

START = EvaluationPoint(VALIDATION, 0)
"""The initial weights, before the first epoch."""
PLAYED_AHEAD = 20
"""Epochs that are asked for before they are played."""
POLL_SECONDS = 0.25
"""Between polls of another run."""


class InspectScreen(WeightsScreen):
    """Loads the model of an ended run by itself.

    The image is the one that the user looked at or drew last, else a misclassified one.
    """

    PLAY_SECONDS = 0.1

    class Replied(Message):
        """An engine replied."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, InspectScreen.Replied)

    class ImageRead(Message):
        """The first validation image was read, or could not be."""

        def __init__(self, image: NDArray[np.uint8] | None, problem: str = "") -> None:
            super().__init__()
            self.image = image
            self.problem = problem

    def __init__(self, session: RunSession) -> None:
        super().__init__(session)
        self.selected = Selection()
        """Image, layer, channel and view that are shown."""
        self._own = Inspections(session.run, self._take_reply)
        self.comparison = Comparison(session, self._own, self._take_reply)
        self._layers: tuple[LayerView, ...] = ()
        """Layers of the newest reply about all of them."""
        self._probabilities: tuple[float, ...] = ()
        self._fallback: ImageAtHand | None = None
        """Image that is shown until the user has looked at one."""
        self._had_engine = False
        self._at_start = False
        """True while the initial weights are shown."""
        self._point_before: EvaluationPoint | None = None
        """The evaluation of all screens when the screen was updated last."""
        self._image_problem = ""
        self._reads_image = False

    def on_mount(self) -> None:
        self.set_interval(POLL_SECONDS, self._poll_other_run)

    def on_unmount(self) -> None:
        self._own.close()
        self.comparison.close()

    def show_image(self, image: NDArray[np.uint8], words: str, label: int | None = None) -> None:
        """Follow another image through the layers.

        Args:
            image: Shape (height, width) or (height, width, 3), as the run's images.
            words: Its name on the screen, as in "your drawing".
            label: True class, if it is known.
        """
        self.session.at_hand = ImageAtHand(image, words, label)
        if self.has_widgets:
            self.catch_up()

    @property
    def image(self) -> ImageAtHand | None:
        """The image at hand; None until there is one."""
        return self.session.at_hand or self._fallback

    def find_image(self, view: RunView) -> None:
        """Begin to read an image if the user has looked at none."""
        if self.image is not None:
            return
        point = self.session.full_point
        if point is not None:
            self.ask_for_predictions(view)
        if (point is None or self.problem) and not self._reads_image:
            self._reads_image = True
            self._read_first_image()

    def take_predictions(self) -> None:
        found = self.findings
        if found is not None and self._fallback is None:
            read = found.predictions
            wrong = np.flatnonzero(found.table.true != found.table.predicted)
            row = int(wrong[0]) if wrong.size else 0
            title = f"#{int(read.indices[row]):05d} of the {read.split_of(row)} split"
            self._fallback = ImageAtHand(read.images[row], title, int(read.labels[row]))
        self.catch_up()

    @work(thread=True, exclusive=True, group="first_image")
    def _read_first_image(self) -> None:
        run = self.session.run
        try:
            self.post_message(self.ImageRead(run.load_arrays(run.digits_path(VALIDATION))["images"][0]))
        except (RunError, KeyError, IndexError) as error:
            self.post_message(self.ImageRead(None, str(error)))

    def on_inspect_screen_image_read(self, event: ImageRead) -> None:
        self._image_problem = event.problem
        if event.image is not None:
            self._fallback = ImageAtHand(event.image, "the first validation image")
        self.catch_up()

    def update_view(self, view: RunView) -> None:
        if self.session.full_point != self._point_before:  # another screen has gone to another epoch
            self._point_before, self._at_start = self.session.full_point, False
        super().update_view(view)

    def travel_points(self) -> list[EvaluationPoint]:
        """Return the epochs whose weights there are, the initial ones among them."""
        has_start = START.epoch in self.known_epochs and self.session.view.history.epochs
        return [START, *super().travel_points()] if has_start else super().travel_points()

    @property
    def wanted_point(self) -> EvaluationPoint | None:
        return START if self._at_start else super().wanted_point

    @property
    def follows(self) -> bool:
        return super().follows and not self._at_start

    def travel_to(self, point: EvaluationPoint | None) -> None:
        """Show an epoch, on the other screens as well; they do not know the initial weights."""
        self.forget_errors()
        self._at_start = point == START
        if self._at_start:
            self.catch_up()
        else:
            super().travel_to(point)

    def want(self, side: Side, other: Side | None, around: Sequence[str] = ()) -> None:
        """Ask for what is shown, then for what may come next: the layers `around` and other epochs."""
        has_engine = self.session.view.has_engine
        if has_engine and not self._had_engine:
            self.forget_errors()
        self._had_engine = has_engine
        selected = self.selected
        shown = [each for each in (side, other) if each is not None and each.session.view.has_engine]
        wanted: dict[Inspections, list[Ask]] = {each.inspections: [] for each in shown}
        for each in shown:
            if selected.layer:
                wanted[each.inspections] += [each.shown(selected), each.one_layer(selected)]
            if not (selected.layer and self.is_playing):  # each request costs the engine the same
                wanted[each.inspections].append(each.all_layers(selected))
        if self._own in wanted and selected.layer and (self.is_playing or not self.session.view.status.is_live):
            if not self.is_playing:
                wanted[self._own] += [side.one_layer(replace(selected, layer=name)) for name in around]
            for point in neighbours(self.travel_points(), self.point, PLAYED_AHEAD if self.is_playing else 1):
                wanted[self._own].append(side_of(self.session, self._own, point).one_layer(selected))
        for inspections, asks in wanted.items():
            inspections.want(asks)

    @property
    def side(self) -> Side:
        """The weights that are shown."""
        return side_of(self.session, self._own, self.point)

    @property
    def other_side(self) -> Side | None:
        """Weights to compare with, if there are any."""
        return self.comparison.side(self.travel_points(), self.point)

    def _take_reply(self) -> None:
        self.session.model_loader.finish("")
        self.post_message(self.Replied())

    def on_inspect_screen_replied(self) -> None:
        self.catch_up()

    def _play_on(self) -> None:
        side = self.side
        waits = self.selected.layer and side.session.view.has_engine
        if waits and side.inspections.get(side.one_layer(self.selected)) is None:
            return  # the next frame waits for this one
        super()._play_on()

    def action_compare(self) -> None:
        """Compare with the previous epoch if there is one; the second time, ask for an epoch or a run."""
        points, epochs = self.travel_points(), self.session.view.history.epochs
        has_previous = previous(points, self.point) is not None
        if self.comparison.reference is None and has_previous:
            self._compare(PREVIOUS)
            return
        shown = {point.epoch for point in points}
        current = self.point.epoch if self.point is not None else None
        others = [each for each in epoch_references(epochs, current) if each.point.epoch in shown]
        dialog = ChooseReferenceScreen(self.session.run, others, len(self._probabilities), has_previous)
        self.app.push_screen(dialog, self._compare)

    def action_leave_comparison(self) -> None:
        self.comparison.close()
        self.catch_up()

    def _compare(self, reference: Reference | Literal["previous"] | None) -> None:
        if reference is not None:
            self._begin_comparison(reference)

    @work(thread=True, exclusive=True, group="comparison")
    def _begin_comparison(self, reference: Reference | Literal["previous"]) -> None:
        """Open the other side in a thread, since the events of a long run take seconds to read."""
        problem = self.comparison.begin(reference)
        if problem:
            notify(self.app, problem, "error")
        self.call_later(self.catch_up)

    def forget_errors(self) -> None:
        """Ask again for what could not be had."""
        self._own.forget_errors()

    def _poll_other_run(self) -> None:
        if self.comparison.poll() and self.is_active:
            self.catch_up()
