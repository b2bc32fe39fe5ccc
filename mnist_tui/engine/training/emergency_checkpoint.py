"""Emergency checkpoint of process 0 when another process is lost."""

import contextlib
import time

from mnist_tui.engine.recording.checkpoints import Checkpointer
from mnist_tui.engine.temporaries import exit_now
from mnist_tui.engine.training.context import RunContext
from mnist_tui.events import RunFailed


class EmergencyCheckpoint:
    """Writer of the state that `checkpointer` holds in memory: a failed step loses the variables."""

    def __init__(self, context: RunContext, checkpointer: Checkpointer) -> None:
        self._run, self._steering, self._event_writer = context.run, context.steering, context.event_writer
        self._checkpointer = checkpointer

    def save(self, sentence: str) -> str:
        """Save the state, once the disk has room for it, and return the run's final error message."""
        self._steering.retry_until(lambda: self._is_saved() or not self._run.path.exists())
        outcome = "a checkpoint is saved" if self._is_saved() else "no checkpoint could be saved"
        return f"{sentence}: {outcome}, start all processes again with `mnist-tui resume {self._run.id}`"

    def save_and_exit(self, sentence: str) -> None:
        """Save and exit this process, from another thread while training hangs or is paused."""
        self._event_writer.emit(RunFailed(time=time.time(), error=self.save(sentence)))
        self._steering.retry_until(lambda: self._event_writer.retry() or not self._run.path.exists())
        self._event_writer.flush()
        exit_now(1)

    def _is_saved(self) -> bool:
        """Save the state unless the newest checkpoint has it. Return False if the disk refuses it."""
        with contextlib.suppress(OSError):
            saved = self._checkpointer.save_held()
            if saved is not None:
                self._event_writer.emit(saved)
            return True
        return False
