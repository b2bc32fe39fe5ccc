"""What a list of runs shows: status and results of a run, read without numpy and without decoding every step."""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from mnist_tui.events import EndReason as Reason
from mnist_tui.events import EpochEnded, RunEnded, RunFailed, RunStarted, StepEnded, decode
from mnist_tui.runs.directory import RunDirectory, RunError, RunRecord

STEP_PREFIX = b'{"type":"step_ended"'


class Status(StrEnum):
    """The state of a run, for people and for `--json`."""

    STARTING = "starting"
    TRAINING = "training"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"
    CRASHED = "crashed"
    FAILED = "failed"

    @property
    def is_live(self) -> bool:
        """Whether the run goes on."""
        return self in (Status.STARTING, Status.TRAINING, Status.PAUSED)


def status_of(*, live: bool, stepped: bool, ended: RunEnded | None, failed: bool) -> Status:
    """The one rule that turns what the events and the lock say into a status."""
    if failed:
        return Status.FAILED
    if ended is not None:
        return Status.FINISHED if ended.reason is Reason.COMPLETED else Status.STOPPED
    if not live:
        return Status.CRASHED
    return Status.TRAINING if stepped else Status.STARTING


@dataclass(frozen=True)
class RunSummary:
    """One run in a line. Accuracies are 0..1; None where they do not exist (yet)."""

    run: RunDirectory
    record: RunRecord
    status: Status
    pid: int | None
    epochs_done: int
    steps_done: int
    best: EpochEnded | None
    ended: RunEnded | None
    error: str | None
    class_names: tuple[str, ...] = field(default=())

    def as_json(self) -> dict[str, object]:
        """The fields of `runs --json`, as DESIGN names them."""
        return {
            "id": self.record.id,
            "name": self.record.name,
            "status": str(self.status),
            "pid": self.pid,
            "directory": str(self.run.path),
            "created": self.record.created,
            "preset": self.record.config.preset,
            "epochs_planned": self.record.config.epochs,
            "epochs_done": self.epochs_done,
            "steps_done": self.steps_done,
            "best_epoch": self.best.epoch if self.best else None,
            "validation_accuracy": self.best.validation_accuracy if self.best else None,
            "test_accuracy": self.ended.test_accuracy if self.ended else None,
            "error": self.error,
        }


def summarize(run: RunDirectory) -> RunSummary:
    """Read a run's status and results; raises RunError when its config.json cannot be read."""
    record = run.record()
    live = run.is_live()  # asked before the events are read: an engine that ends in between has said how
    best: EpochEnded | None = None
    ended: RunEnded | None = None
    error: str | None = None
    last_step = b""
    epochs = 0
    names: tuple[str, ...] = ()
    try:
        with run.events_path.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break  # torn: not there yet
                if line.startswith(STEP_PREFIX):
                    last_step = line
                    continue
                event = decode(line)
                if isinstance(event, EpochEnded):
                    epochs += 1
                    best = event if best is None or event.validation_accuracy > best.validation_accuracy else best
                elif isinstance(event, RunStarted):
                    names = event.class_names
                elif isinstance(event, RunEnded):
                    ended = event
                elif isinstance(event, RunFailed):
                    error = event.error
    except OSError:
        pass  # a run without events: crashed before the first, or starting
    step = decode(last_step) if last_step else None
    endpoint = run.endpoint() if live else None
    return RunSummary(
        run=run,
        record=record,
        status=status_of(live=live, stepped=step is not None, ended=ended, failed=error is not None),
        pid=endpoint.pid if endpoint else None,
        epochs_done=epochs,
        steps_done=step.step if isinstance(step, StepEnded) else 0,
        best=best,
        ended=ended,
        error=error,
        class_names=names,
    )


def summaries(runs: Iterable[RunDirectory]) -> list[RunSummary]:
    """The runs that can be read, in the order given; a damaged config.json leaves its run out."""
    found = []
    for run in runs:
        with contextlib.suppress(RunError):
            found.append(summarize(run))
    return found
