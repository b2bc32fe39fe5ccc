"""The set "mine": adding images, reading it back, and what is wrong with it."""

from pathlib import Path

import numpy as np
import pytest

from mnist_tui.config import ConfigError
from mnist_tui.engine.data import datasets
from mnist_tui.runs.directory import HOME_VARIABLE, RunError
from mnist_tui.runs.mine import DIGITS, add_to_mine, mine_path

IMAGE = np.arange(784, dtype=np.uint32).reshape(28, 28).astype(np.uint8)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "runs"))
    return tmp_path / "runs"


def test_evaluate_reads_what_was_added() -> None:
    for count, label in enumerate((7, 1, 7), 1):
        assert add_to_mine(IMAGE + np.uint8(label), label, DIGITS) == (mine_path(), count)
    digits, _ = datasets.load_evaluated("mine", DIGITS)
    assert digits.labels.tolist() == [7, 1, 7]
    assert np.array_equal(digits.images[1], IMAGE + np.uint8(1))


def test_a_missing_set_says_how_to_make_it() -> None:
    datasets.check_spec("mine")
    with pytest.raises(ConfigError, match=r"mine\.npz is missing: draw digits on the draw screen .* press a"):
        datasets.load_evaluated("mine")


def test_too_few_images_to_train_on_are_counted() -> None:
    add_to_mine(IMAGE, 7, DIGITS)
    with pytest.raises(ConfigError, match="1 images in x are too few; give at least 132"):
        datasets.load("mine")


def test_enough_images_train_with_the_labels_that_were_given() -> None:
    add_to_mine(IMAGE, 1, DIGITS)
    arrays = dict(np.load(mine_path()))
    arrays["x"], arrays["y"] = arrays["x"].repeat(200, axis=0), np.tile(np.array([1, 2], np.uint8), 100)
    np.savez(mine_path(), **arrays)
    data = datasets.load("mine")
    assert set(data.training.labels.tolist()) == {1, 2}
    assert data.class_names == DIGITS


@pytest.mark.parametrize(
    ("shape", "names", "file"),
    [
        ((32, 32, 3), DIGITS, "mine-32x32-rgb.npz"),
        ((28, 28), ("shirt", "coat"), "mine-28x28-grey.npz"),
        ((8, 8), DIGITS, "mine-8x8-grey.npz"),
    ],
)
def test_other_shapes_and_classes_have_files_of_their_own(
    home: Path, shape: tuple[int, ...], names: tuple[str, ...], file: str
) -> None:
    add_to_mine(IMAGE, 7, DIGITS)
    image = np.ones(shape, np.uint8)
    assert add_to_mine(image, 1, names) == (home / file, 1)
    assert add_to_mine(image, 0, names) == (home / file, 2)
    assert add_to_mine(image, 0, ("other", "classes")) == (home / file.replace(".npz", "-2.npz"), 1)
    digits, _ = datasets.load_evaluated(str(home / file), names)
    assert digits.labels.tolist() == [1, 0]
    assert datasets.load_evaluated("mine", DIGITS)[0].labels.tolist() == [7]


def test_a_damaged_set_is_left_alone() -> None:
    mine_path().parent.mkdir()
    mine_path().write_bytes(b"damaged")
    with pytest.raises(RunError, match=r"mine\.npz cannot be read .*: restore it, or move it away"):
        add_to_mine(IMAGE, 7, DIGITS)
    assert mine_path().read_bytes() == b"damaged"
