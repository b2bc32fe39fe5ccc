"""The label issues of an evaluation with their reviews, as the labels screen shows them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.label_accuracy import LabelAccuracy, label_accuracy
from mnist_tui.analysis.reviews import NO_CLASS, LabelReview, ReviewOutcome, part_of, review_columns
from mnist_tui.inspection.inspector import Findings
from mnist_tui.inspection.predictions import EvaluationPoint

Outcome = Literal["right", "wrong", "unreadable", "withdrawn"]


@dataclass(frozen=True, eq=False)
class LabelIssue:
    """One label that is probably wrong."""

    index: int
    """Position in the data set's training or test part."""
    split: str
    """A cross-check has examples of two splits."""
    image: NDArray[np.uint8]
    """Shape (height, width) or (height, width, 3): 0 is the background, 255 full ink."""
    label: int
    suspected: int
    """Suspected class."""
    predicted: int
    confidence: float
    """Probability of the predicted class, 0..1."""
    margin: float
    """p(label) minus the highest other probability, -1..0."""
    confident: bool
    """True if confident learning selects it."""
    probabilities: NDArray[np.floating[Any]]
    """Shape (classes,)."""
    reviewed: ReviewOutcome
    correct: int | None
    """Class given by a review."""


@dataclass(frozen=True, eq=False)
class LabelQueue:
    """The label issues of one evaluation, most likely wrong first, and the reviews of all its examples."""

    findings: Findings
    reviewed: NDArray[np.uint8]
    """ReviewOutcome codes of all examples, shape (n,)."""
    correct: NDArray[np.int16]
    """Classes given by reviews, or NO_CLASS, shape (n,)."""
    unrecorded: int = 0
    """Correctly classified examples that are not among the findings."""

    def __len__(self) -> int:
        return len(self.findings.label_issues.rows)

    def issue(self, position: int) -> LabelIssue:
        """Return the issue at a position, counted from 0."""
        label_issues, read, table = self.findings.label_issues, self.findings.predictions, self.findings.table
        row = int(label_issues.rows[position])
        correct = int(self.correct[row])
        return LabelIssue(
            index=int(read.indices[row]),
            split=read.split_of(row),
            image=read.images[row],
            label=int(read.labels[row]),
            suspected=int(label_issues.suspected[position]),
            predicted=int(table.predicted[row]),
            confidence=float(table.confidence[row]),
            margin=float(label_issues.margins[position]),
            confident=bool(label_issues.confident[position]),
            probabilities=read.probabilities[row],
            reviewed=ReviewOutcome(int(self.reviewed[row])),
            correct=None if correct == NO_CLASS else correct,
        )

    @property
    def point(self) -> EvaluationPoint:
        """The evaluation."""
        return self.findings.predictions.point

    @property
    def total(self) -> int:
        """Evaluated examples."""
        return len(self.findings.predictions) + self.unrecorded

    @property
    def reviewed_count(self) -> int:
        """Number of reviewed issues."""
        return int((self.reviewed[self.findings.label_issues.rows] != ReviewOutcome.UNREVIEWED).sum())

    def next_unreviewed(self, position: int) -> int | None:
        """Return the next issue without a review from a position on, then from the top; None if all have one."""
        open_ones = np.flatnonzero(self.reviewed[self.findings.label_issues.rows] == ReviewOutcome.UNREVIEWED)
        if not open_ones.size:
            return None
        place = int(np.searchsorted(open_ones, position))
        return int(open_ones[place % len(open_ones)])

    def digit(self, position: int) -> tuple[str, int]:
        """Return the identity of an issue's example, as `LabelReview.digit`."""
        read = self.findings.predictions
        return part_of(self.point.split), int(read.indices[self.findings.label_issues.rows[position]])

    def position_of(self, digit: tuple[str, int]) -> int | None:
        """Return the position of an example's issue; None if it has none here."""
        part, index = digit
        if part != part_of(self.point.split):
            return None
        found = np.flatnonzero(self.findings.predictions.indices[self.findings.label_issues.rows] == index)
        return int(found[0]) if found.size else None

    def review(self, position: int, outcome: Outcome, correct: int | None, by: str) -> LabelReview:
        """Return a review of an issue, without its time."""
        issue = self.issue(position)
        return LabelReview(
            split=self.point.split,
            index=issue.index,
            label=issue.label,
            outcome=outcome,
            correct=correct,
            by=by,
        )

    def accuracy(self) -> LabelAccuracy:
        """Return the accuracy with and without doubtful labels."""
        table = self.findings.table
        counted = label_accuracy(
            self.findings.predictions.labels, table.predicted, table.flagged, self.reviewed, self.correct
        )
        return counted.with_correct(self.unrecorded)


def label_queue(findings: Findings, reviews: Iterable[LabelReview], unrecorded: int = 0) -> LabelQueue:
    """Combine findings with reviews."""
    read = findings.predictions
    reviewed, correct = review_columns(reviews, read.point.split, read.indices, read.labels)
    return LabelQueue(findings, reviewed, correct, unrecorded)


def review_words(issue: LabelIssue, names: Sequence[str]) -> str:
    """Return the review of an issue in words, as in "is a 7"; empty without one."""
    if issue.reviewed is ReviewOutcome.WRONG:
        return "wrong" if issue.correct is None else f"is {article(names[issue.correct])}"
    return {ReviewOutcome.RIGHT: "right", ReviewOutcome.UNREADABLE: "unreadable"}.get(issue.reviewed, "")


def article(name: str) -> str:
    """Return a class name with its article, as in "a 7" and "an 8"."""
    return f"an {name}" if name.lower().startswith(("a", "e", "i", "o", "8")) or name in ("11", "18") else f"a {name}"


def outcome_words(review: LabelReview, names: Sequence[str]) -> str:
    """Return what a review changed, as in "relabelled as 7"."""
    if review.outcome == "wrong":
        return "label is wrong" if review.correct is None else f"relabelled as {names[review.correct]}"
    return {"right": "label is correct", "unreadable": "unreadable", "withdrawn": "review undone"}[review.outcome]
