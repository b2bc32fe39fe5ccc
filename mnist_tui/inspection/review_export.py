"""Label reviews as a CSV file for other programs, with the predictions."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from mnist_tui.analysis.review_csv import Prediction, to_csv
from mnist_tui.analysis.reviews import LabelReview, part_of
from mnist_tui.inspection.inspector import Inspector
from mnist_tui.inspection.predictions import VALIDATION, EvaluationPoint
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.history import History
from mnist_tui.runs.replacing import replacing

FILE = "reviews.csv"


def export_reviews(
    run: RunDirectory,
    inspector: Inspector,
    history: History,
    point: EvaluationPoint,
    reviews: Sequence[LabelReview],
    names: Sequence[str] = (),
) -> tuple[Path, int]:
    """Write reviews to `reviews.csv` in the run directory; return its path and their number.

    Predictions are those at `point`. For examples that it lacks, they are those of the newest epoch, the final test or
    another set. Raises RunError if the file cannot be written.
    """
    newest = [EvaluationPoint(VALIDATION, epoch.epoch) for epoch in history.epochs[-1:]]
    points = [point, *newest, *inspector.other_points(history)]
    text = to_csv(reviews, names, predictions_of(reviews, inspector, points))
    path = run.path / FILE
    try:
        with replacing(path) as temporary:
            temporary.write_text(text, "utf-8", newline="")
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error.strerror}): check file and disk, and export again") from None
    return path, len(reviews)


def predictions_of(
    reviews: Iterable[LabelReview], inspector: Inspector, points: Iterable[EvaluationPoint]
) -> dict[tuple[str, int], Prediction]:
    """Return predictions of the reviewed examples by `LabelReview.digit`, from the first point that has them.

    Points whose predictions cannot be read are skipped.
    """
    labels = {review.digit: review.label for review in reviews}
    found: dict[tuple[str, int], Prediction] = {}
    for point in points:
        part = part_of(point.split)
        wanted = [index for where, index in labels if where == part and (where, index) not in found]
        if not wanted:
            continue
        try:
            predictions = inspector.predictions(point)
        except RunError:
            continue
        for row in np.flatnonzero(np.isin(predictions.indices, wanted)).tolist():
            digit = (part, int(predictions.indices[row]))
            if predictions.labels[row] == labels[digit]:
                predicted = int(predictions.probabilities[row].argmax())
                found[digit] = Prediction(predicted, float(predictions.probabilities[row, predicted]))
    return found
