"""Base of a screen about the weights of an epoch: it travels through the epochs whose weights there are."""

from mnist_tui.control.protocol import Weights
from mnist_tui.inspection.predictions import VALIDATION, EvaluationPoint
from mnist_tui.runs.kept_epochs import kept_epochs
from mnist_tui.ui.run.model_screen import ModelScreen
from mnist_tui.ui.run.prediction_screen import PredictionScreen
from mnist_tui.ui.session import RunSession, RunView


class WeightsScreen(ModelScreen, PredictionScreen):
    """Loads the model of an ended run by itself, and shows the epoch of all screens or the newest one before it."""

    SHOWS_ROLLING = False  # weights are kept at the end of an epoch

    def __init__(self, session: RunSession) -> None:
        super().__init__(session)
        self.known_epochs: frozenset[int] = frozenset()
        """Epochs whose weights there are: kept ones, the best one, and of a live run the newest; 0 is the start."""

    def update_view(self, view: RunView) -> None:
        best, epochs = view.history.best_epoch, view.history.epochs
        found = {*kept_epochs(self.session.run), *([best.epoch] if best is not None else [])}
        self.known_epochs = frozenset(found | {each.epoch for each in epochs[-1:] if view.has_engine})
        super().update_view(view)

    def travel_points(self) -> list[EvaluationPoint]:
        """Return the epochs whose weights there are."""
        epochs = [each.epoch for each in self.session.view.history.epochs]
        return [EvaluationPoint(VALIDATION, epoch) for epoch in epochs if epoch in self.known_epochs]

    @property
    def wanted_point(self) -> EvaluationPoint | None:
        """The epoch to show, of which there may be no weights; None before the first."""
        return self.session.full_point

    @property
    def point(self) -> EvaluationPoint | None:
        """The epoch whose weights are shown: the wanted one, or the newest before it that can be shown."""
        points, point = self.travel_points(), self.wanted_point
        if point is None or not points:
            return None
        earlier = [each for each in points if point.epoch is None or (each.epoch or 0) <= point.epoch]
        return earlier[-1] if earlier else points[0]


def weights_at(view: RunView, point: EvaluationPoint | None, *, follows: bool) -> Weights:
    """Return the weights that stand for an evaluation."""
    best = view.history.best_epoch
    if (follows and view.status.is_live) or (best is None and point is None):
        return "current"
    if point is None or point.epoch is None or (best is not None and point.epoch == best.epoch):
        return "best"
    return point.epoch
