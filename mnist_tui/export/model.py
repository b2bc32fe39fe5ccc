"""The run's best model. Conversions take a process of their own, which imports Keras."""

import shutil
from pathlib import Path

from mnist_tui.control.client import do_job
from mnist_tui.export.source import Source
from mnist_tui.runs.directory import RunError


def keras_file(source: Source, path: Path) -> str:
    _check(source)
    shutil.copyfile(source.run.model_path, path)
    return "model"


def saved_model(source: Source, path: Path) -> str:
    return _converted(source, "saved-model", path)


def onnx(source: Source, path: Path) -> str:
    return _converted(source, "onnx", path)


def tflite(source: Source, path: Path) -> str:
    return _converted(source, "tflite", path)


def source_code(source: Source, path: Path) -> str:
    _converted(source, "source", path)
    return "source code"


def _converted(source: Source, conversion: str, path: Path) -> str:
    _check(source)
    for report in do_job(source.run, "export", f"{conversion}:{path}"):
        source.progress(report.message, report.progress)
    return "model"


def _check(source: Source) -> None:
    if not source.run.model_path.is_file():
        raise RunError(f"run {source.run.id} has no model.keras: train it for an epoch, then export its model")
