"""The confusion matrix of a run as a picture: of its first test, else of the best epoch."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_tui.export.source import Source
from mnist_tui.render.matrix_picture import matrix_png, matrix_svg
from mnist_tui.runs.directory import RunError


def svg(source: Source, path: Path) -> str:
    """Write the matrix as SVG, light and dark."""
    matrix, names, words = _matrix(source)
    path.write_text(matrix_svg(matrix, names, f"{source.history.record.name}: {words}"), "utf-8")
    return f"confusion matrix ({words})"


def png(source: Source, path: Path) -> str:
    """Write the matrix as PNG."""
    matrix, names, words = _matrix(source)
    path.write_bytes(matrix_png(matrix, names))
    return f"confusion matrix ({words})"


def _matrix(source: Source) -> tuple[NDArray[np.int64], tuple[str, ...], str]:
    tests = source.history.tests
    counts = tests[0].test_confusion if tests else None
    words = "test"
    if counts is None:
        words = f"validation, epoch {source.kept_point.epoch}"
        best = source.history.best_epoch
        counts = best.confusion if best else ()
    if not counts:
        raise RunError(f"run {source.run.id} has no confusion matrix: it was imported")
    matrix = np.array(counts)
    return matrix, source.names(len(matrix)), words
