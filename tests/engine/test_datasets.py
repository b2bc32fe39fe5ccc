import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_tui.cli.wiring import catalogue
from mnist_tui.config import ConfigError
from mnist_tui.engine.data import datasets
from mnist_tui.engine.data.datasets import DataSet
from mnist_tui.engine.data.readers import Report
from tests.kit.recording import record


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


def test_a_checksum_stays_the_same_for_recorded_runs(mnist: DataSet) -> None:
    assert mnist.checksum == record().data_checksum


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


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"y_test": None}, "has no array y_test"),
        ({"x_train": np.zeros((200, 7, 28), np.uint8)}, r"x_train is uint8 \(200, 7, 28\).*sides of 8 to 96"),
        ({"x_train": np.zeros((200, 28, 97, 3), np.uint8)}, r"x_train is uint8 \(200, 28, 97, 3\)"),
        ({"x_train": np.zeros((200, 28, 28, 4), np.uint8)}, r"x_train of shape \(200, 28, 28, 4\)"),
        ({"x_train": np.zeros((200, 32, 32, 3), np.uint8)}, "x_test holds images of 28x28 grey, x_train of 32x32 RGB"),
        ({"y_train": np.full(200, 3)}, "all training images are of class 3; give at least 2 classes"),
        ({"y_train": np.arange(200) % 101}, r"label 100 in y_train\[100\], expected 0 to 99"),
        ({"y_train": np.zeros(199, np.uint8)}, "200 images in x_train and 199 labels"),
        ({"y_train": np.full(200, -1)}, r"label -1 in y_train\[0\], expected 0 to 99"),
        (
            {"x_test": np.zeros((3, 28, 28), np.uint8), "y_test": np.zeros(3, np.uint8)},
            "the 3 images in x_test",
        ),
    ],
)
def test_a_file_of_another_layout_is_rejected(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        datasets.load(write(tmp_path / "digits.npz", **changes))


@pytest.mark.parametrize("missing", [9, 4], ids=["the last", "one between"])
def test_a_class_that_only_the_test_part_has_is_rejected(tmp_path: Path, missing: int) -> None:
    labels = (np.arange(200) % 10).astype(np.uint8)
    with pytest.raises(ConfigError, match=f"y_test holds class {missing}, which y_train lacks"):
        datasets.load(write(tmp_path / "digits.npz", y_train=np.where(labels == missing, 0, labels)))


@pytest.mark.parametrize("load", [datasets.load, datasets.load_evaluated])
def test_a_file_that_cannot_be_read_is_rejected_with_its_fix(tmp_path: Path, load: Callable[[str], object]) -> None:
    path = tmp_path / "digits.npz"
    with pytest.raises(ConfigError, match=r"digits\.npz is missing: restore it, or save .*numpy\.savez$"):
        load(str(path))
    path.write_bytes(b"rubbish")
    with pytest.raises(ConfigError, match=r"digits\.npz cannot be read .*: restore it, or save .*numpy\.savez$"):
        load(str(path))


@pytest.mark.parametrize("keys", [("x_test", "y_test"), ("x", "y")])
@pytest.mark.parametrize("count", [1, 200])
def test_an_evaluated_set_needs_no_training_part(tmp_path: Path, keys: tuple[str, str], count: int) -> None:
    arrays: dict[str, Any] = {keys[0]: np.zeros((count, 28, 28), np.uint8), keys[1]: np.full(count, 3)}
    np.savez(tmp_path / "digits.npz", **arrays)
    digits, checksum = datasets.load_evaluated(str(tmp_path / "digits.npz"))
    assert (len(digits), set(digits.labels.tolist()), len(checksum)) == (count, {3}, 64)


def test_the_test_part_is_evaluated(mnist: DataSet) -> None:
    digits, _ = datasets.load_evaluated("mnist")
    assert np.array_equal(digits.images, mnist.test.images)


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


@pytest.mark.parametrize("counts", [[1] * 60 + [30] * 10, [2] * 100, [1, 1, 300], [1] * 99 + [60]])
def test_the_only_image_of_a_class_is_trained_on(tmp_path: Path, counts: list[int]) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    path = write(tmp_path / "a.npz", x_train=None, y_train=None, x=np.zeros((len(labels), 8, 8, 3), np.uint8), y=labels)
    data = datasets.load(path)
    split = datasets.split(data, seed=1)
    assert set(split.train.labels.tolist()) == set(range(len(counts)))
    assert data.facts.image_shape == data.image_shape == (8, 8, 3)
    assert data.facts.classes == len(counts)
    assert len(split.validation) > 0
    together = np.concatenate([split.train.indices, split.validation.indices, split.test.indices])
    assert np.array_equal(np.sort(together), np.arange(len(labels)))


def test_sklearns_digits_are_enough(tmp_path: Path) -> None:
    labels = np.arange(1_797) % 10
    data = datasets.load(write(tmp_path / "a.npz", x_train=None, x=np.zeros((1_797, 8, 8), np.uint8), y=labels))
    assert (len(data.training), len(data.test), data.image_shape) == (1_647, 150, (8, 8, 1))


@pytest.mark.parametrize(
    ("test", "sizes"), [("auto", (1_510, 137, 150)), ("off", (1_647, 150, 0))], ids=["tested", "untested"]
)
def test_without_a_test_its_images_are_for_training(tmp_path: Path, test: str, sizes: tuple[int, ...]) -> None:
    arrays = {"x": np.zeros((1_797, 8, 8), np.uint8), "y": np.arange(1_797) % 10}
    path = write(tmp_path / "a.npz", x_train=None, **arrays)
    data, split = datasets.load_of_run(catalogue().complete({"data": path, "test": test}))
    assert (len(split.train), len(split.validation), len(split.test)) == sizes
    assert (len(data.training), data.checksum) == (sum(sizes[:2]), datasets.load(path).checksum)


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

    def counted(spec: str, report: Report) -> DataSet:
        reads.append(spec)
        return load(spec, report)

    monkeypatch.setattr(datasets, "load", counted)
    facts = datasets.verify(spec)
    assert datasets.verify(spec) == facts == load(spec).facts
    assert reads == [spec]
    touched = Path(spec).stat().st_mtime_ns
    write(Path(spec), y_train=(np.arange(200, dtype=np.uint8) + 3) % 10)
    os.utime(spec, ns=(touched, touched))  # as `cp -p` does
    assert datasets.verify(spec) != facts
    assert reads == [spec, spec]


def test_a_missing_file_and_an_unknown_name_have_different_errors() -> None:
    with pytest.raises(ConfigError, match="is not known: give mnist, mine, or the path"):
        datasets.check_spec("cifar10")
    with pytest.raises(ConfigError, match="cannot be found"):
        datasets.check_spec("/nowhere/digits.npz")
