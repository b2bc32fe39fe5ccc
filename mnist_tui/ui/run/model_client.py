"""Client that sends requests to a run's engine without blocking the screen."""

from collections.abc import Callable
from typing import TypeVar

from mnist_tui.control.client import send
from mnist_tui.control.protocol import Reply, Request
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.ui.shared.newest_first import NewestFirst

TIMEOUT = 60.0
"""Seconds for a reply: a training engine replies between batches, and a new engine has to start first."""

AnyRequest = TypeVar("AnyRequest", bound=Request)


class ModelClient(NewestFirst[AnyRequest, Reply | str]):
    """Sends one request at a time, the newest first; the outcome is the reply or an error message."""

    def __init__(self, run: RunDirectory, on_outcome: Callable[[AnyRequest, Reply | str], object]) -> None:
        super().__init__(on_outcome)
        self._run = run

    def outcome(self, question: AnyRequest) -> Reply | str:
        try:
            return send(self._run, question, TIMEOUT)
        except RunError as error:
            return str(error)
