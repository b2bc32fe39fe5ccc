"""Training of one run: load the data, build the model, train it and explain digits."""

import time
from dataclasses import replace

import msgspec

from mnist_tui.engine.backends.runtime import prepare_machine, versions
from mnist_tui.engine.data import datasets
from mnist_tui.engine.data.reviewed import applied_reviews, with_reviews
from mnist_tui.engine.models.presets import check_known
from mnist_tui.engine.preparation import Prepared
from mnist_tui.engine.recording.checkpoints import Checkpoint
from mnist_tui.engine.training.context import RunContext
from mnist_tui.engine.training.recorder import save_digits
from mnist_tui.engine.training.trainer import Trainer
from mnist_tui.events import Phase, PhaseChanged, SettingChanged
from mnist_tui.runs.model_source import kept_model

VIEWER_SECONDS = 30.0
"""Time that an engine with `explain_only` waits for its first viewer, once the model is loaded."""
IDLE_SECONDS = 300.0
"""Time without a request after which an engine with `explain_only` exits; it holds a gigabyte of memory."""


def train(
    context: RunContext,
    start: Checkpoint | None,
    prepared: Prepared | None = None,
    *,
    explain_only: bool = False,
    accepted_by: str = "",
) -> None:
    """Train the run from the beginning or from a checkpoint, then explain digits until all viewers have left.

    Args:
        context: The run.
        start: Checkpoint to continue from, if there is one.
        prepared: What a warm engine has prepared for these settings.
        explain_only: Load the model of an ended run to explain digits or to train more epochs.
        accepted_by: User who accepts that the data may have changed since the run was started; else empty.

    Raises:
        ConfigError: The data cannot be used.
        RunError: The data have changed.
    """
    run, steering, emit = context.run, context.steering, context.event_writer.emit
    record = run.record()
    config = msgspec.structs.replace(record.config, model=kept_model(run, record.config))
    check_known(config.members)
    machine = prepared.machine if prepared is not None else prepare_machine(config)

    emit(PhaseChanged(time=time.time(), phase=Phase.LOADING))
    data, split = (prepared.data, prepared.split) if prepared is not None else datasets.load_of_run(config)
    data_changed = record.has_other_data(data.checksum)
    if not accepted_by:
        record.check_data(data.checksum)
    if config.labels == "reviewed":
        train, words = with_reviews(split.train, applied_reviews(run), data.facts.classes)
        data, split = replace(data, notes=(*data.notes, words)), replace(split, train=train)
    context.distribution.check_data(data.checksum)
    record = msgspec.structs.replace(record, versions=record.versions | versions(), data_checksum=data.checksum)
    point = {"step": steering.state.step, "epoch": steering.state.epoch}
    context.writer.write("config.json", lambda: run.write_record(record), **point)
    context.writer.write("digits/validation.npz", lambda: save_digits(run, "validation", split.validation), **point)

    emit(PhaseChanged(time=time.time(), phase=Phase.BUILDING))
    ready = (prepared.compiled, prepared.layer_sampler) if prepared is not None else ()
    trainer = Trainer(context, config, machine, data, split, *ready)
    trainer.report_start()
    emit(PhaseChanged(time=time.time(), phase=Phase.COMPILING))
    if start is not None and data_changed:
        trainer.begin_on_changed_data(start, accepted_by)
    else:
        trainer.begin(start)
    if data_changed:
        step = steering.state.step
        emit(
            SettingChanged(
                time=time.time(), setting="data", value="changed content accepted", by=accepted_by, step=step
            )
        )
    if not explain_only:
        trainer.train()
    patience, idle = (VIEWER_SECONDS, IDLE_SECONDS) if explain_only else (0.0, None)
    while trainer.serve_explanations(patience, idle):
        trainer.continue_training(steering.origin)
        trainer.train()
