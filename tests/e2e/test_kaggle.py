"""Kaggle's competition from end to end: the split of MNIST, a run on train.csv, and the score of its submission."""

import csv
from pathlib import Path

import pytest

from tests.e2e.conftest import Call


def column(path: Path, heading: str) -> list[str]:
    with path.open(newline="") as file:
        return [row[heading] for row in csv.DictReader(file)]


@pytest.mark.full
@pytest.mark.timeout(14_400)
@pytest.mark.parametrize(
    ("settings", "least"),
    [
        (("--preset", "fast", "--epochs", "2"), 0.992),
        (("--preset", "reference", "--test", "off"), 0.9929),
        (("--preset", "best", "--test", "off"), 0.995),
    ],
    ids=["fast", "reference", "best"],
)
def test_a_submission_scores_as_promised(settings: tuple[str, ...], least: float, call: Call, tmp_path: Path) -> None:
    folder, submission = tmp_path / "kaggle", tmp_path / "submission.csv"
    for arguments in (
        ("data", "mnist", "--kaggle", str(folder)),
        ("train", "--plain", "--data", str(folder / "train.csv"), *settings),
        ("submit", "last", str(folder / "test.csv"), "-o", str(submission)),
    ):
        done = call(*arguments)
        assert done.returncode == 0, done.stderr
    assert submission.read_text().startswith("ImageId,Label\n1,")
    assert column(submission, "ImageId") == [str(number) for number in range(1, 28_001)]
    labels = column(folder / "solution.csv", "Label")
    predicted = column(submission, "Label")
    assert sum(map(str.__eq__, predicted, labels)) / len(labels) >= least
