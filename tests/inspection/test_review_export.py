"""Label reviews as a CSV file in the run directory, with the predictions."""

import csv
from pathlib import Path

import numpy as np
import pytest

from mnist_tui.analysis.review_csv import from_csv
from mnist_tui.analysis.reviews import LabelReview
from mnist_tui.inspection.inspector import Inspector
from mnist_tui.inspection.predictions import TEST, TRAIN, VALIDATION, EvaluationPoint
from mnist_tui.inspection.review_export import export_reviews, predictions_of
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.history import History
from mnist_tui.runs.log import LogFollower
from tests.kit.recorded import make_recorded_run

FIRST, NEWEST = EvaluationPoint(VALIDATION, 1), EvaluationPoint(VALIDATION, 2)


@pytest.fixture
def run(home: Path) -> RunDirectory:
    return make_recorded_run(home, epochs=2, n=50)


def opened(run: RunDirectory) -> tuple[Inspector, History]:
    history = History(run.record())
    history.apply_all(LogFollower(run.events_path).read())
    return Inspector(run, run.record()), history


def review_of(run: RunDirectory, split: str, row: int) -> LabelReview:
    arrays = run.load_arrays(run.digits_path(split))
    index, label = int(arrays["indices"][row]), int(arrays["labels"][row])
    return LabelReview(split=split, index=index, label=label, outcome="unreadable", time=1.0 + row, by="ada")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_file_holds_every_review_with_the_predictions_of_the_evaluation(run: RunDirectory) -> None:
    inspector, history = opened(run)
    reviews = [review_of(run, VALIDATION, row) for row in (3, 8)]
    inspector.add_reviews(*reviews)
    for point in (FIRST, NEWEST):
        path, count = export_reviews(run, inspector, history, point, inspector.review_store.read())
        assert (path, count) == (run.path / "reviews.csv", 2)
        assert from_csv(path.read_text("utf-8")) == reviews
        probabilities = inspector.predictions(point).probabilities[[3, 8]]
        assert [int(row["predicted"]) for row in rows_of(path)] == probabilities.argmax(axis=1).tolist()
        assert [float(row["confidence"]) for row in rows_of(path)] == pytest.approx(probabilities.max(axis=1), rel=1e-5)


def test_predictions_that_the_evaluation_lacks_are_those_of_another(run: RunDirectory) -> None:
    inspector, history = opened(run)
    inspector.add_reviews(review_of(run, TEST, 4), review_of(run, VALIDATION, 3))
    path, _ = export_reviews(run, inspector, history, FIRST, inspector.review_store.read())
    by_split = {row["split"]: int(row["predicted"]) for row in rows_of(path)}
    assert by_split[TEST] == inspector.predictions(EvaluationPoint(TEST)).probabilities[4].argmax()
    assert by_split[VALIDATION] == inspector.predictions(FIRST).probabilities[3].argmax()


def test_an_example_that_only_the_cross_check_has_gets_its_prediction(run: RunDirectory) -> None:
    predictions, digits = (run.load_arrays(path(TEST)) for path in (run.predictions_path, run.digits_path))
    run.save_arrays(run.predictions_path(TRAIN), **(predictions | {"indices": np.arange(100, dtype=np.int32)}))
    run.save_arrays(run.digits_path(TRAIN), **digits)
    inspector, history = opened(run)
    review = review_of(run, TRAIN, 6)
    inspector.add_reviews(review)
    path, _ = export_reviews(run, inspector, history, NEWEST, inspector.review_store.read())
    assert [row["predicted"] for row in rows_of(path)] == [str(predictions["probabilities"][6].argmax())]


def test_a_review_without_a_prediction_has_empty_cells(run: RunDirectory) -> None:
    inspector, history = opened(run)
    inspector.add_reviews(LabelReview(split=TRAIN, index=1, label=4, outcome="right", time=1.0))
    run.predictions_path(2).unlink()
    path, _ = export_reviews(run, inspector, history, NEWEST, inspector.review_store.read())
    assert [(row["predicted"], row["confidence"]) for row in rows_of(path)] == [("", "")]


def test_an_example_with_another_label_has_no_prediction(run: RunDirectory) -> None:
    inspector, _ = opened(run)
    review = review_of(run, VALIDATION, 3)
    other = LabelReview(split=VALIDATION, index=review.index, label=(review.label + 1) % 10, outcome="right", time=1.0)
    assert predictions_of([other], inspector, [NEWEST]) == {}
    assert list(predictions_of([review], inspector, [NEWEST])) == [review.digit]


def test_no_reviews_are_a_heading_and_a_second_export_replaces_the_first(run: RunDirectory) -> None:
    inspector, history = opened(run)
    path, count = export_reviews(run, inspector, history, NEWEST, inspector.review_store.read())
    assert (rows_of(path), count) == ([], 0)
    inspector.add_reviews(review_of(run, VALIDATION, 0))
    export_reviews(run, inspector, history, NEWEST, inspector.review_store.read())
    assert len(rows_of(path)) == 1


def test_a_file_that_cannot_be_written_is_an_error_and_leaves_nothing_behind(run: RunDirectory) -> None:
    inspector, history = opened(run)
    (run.path / "reviews.csv").mkdir()
    with pytest.raises(RunError, match=r"reviews\.csv cannot be written"):
        export_reviews(run, inspector, history, NEWEST, inspector.review_store.read())
    assert [path.name for path in run.path.glob(".*")] == []
