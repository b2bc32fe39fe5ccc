"""A training log of another program as a run to compare with: its curves, without a model and predictions."""

import contextlib
import math
import re
from collections.abc import Iterator
from pathlib import Path

from mnist_tui.config import IMPORTED, ConfigError, RunConfig
from mnist_tui.event_lines import encode
from mnist_tui.events import AnyEvent, EndReason, EpochEnded, RunEnded, StepEnded
from mnist_tui.inspection.log_files import TrainingLog
from mnist_tui.runs.directory import RunDirectory, RunError, create_run, remove_run
from mnist_tui.settings import NO_CATALOGUE, SETTINGS_BY_KEY

LONGEST_NAME = 40


def import_run(log: TrainingLog, path: Path, name: str | None = None) -> RunDirectory:
    """Write a log as a finished run; raises RunError or ConfigError.

    Args:
        log: The log.
        path: Where it was read.
        name: Name of the run; without one, that of the file if it is free.
    """
    run = _created(log, path, name)
    try:
        run.events_path.write_bytes(b"".join(map(encode, _events(log, run.record().created))))
    except OSError as error:
        remove_run(run)
        raise RunError(f"{run.path} cannot be written ({error.strerror}): free some space") from None
    return run


def _created(log: TrainingLog, path: Path, name: str | None) -> RunDirectory:
    rates = [values.get("learning_rate") or 0.0 for _, _, values in log.steps]
    rates += [epoch.train.get("learning_rate") or 0.0 for epoch in log.epochs]
    config = {
        "preset": IMPORTED,
        "epochs": max(1, len(log.epochs)),
        "batch_size": 1,
        "learning_rate": min(10.0, max([0.0, *rates])),
        "optimizer": "",
        "seed": 0,
        "data": "",
    }
    if name is not None:
        checked = SETTINGS_BY_KEY["name"].parse(name, NO_CATALOGUE)
        return create_run(RunConfig(**config, name=checked), imported_from=str(path))  # type: ignore[arg-type]
    derived = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-._")[:LONGEST_NAME]
    with contextlib.suppress(RunError, ConfigError):
        checked = SETTINGS_BY_KEY["name"].parse(derived, NO_CATALOGUE)
        return create_run(RunConfig(**config, name=checked), imported_from=str(path))  # type: ignore[arg-type]
    return create_run(RunConfig(**config), imported_from=str(path))  # type: ignore[arg-type]


def _events(log: TrainingLog, created: float) -> Iterator[AnyEvent]:
    """Yield the events in order of their steps; what is unknown is empty or 0."""
    pending, best, best_number = list(enumerate(log.epochs, start=1)), -math.inf, None
    last = created

    def ended(before: float) -> Iterator[AnyEvent]:
        nonlocal best, best_number, last
        while pending and pending[0][1].step < before:
            number, epoch = pending.pop(0)
            score = _score(epoch.validation)
            is_best = score > best
            best, best_number = (score, number) if is_best else (best, best_number)
            last = max(last, created + epoch.seconds)
            yield EpochEnded(
                time=last,
                epoch=number,
                step=epoch.step,
                train=epoch.train,
                validation=epoch.validation,
                confusion=(),
                seconds=0.0,
                validation_seconds=0.0,
                is_best=is_best,
            )

    for step, seconds, metrics in log.steps:
        yield from ended(step)
        last = max(last, created + seconds)
        number = len(log.epochs) - len(pending) + 1
        yield StepEnded(time=last, step=step, epoch=number, metrics=metrics)
    yield from ended(math.inf)
    yield RunEnded(time=last, reason=EndReason.COMPLETED, best_epoch=best_number, seconds=last - created)


def _score(metrics: dict[str, float | None]) -> float:
    """Return what makes an epoch the best: its accuracy, else its loss; -inf without either."""
    accuracy, loss = metrics.get("accuracy"), metrics.get("loss")
    if accuracy is not None:
        return accuracy
    return -loss if loss is not None else -math.inf
