"""Resume a run that has ended, after checking that it can continue."""

import time

from mnist_tui.cluster import Cluster
from mnist_tui.config import ConfigError
from mnist_tui.control import client
from mnist_tui.control.protocol import SetEpochs, SetOnEnd
from mnist_tui.events import EndReason
from mnist_tui.image_layout import shape_in_words
from mnist_tui.render.text import percent
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.history import History
from mnist_tui.runs.log import LogFollower
from mnist_tui.runs.model_source import changed_words
from mnist_tui.runs.notes import SEEN
from mnist_tui.runs.status import Status
from mnist_tui.settings import SETTINGS_BY_KEY, Catalogue

EXIT_SECONDS = 5.0
"""Time that an engine may take to exit after its last event."""


def resume_run(
    run: RunDirectory,
    by: str,
    catalogue: Catalogue,
    *,
    epochs: int | None = None,
    more: int = 0,
    cluster: Cluster | None = None,
    accept_changed_data: bool = False,
    on_end: str | None = None,
) -> str:
    """Continue an ended run: with its engine if that still waits, else with a new one from the newest checkpoint.

    Return what it leads to.

    Args:
        run: The run.
        by: The origin of the request.
        catalogue: Reader of the run's data.
        epochs: Epochs in total; those planned if neither this nor `more` is given.
        more: Epochs in addition to those planned.
        cluster: The processes that share the training, if there are several.
        accept_changed_data: Train on even if the data have changed since the run was started.
        on_end: Command to run at its end, instead of the one set before.

    Raises:
        ConfigError: The data cannot be read.
        RunError: The run is live, there is nothing left to train, this version cannot train it, or the data changed.
    """
    engine = run.engine()  # before the events are read, so that none that an exiting engine writes is missed
    if engine is not None and (engine.is_elsewhere or not engine.responds):
        raise RunError(engine.refusal(run.id))
    live = engine is not None
    history = read_history(run)
    history.record.check_is_own()
    status = history.status(live=live)
    if status.is_live:
        command = "continue" if status is Status.PAUSED else "attach"
        raise RunError(f"run {run.id} is {status}: use `mnist-tui {command} {run.id}`, or stop it first")
    planned = epochs_to_plan(run, history, epochs=epochs, more=more, live=live)
    if live and _train_on(run, history, by, planned, on_end):
        return outcome(history, planned)
    try:
        catalogue.check(history.record.config)
    except ConfigError as error:
        raise RunError(f"run {run.id} cannot be resumed here: {error}") from None
    _check_data(history, catalogue, accept_changed_data=accept_changed_data)
    client.resume(run, by, planned, cluster, accept_changed_data=accept_changed_data, on_end=on_end)
    changed = changed_words(run, history.record.config)
    return outcome(history, planned) + (f" {changed}: the run keeps training its copy." if changed else "")


def outcome(history: History, epochs: int | None) -> str:
    """Return what resuming an ended run leads to; `epochs` is the new total, None for those planned."""
    planned = history.epochs_planned if epochs is None else epochs
    sentence = f"Training continues to the end of epoch {planned:,}."
    return f"{sentence} {retest_warning(history)}" if history.tests else sentence


def retest_warning(history: History) -> str:
    """Return what becomes of the test results of a run that is tested again."""
    return f"The test result, {percent(history.test_accuracies[0])}, stays; the next one is marked as {SEEN}."


def read_history(run: RunDirectory) -> History:
    """Read all events of a run; raises RunError if its config.json cannot be read."""
    history, follower = History(run.record()), LogFollower(run.events_path)
    while events := follower.read():
        history.apply_all(events)
    return history


def epochs_to_plan(run: RunDirectory, history: History, *, epochs: int | None, more: int, live: bool) -> int | None:
    """Return the epochs to plan, None for those planned already; raises RunError if nothing is left to train.

    The epochs done are enough if the run still lacks its test, unless a live engine waits after its own.
    """
    per_epoch = history.started.steps_per_epoch if history.started else 0
    steps = int(history.steps.column("step")[-1]) if history.steps.count else 0
    done, under_way = divmod(steps, per_epoch) if per_epoch else (0, 0)
    reason = history.ended.reason if history.ended is not None else None
    # The engine may have been killed right after it acknowledged more epochs.
    has_added_epochs = history.epochs_planned > done and history.member_epochs is None
    finished = reason in (EndReason.EARLY, EndReason.TARGET) or (reason is EndReason.COMPLETED and not has_added_epochs)
    if epochs is None and not more:
        if finished:
            raise RunError(f"run {run.id} is finished (epochs done: {done}): give --epochs N to train on")
        return None
    if history.member_epochs is not None:
        raise RunError(
            f"run {run.id} trains an ensemble of models with {history.member_epochs} epochs each:"
            " resume it without --epochs"
        )
    planned = epochs if epochs is not None else (done if finished else history.epochs_planned) + more
    least = max(1, done + (1 if finished or under_way or live else 0))
    if planned < least:
        state = f"epoch {least} is under way" if under_way else f"epochs done: {done}"
        raise RunError(f"--epochs {planned} is too few for run {run.id} ({state}): give at least {least}")
    most = SETTINGS_BY_KEY["epochs"].maximum
    if planned > most:
        raise RunError(f"--epochs {planned:,} is out of range for run {run.id}: give at most {most:,.0f}")
    return planned


def _check_data(history: History, catalogue: Catalogue, *, accept_changed_data: bool) -> None:
    record, started = history.record, history.started
    if catalogue.read_data is None:
        return
    facts = catalogue.read_data(record.config.data)
    if not accept_changed_data:
        record.check_data(facts.checksum)
    elif started is not None:
        before, now = (
            f"{classes} classes and images of {shape_in_words(shape)}"
            for classes, shape in (
                (len(started.class_names), started.image_shape),
                (facts.classes, facts.image_shape),
            )
        )
        if before != now:
            raise RunError(
                f"{record.config.data} has {now} now, run {record.id} was started with {before}: start a new run"
            )


def _train_on(run: RunDirectory, history: History, by: str, planned: int | None, on_end: str | None) -> bool:
    """Let the live engine train on; return False if it exits instead, so that a new one is needed."""
    if history.ended is not None and history.ended.reason is not EndReason.KILLED:
        epochs = planned if planned is not None else history.epochs_planned
        try:
            if on_end is not None:
                client.send(run, SetOnEnd(by=by, command=on_end))
            client.send(run, SetEpochs(by=by, epochs=epochs))
        except RunError:
            if _stays_live(run):
                raise
            return False
        return True
    _stays_live(run)
    return False


def _stays_live(run: RunDirectory) -> bool:
    deadline = time.monotonic() + EXIT_SECONDS
    while run.is_live():
        if time.monotonic() > deadline:
            return True
        time.sleep(0.05)
    return False
