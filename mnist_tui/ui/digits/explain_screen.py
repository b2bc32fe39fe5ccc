"""A screen of one digit that asks an engine why it is read as it is, and can wake one."""

from textual import work
from textual.message import Message

from mnist_tui.control.client import load_model
from mnist_tui.control.protocol import Explanation
from mnist_tui.render.text import sanitize
from mnist_tui.runs.directory import RunError
from mnist_tui.ui.digits.explainer import Inquiry, Question
from mnist_tui.ui.run.prediction_screen import PredictionScreen
from mnist_tui.ui.session import RunSession, RunView
from mnist_tui.ui.steering.steering import notify


class AskingScreen(PredictionScreen):
    """Subclasses say which digit is `asked_about`, call `ask_why` with every view, and show `why`."""

    class Explained(Message):
        """An engine said why, or why not."""

        def __init__(self, question: Question, outcome: Explanation | str) -> None:
            super().__init__()
            self.question = question
            self.outcome = outcome

    def __init__(self, session: RunSession) -> None:
        super().__init__(session)
        self._inquiry = Inquiry(
            session.run, lambda question, outcome: self.post_message(self.Explained(question, outcome))
        )
        self._question: Question | None = None
        """What the engine that is there was last asked."""
        self._asked_of: int | None = None
        """Epoch of the network that was asked."""
        self._outcomes: dict[Question, Explanation | str] = {}
        self._waking = False

    @property
    def asked_about(self) -> Question:
        """The digit that is shown."""
        raise NotImplementedError

    @property
    def why(self) -> Explanation | None:
        """What was answered about the digit that is shown; None before that."""
        outcome = self._outcomes.get(self.asked_about)
        return outcome if isinstance(outcome, Explanation) else None

    def on_unmount(self) -> None:
        """Nobody waits for an answer any more."""
        self._inquiry.close()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A network that was never validated cannot be asked, and one that is awake need not be woken."""
        if action == "wake":
            view = self.session.view
            return bool(view.history.epochs) and not view.has_engine and not self._waking
        return super().check_action(action, parameters)

    def action_wake(self) -> None:
        """Start an engine to be asked; it ends when the last screen has left."""
        self._waking = True
        self._wake()
        self.catch_up()

    @work(thread=True, group="wake")
    def _wake(self) -> None:
        try:
            load_model(self.session.run)
        except RunError as error:
            self._waking = False
            notify(self.app, str(error), "error")
        self.session.recheck_engine()
        self.call_later(self.catch_up)

    def ask_why(self, view: RunView) -> None:
        """Ask about the digit that is shown, once of each network that there is to ask."""
        best = view.history.best_epoch
        if not view.has_engine or best is None:
            self._question = None
            return
        self._waking = False
        if best.epoch != self._asked_of:
            self._asked_of, self._question = best.epoch, None
        question = self.asked_about
        if question == self._question:
            return
        self._question = question
        known = self._outcomes.get(question)
        if not isinstance(known, Explanation) or known.epoch != best.epoch:
            self._outcomes = {each: told for each, told in self._outcomes.items() if isinstance(told, Explanation)}
            self._inquiry.ask(question)

    def on_asking_screen_explained(self, event: Explained) -> None:
        """Keep what was answered; an older question's answer is there when somebody comes back to its digit."""
        self._outcomes[event.question] = event.outcome
        self.catch_up()

    def waited_for(self, view: RunView) -> str:
        """Why there is no explanation, or when it comes."""
        outcome = self._outcomes.get(self.asked_about)
        if isinstance(outcome, str):
            return sanitize(outcome)
        if view.has_engine:
            return "asking the network …"
        return "waking the network …" if self._waking else "x: wake the network (a few seconds)"
