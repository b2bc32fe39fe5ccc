"""Whether and how a run that is over can go on: checked before anything is started."""

import time

from mnist_tui.cluster import Cluster
from mnist_tui.control import client
from mnist_tui.control.protocol import SetEpochs
from mnist_tui.events import EndReason
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.history import History
from mnist_tui.runs.log import LogFollower
from mnist_tui.runs.status import Status
from mnist_tui.settings import SETTINGS_BY_KEY

LEAVING_SECONDS = 5.0
"""How long an engine that has said its last word may take to be gone."""


def resume_run(
    run: RunDirectory, by: str, *, epochs: int | None = None, more: int = 0, cluster: Cluster | None = None
) -> None:
    """Let a run go on, to `epochs` in all or `more` than planned; raises RunError when it cannot.

    An engine that only waits to be questioned trains on; without one, a new one goes on from the newest checkpoint.
    """
    live = run.is_live()  # before the events are read: what an engine wrote before it ended is then read
    history = read_history(run)
    status = history.status(live=live)
    if status.is_live:
        way = f"`mnist-tui continue {run.id}`" if status is Status.PAUSED else f"`mnist-tui attach {run.id}`"
        raise RunError(f"run {run.id} is {status}, so there is nothing to resume: {way} or stop it first")
    planned = wanted_epochs(run, history, epochs=epochs, more=more, live=live)
    if live and _train_on(run, history, by, planned):
        return
    client.resume(run, by, planned, cluster)


def read_history(run: RunDirectory) -> History:
    """All events of a run; raises RunError when its config.json cannot be read."""
    history, follower = History(run.record()), LogFollower(run.events_path)
    while events := follower.read():
        history.apply_all(events)
    return history


def wanted_epochs(run: RunDirectory, history: History, *, epochs: int | None, more: int, live: bool) -> int | None:
    """The epochs to plan, None for those planned already; raises RunError when there would be nothing left to do.

    As many as are done is enough where a test is still to come, but not for an engine that waits after its own.
    """
    per_epoch = history.started.steps_per_epoch if history.started else 0
    steps = int(history.steps.column("step")[-1]) if history.steps.count else 0
    done, under_way = divmod(steps, per_epoch) if per_epoch else (0, 0)
    finished = history.ended is not None and history.ended.reason in (EndReason.COMPLETED, EndReason.EARLY)
    if history.member_epochs is not None and (epochs is not None or more):
        raise RunError(
            f"run {run.id} trains an ensemble, whose networks have {history.member_epochs} epochs each:"
            " resume it without --epochs"
        )
    if epochs is None and not more:
        if finished:
            raise RunError(f"run {run.id} is finished (epochs done: {done}): give --epochs N to train on")
        return None
    wanted = epochs if epochs is not None else (done if finished else history.epochs_planned) + more
    least = max(1, done + (1 if finished or under_way or live else 0))
    if wanted < least:
        state = f"epoch {least} is under way" if under_way else f"epochs done: {done}"
        raise RunError(f"--epochs {wanted} is too few for run {run.id}: {state}, give at least {least}")
    most = SETTINGS_BY_KEY["epochs"].maximum
    if wanted > most:
        raise RunError(f"--epochs {wanted:,} is out of range for run {run.id}: give at most {most:,.0f}")
    return wanted


def _train_on(run: RunDirectory, history: History, by: str, planned: int | None) -> bool:
    """Let the engine that is still there train on; False when it is gone or about to go, and a new one is needed."""
    if history.ended is not None and history.ended.reason is not EndReason.KILLED:
        epochs = planned if planned is not None else history.epochs_planned
        try:
            client.ask(run, SetEpochs(by=by, epochs=epochs))
        except RunError:
            if _stays(run):
                raise
            return False
        return True
    _stays(run)
    return False


def _stays(run: RunDirectory) -> bool:
    """Whether an engine is still there after the time that its end may take."""
    deadline = time.monotonic() + LEAVING_SECONDS
    while run.is_live():
        if time.monotonic() > deadline:
            return True
        time.sleep(0.05)
    return False
