"""Base of a screen that shows an explanation of one digit, and loads the model to compute it."""

from textual import work
from textual.message import Message

from mnist_tui.control.protocol import Explain, Explanation
from mnist_tui.render.text import sanitize
from mnist_tui.runs.status import Status
from mnist_tui.ui.digits.explain_client import ExplainClient
from mnist_tui.ui.run.prediction_screen import PredictionScreen
from mnist_tui.ui.session import RunSession, RunView

LOADED_UNASKED = frozenset({Status.FINISHED, Status.STOPPED})
"""States of a run whose model is loaded as soon as a digit is opened; after a crash, the user may want to resume."""


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
        self._client = ExplainClient(session.run, self._take_outcome)
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

    def on_mount(self) -> None:
        if self.session.view.status in LOADED_UNASKED and not self.session.model_loader.problem and self._can_load:
            self.action_load_model()

    def on_unmount(self) -> None:
        self._client.close()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "load_model":
            return self._can_load
        return super().check_action(action, parameters)

    def action_load_model(self) -> None:
        """Start an engine that only explains; it exits when the last viewer detaches."""
        self.session.model_loader.begin()
        self._start_engine()
        self.catch_up()

    @work(thread=True, group="load_model")
    def _start_engine(self) -> None:
        self.session.model_loader.start()
        self.session.recheck_engine()
        self.call_later(self.catch_up)

    @property
    def _can_load(self) -> bool:
        view = self.session.view
        return bool(view.history.epochs) and not view.has_engine and not self.session.model_loader.is_loading

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

    def _take_outcome(self, explain: Explain, outcome: Explanation | str) -> None:
        self.session.model_loader.finish(outcome if isinstance(outcome, str) else "")
        self.post_message(self.Explained(explain, outcome))

    def on_explain_screen_explained(self, event: Explained) -> None:
        self._outcomes[event.explain] = event.outcome
        self.catch_up()

    def explanation_status(self, view: RunView) -> str:
        """Return why there is no explanation yet."""
        loader, outcome = self.session.model_loader, self._outcomes.get(self.explain_request)
        if loader.is_loading:
            return loader.progress
        if isinstance(outcome, str):
            return sanitize(outcome)
        if view.has_engine:
            return "explaining …"
        return f"{sanitize(loader.problem)}; L tries again" if loader.problem else "L: load the model (a few seconds)"
