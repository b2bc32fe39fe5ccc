"""Base of a screen that needs the run's model, and loads it if no engine is alive."""

from textual import work

from mnist_tui.render.text import sanitize
from mnist_tui.runs.status import Status
from mnist_tui.ui.run.screen import RunScreen
from mnist_tui.ui.session import RunSession, RunView

LOADED_UNASKED = frozenset({Status.FINISHED, Status.STOPPED})
"""States of a run whose model is loaded as soon as the screen opens; after a crash, the user may want to resume."""


class ModelScreen(RunScreen):
    """Binds `load_model`. Subclasses tell the session's model loader when the engine replies."""

    def on_mount(self) -> None:
        if self.session.view.status in LOADED_UNASKED and not self.session.model_loader.problem and self._can_load:
            self.action_load_model()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "load_model":
            return self._can_load
        return super().check_action(action, parameters)

    def action_load_model(self) -> None:
        """Start an engine that only explains and predicts; it exits when the last viewer detaches."""
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

    def missing_model(self, view: RunView) -> str:
        """Return why there is no model yet; empty if an engine is alive."""
        return missing_model(self.session, view, "; L tries again", "L: load the model (a few seconds)")


def missing_model(session: RunSession, view: RunView, after_problem: str, not_asked: str) -> str:
    """Return why a run's model cannot be used yet; empty if an engine is alive.

    Args:
        session: The run.
        view: Its newest view.
        after_problem: What to add to the reason why it could not be loaded.
        not_asked: What to say if it was not tried.
    """
    loader = session.model_loader
    if loader.is_loading:
        return loader.progress
    if view.has_engine:
        return ""
    return f"{sanitize(loader.problem)}{after_problem}" if loader.problem else not_asked
