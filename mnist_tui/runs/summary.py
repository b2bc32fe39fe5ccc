"""RunSummary: one run of a list, read without NumPy and without decoding every step."""

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from mnist_tui.event_lines import decode
from mnist_tui.events import EpochEnded, RollingEvaluated, RunEnded, StepEnded
from mnist_tui.runs.about import FILE as ABOUT
from mnist_tui.runs.about import About, read_about
from mnist_tui.runs.directory import RunDirectory, RunError, RunRecord, list_runs
from mnist_tui.runs.history import RECENT_STEPS, History
from mnist_tui.runs.liveness import LiveEngine
from mnist_tui.runs.log import next_lines, opened_log
from mnist_tui.runs.status import Status, in_words

NOTHING = About()
STEP_PREFIX = b'{"type":"step_ended"'


@dataclass(frozen=True)
class RunSummary:
    """One run of a list. `history` has no steps."""

    run: RunDirectory
    history: History
    status: Status
    engine: LiveEngine | None
    save_error: str = ""
    """Files that the live or the last engine could not save; empty if it saved everything."""
    unreadable: int = 0
    """Number of lines of events.jsonl that this version cannot read; steps are not counted."""
    about: About = NOTHING
    """Tags, note and pin."""
    size: int = 0
    """Bytes of all files."""
    newest_speed: float | None = None
    """Images/s of the newest steps; None if it is unknown."""

    @property
    def pid(self) -> int | None:
        """Process of the live engine; None if there is none, or while it starts."""
        return self.engine.endpoint.pid or None if self.engine is not None else None

    @property
    def status_in_words(self) -> str:
        """Status, since when the engine has not responded, and the machine if it is another one."""
        return in_words(self.status, self.engine)

    @property
    def record(self) -> RunRecord:
        """Contents of config.json."""
        return self.history.record

    @property
    def epochs_planned(self) -> int:
        """Epochs that the run is to train, of all ensemble members together."""
        return self.history.epochs_planned

    @property
    def epochs_done(self) -> int:
        """Number of complete epochs."""
        return sum(epoch.complete for epoch in self.history.epochs)

    @property
    def steps_done(self) -> int:
        """Number of steps that still count after a resume."""
        return self.history.last_step

    @property
    def share_done(self) -> float | None:
        """Share of the planned steps that are done, 0..1; None before the first."""
        started = self.history.started
        planned = self.epochs_planned * started.steps_per_epoch if started is not None else 0
        return min(1.0, self.steps_done / planned) if planned and self.steps_done else None

    @property
    def images_per_second(self) -> float | None:
        """Images/s of the newest steps of a live run, or of all epochs of another; None if unknown."""
        if self.status.is_live:
            return self.newest_speed
        started, seconds = self.history.started, sum(epoch.seconds for epoch in self.history.epochs if epoch.complete)
        return started.train_count * self.epochs_done / seconds if started is not None and seconds > 0 else None

    @property
    def newest_rolling(self) -> RollingEvaluated | None:
        """Rolling evaluation that is newer than the last epoch of a live run, or all that another one has."""
        newest, counts = self.history.newest_validation, self.status.is_live or not self.history.epochs
        return newest if isinstance(newest, RollingEvaluated) and counts else None

    @property
    def best(self) -> EpochEnded | None:
        """Epoch whose weights are kept."""
        return self.history.best_epoch

    @property
    def ended(self) -> RunEnded | None:
        """The run's end; None if it did not end or failed."""
        return self.history.ended

    @property
    def test(self) -> RunEnded | None:
        """The first test of the run, which is its result."""
        return next(iter(self.history.tests), None)

    @property
    def validation_accuracy(self) -> float | None:
        """Validation accuracy of the best epoch, 0..1; None before it."""
        return self.best.validation_accuracy if self.best else None

    @property
    def test_accuracy(self) -> float | None:
        """Accuracy of the first test, 0..1; None before it."""
        return self.test.test_accuracy if self.test else None

    @property
    def validation_count(self) -> int:
        """Number of validation images; 0 if unknown."""
        return self.history.validation_count

    @property
    def test_count(self) -> int:
        """Number of test images; 0 if unknown."""
        return self.history.started.test_count if self.history.started else 0

    @property
    def error(self) -> str | None:
        """Error of a failed run, in one sentence."""
        return self.history.failed.error if self.history.failed else None

    @property
    def _rolling(self) -> dict[str, object] | None:
        """The rolling evaluation after the newest epoch, as `runs --json` prints it; None if there is none."""
        newest = self.history.newest_validation
        if not isinstance(newest, RollingEvaluated):
            return None
        fields = ("step", "first_step", "epoch", "count", "validation", "confusion")
        return {field: getattr(newest, field) for field in fields}

    def as_json(self) -> dict[str, object]:
        """Return the object that `runs --json` prints."""
        best, test = self.best, self.test
        return {
            "id": self.record.id,
            "name": self.record.name,
            "status": str(self.status),
            "pid": self.pid,
            "host": self.engine.endpoint.host or None if self.engine is not None else None,
            "silent_since": self.engine.silent_since if self.engine is not None else None,
            "directory": str(self.run.path),
            "created": self.record.created,
            "preset": self.record.config.preset,
            "epochs_planned": self.epochs_planned,
            "epochs_done": self.epochs_done,
            "steps_done": self.steps_done,
            "best_epoch": best.epoch if best else None,
            "train": best.train if best else None,
            "validation": best.validation if best else None,
            "validation_accuracy": self.validation_accuracy,
            "rolling": self._rolling,
            "test_accuracy": self.test_accuracy,
            "tests": [
                {"accuracy": each.test_accuracy, "epoch": each.best_epoch, "time": each.time, "unseen": each is test}
                for each in self.history.tests
            ],
            "energy": self.history.energy.as_json(self.history.epochs),
            "error": self.error,
            "tags": self.about.tags,
            "note": self.about.note,
            "pinned": self.about.pinned,
            "size": self.size,
            "unreadable_lines": self.unreadable,
            "save_error": self.save_error or None,
        }


@dataclass(frozen=True)
class _Read:
    """Contents of the files of a run."""

    history: History
    unreadable: int
    newest_speed: float | None = None
    about: About = NOTHING
    size: int = 0


_known: dict[Path, tuple[tuple[object, ...], _Read]] = {}
"""Times and sizes of a run's files, and what was read then, so that a list is refreshed quickly."""


def file_stamp(path: Path) -> tuple[int, int]:
    """Return the time and size of a file, by which a change is noticed; zeros if there is none."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def history_without_steps(run: RunDirectory) -> History:
    """Read a run's events except its steps; raises RunError if config.json or events.jsonl cannot be read."""
    return _read(run).history


def _read(run: RunDirectory) -> _Read:
    """Read the events, of the steps only the newest."""
    history, step_line, unreadable = History(run.record()), b"", 0
    newest: deque[bytes] = deque(maxlen=RECENT_STEPS)
    with opened_log(run.events_path) as file:
        while (found := next_lines(file)).length:
            unreadable += not found.lines
            for line in found.lines.splitlines():
                if line.startswith(STEP_PREFIX):
                    step_line = line
                    newest.append(line)
                    continue
                _skip_to(history, step_line)
                step_line = b""
                event = decode(line)
                if event is not None:
                    history.apply(event)
                unreadable += event is None and bool(line)
    _skip_to(history, step_line)
    return _Read(history, unreadable, None if history.is_over else _speed(newest))


def _speed(step_lines: Iterable[bytes]) -> float | None:
    """Return the mean speed of some steps in images/s."""
    steps = [event for event in map(decode, step_lines) if isinstance(event, StepEnded)]
    speeds = [speed for step in steps if (speed := step.metrics.get("images_per_second")) and math.isfinite(speed)]
    return math.fsum(speeds) / len(speeds) if speeds else None


def _skip_to(history: History, step_line: bytes) -> None:
    event = decode(step_line) if step_line else None
    if isinstance(event, StepEnded):
        history.skip_step(event)


def summarize(run: RunDirectory) -> RunSummary:
    """Read a run's status and results; raises RunError if config.json or events.jsonl cannot be read."""
    engine = run.engine()  # before the events: an engine that ends in between has written how
    written = tuple(map(file_stamp, (run.config_path, run.events_path, run.path / ABOUT, run.path / "checkpoints")))
    known = _known.get(run.path)
    if known is None or known[0] != written:
        known = _known[run.path] = written, replace(_read(run), about=read_about(run.path), size=run.size())
    read = known[1]
    status = read.history.status(live=engine is not None, responds=engine is None or engine.responds)
    return RunSummary(
        run, read.history, status, engine, run.save_error(), read.unreadable, read.about, read.size, read.newest_speed
    )


def pinned_first(found: Iterable[RunSummary]) -> list[RunSummary]:
    """Return runs in the same order, but the pinned ones first."""
    return sorted(found, key=lambda each: not each.about.pinned)


def newest_summaries(most: int, troubles: list[str] | None = None, other_than: Path | None = None) -> list[RunSummary]:
    """Read the newest runs, without that in the folder `other_than`; add what cannot be read to `troubles`."""
    try:
        runs = [run for run in list_runs() if run.path != other_than][:most]
    except RunError as error:
        if troubles is not None:
            troubles.append(str(error))
        return []
    return summaries(runs, troubles)


def summaries(runs: Iterable[RunDirectory], troubles: list[str] | None = None) -> list[RunSummary]:
    """Read runs, in the order given. Leave out a run that cannot be read, and add the reason to `troubles`."""
    found = []
    for run in runs:
        try:
            found.append(summarize(run))
        except Exception as error:  # whatever is wrong with one run, the others are listed
            reason = str(error) if isinstance(error, RunError) else f"{run.path} cannot be read ({error!r})"
            if troubles is not None:
                troubles.append(reason)
    return found
