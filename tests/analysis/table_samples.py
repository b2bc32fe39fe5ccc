"""Tables to filter and sort: the recorded run's, a mixed one with a digit of each kind, and a diverged one."""

from functools import cache

import numpy as np

from mnist_tui.analysis.disputes import disputes
from mnist_tui.analysis.table import Table, tabulate
from mnist_tui.analysis.trajectories import fates, trace
from mnist_tui.analysis.verdicts import Judged
from tests.analysis.samples import EPOCHS, diverged, made_up, recorded, recorded_stack


@cache
def recorded_table(epoch: int) -> Table:
    """5,000 real digits as of an epoch of the recorded run."""
    indices, labels, probabilities = recorded(epoch)
    so_far = trace(labels, EPOCHS, recorded_stack()).until(epoch)
    disputed = disputes(labels, probabilities).mask(len(labels))
    return tabulate(indices, labels, probabilities, fates=fates(so_far), disputed=disputed)


def _mixed() -> Table:
    labels = np.array([0, 1, 1, 2, 2, 2], dtype=np.uint8)
    before = np.array(
        [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0.25, 0.75, 0], [0.25, 0.75, 0], [0.5, 0.25, 0.25]], dtype=np.float16
    )
    now = np.array(
        [[1, 0, 0], [0.75, 0.25, 0], [0, 0.375, 0.625], [0, 1, 0], [0.25, 0.5, 0.25], [0, 0, 1]], dtype=np.float16
    )
    now[3, 2] = 0.0009765625
    judged = [Judged.UNJUDGED, Judged.RIGHT, Judged.UNJUDGED, Judged.WRONG, Judged.UNREADABLE, Judged.UNJUDGED]
    return tabulate(
        np.arange(10, 16, dtype=np.int32),
        labels,
        now,
        fates=fates(trace(labels, (1, 2), [before, now])),
        judged=np.array(judged, dtype=np.uint8),
        disputed=np.array([False, False, False, True, False, False]),
    )


MIXED = _mixed()
_LOST = diverged(made_up(5, 3, seed=5))
DIVERGED = tabulate(*_LOST)
