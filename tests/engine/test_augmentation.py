"""Augmented images: the effect of a warp, and that it follows from seed and epoch."""

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from mnist_tui.engine import backends
from mnist_tui.engine.backends.backend import Feed
from mnist_tui.engine.data.augmentation import basis, draw_warps, warp
from mnist_tui.engine.data.images import SIDE, Augmentation
from mnist_tui.engine.models.evaluation import one_hot
from tests.engine.samples import few_digits

NONE = Augmentation(degrees=0, scale=0, shear=0, pixels=0, elastic=0)


def identity(count: int) -> NDArray[np.float32]:
    return draw_warps(NONE, count, seed=0, epoch=0)


def augment(images: NDArray[np.uint8], warps: object) -> NDArray[np.float32]:
    return np.asarray(keras.ops.convert_to_numpy(warp(images[..., None], warps)))[..., 0]


def test_the_identity_leaves_the_image() -> None:
    images = few_digits(5).images
    np.testing.assert_array_equal(augment(images, identity(5)), images)


def test_a_shift_by_a_pixel_shifts_by_a_pixel() -> None:
    images = few_digits(3).images
    warps = identity(3)
    warps[:, 2] = (1, -2)  # read from a pixel below and two to the left
    moved = np.zeros_like(images)
    moved[:, :-1, 2:] = images[:, 1:, :-2]
    np.testing.assert_allclose(augment(images, warps), moved, atol=1e-2)


def test_half_a_turn_is_the_image_upside_down() -> None:
    images = few_digits(3).images
    warps = identity(3)
    warps[:, :2] *= -1
    np.testing.assert_allclose(augment(images, warps), images[:, ::-1, ::-1], atol=1e-2)


def test_outside_the_image_is_background() -> None:
    images = np.full((1, SIDE, SIDE), 255, np.uint8)
    warps = identity(1)
    warps[:, 2] = (SIDE, 0)
    assert augment(images, warps).max() == 0


def test_seed_and_epoch_decide_the_warps() -> None:
    augmentation = Augmentation()
    first = draw_warps(augmentation, 20, seed=3, epoch=1)
    np.testing.assert_array_equal(first, draw_warps(augmentation, 20, seed=3, epoch=1))
    assert not np.array_equal(first, draw_warps(augmentation, 20, seed=3, epoch=2))
    assert not np.array_equal(first, draw_warps(augmentation, 20, seed=4, epoch=1))


def test_elastic_displacements_have_the_given_standard_deviation() -> None:
    augmentation = Augmentation(degrees=0, scale=0, shear=0, pixels=0, elastic=0.8)
    displacements = basis(SIDE, SIDE)[:, 3:] @ draw_warps(augmentation, 2_000, seed=0, epoch=0)[:, 3:]
    assert displacements.std() == pytest.approx(0.8, rel=0.05)
    assert displacements.mean() == pytest.approx(0, abs=0.02)


def test_rotation_stays_within_its_limit() -> None:
    augmentation = Augmentation(degrees=10, scale=0, shear=0, pixels=0, elastic=0)
    warps = draw_warps(augmentation, 500, seed=0, epoch=0)
    angles = np.rad2deg(np.arctan2(warps[:, 0, 1], warps[:, 0, 0]))
    assert 9 < angles.max() <= 10
    assert -10 <= angles.min() < -9


def test_batches_are_augmented_and_keep_their_targets() -> None:
    digits = few_digits(10)
    warps = draw_warps(Augmentation(), 10, seed=0, epoch=0)
    images, targets = digits.images[..., None], one_hot(digits.labels, 10)
    batches = [tuple(map(np.asarray, batch)) for batch in backends.current().batches(Feed(images, targets, 4, warps))]
    assert [len(batch) for batch, _ in batches] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate([classes for _, classes in batches]), targets)
    np.testing.assert_allclose(
        np.concatenate([batch for batch, _ in batches])[..., 0], augment(digits.images, warps), atol=1e-3
    )
