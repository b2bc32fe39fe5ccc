"""Verdicts as CSV text and back; reading and writing files is for others.

Columns: index, split, label, verdict, correct_label, predicted, confidence, time, by. Classes are written by name where
there are names; the time is UTC in ISO 8601, to the microsecond; predicted and confidence are what the network answered
when the table was written, empty where unknown, and not read back.
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

COLUMNS = ("index", "split", "label", "verdict", "correct_label", "predicted", "confidence", "time", "by")
NEEDED = COLUMNS[:4]


class Prediction(NamedTuple):
    """What the network made of a digit."""

    predicted: int
    confidence: float


def to_csv(
    reviews: Iterable[LabelReview],
    names: Sequence[str] = (),
    answers: Mapping[tuple[str, int], Prediction] | None = None,
) -> str:
    """A heading and a line a verdict, none for withdrawn ones; `answers` are found by `Verdict.digit`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for each in reviews:
        if each.outcome == "withdrawn":
            continue
        answer = (answers or {}).get(each.digit)
        sure = answer is not None and math.isfinite(answer.confidence)
        writer.writerow(
            (
                each.index,
                each.split,
                class_name(each.label, names),
                each.outcome,
                "" if each.correct is None else class_name(each.correct, names),
                "" if answer is None else class_name(answer.predicted, names),
                f"{answer.confidence:.6g}" if answer is not None and sure else "",
                datetime.fromtimestamp(each.time, UTC).isoformat(),
                each.by,
            )
        )
    return text.getvalue()


def from_csv(text: str, names: Sequence[str] = ()) -> list[LabelReview]:
    """Read the verdicts of a CSV text with a heading, columns in any order.

    Further columns are ignored. Raises AnalysisError with the number of the line at fault.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))  # a spreadsheet may put a byte order mark first
    missing = [column for column in NEEDED if column not in (reader.fieldnames or ())]
    if missing:
        raise AnalysisError(
            f"The first line lacks the columns {', '.join(missing)}; it must name at least {', '.join(NEEDED)}."
        )
    try:
        return [_review({column: (row.get(column) or "").strip() for column in COLUMNS}, names) for row in reader]
    except (AnalysisError, msgspec.ValidationError, csv.Error) as error:
        sentence = str(error).rstrip(".")
        raise AnalysisError(f"Line {reader.line_num} of the verdicts cannot be read: {sentence}.") from None


def _review(cells: dict[str, str], names: Sequence[str]) -> LabelReview:
    if not re.fullmatch(r"[0-9]{1,12}", cells["index"]):
        raise AnalysisError(f"the index is “{cells['index']}”; it must be a whole number from 0.")
    if cells["verdict"] not in ("right", "wrong", "unreadable"):
        raise AnalysisError(f"the verdict is “{cells['verdict']}”; it must be right, wrong or unreadable.")
    try:
        time = _seconds(cells["time"]) if cells["time"] else 0.0
    except (ValueError, OverflowError):
        raise AnalysisError(f"the time is “{cells['time']}”; write it as 2025-11-24T01:37:00+00:00.") from None
    return msgspec.convert(
        {
            "split": cells["split"],
            "index": int(cells["index"]),
            "label": class_number(cells["label"], names),
            "verdict": cells["verdict"],
            "correct": class_number(cells["correct_label"], names) if cells["correct_label"] else None,
            "time": time,
            "by": cells["by"],
        },
        LabelReview,
    )


def _seconds(text: str) -> float:
    time = datetime.fromisoformat(text)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
