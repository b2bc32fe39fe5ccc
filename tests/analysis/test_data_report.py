"""Planted flaws of a data set are found, each with its fix; data without flaws have no problem."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from mnist_tui.analysis import duplicates
from mnist_tui.analysis.data_report import TEST, TRAINING, DataReport, Split, findings, report
from mnist_tui.analysis.duplicates import Rows, near_duplicates
from tests.kit.recording import RECORDING

NAMES = ("cat", "dog", "owl")
Images = NDArray[np.uint8]


def splits(shape: tuple[int, ...] = (12, 10), training: int = 90, test: int = 30) -> list[Split]:
    """Return random images, all different, with the same number of each class."""
    random = np.random.default_rng(0)
    return [
        Split(random.integers(0, 256, (count, *shape), dtype=np.uint8), np.arange(count, dtype=np.uint8) % 3)
        for count in (training, test)
    ]


def kinds(made: DataReport) -> list[str]:
    return [finding.kind for finding in findings(made) if finding.is_problem]


@pytest.mark.parametrize("shape", [(8, 8), (28, 28), (33, 47), (96, 96), (32, 32, 3)], ids=str)
def test_data_without_flaws_have_figures_and_no_problem(shape: tuple[int, ...]) -> None:
    training, test = splits(shape)
    made = report([training, test], NAMES, "abc", ("noted",))
    assert findings(made) == []
    assert made.counts.tolist() == [[30] * 3, [10] * 3]
    images = np.concatenate([training.images, test.images])
    labels = np.concatenate([training.labels, test.labels])
    assert (made.lowest, made.highest) == (images.min(), images.max())
    assert made.mean == pytest.approx(images.mean())
    for label, mean in enumerate(made.mean_images):
        np.testing.assert_array_equal(mean, np.rint(images[labels == label].mean(axis=0)))
        assert (labels[made.examples(label)] == label).all()


def leak(training: Split, test: Split) -> None:
    test.images[[3, 6]] = training.images[[0, 9]]


def contradiction(training: Split, _: Split) -> None:
    training.images[1] = training.images[0]


def repetition(_: Split, test: Split) -> None:
    test.images[[9, 12]] = test.images[0]


def near_leak(training: Split, test: Split) -> None:
    test.images[3] = np.rint(training.images[0] * 0.6 + 20)


def blank(training: Split, test: Split) -> None:
    training.images[4], test.images[4] = 7, 7


def dark(training: Split, test: Split) -> None:
    training.images[:] //= 4
    test.images[:] //= 4


def untested(_: Split, test: Split) -> None:
    test.labels[:] = test.labels % 2


def missing(training: Split, test: Split) -> None:
    for each in (training, test):
        each.labels[each.labels == 1] = 0


def rare(training: Split, _: Split) -> None:
    training.labels[training.labels == 2] = np.arange(30) // 11


FLAWS: list[tuple[Callable[[Split, Split], None], list[str], list[tuple[int, int]]]] = [
    (leak, ["leak"], [(TRAINING, 0), (TEST, 3), (TRAINING, 9), (TEST, 6)]),
    (contradiction, ["contradiction", "repeated"], [(TRAINING, 0), (TRAINING, 1)]),
    (repetition, ["repeated"], [(TEST, 0), (TEST, 9)]),
    (near_leak, ["near-leak"], [(TRAINING, 0), (TEST, 3)]),
    (blank, ["blank"], [(TRAINING, 4), (TEST, 4)]),
    (dark, ["dark"], []),
    (untested, ["untested"], []),
    (missing, ["missing"], []),
    (rare, ["rare", "imbalance"], []),
]


@pytest.mark.parametrize(("spoil", "expected", "shown"), FLAWS, ids=[flaw[0].__name__ for flaw in FLAWS])
def test_a_flaw_is_found_and_shown_with_its_fix(
    spoil: Callable[[Split, Split], None], expected: list[str], shown: list[tuple[int, int]]
) -> None:
    training, test = splits()
    spoil(training, test)
    made = report([training, test], NAMES)
    assert kinds(made) == expected
    worst = findings(made)[0]
    assert worst.fix.endswith(".")
    if shown:
        assert [(made.split_of(row), made.index_of(row)) for row in worst.images] == shown


def test_problems_are_listed_by_severity() -> None:
    training, test = splits()
    for spoil in (blank, near_leak, contradiction, repetition):
        spoil(training, test)
    training.images[50] = test.images[20]
    assert kinds(report([training, test], NAMES)) == [
        *("leak", "contradiction", "blank", "near-leak", "repeated", "repeated"),
    ]


def test_equal_images_are_counted_by_split() -> None:
    training, test = splits()
    training.images[[10, 20, 30]] = training.images[0]
    test.images[[5, 6]] = training.images[0]
    made = report([training, test], NAMES)
    assert (made.repeated(TRAINING), made.repeated(TEST), len(made.leaked)) == (3, 1, 1)
    assert made.equal == [[0, 10, 20, 30, 95, 96]]
    assert made.near == []


def digits() -> Images:
    """Return the 5,000 validation images of the recorded run."""
    with np.load(RECORDING.digits_path("validation")) as arrays:
        images: Images = arrays["images"]
    return images


def mixtures() -> Images:
    """Return 400 mixtures of four patterns of 8x8, whose principal components keep all distances."""
    random = np.random.default_rng(0)
    mixed = random.normal(size=(400, 4)) @ random.normal(size=(4, 64))
    return np.clip(np.rint(128 + 15 * mixed), 0, 255).astype(np.uint8).reshape(-1, 8, 8)


@pytest.mark.parametrize("made", [lambda: digits()[:2_000], mixtures], ids=["digits", "mixtures"])
def test_no_pair_is_missed_that_a_comparison_of_all_pairs_finds(
    made: Callable[[], Images], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "NEAR", 0.95)
    monkeypatch.setattr(duplicates, "NEIGHBOURS", 60)
    images = made()
    correlations = np.corrcoef(images.reshape(len(images), -1))
    first, second = np.nonzero(np.triu(correlations >= 0.95, 1))
    found = near_duplicates(Rows([images[:150], images[150:]]), np.zeros(len(images), bool))
    assert {(pair.first, pair.second) for pair in found} == set(zip(first.tolist(), second.tolist(), strict=True))
    assert found


def test_copies_that_were_processed_are_found_among_digits() -> None:
    images, random = digits()[:1_000], np.random.default_rng(0)
    copies = images[:30].astype(float)
    copies[:10] *= 0.7
    copies[10:20] += random.normal(0, 4, copies[10:20].shape)
    copies[20:] = 255 - 255 * (1 - copies[20:] / 255) ** 1.15
    both = Rows([images, np.clip(np.rint(copies), 0, 255).astype(np.uint8)])
    found = {(pair.first, pair.second) for pair in near_duplicates(both, np.zeros(len(both), bool))}
    assert {(row, 1_000 + row) for row in range(30)} <= found
