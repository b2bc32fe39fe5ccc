"""Label reviews applied to the training images: corrected labels, without unreadable images.

Validation and test images keep their labels as given, so that the results of two runs are on the same split.
"""

import msgspec
import numpy as np

from mnist_tui.analysis.reviews import NO_CLASS, LabelReview, ReviewOutcome, review_columns
from mnist_tui.engine.data.datasets import Digits
from mnist_tui.runs.directory import MAX_REVIEW_BYTES, RunDirectory, RunError
from mnist_tui.untrusted import read_bytes


def applied_reviews(run: RunDirectory) -> list[LabelReview]:
    """Return the reviews that were kept when the run was started; raises RunError if they cannot be read."""
    path = run.applied_reviews_path
    try:
        lines = read_bytes(path, MAX_REVIEW_BYTES).splitlines()
        return [msgspec.json.decode(line, type=LabelReview) for line in lines]
    except (OSError, ValueError, RecursionError) as error:  # of msgspec as well
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise RunError(f"{path} cannot be read ({reason}): restore it, or start a new run") from None


def with_reviews(digits: Digits, reviews: list[LabelReview], classes: int) -> tuple[Digits, str]:
    """Return training images with corrected labels, and what was changed in words.

    Unreadable images are left out, and so are those whose label is wrong and whose class is unknown.
    """
    outcomes, correct = review_columns(reviews, "training", digits.indices, digits.labels)
    is_corrected = (outcomes == ReviewOutcome.WRONG) & (correct != NO_CLASS) & (correct < classes)
    is_left_out = ((outcomes == ReviewOutcome.WRONG) & ~is_corrected) | (outcomes == ReviewOutcome.UNREADABLE)
    labels = np.where(is_corrected, correct, digits.labels).astype(np.uint8)
    kept = Digits(digits.images, labels, digits.indices).take(np.flatnonzero(~is_left_out))
    words = (
        f"label reviews: {int(is_corrected.sum()):,} training labels corrected, {int(is_left_out.sum()):,} training"
        " images left out; validation and test labels are as given"
    )
    return kept, words
