"""Client that requests explanations from a run's engine."""

from collections.abc import Callable

from mnist_tui.control.client import send
from mnist_tui.control.protocol import Explain, Explanation
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.ui.shared.newest_first import NewestFirst

TIMEOUT = 60.0
"""Seconds for a reply: a training engine replies between batches, and a new engine has to start first."""


class ExplainClient(NewestFirst[Explain, Explanation | str]):
    """Requests explanations; the outcome is an explanation or an error message."""

    def __init__(self, run: RunDirectory, on_outcome: Callable[[Explain, Explanation | str], object]) -> None:
        super().__init__(on_outcome)
        self._run = run

    def outcome(self, question: Explain) -> Explanation | str:
        try:
            reply = send(self._run, question, TIMEOUT)
        except RunError as error:
            return str(error)
        return reply.explanation or "The engine's reply has no explanation."
