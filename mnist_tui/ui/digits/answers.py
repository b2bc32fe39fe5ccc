"""Replies of a run's engine about images, each requested once from each best model."""

from collections.abc import Callable

from mnist_tui.control.protocol import Attribute, Attribution, Perturb, Perturbation, Reply
from mnist_tui.ui.run.model_client import ModelClient
from mnist_tui.ui.session import RunSession, RunView

Asked = Attribute | Perturb
Outcome = Attribution | Perturbation | str
"""A result or an error message."""


class Answers:
    """Outcomes by request. `on_change` is called in a thread when there is another one."""

    def __init__(self, session: RunSession, on_change: Callable[[], object]) -> None:
        self._session = session
        self._client: ModelClient[Asked] = ModelClient(session.run, self._take)
        self._on_change = on_change
        self._known: dict[tuple[Asked, int], Outcome] = {}
        self._last: tuple[Asked, int] | None = None
        """The last request, and the best epoch at that time."""

    def get(self, request: Asked, view: RunView) -> Outcome | None:
        """Return the outcome of a request to the best model; if there is none yet, send the request."""
        best = view.history.best_epoch
        if best is None:
            return None
        key = (request, best.epoch)
        if key not in self._known and key != self._last and view.has_engine:
            # Forget errors, so that coming back to a request repeats it.
            self._known = {each: found for each, found in self._known.items() if not isinstance(found, str)}
            self._last = key
            self._client.request(request)
        return self._known.get(key)

    def close(self) -> None:
        """Request nothing more."""
        self._client.close()

    def _take(self, request: Asked, reply: Reply | str) -> None:
        outcome: Outcome | None
        if isinstance(reply, str):
            outcome = reply
        else:
            outcome = reply.attribution if isinstance(request, Attribute) else reply.perturbation
        outcome = outcome or "The engine's reply has no result: update mnist-tui, and resume the run."
        last = self._last
        if last is not None and last[0] == request:
            self._known[last] = outcome
            self._last = None
        self._session.model_loader.finish(outcome if isinstance(outcome, str) else "")
        self._on_change()
