"""Verdicts written down for other programs, with what the network made of the digits."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from mnist_tui.analysis.review_csv import Prediction, to_csv
from mnist_tui.analysis.reviews import LabelReview, part_of
from mnist_tui.inspection.inspector import Inspector
from mnist_tui.inspection.predictions import VALIDATION, EvaluationPoint
from mnist_tui.runs.directory import RunDirectory, RunError, replacing
from mnist_tui.runs.history import History

FILE = "verdicts.csv"


def export_reviews(
    run: RunDirectory,
    inspector: Inspector,
    history: History,
    point: EvaluationPoint,
    reviews: Sequence[LabelReview],
    names: Sequence[str] = (),
) -> tuple[Path, int]:
    """Write verdicts that hold for the run to `verdicts.csv` in its directory; returns the path and their number.

    The answers beside them are those of `moment`; of digits that it does not have, those of the newest epoch, the final
    test and other sets. Raises RunError when the file cannot be written.
    """
    newest = [EvaluationPoint(VALIDATION, epoch.epoch) for epoch in history.epochs[-1:]]
    others = [each for each in inspector.points(history) if each.epoch is None]
    text = to_csv(reviews, names, answers_to(reviews, inspector, [point, *newest, *others]))
    path = run.path / FILE
    try:
        with replacing(path) as temporary:
            temporary.write_text(text, "utf-8", newline="")
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error.strerror}): make room and export again") from None
    return path, len(reviews)


def answers_to(
    reviews: Iterable[LabelReview], inspector: Inspector, points: Iterable[EvaluationPoint]
) -> dict[tuple[str, int], Prediction]:
    """What the network made of the judged digits, by `Verdict.digit`, from the first moment that has them.

    A moment that cannot be read is passed over.
    """
    labels = {each.digit: each.label for each in reviews}
    found: dict[tuple[str, int], Prediction] = {}
    for point in points:
        part = part_of(point.split)
        wanted = [index for where, index in labels if where == part and (where, index) not in found]
        if not wanted:
            continue
        try:
            read = inspector.predictions(point)
        except RunError:
            continue
        for row in np.flatnonzero(np.isin(read.indices, wanted)).tolist():
            digit = (part, int(read.indices[row]))
            if read.labels[row] == labels[digit]:
                predicted = int(read.probabilities[row].argmax())
                found[digit] = Prediction(predicted, float(read.probabilities[row, predicted]))
    return found
