"""Recorded predictions: complete, missing, damaged, truncated and rewritten files."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mnist_tui.inspection.predictions import CACHED, TEST, TRAIN, VALIDATION, EvaluationPoint, PredictionFiles
from mnist_tui.runs.directory import RunDirectory, RunError
from tests.kit.recorded import make_recorded_run, plausible_probabilities

FIRST = EvaluationPoint(VALIDATION, 1)


@pytest.fixture
def run(home: Path) -> RunDirectory:
    return make_recorded_run(home, epochs=2, n=50)


def test_predictions_come_with_their_images(run: RunDirectory) -> None:
    read = PredictionFiles(run).load(FIRST)
    assert (len(read), read.epoch, read.point) == (50, 1, FIRST)
    assert read.images.shape == (50, 28, 28)
    assert read.probabilities.shape == (50, 10)
    digits = run.load_arrays(run.digits_path(VALIDATION))
    assert (read.indices == digits["indices"]).all()
    assert (read.labels == digits["labels"]).all()


def test_the_final_test_has_its_own_images_and_no_epoch(run: RunDirectory) -> None:
    read = PredictionFiles(run).load(EvaluationPoint(TEST))
    assert (len(read), read.epoch) == (100, None)


def test_predictions_are_cached_and_epochs_share_their_images(run: RunDirectory) -> None:
    files = PredictionFiles(run)
    first, second = files.load(FIRST), files.load(EvaluationPoint(VALIDATION, 2))
    assert files.load(FIRST) is first
    assert first.images is second.images


def test_a_rewritten_file_is_read_again(run: RunDirectory) -> None:
    files = PredictionFiles(run)
    before = files.load(FIRST)
    path = run.predictions_path(1)
    other = plausible_probabilities(before.images, before.labels, 9)
    written = path.stat().st_mtime_ns
    run.save_arrays(path, indices=before.indices, labels=before.labels, probabilities=other)
    os.utime(path, ns=(written + 1, written + 1))
    after = files.load(FIRST)
    assert (after.probabilities == other).all()
    assert not (before.probabilities == other).all()


def test_the_cache_is_bounded(home: Path) -> None:
    run = make_recorded_run(home, epochs=CACHED + 1, n=20)
    files = PredictionFiles(run)
    first = files.load(FIRST)
    for epoch in range(2, CACHED + 2):
        files.load(EvaluationPoint(VALIDATION, epoch))
    assert files.load(FIRST) is not first


def test_a_missing_file_is_an_error(run: RunDirectory) -> None:
    with pytest.raises(RunError, match=r"epoch-0007\.npz cannot be read \(No such file"):
        PredictionFiles(run).load(EvaluationPoint(VALIDATION, 7))


def truncate(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def garble(path: Path) -> None:
    path.write_bytes(b"\x00\xff rubbish")


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("harm", [truncate, garble, empty])
@pytest.mark.parametrize("which", ["predictions", "digits"])
def test_a_damaged_file_is_an_error_that_names_it(run: RunDirectory, harm: Callable[[Path], None], which: str) -> None:
    path = run.predictions_path(1) if which == "predictions" else run.digits_path(VALIDATION)
    harm(path)
    with pytest.raises(RunError, match=rf"{path.name} cannot be read"):
        PredictionFiles(run).load(FIRST)


def test_the_error_for_another_file_type_does_not_suggest_pickle(run: RunDirectory) -> None:
    run.predictions_path(1).write_text("hello")
    with pytest.raises(RunError, match=r"\.npz file") as raised:
        PredictionFiles(run).load(FIRST)
    assert "pickle" not in str(raised.value)


def test_a_repaired_file_is_read(run: RunDirectory) -> None:
    files, path = PredictionFiles(run), run.predictions_path(1)
    content, written = path.read_bytes(), path.stat().st_mtime_ns
    truncate(path)
    with pytest.raises(RunError):
        files.load(FIRST)
    path.write_bytes(content)
    os.utime(path, ns=(written, written))
    assert len(files.load(FIRST)) == 50


@pytest.mark.parametrize("array", ["indices", "labels", "probabilities"])
def test_a_missing_array_is_an_error(run: RunDirectory, array: str) -> None:
    path = run.predictions_path(1)
    arrays = run.load_arrays(path)
    del arrays[array]
    run.save_arrays(path, **arrays)
    with pytest.raises(RunError, match=f"no array '{array}'"):
        PredictionFiles(run).load(FIRST)


def test_a_missing_array_of_images_is_an_error(run: RunDirectory) -> None:
    run.save_arrays(run.digits_path(VALIDATION), labels=np.zeros(50, dtype=np.uint8))
    with pytest.raises(RunError, match=r"validation\.npz has no array 'images'"):
        PredictionFiles(run).load(FIRST)


@pytest.mark.parametrize("array", ["indices", "labels", "probabilities"])
def test_arrays_of_different_lengths_are_an_error(run: RunDirectory, array: str) -> None:
    path = run.predictions_path(1)
    arrays = run.load_arrays(path)
    run.save_arrays(path, **(arrays | {array: arrays[array][:-1]}))
    with pytest.raises(RunError, match="different lengths"):
        PredictionFiles(run).load(FIRST)


def test_probabilities_without_classes_are_an_error(run: RunDirectory) -> None:
    path = run.predictions_path(1)
    arrays = run.load_arrays(path)
    run.save_arrays(path, **(arrays | {"probabilities": arrays["probabilities"][:, 0]}))
    with pytest.raises(RunError, match="damaged"):
        PredictionFiles(run).load(FIRST)


@pytest.mark.parametrize(
    ("array", "value"),
    [
        ("labels", np.full(50, 10, np.uint8)),
        ("labels", np.full(50, -1)),
        ("labels", np.full(50, "x")),
        ("labels", np.array(3)),
        ("indices", np.zeros(50)),
        ("probabilities", np.zeros((50, 10), np.int64)),
        ("probabilities", np.zeros((50, 0))),
        ("images", np.zeros((50, 7, 28), np.uint8)),
        ("images", np.zeros((50, 28, 28, 4), np.uint8)),
        ("images", np.zeros((50, 28, 28))),
        ("images", np.zeros(50, np.uint8)),
    ],
)
def test_arrays_that_no_evaluation_gives_are_an_error(
    run: RunDirectory, array: str, value: NDArray[np.generic]
) -> None:
    path = run.digits_path(VALIDATION) if array == "images" else run.predictions_path(1)
    run.save_arrays(path, **(run.load_arrays(path) | {array: value}))
    with pytest.raises(RunError, match="damaged"):
        PredictionFiles(run).load(FIRST)


def test_only_other_sets_are_listed(run: RunDirectory) -> None:
    files = PredictionFiles(run)
    assert files.evaluated() == []
    arrays = run.load_arrays(run.predictions_path(1))
    for name in ("set-mine", TRAIN):
        run.save_arrays(run.predictions_path(name), **arrays)
    assert files.evaluated() == ["set-mine", "train"]


def test_evaluations_have_names() -> None:
    points = [FIRST, EvaluationPoint(TEST), EvaluationPoint(TRAIN), EvaluationPoint("set-mine")]
    assert [point.words for point in points] == ["epoch 1", "final test", "cross-check", "set-mine"]


def test_images_of_a_set_that_is_evaluated_again_are_read_again(run: RunDirectory) -> None:
    files, point = PredictionFiles(run), EvaluationPoint("set-mine")
    arrays, digits = run.load_arrays(run.predictions_path(TEST)), run.load_arrays(run.digits_path(TEST))
    run.save_arrays(run.digits_path("set-mine"), **digits)
    run.save_arrays(run.predictions_path("set-mine"), **arrays)
    before = files.load(point)
    path = run.digits_path("set-mine")
    written = path.stat().st_mtime_ns
    run.save_arrays(path, **(digits | {"images": 255 - digits["images"]}))
    os.utime(path, ns=(written + 1, written + 1))
    assert (files.load(point).images == 255 - before.images).all()


def test_a_cross_check_has_examples_of_two_splits(run: RunDirectory) -> None:
    arrays, digits = run.load_arrays(run.predictions_path(1)), run.load_arrays(run.digits_path(VALIDATION))
    others = digits["indices"].copy()
    others[10:] = np.arange(60_000, 60_040)  # not in the validation split
    run.save_arrays(run.digits_path(TRAIN), **(digits | {"indices": others}))
    run.save_arrays(run.predictions_path(TRAIN), **(arrays | {"indices": others}))
    read = PredictionFiles(run).load(EvaluationPoint(TRAIN))
    assert [read.split_of(row) for row in (0, 9, 10, 49)] == [VALIDATION, VALIDATION, TRAIN, TRAIN]
    run.digits_path(VALIDATION).unlink()
    assert PredictionFiles(run).load(EvaluationPoint(TRAIN)).split_of(0) == TRAIN, (
        "unknown without the validation split"
    )
