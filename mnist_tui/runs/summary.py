"""What a list of runs shows: status and results of a run, read without numpy and without decoding every step."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from mnist_tui.events import EndReason as Reason
from mnist_tui.events import (
    EpochEnded,
    Phase,
    PhaseChanged,
    RunEnded,
    RunFailed,
    RunResumed,
    RunStarted,
    SettingChanged,
    StepEnded,
    decode,
    kept_epoch,
)
from mnist_tui.runs.directory import RunDirectory, RunError, RunRecord, opened

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

    @property
    def is_resumable(self) -> bool:
        """Whether the run is over before its time, so that it can go on from its newest checkpoint."""
        return self in (Status.STOPPED, Status.CRASHED, Status.FAILED)


def status_of(*, live: bool, stepped: bool, paused: bool, ended: RunEnded | None, failed: bool) -> Status:
    """The one rule that turns what the events and the lock say into a status."""
    if failed:
        return Status.FAILED
    if ended is not None:
        return Status.FINISHED if ended.reason in (Reason.COMPLETED, Reason.EARLY) else Status.STOPPED
    if not live:
        return Status.CRASHED
    if paused:
        return Status.PAUSED
    return Status.TRAINING if stepped else Status.STARTING


@dataclass(frozen=True)
class RunSummary:
    """One run in a line. Accuracies are 0..1; None where they do not exist (yet)."""

    run: RunDirectory
    record: RunRecord
    status: Status
    pid: int | None
    epochs_planned: int
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
            "epochs_planned": self.epochs_planned,
            "epochs_done": self.epochs_done,
            "steps_done": self.steps_done,
            "best_epoch": self.best.epoch if self.best else None,
            "validation_accuracy": self.best.validation_accuracy if self.best else None,
            "test_accuracy": self.ended.test_accuracy if self.ended else None,
            "error": self.error,
        }


class _Tally:
    """What a run's lines add up to, one at a time; steps stay undecoded."""

    def __init__(self) -> None:
        self.epochs: list[EpochEnded] = []
        self.names: tuple[str, ...] = ()
        self.ended: RunEnded | None = None
        self.error: str | None = None
        self.phase: Phase | None = None
        self.epochs_planned: int | None = None
        self._steps = 0
        self._last_step = b""

    def take(self, line: bytes) -> None:
        """Take in one line."""
        if line.startswith(STEP_PREFIX):
            self._last_step = line
            return
        match decode(line):
            case EpochEnded() as event:
                self.epochs.append(event)
            case RunStarted() as event:
                self.names = event.class_names
            case PhaseChanged() as event:
                self.phase = event.phase
            case SettingChanged(setting="epochs") as event:
                self.epochs_planned = int(event.value) if event.value.isdecimal() else self.epochs_planned
            case RunResumed() as event:
                self.epochs = [epoch for epoch in self.epochs if epoch.epoch <= event.epoch]
                self.ended = self.error = None
                self._steps, self._last_step = event.step, b""
            case RunEnded() as event:
                self.ended = event
            case RunFailed() as event:
                self.error = event.error

    @property
    def steps(self) -> int:
        """Steps done."""
        step = decode(self._last_step) if self._last_step else None
        return step.step if isinstance(step, StepEnded) else self._steps

    @property
    def best(self) -> EpochEnded | None:
        """The epoch whose network is kept."""
        return kept_epoch(self.epochs)


def summarize(run: RunDirectory) -> RunSummary:
    """Read a run's status and results; raises RunError when its config.json cannot be read."""
    record = run.record()
    live = run.is_live()  # asked before the events are read: an engine that ends in between has said how
    tally = _Tally()
    try:
        with opened(run.events_path) as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break  # torn: not there yet
                tally.take(line)
    except OSError:
        pass  # a run without events: crashed before the first, or starting
    endpoint = run.endpoint() if live else None
    status = status_of(
        live=live,
        stepped=tally.steps > 0,
        paused=tally.phase is Phase.PAUSED,
        ended=tally.ended,
        failed=tally.error is not None,
    )
    return RunSummary(
        run=run,
        record=record,
        status=status,
        pid=endpoint.pid if endpoint else None,
        epochs_planned=tally.epochs_planned or record.config.epochs_in_all,
        epochs_done=sum(epoch.complete for epoch in tally.epochs),
        steps_done=tally.steps,
        best=tally.best,
        ended=tally.ended,
        error=tally.error,
        class_names=tally.names,
    )


def summaries(runs: Iterable[RunDirectory], troubles: list[str] | None = None) -> list[RunSummary]:
    """The runs that can be read, in the order given; a damaged config.json leaves its run out, and is told in
    `troubles`."""
    found = []
    for run in runs:
        try:
            found.append(summarize(run))
        except RunError as error:
            if troubles is not None:
                troubles.append(str(error))
    return found
