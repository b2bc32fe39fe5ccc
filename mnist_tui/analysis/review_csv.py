"""Label reviews as CSV text and back.

Classes are written by name if they have names; the time is UTC in ISO 8601, to the microsecond. `predicted` and
`confidence` are the model's when the table was written. They are empty where unknown, and not read back.
"""

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from mnist_tui.analysis.class_names import class_number
from mnist_tui.analysis.confusion import class_name
from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.analysis.reviews import LabelReview

COLUMNS = ("index", "split", "label", "review", "correct_label", "predicted", "confidence", "time", "by")
NEEDED = COLUMNS[:4]
OLD_COLUMN = "verdict"
"""The heading of `review` in files of version 0.1."""


class Prediction(NamedTuple):
    """A predicted class and its probability."""

    predicted: int
    confidence: float


def to_csv(
    reviews: Iterable[LabelReview],
    names: Sequence[str] = (),
    predictions: Mapping[tuple[str, int], Prediction] | None = None,
) -> str:
    """Write a heading and a line for each review that is not withdrawn; `predictions` are by `LabelReview.digit`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for each in reviews:
        if each.outcome == "withdrawn":
            continue
        prediction = (predictions or {}).get(each.digit)
        writer.writerow(
            (
                each.index,
                each.split,
                class_name(each.label, names),
                each.outcome,
                "" if each.correct is None else class_name(each.correct, names),
                "" if prediction is None else class_name(prediction.predicted, names),
                f"{prediction.confidence:.6g}" if prediction and math.isfinite(prediction.confidence) else "",
                datetime.fromtimestamp(each.time, UTC).isoformat(),
                each.by,
            )
        )
    return text.getvalue()


def from_csv(text: str, names: Sequence[str] = ()) -> list[LabelReview]:
    """Read the reviews of a CSV text with a heading, columns in any order; other columns are ignored.

    Raises AnalysisError with the number of the line at fault.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))  # a spreadsheet may put a byte order mark first
    if reader.fieldnames is not None:
        reader.fieldnames = ["review" if name == OLD_COLUMN else name for name in reader.fieldnames]
    missing = [column for column in NEEDED if column not in (reader.fieldnames or ())]
    if missing:
        raise AnalysisError(
            f"The first line lacks the columns {', '.join(missing)}; it must name at least {', '.join(NEEDED)}."
        )
    try:
        return [_review({column: (row.get(column) or "").strip() for column in COLUMNS}, names) for row in reader]
    except (AnalysisError, msgspec.ValidationError, csv.Error) as error:
        sentence = str(error).rstrip(".")
        raise AnalysisError(f"Line {reader.line_num} of the reviews cannot be read: {sentence}.") from None


def _review(cells: dict[str, str], names: Sequence[str]) -> LabelReview:
    if not re.fullmatch(r"[0-9]{1,12}", cells["index"]):
        raise AnalysisError(f"the index is “{cells['index']}”; it must be a whole number from 0.")
    if cells["review"] not in ("right", "wrong", "unreadable"):
        raise AnalysisError(f"the review is “{cells['review']}”; it must be right, wrong or unreadable.")
    try:
        time = _seconds(cells["time"]) if cells["time"] else 0.0
    except (ValueError, OverflowError):
        raise AnalysisError(f"the time is “{cells['time']}”; write it as 2025-11-24T01:37:00+00:00.") from None
    return msgspec.convert(
        {
            "split": cells["split"],
            "index": int(cells["index"]),
            "label": class_number(cells["label"], names),
            "verdict": cells["review"],  # as LabelReview is stored
            "correct": class_number(cells["correct_label"], names) if cells["correct_label"] else None,
            "time": time,
            "by": cells["by"],
        },
        LabelReview,
    )


def _seconds(text: str) -> float:
    time = datetime.fromisoformat(text)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
