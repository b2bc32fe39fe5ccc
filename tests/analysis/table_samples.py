"""Tables to filter and sort: of the recorded run, of examples of every kind, and of a diverged epoch."""

from functools import cache

import numpy as np

from mnist_tui.analysis.label_issues import label_issues
from mnist_tui.analysis.learning_history import learning_summary, trace
from mnist_tui.analysis.reviews import ReviewOutcome
from mnist_tui.analysis.table import ExampleTable, tabulate
from tests.analysis.samples import EPOCHS, diverged, made_up, recorded, recorded_stack


@cache
def recorded_table(epoch: int) -> ExampleTable:
    """Return the table of an epoch of the recorded run."""
    indices, labels, probabilities = recorded(epoch)
    so_far = trace(labels, EPOCHS, recorded_stack()).until(epoch)
    flagged = label_issues(labels, probabilities).mask(len(labels))
    return tabulate(indices, labels, probabilities, learning_summary=learning_summary(so_far), flagged=flagged)


def _mixed() -> ExampleTable:
    labels = np.array([0, 1, 1, 2, 2, 2], dtype=np.uint8)
    before = np.array(
        [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0.25, 0.75, 0], [0.25, 0.75, 0], [0.5, 0.25, 0.25]], dtype=np.float16
    )
    now = np.array(
        [[1, 0, 0], [0.75, 0.25, 0], [0, 0.375, 0.625], [0, 1, 0], [0.25, 0.5, 0.25], [0, 0, 1]], dtype=np.float16
    )
    now[3, 2] = 0.0009765625
    reviewed = [
        ReviewOutcome.UNREVIEWED,
        ReviewOutcome.RIGHT,
        ReviewOutcome.UNREVIEWED,
        ReviewOutcome.WRONG,
        ReviewOutcome.UNREADABLE,
        ReviewOutcome.UNREVIEWED,
    ]
    return tabulate(
        np.arange(10, 16, dtype=np.int32),
        labels,
        now,
        learning_summary=learning_summary(trace(labels, (1, 2), [before, now])),
        reviewed=np.array(reviewed, dtype=np.uint8),
        flagged=np.array([False, False, False, True, False, False]),
    )


MIXED = _mixed()
_LOST = diverged(made_up(5, 3, seed=5))
DIVERGED = tabulate(*_LOST)
