"""What process 0 of several does when another one is gone: save the newest state that is whole, say so, and end."""

import contextlib
import os
import time

from mnist_tui.engine.recording.checkpoints import Checkpointer
from mnist_tui.engine.recording.event_writer import EventWriter
from mnist_tui.events import RunFailed
from mnist_tui.runs.directory import RunDirectory


class Lifeline:
    """Writes what `checkpointer` holds in memory: a step that others break takes the network's variables along."""

    def __init__(self, run: RunDirectory, event_writer: EventWriter, checkpointer: Checkpointer) -> None:
        self._run, self._event_writer, self._checkpointer = run, event_writer, checkpointer

    def parting(self, sentence: str) -> str:
        """Save, and make the run's last sentence of what happened."""
        with contextlib.suppress(OSError):
            saved = self._checkpointer.save_held()
            if saved is not None:
                self._event_writer.emit(saved)
        return f"{sentence}: a checkpoint is saved, start all processes again with `mnist-tui resume {self._run.id}`"

    def rescue(self, sentence: str) -> None:
        """From another thread than the training's, which hangs or stands still: save and end this process."""
        self._event_writer.emit(RunFailed(time=time.time(), error=self.parting(sentence)))
        self._event_writer.flush()
        os._exit(1)
