"""Runs that are looked at together: each followed by its own log, live ones as they go on.

The first read of a run is for a thread (`load`): a million steps take seconds. After that `poll` takes in what is new.
"""

import contextlib
from collections.abc import Iterable

import numpy as np

from mnist_tui.analysis.comparison import EpochResult, RunResult, Settings
from mnist_tui.events import EpochEnded
from mnist_tui.render.text import sanitize
from mnist_tui.runs.directory import RunDirectory, RunError, RunRecord
from mnist_tui.runs.history import History
from mnist_tui.runs.log import LogFollower
from mnist_tui.runs.summary import Status, status_of
from mnist_tui.settings import SETTINGS, Value
from mnist_tui.ui.plots.overlay import Overlaid, RunOverlay
from mnist_tui.ui.plots.run_styles import RunSign

NOT_A_SETTING = "name"
"""The field of RunConfig that decides nothing."""


class ComparedRun:
    """One of them. `history` is None until it was read, and stays so when it cannot be: `trouble` then says why."""

    def __init__(self, run: RunDirectory, sign: RunSign) -> None:
        self.run = run
        self.sign = sign
        self.is_shown = True
        """Whether its curves are drawn."""
        self.name = run.id
        self.history: History | None = None
        self.overlaid: Overlaid | None = None
        self.trouble = ""
        """A sentence about what is wrong with the run's files."""
        self.is_deleted = False
        self._live = False
        self._follower = LogFollower(run.events_path)
        self._state: tuple[object, ...] = ()
        self._result: RunResult | None = None
        self._result_of: tuple[object, ...] = ()

    def load(self) -> None:
        """Read all that there is."""
        try:
            record = self.run.record()
        except RunError:
            gone = not self.run.config_path.exists()
            self.trouble = (
                "deleted before it could be read" if gone else "its config.json cannot be read: restore or remove it"
            )
            return
        self.name = sanitize(record.name)
        history = History(record)
        self._live = self.run.is_live()
        self._read(history)
        self.overlaid = Overlaid(self.run.id, self.name, history, self.sign)
        self.history = history  # last: from now on it is polled

    def poll(self) -> bool:
        """Take in what is new; whether anything is."""
        if self.history is None:
            return False
        self.is_deleted = not self.run.config_path.exists()
        self._live = not self.is_deleted and self.run.is_live()
        self._read(self.history)
        state = (self.history.revision, self._live, self.is_deleted, self._follower.unknown)
        changed, self._state = state != self._state, state
        return changed

    def _read(self, history: History) -> None:
        with contextlib.suppress(OSError):  # a disk that went away; what was read stays
            while events := self._follower.read():
                history.apply_all(events)

    @property
    def is_read(self) -> bool:
        """Whether it is known what there is."""
        return self.history is not None or bool(self.trouble)

    @property
    def status(self) -> Status | None:
        """None while it is not known."""
        history = self.history
        if history is None:
            return None
        return status_of(
            live=self._live,
            stepped=history.steps.count > 0,
            paused=history.paused,
            ended=history.ended,
            failed=history.failed is not None,
        )

    @property
    def has_steps(self) -> bool:
        """Whether there is anything to draw."""
        return self.history is not None and self.history.steps.count > 0

    @property
    def seconds(self) -> float | None:
        """Of work, up to the newest event; None while there is none."""
        history = self.history
        return None if history is None or history.last_time is None else history.worked(history.last_time)

    @property
    def remark(self) -> str:
        """What a person should know before trusting the row; empty when nothing."""
        if self.trouble or self.history is None:
            return self.trouble
        if self.is_deleted:
            return "deleted since it was read: what was read of it stays"
        if not self.has_steps:
            return "no steps yet: nothing to draw"
        if self._follower.unknown:
            return f"{self._follower.unknown:,} lines of its events.jsonl cannot be read and are left out"
        return ""

    @property
    def result(self) -> RunResult:
        """As `analysis.comparison` takes it; made anew when an epoch ended, a setting changed or the run went back."""
        history, status = self.history, self.status
        if history is None or status is None:
            return RunResult(self.name, {})
        of = (len(history.epochs), len(history.markers), history.ended, status)
        if self._result is None or of != self._result_of:
            self._result_of = of
            self._result = RunResult(
                name=self.name,
                settings=settings_of(history),
                epochs=tuple(epoch_result(history, epoch) for epoch in history.epochs),
                test_accuracy=history.ended.test_accuracy if history.ended else None,
                is_over=not status.is_live,
            )
        return self._result


class ComparedRuns:
    """All of them, in the order in which they were chosen. A run keeps its colour and marker when others go."""

    def __init__(self, runs: Iterable[RunDirectory] = ()) -> None:
        self.runs: list[ComparedRun] = []
        self._overlay = RunOverlay()
        self.choose(runs)

    def choose(self, runs: Iterable[RunDirectory]) -> None:
        """Compare these and no others; those that were there stay as they are."""
        chosen = {run.id: run for run in runs}
        self.runs = [run for run in self.runs if run.run.id in chosen]
        for run_id, run in chosen.items():
            if self.find(run_id) is None:
                taken = {one.sign.slot for one in self.runs}
                slot = next(slot for slot in range(len(taken) + 1) if slot not in taken)
                self.runs.append(ComparedRun(run, RunSign(slot)))

    def find(self, run_id: str) -> ComparedRun | None:
        """The run with this id, if it is among them."""
        return next((run for run in self.runs if run.run.id == run_id), None)

    def load(self) -> None:
        """Read those that have not been; for a thread."""
        for run in self.runs:
            if not run.is_read:
                run.load()

    def poll(self) -> bool:
        """Take in what is new in those that were read; whether anything is."""
        return sum(run.poll() for run in self.runs) > 0  # not `any`, which would stop at the first

    @property
    def is_read(self) -> bool:
        """Whether all have been read."""
        return all(run.is_read for run in self.runs)

    @property
    def ruler(self) -> History | None:
        """The history of the first run with steps: windows and the cursor are in its steps."""
        return next((run.history for run in self.runs if run.has_steps), None)

    @property
    def epoch_lengths(self) -> set[int]:
        """Steps an epoch, of all the runs."""
        return {run.history.started.steps_per_epoch for run in self.runs if run.history and run.history.started}

    def overlay(self, alone: bool = False, front: str | None = None) -> RunOverlay:
        """Those that are drawn. The same object as long as they are."""
        drawn = tuple(run.overlaid for run in self.runs if run.is_shown and run.overlaid is not None and run.has_steps)
        overlay = RunOverlay(drawn, alone, front)
        if overlay != self._overlay:
            self._overlay = overlay
        return self._overlay

    @property
    def results(self) -> list[RunResult]:
        """One a run, in their order."""
        return [run.result for run in self.runs]


def epoch_result(history: History, epoch: EpochEnded) -> EpochResult:
    """What it took to get to an epoch's end."""
    started, table = history.started, history.steps
    batch = history.record.config.batch_size
    per_epoch = started.steps_per_epoch if started is not None else 0
    images = epoch.step * batch
    if started is not None and per_epoch:  # an epoch's last batch may be smaller
        whole, rest = divmod(epoch.step, per_epoch)
        images = whole * started.train_count + rest * batch
    row = int(np.searchsorted(table.column("step"), epoch.step, side="right")) - 1
    if row >= 0:
        validating = epoch.time - float(table.column("time")[row])
        seconds = float(table.column("worked")[row]) + max(0.0, validating)
    else:  # its steps were lost
        seconds = max(0.0, epoch.time - history.record.created)
    return EpochResult(epoch.epoch, images, seconds, epoch.validation_accuracy)


def settings_of(history: History) -> Settings:
    """Label -> value in words, in the order of SETTINGS; what was changed while training shows both values."""
    record: RunRecord = history.record
    now: dict[str, Value] = {
        "epochs": history.epochs_planned,
        "learning_rate": history.max_learning_rate,
        "early_stopping": history.early_stopping,
    }
    found: dict[str, str] = {}
    for setting in SETTINGS:
        if setting.key == NOT_A_SETTING:
            continue
        words = _words(getattr(record.config, setting.key))
        newer = _words(now[setting.key]) if setting.key in now else words
        found[setting.label] = words if newer == words else f"{words} → {newer}"
    if history.started is not None:
        found["validated on"] = f"{history.started.validation_count:,} digits"
        found["device"] = sanitize(history.started.hardware.device)
    return found


def _words(value: Value | None) -> str:
    if value is None:
        return "all"
    return f"{value:g}" if isinstance(value, float) else sanitize(str(value))
