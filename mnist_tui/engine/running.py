"""One run, from its settings to the last question: data -> network -> training -> answers. All is told to `emit`."""

import time

import msgspec

from mnist_tui.engine import backends, datasets, devices
from mnist_tui.engine.checkpoints import Checkpoint
from mnist_tui.engine.journal import Journal
from mnist_tui.engine.recorder import save_digits
from mnist_tui.engine.saving import Saver
from mnist_tui.engine.steering import Steering
from mnist_tui.engine.team import Team
from mnist_tui.engine.trainer import Trainer
from mnist_tui.events import Phase, PhaseChanged
from mnist_tui.runs.directory import RunDirectory

FIRST_SCREEN_SECONDS = 30.0
"""How long an engine that was woken waits for the screen that woke it."""


def train(
    run: RunDirectory,
    journal: Journal,
    steering: Steering,
    saver: Saver,
    start: Checkpoint | None,
    team: Team,
    *,
    woken: bool = False,
) -> None:
    """Do what config.json says and what `steering` wants, from the beginning or from a checkpoint.

    A run that is over is `woken` to be questioned, or to train on.
    """
    record, emit = run.record(), journal.emit
    config = record.config
    machine = devices.find(config.device)
    backends.current().prepare(devices.plan(config, machine))

    emit(PhaseChanged(time=time.time(), phase=Phase.LOADING))
    data = datasets.load(config.data)
    split = datasets.split(data, config.seed, config.limit)
    record = msgspec.structs.replace(record, versions=record.versions | devices.versions(), data_checksum=data.checksum)
    where = {"step": steering.state.step, "epoch": steering.state.epoch}
    team.check_data(data.checksum)
    saver.attempt("config.json", lambda: run.write_record(record), **where)
    saver.attempt("digits/validation.npz", lambda: save_digits(run, "validation", split.validation), **where)

    emit(PhaseChanged(time=time.time(), phase=Phase.BUILDING))
    trainer = Trainer(run, config, split, machine, journal, steering, saver, team, len(data.class_names))
    trainer.tell_start(data.class_names)
    emit(PhaseChanged(time=time.time(), phase=Phase.COMPILING))
    trainer.begin(start)
    if not woken:
        trainer.train_to_the_end()
    while trainer.answer_until_wanted(patience=FIRST_SCREEN_SECONDS if woken else 0.0):
        trainer.train_on(steering.take_train_on())
        trainer.train_to_the_end()
