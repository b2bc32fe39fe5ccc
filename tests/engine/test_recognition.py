"""Values and labels of any kind: what is recognised, and what is said about it."""

from typing import Any

import numpy as np
import pytest

from mnist_tui.engine.data.readers import labels, values
from mnist_tui.engine.data.readers.reader import Raw, ReaderError
from tests.engine.data_files import IMAGES, LABELS


@pytest.mark.parametrize(
    ("array", "tolerance", "words"),
    [
        (IMAGES, 0, None),
        (IMAGES / 255, 0, "values from 0 to 1 were scaled"),
        ((IMAGES / 255).astype(np.float16), 1, "values from 0 to 1 were scaled"),
        (IMAGES.astype(np.int64), 0, "stored as 8-bit"),
        (np.minimum(IMAGES + 0.25, 255), 0, "rounded to 8-bit"),
        (IMAGES.astype(np.uint16) * 257, 0, "16-bit values were divided by 257"),
        (IMAGES.astype(np.int32) * 257, 0, "16-bit"),
        (np.rint(IMAGES / 255 * 16), 8, "0 to 16"),
        (IMAGES // 17, 16, "0 to 15"),
        (IMAGES[..., None], 0, None),
        (IMAGES[:, None], 0, None),
        (IMAGES.reshape(150, 64), 0, "rows of 64 values"),
    ],
    ids=[
        *("uint8", "0..1", "float16", "int64", "fractions", "uint16", "int32", "0..16", "0..15", "channel last"),
        *("channel first", "rows"),
    ],
)
def test_grey_values(array: Any, tolerance: int, words: str | None) -> None:
    found, notes = values.recognised(Raw({"x_train": array, "x_test": array[:3]}))
    assert found["x_train"].shape == IMAGES.shape
    assert found["x_train"].dtype == np.uint8
    assert np.abs(found["x_train"].astype(int) - IMAGES).max() <= tolerance
    assert np.array_equal(found["x_test"], found["x_train"][:3])
    assert [words in note for note in notes] == [True] if words else not notes


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float32], ids=str)
def test_black_and_white(kind: Any) -> None:
    found, notes = values.recognised(Raw({"x": (IMAGES > 99).astype(kind)}))
    assert np.array_equal(found["x"], np.where(IMAGES > 99, 255, 0))
    assert len(notes) == 1


def test_colours_can_be_first() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (5, 9, 12, 3), dtype=np.uint8)
    found, notes = values.recognised(Raw({"x": np.moveaxis(rgb, 3, 1)}))
    assert np.array_equal(found["x"], rgb)
    assert "last" in notes[0]
    assert np.array_equal(values.recognised(Raw({"x": rgb}))[0]["x"], rgb)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (IMAGES // 80, "pixels from 0 to 3 "),
        (IMAGES / 100, "pixels from 0 to 2.55 "),
        (IMAGES.astype(int) * 16, "pixels from 0 to 4,080 "),
        (IMAGES / 255 * 2 - 1, r"-1 in x\[0, 0, 0\], expected 0 or more"),
        (IMAGES.astype(str), "holds <U3 in x, expected numbers"),
    ],
    ids=["0..3", "0..2.55", "12 bits", "-1..1", "texts"],
)
def test_ambiguous_values_are_refused(array: Any, words: str) -> None:
    with pytest.raises(ReaderError, match=words):
        values.recognised(Raw({"x": array}))


def test_an_encoded_image_has_the_white_of_its_format() -> None:
    found, notes = values.recognised(Raw({"x": IMAGES // 80}, white=255))
    assert np.array_equal(found["x"], IMAGES // 80)
    assert not notes


def recognised(array: Any, **options: Any) -> tuple[list[int], tuple[str, ...], list[str]]:
    found, names, notes = labels.recognised(Raw({"y": np.asarray(array)}), **({"complete": True} | options))
    return found["y"].tolist(), names, notes


@pytest.mark.parametrize(
    ("array", "expected", "names", "words"),
    [
        ([0, 2, 1, 2], [0, 2, 1, 2], (), ""),
        ([[0], [2], [1]], [0, 2, 1], (), ""),
        ([0.0, 2.0, 1.0], [0, 2, 1], (), "fractions with whole values"),
        (["0", "2.0", "1"], [0, 2, 1], (), "fractions with whole values"),
        ([True, False], [1, 0], (), "False and True"),
        (np.eye(3)[[0, 2, 1]], [0, 2, 1], (), "one-hot labels became 3 classes"),
        ([1, 3, 2], [0, 2, 1], ("1", "2", "3"), "1 to 3 became the classes 0 to 2"),
        (["b", "a", " b"], [1, 0, 1], ("a", "b"), "classes are a, b"),
        ([b"b", b"a"], [1, 0], ("a", "b"), "classes are a, b"),
        (["10", "9", "x"], [1, 0, 2], ("9", "10", "x"), "classes are 9, 10, x"),
        (["\x1b[2J", "a"], [0, 1], ("?[2J", "a"), "classes are ?[2J, a"),
        (np.arange(1, 101), list(range(100)), tuple(map(str, range(1, 101))), "1 to 100 became"),
    ],
    ids=[
        *("numbers", "column", "floats", "texts of floats", "bool", "one-hot", "from 1", "names", "bytes"),
        *("mixed", "escapes", "100"),
    ],
)
def test_labels(array: Any, expected: list[int], names: tuple[str, ...], words: str) -> None:
    found, found_names, notes = recognised(array)
    assert (found, found_names) == (expected, names)
    assert words in " ".join(notes)
    assert bool(words) == bool(notes)


@pytest.mark.parametrize(
    ("array", "classes", "expected"),
    [
        ([3, 3], tuple("0123456789"), [3, 3]),
        ([1, 2], tuple("123"), [0, 1]),
        (["2", "1"], tuple("123"), [1, 0]),
        ([1, 2, 3], ("cat", "dog", "owl"), [0, 1, 2]),
        ([0, 1], ("cat", "dog", "owl"), [0, 1]),
        (["owl"], ("cat", "dog", "owl"), [2]),
    ],
    ids=["numbers", "from 1", "texts from 1", "all from 1", "from 0", "names"],
)
def test_labels_of_a_run_are_found_by_its_class_names(
    array: Any, classes: tuple[str, ...], expected: list[int]
) -> None:
    assert recognised(array, complete=False, classes=classes)[0] == expected


@pytest.mark.parametrize(
    ("array", "classes", "words"),
    [
        (["cow"], ("cat", "dog"), r"label 'cow' in y\[0\], expected one of the run's classes 'cat', 'dog'"),
        ([0, 12], tuple("0123456789"), r"label '12' in y\[1\]"),
        ([0, 4], ("cat", "dog"), r"label 4 in y\[1\]"),
    ],
    ids=["name", "number", "number of a name"],
)
def test_labels_that_a_run_does_not_know_are_refused(array: Any, classes: tuple[str, ...], words: str) -> None:
    with pytest.raises(ReaderError, match=words):
        recognised(array, complete=False, classes=classes)


def test_an_evaluated_file_may_lack_classes() -> None:
    assert recognised(np.full(5, 3), complete=False)[0] == [3] * 5
    assert recognised(LABELS[1:2], complete=False)[0] == [1]
