"""Checks of a run directory after a fault, and the work that a crash cost."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

from mnist_tui.engine.recording import checkpoints
from mnist_tui.engine.recording.checkpoints import COST_SHARE
from mnist_tui.event_lines import decode
from mnist_tui.events import AnyEvent, CheckpointSaved, ResumeReason, RunResumed, StepEnded
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.runs.history import History


def events_of(run: RunDirectory) -> list[AnyEvent]:
    """Return all events. Fail on an incomplete line and on one that is not an event."""
    data = run.events_path.read_bytes()
    assert not data or data.endswith(b"\n"), f"incomplete line: {data[-200:]!r}"
    events = []
    for line in data.splitlines():
        event = decode(line)
        assert event is not None, f"not an event: {line!r}"
        events.append(event)
    return events


def check_history(run: RunDirectory) -> History:
    """Return the history as readers see it. Fail if a step or an epoch is lost or repeated."""
    history = History(run.record())
    history.apply_all(events_of(run))
    steps = history.steps.column("step").astype(int).tolist()
    assert steps == list(range(1, len(steps) + 1)), "steps are lost or repeated"
    assert [epoch.epoch for epoch in history.epochs] == list(range(1, len(history.epochs) + 1))
    return history


def temporaries(run: RunDirectory) -> list[Path]:
    """Return the temporary files, which a live engine has while it writes."""
    return [path for path in run.path.rglob(".*") if path.is_file()]


def check_files(run: RunDirectory) -> None:
    """Check that no file is damaged or incomplete."""
    assert not temporaries(run), "temporary files are left"
    for path in run.path.rglob("*.npz"):
        run.load_arrays(path)  # raises RunError
    run.record()
    if run.model_path.exists():
        assert zipfile.ZipFile(run.model_path).testzip() is None
    if run.checkpoint_paths():
        newest = checkpoints.read(run)
        assert newest is not None
        assert run.checkpoint_path(newest.state.step) == run.checkpoint_paths()[0]


@dataclass(frozen=True)
class Repetition:
    """Work that was repeated after a crash: full batches, and their seconds."""

    steps: int
    seconds: float
    allowed: float
    """Maximum seconds: the longest time between checkpoints, and one batch."""


def repetitions(run: RunDirectory) -> list[Repetition]:
    """Return the repeated work of every resume."""
    config, found = run.record().config, []
    done: list[StepEnded] = []
    cost = 0.0
    """Seconds that the newest checkpoint of this engine took."""
    for event in events_of(run):
        match event:
            case StepEnded():
                done.append(event)
            case CheckpointSaved() if event.path.startswith("checkpoints/"):
                cost = event.seconds
            case RunResumed(reason=ResumeReason.RESUMED):
                speeds = [again.metrics["images_per_second"] for again in done if again.step > event.step]
                seconds = [config.batch_size / speed for speed in speeds if speed]
                allowed = max(config.checkpoint_seconds, cost / COST_SHARE) + max(seconds, default=0.0)
                found.append(Repetition(len(seconds), sum(seconds), allowed))
                done = [kept for kept in done if kept.step <= event.step]
                cost = 0.0
    return found
