"""Emergency checkpoints of process 0, without other processes."""

import errno
import os

import pytest

from mnist_tui.control.protocol import Stop
from mnist_tui.engine.recording.checkpoints import Checkpoint, Checkpointer, TrainingState
from mnist_tui.engine.recording.event_writer import EventWriter
from mnist_tui.engine.recording.retrying_writer import RetryingWriter
from mnist_tui.engine.service import steering
from mnist_tui.engine.service.steering import Steering
from mnist_tui.engine.training import emergency_checkpoint
from mnist_tui.engine.training.context import RunContext
from mnist_tui.engine.training.emergency_checkpoint import EmergencyCheckpoint
from mnist_tui.events import CheckpointSaved, RunFailed
from mnist_tui.runs.directory import create_run
from mnist_tui.runs.log import LogFollower
from tests.kit import samples

SAVED = CheckpointSaved(time=1.0, path="checkpoints/step-000000007.npz", epoch=0, step=7)


class FakeCheckpointer(Checkpointer):
    """Checkpointer on a disk that refuses `refusals` times."""

    def __init__(self, context: RunContext, refusals: int) -> None:
        super().__init__(context.run, samples.config(), before=lambda: None)
        self._refusals = refusals
        self._held = Checkpoint(state_at(7), [], [])

    def save(self, checkpoint: Checkpoint) -> CheckpointSaved | None:
        self._refusals -= 1
        if self._refusals >= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._newest = checkpoint.state.step, checkpoint.state.epoch
        return SAVED


def state_at(step: int) -> TrainingState:
    state = TrainingState.initial(samples.config())
    state.step = step
    return state


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch) -> RunContext:
    monkeypatch.setattr(steering, "RETRY_SECONDS", 0.001)
    run = create_run(samples.config())
    event_writer = EventWriter(run)
    state = TrainingState.initial(samples.config())
    return RunContext(run, event_writer, RetryingWriter(run, event_writer.emit), Steering(state, event_writer.emit))


@pytest.mark.parametrize("refusals", [0, 5])
def test_the_state_is_saved_once_the_disk_has_room(
    context: RunContext, refusals: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    statuses: list[int] = []
    monkeypatch.setattr(emergency_checkpoint, "exit_now", statuses.append)
    EmergencyCheckpoint(context, FakeCheckpointer(context, refusals)).save_and_exit("process 1 is lost")
    saved, failed = LogFollower(context.run.events_path).read()
    assert saved == SAVED
    assert isinstance(failed, RunFailed)
    assert failed.error.startswith("process 1 is lost: a checkpoint is saved, start all processes again")
    assert statuses == [1]


def test_a_stop_ends_the_waiting_and_the_message_says_what_is_missing(context: RunContext) -> None:
    attempts: list[None] = []

    class FullDisk(FakeCheckpointer):
        def save(self, checkpoint: Checkpoint) -> CheckpointSaved | None:
            attempts.append(None)
            if len(attempts) == 3:
                context.steering.handle(Stop(by="a test"))
            return super().save(checkpoint)

    message = EmergencyCheckpoint(context, FullDisk(context, 1_000)).save("process 1 is lost")
    assert message.startswith("process 1 is lost: no checkpoint could be saved")
