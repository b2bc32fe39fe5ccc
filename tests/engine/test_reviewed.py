"""Label reviews applied to the training images."""

from pathlib import Path

import numpy as np
import pytest

from mnist_tui.analysis.reviews import LabelReview
from mnist_tui.cli.wiring import label_reviews
from mnist_tui.config import ConfigError
from mnist_tui.engine.data.datasets import Digits
from mnist_tui.engine.data.reviewed import applied_reviews, with_reviews
from mnist_tui.inspection.review_store import ReviewStore
from mnist_tui.runs.directory import HOME_VARIABLE, RunDirectory, RunError, create_run
from tests.kit import samples

CHECKSUM = "ab" * 32


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    return create_run(samples.config())


def reviews() -> list[LabelReview]:
    return [
        LabelReview(split="training", index=10, label=0, outcome="wrong", correct=3),
        LabelReview(split="validation", index=11, label=1, outcome="unreadable"),
        LabelReview(split="training", index=12, label=2, outcome="right"),
        LabelReview(split="training", index=13, label=3, outcome="wrong"),
        LabelReview(split="training", index=14, label=9, outcome="wrong", correct=1),  # of another label
        LabelReview(split="training", index=15, label=5, outcome="wrong", correct=99),  # of other classes
        LabelReview(split="test", index=16, label=6, outcome="wrong", correct=1),
        LabelReview(split="training", index=99, label=0, outcome="wrong", correct=1),  # not in the split
    ]


def test_labels_are_corrected_and_unreadable_images_are_left_out() -> None:
    images = np.arange(8, dtype=np.uint8)[:, None, None] * np.ones((1, 28, 28), np.uint8)
    digits = Digits(images, np.arange(8, dtype=np.uint8), np.arange(10, 18, dtype=np.int32))
    kept, words = with_reviews(digits, reviews(), classes=10)
    assert kept.indices.tolist() == [10, 12, 14, 16, 17]
    assert kept.labels.tolist() == [3, 2, 4, 6, 7]
    assert kept.images[:, 0, 0].tolist() == [0, 2, 4, 6, 7]
    assert "1 training labels corrected, 3 training images left out" in words
    assert digits.labels.tolist() == list(range(8))


def test_a_run_keeps_the_reviews_that_it_was_started_with(run: RunDirectory) -> None:
    store = ReviewStore(run, CHECKSUM)
    store.add(*reviews()[:2])
    run.applied_reviews_path.write_bytes(label_reviews(CHECKSUM))
    store.add(*reviews()[2:4])
    assert [review.index for review in applied_reviews(run)] == [10, 11]


def test_without_reviews_there_is_nothing_to_train_with(run: RunDirectory) -> None:
    with pytest.raises(ConfigError, match="have none"):
        label_reviews(CHECKSUM)
    ReviewStore(run, CHECKSUM).add(reviews()[6])
    with pytest.raises(ConfigError, match="have none"):
        label_reviews(CHECKSUM)


@pytest.mark.parametrize("content", [None, b"{", b"\xff\n"], ids=["missing", "torn", "rubbish"])
def test_damaged_reviews_stop_the_run_with_one_line(run: RunDirectory, content: bytes | None) -> None:
    if content is not None:
        run.applied_reviews_path.write_bytes(content)
    with pytest.raises(RunError, match="restore it"):
        applied_reviews(run)
