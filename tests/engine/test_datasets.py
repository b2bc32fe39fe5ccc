from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_tui.config import ConfigError
from mnist_tui.engine.data import datasets
from mnist_tui.engine.data.datasets import DataSet


@pytest.fixture(scope="module")
def mnist() -> DataSet:
    return datasets.load("mnist")


def write(path: Path, **changes: Any) -> str:
    """A small file laid out like Keras' mnist.npz, with some arrays replaced (None: left out)."""
    labels = np.arange(200, dtype=np.uint8) % 10
    arrays: dict[str, Any] = {
        "x_train": np.zeros((200, 28, 28), np.uint8),
        "y_train": labels,
        "x_test": np.zeros((200, 28, 28), np.uint8),
        "y_test": labels,
    } | changes
    np.savez(path, **{key: array for key, array in arrays.items() if array is not None})
    return str(path)


def test_the_shipped_file_is_mnist_to_the_last_bit(mnist: DataSet) -> None:
    assert (len(mnist.training), len(mnist.test)) == (60_000, 10_000)
    assert mnist.class_names == tuple("0123456789")
    assert datasets.idx_md5(mnist.training.images) == datasets.MNIST_MD5["x_train"]


def test_a_single_changed_pixel_is_detected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mnist: DataSet) -> None:
    images = mnist.test.images.copy()
    images[5_000, 14, 14] ^= 1
    damaged = tmp_path / "mnist.npz"
    np.savez(
        damaged, x_train=mnist.training.images, y_train=mnist.training.labels, x_test=images, y_test=mnist.test.labels
    )
    source = datasets.DataSource(lambda: damaged, datasets.MNIST_MD5)
    monkeypatch.setitem(datasets.DATASETS, "mnist", source)
    with pytest.raises(
        ConfigError, match=r"mnist\.npz is damaged \(array x_test does not match.*install mnist-tui again"
    ):
        datasets.load("mnist")


def test_a_truncated_file_is_rejected(tmp_path: Path) -> None:
    path = Path(write(tmp_path / "digits.npz"))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ConfigError, match="is damaged"):
        datasets.load(str(path))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"y_test": None}, "has no array y_test"),
        ({"x_train": np.zeros((200, 32, 32), np.uint8)}, r"x_train is uint8 \(200, 32, 32\)"),
        ({"x_test": np.zeros((200, 28, 28), np.float32)}, "x_test is float32"),
        ({"y_train": np.zeros(199, np.uint8)}, "y_train must hold one whole number for each of the 200"),
        ({"y_train": np.full(200, -1)}, "y_train holds classes outside 0 to 255"),
        ({"x_test": np.zeros((3, 28, 28), np.uint8), "y_test": np.zeros(3, np.uint8)}, "3 test images are too few"),
    ],
)
def test_a_file_of_another_layout_is_rejected(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        datasets.load(write(tmp_path / "digits.npz", **changes))


def test_pickled_arrays_are_never_loaded(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is damaged"):
        datasets.load(write(tmp_path / "digits.npz", x_train=np.array([{"code": 1}], dtype=object)))


def test_the_split_is_55000_and_5000_disjoint_and_complete(mnist: DataSet) -> None:
    split = datasets.split(mnist, seed=0)
    assert (len(split.train), len(split.validation), len(split.test)) == (55_000, 5_000, 10_000)
    together = np.concatenate([split.train.indices, split.validation.indices])
    assert np.array_equal(np.sort(together), np.arange(60_000))


def test_every_class_has_its_share_of_the_validation_digits(mnist: DataSet) -> None:
    held_out = np.bincount(datasets.split(mnist, seed=3).validation.labels)
    assert np.abs(held_out - np.bincount(mnist.training.labels) / 12).max() < 1


def test_the_seed_decides_the_split(mnist: DataSet) -> None:
    first, again, other = (datasets.split(mnist, seed).validation.indices for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_rows_keep_their_image_label_and_index(mnist: DataSet) -> None:
    validation = datasets.split(mnist, seed=0, limit=600).validation
    assert np.array_equal(validation.images, mnist.training.images[validation.indices])
    assert np.array_equal(validation.labels, mnist.training.labels[validation.indices])


def test_a_limit_takes_so_many_digits_validation_included(mnist: DataSet) -> None:
    split = datasets.split(mnist, seed=0, limit=1_200)
    assert (len(split.train), len(split.validation), len(split.test)) == (1_100, 100, 1_200)
    assert set(split.validation.labels) == set(range(10))


def test_a_limit_above_what_there_is_takes_everything(mnist: DataSet) -> None:
    split = datasets.split(mnist, seed=0, limit=10_000_000)
    assert (len(split.train), len(split.test)) == (55_000, 10_000)


def test_a_verified_file_is_not_read_again_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda _: tmp_path / "cache")
    spec = write(tmp_path / "digits.npz")
    reads: list[str] = []
    load = datasets.load

    def counted(spec: str) -> DataSet:
        reads.append(spec)
        return load(spec)

    monkeypatch.setattr(datasets, "load", counted)
    datasets.verify(spec)
    datasets.verify(spec)
    assert reads == [spec]
    write(Path(spec), y_train=np.zeros(200, np.uint8))
    datasets.verify(spec)
    assert reads == [spec, spec]


def test_a_missing_file_and_an_unknown_name_have_different_errors() -> None:
    with pytest.raises(ConfigError, match="is not known: give mnist or the path"):
        datasets.check_spec("cifar10")
    with pytest.raises(ConfigError, match="cannot be found"):
        datasets.check_spec("/nowhere/digits.npz")
