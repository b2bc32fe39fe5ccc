"""The sides of the layers screen: a run with some of its weights, and what its engine replied about them."""

import itertools
from dataclasses import dataclass
from typing import Literal

import msgspec

from mnist_tui.control.protocol import Excite, Inspect, Inspection, Weights
from mnist_tui.events import Phase
from mnist_tui.inspection.predictions import VALIDATION, EvaluationPoint
from mnist_tui.ui.layers.inspections import Ask, Inspections
from mnist_tui.ui.run.prediction_screen import validation_event
from mnist_tui.ui.run.weights_screen import weights_at
from mnist_tui.ui.session import RunSession

REFRESH_SECONDS = 2.0
"""Between two looks at weights that train."""
PROGRESS_SECONDS = 0.25
"""Interval at which a search for images reports its progress."""


View = Literal["maps", "kernels", "images"]


@dataclass(frozen=True)
class Selection:
    """The image, layer and channel that the user looks at, whatever the weights."""

    image: bytes = b""
    layer: str = ""
    """Empty before the layers are known."""
    channel: int = 0
    view: View = "maps"
    """Outputs, weights, or the images that excite the channel most."""
    member: int = 0
    """Member of an ensemble."""


@dataclass(frozen=True)
class Side:
    """One of the compared models, or the only one."""

    session: RunSession
    inspections: Inspections
    weights: Weights
    state: float
    """Changes when the same weights are others than before."""
    words: str

    def all_layers(self, selected: Selection) -> Ask:
        """Return the request for the statistics of all layers."""
        return Ask(Inspect(selected.image, weights=self.weights, member=selected.member), self.state)

    def one_layer(self, selected: Selection) -> Ask:
        """Return the request for the selected layer; where its weights are too many, for those of the channel."""
        request = Inspect(selected.image, selected.layer, 0, self.weights, selected.member)
        known = self.inspections.get(Ask(request, self.state)) if selected.view == "kernels" else None
        if isinstance(known, Inspection) and known.layers[-1].channel is not None:
            request = msgspec.structs.replace(request, channel=selected.channel)
        return Ask(request, self.state)

    def shown(self, selected: Selection) -> Ask:
        """Return the request for what the wall shows."""
        if selected.view != "images":
            return self.one_layer(selected)
        request = Excite(selected.layer, selected.channel, self.weights, selected.member, PROGRESS_SECONDS)
        return Ask(request, self.state)

    def inspection(self, ask: Ask) -> Inspection | None:
        """Return the reply to a request, if it is an inspection."""
        found = self.inspections.get(ask)
        return found if isinstance(found, Inspection) else None


def side_of(session: RunSession, inspections: Inspections, point: EvaluationPoint | None, name: str = "") -> Side:
    """Return the side of a run at an evaluation, None: before the first.

    A run that trains and follows the newest epoch shows the weights that train right now.
    """
    view = session.view
    newest = view.history.epochs[-1].epoch if view.history.epochs else None
    weights = weights_at(view, point, follows=session.follows and (point is None or point.epoch == newest))
    state = 0.0
    if weights == "current":
        is_training = view.history.phase is Phase.TRAINING
        state = view.now // REFRESH_SECONDS if is_training else float(view.progress.step)
    elif point is not None:
        epoch = view.history.best_epoch if weights == "best" else validation_event(view, point)
        state = epoch.time if epoch is not None else 0.0
    words = "in training"
    if weights != "current":
        best = view.history.best_epoch
        number = best.epoch if weights == "best" and best is not None else weights
        words = f"epoch {number}" + (", the best" if weights == "best" else "") if number else "initial weights"
    return Side(session, inspections, weights, state, f"{name} {words}".strip())


def neighbours(points: list[EvaluationPoint], point: EvaluationPoint | None, count: int) -> list[EvaluationPoint]:
    """Return the evaluations that are played next, in a ring, and the one before."""
    epochs = [each for each in points if each.split == VALIDATION and each.epoch is not None]
    if point not in epochs:
        return []
    place = epochs.index(point)
    ahead = itertools.islice(itertools.cycle(epochs), place + 1, place + 1 + count)
    return list(dict.fromkeys([*ahead, epochs[place - 1]]))
