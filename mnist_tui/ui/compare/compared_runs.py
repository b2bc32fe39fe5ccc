"""Runs that are compared, each followed by its own event log.

The first read of a run belongs in a thread (`load`), since a million steps take seconds; `poll` reads what is new.
"""

import contextlib
from collections.abc import Iterable

import numpy as np

from mnist_tui.analysis.comparison import EpochResult, RunResult, Settings
from mnist_tui.events import EpochEnded
from mnist_tui.render.text import sanitize
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.history import History
from mnist_tui.runs.liveness import LiveEngine
from mnist_tui.runs.log import LogFollower
from mnist_tui.runs.status import Status
from mnist_tui.settings import SETTINGS, Value
from mnist_tui.ui.plots.overlay import OverlayRun, RunOverlay, RunStyle


class ComparedRun:
    """One of the runs. `history` is None until the run was read, and if it cannot be: then `error` says why."""

    def __init__(self, run: RunDirectory, style: RunStyle) -> None:
        self.run = run
        self.style = style
        self.is_shown = True
        """True if its curves are drawn."""
        self.name = run.id
        self.history: History | None = None
        self.overlay_run: OverlayRun | None = None
        self.error = ""
        self.is_deleted = False
        self._engine: LiveEngine | None = None
        self._follower = LogFollower(run.events_path)
        self._state: tuple[object, ...] = ()
        self._result: RunResult | None = None
        self._result_state: tuple[object, ...] = ()

    def load(self) -> None:
        """Read the whole run."""
        try:
            record = self.run.record()
            history = History(record)
            self._engine = self.run.engine()
            self._read(history)
        except RunError as error:
            reason = sanitize(str(error).removeprefix(f"{self.run.path}/"))
            self.error = reason if self.run.config_path.exists() else "deleted before it was read"
            return
        self.name = sanitize(record.name)
        self.overlay_run = OverlayRun(self.run.id, self.name, history, self.style)
        self.history = history  # last: from now on it is polled

    def poll(self) -> bool:
        """Read what is new; return True if anything changed."""
        if self.history is None:
            return False
        self.is_deleted = not self.run.config_path.exists()
        self._engine = None if self.is_deleted else self.run.engine()
        with contextlib.suppress(RunError):  # if the disk is gone, what was read stays
            self._read(self.history)
        state = (self.history.revision, self._engine, self.is_deleted, self._follower.unknown)
        changed, self._state = state != self._state, state
        return changed

    def _read(self, history: History) -> None:
        while events := self._follower.read():
            history.apply_all(events)

    @property
    def is_loaded(self) -> bool:
        """True if the run was read, or cannot be read."""
        return self.history is not None or bool(self.error)

    @property
    def status(self) -> Status | None:
        """None until the run was read."""
        history = self.history
        if history is None:
            return None
        return history.status(live=self._engine is not None, responds=self._engine is None or self._engine.responds)

    @property
    def has_steps(self) -> bool:
        """True if there is anything to draw."""
        return self.history is not None and self.history.steps.count > 0

    @property
    def seconds(self) -> float | None:
        """Seconds up to the newest event, pauses excluded."""
        history = self.history
        return None if history is None or history.last_time is None else history.worked(history.last_time)

    @property
    def problem(self) -> str:
        """Why the run is not compared completely; empty if it is."""
        if self.error or self.history is None:
            return self.error
        if self.is_deleted:
            return "deleted; shown as it was read"
        if not self.has_steps:
            return "no steps yet"
        if self._follower.unknown:
            return f"{self._follower.unknown:,} unreadable lines of events.jsonl were skipped"
        return ""

    @property
    def result(self) -> RunResult:
        """Settings and results, computed again after an epoch, a change of a setting or a rollback."""
        history, status = self.history, self.status
        if history is None or status is None:
            return RunResult(self.name, {})
        state = (len(history.epochs), len(history.energy.at_epochs), len(history.markers), history.ended, status)
        if self._result is None or state != self._result_state:
            self._result_state = state
            self._result = RunResult(
                name=self.name,
                settings=settings_of(history),
                epochs=tuple(epoch_result(history, epoch) for epoch in history.epochs),
                test_accuracies=tuple(history.test_accuracies),
                test_epoch=history.tests[0].best_epoch if history.tests else None,
                is_over=not status.is_live,
            )
        return self._result


class ComparedRuns:
    """The compared runs in the order in which they were chosen. A run keeps its style when others are removed."""

    def __init__(self, runs: Iterable[RunDirectory] = ()) -> None:
        self.runs: list[ComparedRun] = []
        self.choose(runs)

    def choose(self, runs: Iterable[RunDirectory]) -> None:
        """Compare these runs and no others; runs that are compared already are kept."""
        chosen = {run.path: run for run in runs}
        self.runs = [run for run in self.runs if run.run.path in chosen]
        kept = {run.run.path for run in self.runs}
        for path, run in chosen.items():
            if path not in kept:
                taken = {one.style.slot for one in self.runs}
                slot = next(slot for slot in range(len(taken) + 1) if slot not in taken)
                self.runs.append(ComparedRun(run, RunStyle(slot)))

    def load(self) -> None:
        """Read the runs that were not read yet."""
        for run in self.runs:
            if not run.is_loaded:
                run.load()

    def poll(self) -> bool:
        """Read what is new in all runs; return True if anything changed."""
        return sum(run.poll() for run in self.runs) > 0  # not `any`, which would stop at the first

    @property
    def is_loaded(self) -> bool:
        """True if all runs were read."""
        return all(run.is_loaded for run in self.runs)

    @property
    def reference(self) -> History | None:
        """The history of the first run with steps, which the window and the cursor of the plots refer to."""
        return next((run.history for run in self.runs if run.has_steps), None)

    @property
    def epoch_lengths(self) -> set[int]:
        """Steps per epoch of all runs."""
        return {run.history.started.steps_per_epoch for run in self.runs if run.history and run.history.started}

    def overlay(self, hides_own_run: bool = False, front: str | None = None) -> RunOverlay:
        """Return the runs that are drawn."""
        runs = tuple(run.overlay_run for run in self.runs if run.is_shown and run.overlay_run and run.has_steps)
        return RunOverlay(runs, hides_own_run, front)


def epoch_result(history: History, epoch: EpochEnded) -> EpochResult:
    """Return what the run needed up to the end of an epoch."""
    table = history.steps
    row = int(np.searchsorted(table.column("step"), epoch.step, side="right")) - 1
    if row >= 0:
        validating = epoch.time - float(table.column("time")[row])
        seconds = float(table.column("worked")[row]) + max(0.0, validating)
    else:  # its steps were lost
        seconds = max(0.0, epoch.time - history.record.created)
    energy = history.energy.at_epochs.get(epoch.epoch)
    watt_hours = energy.watt_hours if energy is not None else None
    return EpochResult(epoch.epoch, history.images_until(epoch.step), seconds, epoch.validation_accuracy, watt_hours)


def settings_of(history: History) -> Settings:
    """Return label -> formatted value, in the order of SETTINGS; both values if a setting was changed in the run."""
    if history.record.imported_from is not None:
        return {}
    config = history.record.config
    current: dict[str, Value] = {
        "epochs": history.epochs_planned,
        "learning_rate": history.max_learning_rate,
        "early_stopping": history.early_stopping,
        "until": history.until,
        "on_end": history.on_end,
    }
    found: dict[str, str] = {}
    for setting in SETTINGS:
        if setting.key == "name":
            continue
        text = _format(getattr(config, setting.key))
        now = _format(current[setting.key]) if setting.key in current else text
        found[setting.label] = text if now == text else f"{text} → {now}"
    if history.started is not None:
        found["validation set"] = f"{history.started.validation_count:,} images"
        found["device"] = sanitize(history.started.hardware.device)
    return found


def _format(value: Value | None) -> str:
    if value is None:
        return "all"
    return f"{value:g}" if isinstance(value, float) else sanitize(str(value))
