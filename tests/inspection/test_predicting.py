"""Pictures of users, converted to the images that the model of a run takes."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mnist_tui.inspection.pictures import Picture, PictureError
from mnist_tui.inspection.predicting import (
    PLAIN_THRESHOLD,
    Target,
    Treatment,
    boxed,
    default_threshold,
    judged,
    prepared,
    step_tiles,
)
from mnist_tui.runs.directory import RunDirectory
from mnist_tui.runs.summary import history_without_steps
from tests.kit.recording import recorded_run

RGB = Target((32, 32, 3), is_handwriting=False, is_light_on_dark=True)
CLOTHES = Target((28, 28, 1), is_handwriting=False, is_light_on_dark=True)
SCENE = np.random.default_rng(0).integers(0, 256, (60, 90, 3)).astype(np.uint8)


def test_the_runs_validation_images_say_what_its_model_takes(tmp_path: Path) -> None:
    assert Target.of(recorded_run()) == Target((28, 28, 1), is_handwriting=True, is_light_on_dark=True)
    run = RunDirectory(tmp_path)
    filled: dict[str, NDArray[np.uint8]] = {"images": SCENE[None, :32, :32].repeat(9, axis=0)}
    run.save_arrays(run.digits_path("validation"), **filled)
    assert Target.of(run) == Target((32, 32, 3), is_handwriting=False, is_light_on_dark=False)


@pytest.mark.parametrize("target", [RGB, CLOTHES], ids=["RGB", "grey"])
@pytest.mark.parametrize("pixels", [SCENE, SCENE[..., 0], SCENE[:9, :9]], ids=["RGB", "grey", "small"])
def test_the_middle_of_a_picture_is_resized(target: Target, pixels: NDArray[np.uint8]) -> None:
    handwriting = prepared(Picture("scene", pixels), target)
    (digit,) = handwriting.digits
    height, width = pixels.shape[:2]
    assert digit.image.shape == (target.shape if target is RGB else target.shape[:2])
    assert digit.box == ((width - height) // 2, 0, height, height)
    for tiles in step_tiles(handwriting, 20):
        assert len({tile.image.shape[:2] for tile in tiles}) == 1


@pytest.mark.parametrize("treatment", [Treatment.AUTO, Treatment.AS_IS])
def test_a_light_background_is_inverted_only_unasked(treatment: Treatment) -> None:
    shirt = np.full((56, 56), 250, np.uint8)
    shirt[10:40, 10:40] = 60
    handwriting = prepared(Picture("shirt", shirt), CLOTHES, treatment)
    is_inverted = treatment is Treatment.AUTO
    assert bool(handwriting.digits[0].image[0, 0] < 10) is is_inverted
    assert bool(handwriting.notes) is is_inverted


def test_a_model_of_another_shape_takes_no_digits() -> None:
    with pytest.raises(PictureError, match="--digits"):
        prepared(Picture("scene", SCENE), RGB, Treatment.DIGITS)


def test_the_frame_is_around_the_image() -> None:
    digit = np.full((100, 200), 230, np.uint8)
    digit[20:80, 90:100] = 20
    handwriting = prepared(Picture("one", digit), Target.of(recorded_run()))
    drawn = boxed(handwriting, 0, 50, 20, (255, 0, 0))
    rows, columns = np.nonzero((drawn == (255, 0, 0)).all(axis=2))
    scale = drawn.shape[1] / 200
    assert (columns.min() / scale, columns.max() / scale) == pytest.approx((90, 100), abs=5)
    assert (rows.min() / scale, rows.max() / scale) == pytest.approx((20, 80), abs=5)


def test_the_threshold_comes_from_the_validation_predictions() -> None:
    run = recorded_run()
    history = history_without_steps(run)
    found = default_threshold(run, history)
    read = run.load_arrays(run.predictions_path(history.best_epoch.epoch)) if history.best_epoch else {}
    is_answered = read["probabilities"].max(axis=1) >= found.value
    is_right = read["probabilities"].argmax(axis=1) == read["labels"]
    assert is_right[is_answered].mean() >= 0.999
    assert is_answered.mean() >= 0.8
    run.predictions_path(history.best_epoch.epoch if history.best_epoch else 0).unlink()
    assert default_threshold(run, history).value == PLAIN_THRESHOLD


def test_doubts_follow_from_threshold_and_limit() -> None:
    sure, unsure = judged([(0.9, 0.1), (0.6, 0.4)], [0.1, 0.5], limit=0.3, threshold=0.7)
    assert sure.doubts == ()
    assert unsure.doubts == ("unsure", "unlike the training data")
