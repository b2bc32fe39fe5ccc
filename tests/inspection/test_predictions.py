"""Recorded predictions read back: whole, missing, damaged, cut short, written anew."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mnist_tui.inspection.predictions import CACHED, TEST, TRAIN, VALIDATION, EvaluationPoint, PredictionFiles
from mnist_tui.runs.directory import RunDirectory, RunError
from tests.kit.recorded import make_recorded_run, plausible_probabilities

FIRST = EvaluationPoint(VALIDATION, 1)


@pytest.fixture
def run(home: Path) -> RunDirectory:
    return make_recorded_run(home, epochs=2, n=50)


def test_an_epochs_predictions_come_with_the_pictures_that_they_are_of(run: RunDirectory) -> None:
    read = PredictionFiles(run).load(FIRST)
    assert (len(read), read.epoch, read.point) == (50, 1, FIRST)
    assert read.images.shape == (50, 28, 28)
    assert read.probabilities.shape == (50, 10)
    digits = run.load_arrays(run.digits_path(VALIDATION))
    assert (read.indices == digits["indices"]).all()
    assert (read.labels == digits["labels"]).all()


def test_the_final_test_has_digits_of_its_own_and_no_epoch(run: RunDirectory) -> None:
    read = PredictionFiles(run).load(EvaluationPoint(TEST))
    assert (len(read), read.epoch) == (100, None)


def test_what_was_read_is_kept_and_epochs_share_their_pictures(run: RunDirectory) -> None:
    files = PredictionFiles(run)
    first, second = files.load(FIRST), files.load(EvaluationPoint(VALIDATION, 2))
    assert files.load(FIRST) is first
    assert first.images is second.images


def test_a_recording_that_is_written_anew_is_read_anew(run: RunDirectory) -> None:
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


def test_no_more_recordings_are_kept_than_promised(home: Path) -> None:
    run = make_recorded_run(home, epochs=CACHED + 1, n=20)
    files = PredictionFiles(run)
    first = files.load(FIRST)
    for epoch in range(2, CACHED + 2):
        files.load(EvaluationPoint(VALIDATION, epoch))
    assert files.load(FIRST) is not first


def test_what_was_never_recorded_is_a_sentence(run: RunDirectory) -> None:
    with pytest.raises(RunError, match=r"epoch-0007\.npz cannot be read \(No such file"):
        PredictionFiles(run).load(EvaluationPoint(VALIDATION, 7))


def damage(path: Path) -> None:
    """Half of the file is gone."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def garble(path: Path) -> None:
    """No archive at all."""
    path.write_bytes(b"\x00\xff rubbish")


def empty(path: Path) -> None:
    """The disk was full."""
    path.write_bytes(b"")


@pytest.mark.parametrize("harm", [damage, garble, empty])
@pytest.mark.parametrize("which", ["predictions", "digits"])
def test_a_damaged_file_is_a_sentence_that_names_it(
    run: RunDirectory, harm: Callable[[Path], None], which: str
) -> None:
    path = run.predictions_path(1) if which == "predictions" else run.digits_path(VALIDATION)
    harm(path)
    with pytest.raises(RunError, match=rf"{path.name} cannot be read"):
        PredictionFiles(run).load(FIRST)


def test_of_a_file_of_another_kind_nobody_is_told_to_unpickle_it(run: RunDirectory) -> None:
    run.predictions_path(1).write_text("hello")
    with pytest.raises(RunError, match=r"it is no .npz file") as raised:
        PredictionFiles(run).load(FIRST)
    assert "pickle" not in str(raised.value)


def test_a_file_that_was_damaged_is_read_once_it_is_whole_again(run: RunDirectory) -> None:
    files, path = PredictionFiles(run), run.predictions_path(1)
    whole, written = path.read_bytes(), path.stat().st_mtime_ns
    damage(path)
    with pytest.raises(RunError):
        files.load(FIRST)
    path.write_bytes(whole)
    os.utime(path, ns=(written, written))
    assert len(files.load(FIRST)) == 50


@pytest.mark.parametrize("array", ["indices", "labels", "probabilities"])
def test_a_file_without_one_of_its_arrays_was_not_written_by_the_program(run: RunDirectory, array: str) -> None:
    path = run.predictions_path(1)
    arrays = run.load_arrays(path)
    del arrays[array]
    run.save_arrays(path, **arrays)
    with pytest.raises(RunError, match=f"no array '{array}': it was not written by mnist-tui"):
        PredictionFiles(run).load(FIRST)


def test_pictures_without_their_array_are_a_sentence_too(run: RunDirectory) -> None:
    run.save_arrays(run.digits_path(VALIDATION), labels=np.zeros(50, dtype=np.uint8))
    with pytest.raises(RunError, match=r"validation\.npz has no array 'images'"):
        PredictionFiles(run).load(FIRST)


@pytest.mark.parametrize("array", ["indices", "labels", "probabilities"])
def test_arrays_of_other_lengths_are_refused(run: RunDirectory, array: str) -> None:
    path = run.predictions_path(1)
    arrays = run.load_arrays(path)
    run.save_arrays(path, **(arrays | {array: arrays[array][:-1]}))
    with pytest.raises(RunError, match="different lengths: one of them was cut short"):
        PredictionFiles(run).load(FIRST)


def test_probabilities_without_classes_are_refused(run: RunDirectory) -> None:
    path = run.predictions_path(1)
    arrays = run.load_arrays(path)
    run.save_arrays(path, **(arrays | {"probabilities": arrays["probabilities"][:, 0]}))
    with pytest.raises(RunError, match="different lengths"):
        PredictionFiles(run).load(FIRST)


def test_other_sets_are_listed_by_name_and_epochs_and_the_test_are_not(run: RunDirectory) -> None:
    files = PredictionFiles(run)
    assert files.evaluated() == []
    arrays = run.load_arrays(run.predictions_path(1))
    for name in ("set-mine", TRAIN):
        run.save_arrays(run.predictions_path(name), **arrays)
    assert files.evaluated() == ["set-mine", "train"]


def test_moments_name_themselves() -> None:
    points = [FIRST, EvaluationPoint(TEST), EvaluationPoint(TRAIN), EvaluationPoint("set-mine")]
    assert [point.words for point in points] == ["epoch 1", "final test", "cross-check", "set-mine"]


def test_pictures_of_a_set_that_is_evaluated_anew_are_read_anew(run: RunDirectory) -> None:
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


def test_a_cross_checks_digits_are_of_two_splits(run: RunDirectory) -> None:
    arrays, digits = run.load_arrays(run.predictions_path(1)), run.load_arrays(run.digits_path(VALIDATION))
    others = digits["indices"].copy()
    others[10:] = np.arange(60_000, 60_040)  # no validation digits
    run.save_arrays(run.digits_path(TRAIN), **(digits | {"indices": others}))
    run.save_arrays(run.predictions_path(TRAIN), **(arrays | {"indices": others}))
    read = PredictionFiles(run).load(EvaluationPoint(TRAIN))
    assert [read.split_of(row) for row in (0, 9, 10, 49)] == [VALIDATION, VALIDATION, TRAIN, TRAIN]
    run.digits_path(VALIDATION).unlink()
    assert PredictionFiles(run).load(EvaluationPoint(TRAIN)).split_of(0) == TRAIN, "unless that cannot be known"
