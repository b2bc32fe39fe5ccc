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
        self._run_id, self._event_writer, self._checkpointer = context.run.id, context.event_writer, checkpointer

    def save(self, sentence: str) -> str:
        """Save the state and return the run's final error message."""
        with contextlib.suppress(OSError):
            saved = self._checkpointer.save_held()
            if saved is not None:
                self._event_writer.emit(saved)
        return f"{sentence}: a checkpoint is saved, start all processes again with `mnist-tui resume {self._run_id}`"

    def save_and_exit(self, sentence: str) -> None:
        """Save and exit this process, from another thread while training hangs or is paused."""
        self._event_writer.emit(RunFailed(time=time.time(), error=self.save(sentence)))
        self._event_writer.flush()
        exit_now(1)
