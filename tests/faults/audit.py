"""What must be true of a run directory whatever befell it, and what a crash has cost."""

from dataclasses import dataclass

from mnist_tui.engine.recording import checkpoints
from mnist_tui.engine.recording.checkpoints import COST_SHARE
from mnist_tui.events import AnyEvent, CheckpointSaved, ResumeReason, RunResumed, StepEnded, decode
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.runs.history import History


def events_of(run: RunDirectory) -> list[AnyEvent]:
    """Every event; fails on a torn line and on one that is no event."""
    data = run.events_path.read_bytes()
    assert not data or data.endswith(b"\n"), f"a torn line: {data[-200:]!r}"
    events = []
    for line in data.splitlines():
        event = decode(line)
        assert event is not None, f"no event: {line!r}"
        events.append(event)
    return events


def check_history(run: RunDirectory) -> History:
    """What readers see: steps 1, 2, 3... and epochs 1, 2, 3..., none lost, none twice."""
    history = History(run.record())
    history.apply_all(events_of(run))
    steps = history.steps.column("step").astype(int).tolist()
    assert steps == list(range(1, len(steps) + 1)), "steps are lost or doubled"
    assert [epoch.epoch for epoch in history.epochs] == list(range(1, len(history.epochs) + 1))
    return history


def check_files(run: RunDirectory) -> None:
    """No file is damaged, and none is left half written."""
    assert not [path for path in run.path.rglob(".*") if path.is_file()], "temporary files are left"
    for path in run.path.rglob("*.npz"):
        run.load_arrays(path)  # raises RunError
    run.record()
    if run.model_path.exists():
        import keras  # takes seconds

        keras.saving.load_model(run.model_path, safe_mode=True)
    if run.checkpoint_paths():
        newest = checkpoints.read(run)
        assert newest is not None
        assert run.checkpoint_path(newest.state.step) == run.checkpoint_paths()[0]


@dataclass(frozen=True)
class Repetition:
    """Work that a crash made be done again: batches of full size, and seconds in them."""

    steps: int
    seconds: float
    allowed: float
    """The longest time between checkpoints (as set, or as their cost demands), and the batch that was under way."""


def repetitions(run: RunDirectory) -> list[Repetition]:
    """One for each time that the run was resumed."""
    config, found = run.record().config, []
    done: list[StepEnded] = []
    cost = 0.0
    """Of the newest checkpoint that this engine wrote."""
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
