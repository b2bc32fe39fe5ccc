"""One run, from its settings to the last explanation: data -> model -> training -> explanations."""

import time

import msgspec

from mnist_tui.engine import backends
from mnist_tui.engine.backends.planning import plan
from mnist_tui.engine.backends.runtime import detect_machine, versions
from mnist_tui.engine.data import datasets
from mnist_tui.engine.distribution import Distribution
from mnist_tui.engine.recording.checkpoints import Checkpoint
from mnist_tui.engine.recording.event_writer import EventWriter
from mnist_tui.engine.recording.retrying_writer import RetryingWriter
from mnist_tui.engine.service.steering import Steering
from mnist_tui.engine.training.recorder import save_digits
from mnist_tui.engine.training.trainer import Trainer
from mnist_tui.events import Phase, PhaseChanged
from mnist_tui.runs.directory import RunDirectory

FIRST_SCREEN_SECONDS = 30.0
"""Time that an engine with `explain_only` waits for its first viewer."""


def train(
    run: RunDirectory,
    event_writer: EventWriter,
    steering: Steering,
    writer: RetryingWriter,
    start: Checkpoint | None,
    distribution: Distribution,
    *,
    explain_only: bool = False,
) -> None:
    """Do what config.json says and what `steering` wants, from the beginning or from a checkpoint.

    With `explain_only`, do not train: load the model of an ended run, to explain digits or to train on.
    """
    record, emit = run.record(), event_writer.emit
    config = record.config
    machine = detect_machine(config.device)
    backends.current().prepare(plan(config, machine))

    emit(PhaseChanged(time=time.time(), phase=Phase.LOADING))
    data = datasets.load(config.data)
    split = datasets.split(data, config.seed, config.limit)
    record = msgspec.structs.replace(record, versions=record.versions | versions(), data_checksum=data.checksum)
    where = {"step": steering.state.step, "epoch": steering.state.epoch}
    distribution.check_data(data.checksum)
    writer.write("config.json", lambda: run.write_record(record), **where)
    writer.write("digits/validation.npz", lambda: save_digits(run, "validation", split.validation), **where)

    emit(PhaseChanged(time=time.time(), phase=Phase.BUILDING))
    trainer = Trainer(run, config, split, machine, event_writer, steering, writer, distribution, len(data.class_names))
    trainer.report_start(data.class_names)
    emit(PhaseChanged(time=time.time(), phase=Phase.COMPILING))
    trainer.begin(start)
    if not explain_only:
        trainer.train()
    while trainer.serve_explanations(patience=FIRST_SCREEN_SECONDS if explain_only else 0.0):
        trainer.continue_training(steering.origin)
        trainer.train()
