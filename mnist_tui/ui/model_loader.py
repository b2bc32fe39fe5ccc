"""The engine that a session starts to explain the digits of an ended run."""

import subprocess
from collections.abc import Callable

from mnist_tui.control.client import load_model
from mnist_tui.runs.directory import RunDirectory, RunError


class ModelLoader:
    """Loads the model of a run in an engine of its own, and knows whether it still loads."""

    def __init__(self, run: RunDirectory, clock: Callable[[], float]) -> None:
        self._run = run
        self._clock = clock
        self._since: float | None = None
        self._engine: subprocess.Popen[bytes] | None = None
        self.problem = ""
        """Reason why the last load failed; empty without one."""

    @property
    def is_loading(self) -> bool:
        """True from the start of the engine to its first reply."""
        return self._since is not None

    @property
    def progress(self) -> str:
        """State for the screen, as in "loading the model, 3 s"; empty if nothing loads."""
        return "" if self._since is None else f"loading the model, {max(0.0, self._clock() - self._since):.0f} s"

    def begin(self) -> None:
        """Start to count the seconds; `start` follows."""
        self._since, self._engine, self.problem = self._clock(), None, ""

    def start(self) -> None:
        """Start the engine, from a thread; a failure is in `problem`."""
        try:
            self._engine = load_model(self._run)
        except RunError as error:
            self._since, self.problem = None, str(error)

    def finish(self, problem: str) -> None:
        """Take note of the engine's first reply, or of why there is none."""
        if self.is_loading:
            self._since, self.problem = None, problem

    def poll(self) -> None:
        """Check whether the engine has exited while it loaded."""
        if self.is_loading and self._engine is not None and self._engine.poll() is not None:
            self._since = None
            self.problem = f"the model of run {self._run.id} cannot be loaded: see {self._run.log_path}"

    def close(self) -> None:
        """End the engine if it still loads; later it ends by itself, when the session detaches."""
        if self.is_loading and self._engine is not None:
            self._engine.terminate()
