"""Base of a screen that shows an explanation of one digit, and can start an engine to compute it."""

from textual import work
from textual.message import Message

from mnist_tui.control.client import load_model
from mnist_tui.control.protocol import Explain, Explanation
from mnist_tui.render.text import sanitize
from mnist_tui.runs.directory import RunError
from mnist_tui.ui.digits.explain_client import ExplainClient
from mnist_tui.ui.run.prediction_screen import PredictionScreen
from mnist_tui.ui.session import RunSession, RunView
from mnist_tui.ui.steering.steering import notify


class ExplainScreen(PredictionScreen):
    """Subclasses define `explain_request`, call `request_explanation` with every view, and show `explanation`."""

    class Explained(Message):
        """The engine has sent an explanation, or an error message."""

        def __init__(self, explain: Explain, outcome: Explanation | str) -> None:
            super().__init__()
            self.explain = explain
            self.outcome = outcome

    def __init__(self, session: RunSession) -> None:
        super().__init__(session)
        self._client = ExplainClient(
            session.run, lambda explain, outcome: self.post_message(self.Explained(explain, outcome))
        )
        self._requested: Explain | None = None
        """Last request to the current engine."""
        self._model_epoch: int | None = None
        """Epoch of the model that it was for."""
        self._outcomes: dict[Explain, Explanation | str] = {}
        self._loading = False

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

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "load_model":
            view = self.session.view
            return bool(view.history.epochs) and not view.has_engine and not self._loading
        return super().check_action(action, parameters)

    def action_load_model(self) -> None:
        """Start an engine that only explains; it exits when the last viewer detaches."""
        self._loading = True
        self._start_engine()
        self.catch_up()

    @work(thread=True, group="load_model")
    def _start_engine(self) -> None:
        try:
            load_model(self.session.run)
        except RunError as error:
            self._loading = False
            notify(self.app, str(error), "error")
        self.session.recheck_engine()
        self.call_later(self.catch_up)

    def request_explanation(self, view: RunView) -> None:
        """Request an explanation of the current digit, once from each best model."""
        best = view.history.best_epoch
        if not view.has_engine or best is None:
            self._requested = None
            return
        self._loading = False
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

    def on_explain_screen_explained(self, event: Explained) -> None:
        self._outcomes[event.explain] = event.outcome
        self.catch_up()

    def explanation_status(self, view: RunView) -> str:
        """Return why there is no explanation yet."""
        outcome = self._outcomes.get(self.explain_request)
        if isinstance(outcome, str):
            return sanitize(outcome)
        if view.has_engine:
            return "explaining …"
        return "loading the model …" if self._loading else "L: load the model (a few seconds)"
