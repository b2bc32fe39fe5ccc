"""Base of a screen that shows an explanation of one digit."""

from textual.message import Message

from mnist_tui.control.protocol import Explain, Explanation, Reply
from mnist_tui.render.text import sanitize
from mnist_tui.ui.run.model_client import ModelClient
from mnist_tui.ui.run.model_screen import ModelScreen
from mnist_tui.ui.run.prediction_screen import PredictionScreen
from mnist_tui.ui.session import RunSession, RunView


class ExplainScreen(ModelScreen, PredictionScreen):
    """Subclasses define `explain_request`, call `request_explanation` with every view, and show `explanation`."""

    class Explained(Message):
        """The engine has sent an explanation, or an error message."""

        def __init__(self, explain: Explain, outcome: Explanation | str) -> None:
            super().__init__()
            self.explain = explain
            self.outcome = outcome

    def __init__(self, session: RunSession) -> None:
        super().__init__(session)
        self._client: ModelClient[Explain] = ModelClient(session.run, self._take_outcome)
        self._requested: Explain | None = None
        """Last request to the current engine."""
        self._model_epoch: int | None = None
        """Epoch of the model that it was for."""
        self._outcomes: dict[Explain, Explanation | str] = {}

    @property
    def explain_request(self) -> Explain:
        """Request for the current digit."""
        raise NotImplementedError

    @property
    def explanation(self) -> Explanation | None:
        """Explanation of the current digit, once there is one."""
        outcome = self._outcomes.get(self.explain_request)
        return outcome if isinstance(outcome, Explanation) else None

    def on_unmount(self) -> None:
        self._client.close()

    def request_explanation(self, view: RunView) -> None:
        """Request an explanation of the current digit, once from each best model."""
        best = view.history.best_epoch
        if not view.has_engine or best is None:
            self._requested = None
            return
        if best.epoch != self._model_epoch:
            self._model_epoch, self._requested = best.epoch, None
        explain = self.explain_request
        if explain == self._requested:
            return
        self._requested = explain
        known = self._outcomes.get(explain)
        if not isinstance(known, Explanation) or known.epoch != best.epoch:
            # Forget errors, so that paging back to a digit retries.
            self._outcomes = {each: found for each, found in self._outcomes.items() if isinstance(found, Explanation)}
            self._client.request(explain)

    def _take_outcome(self, explain: Explain, reply: Reply | str) -> None:
        outcome = reply if isinstance(reply, str) else reply.explanation or "The engine's reply has no explanation."
        self.session.model_loader.finish(outcome if isinstance(outcome, str) else "")
        self.post_message(self.Explained(explain, outcome))

    def on_explain_screen_explained(self, event: Explained) -> None:
        self._outcomes[event.explain] = event.outcome
        self.catch_up()

    def explanation_status(self, view: RunView) -> str:
        """Return why there is no explanation yet."""
        outcome = self._outcomes.get(self.explain_request)
        if isinstance(outcome, str) and not self.session.model_loader.is_loading:
            return sanitize(outcome)
        if view.history.best_epoch is None:
            return "The model of the best epoch explains the image, once epoch 1 has been validated."
        return self.missing_model(view) or "explaining …"
