"""In which order digits are shown: each order puts the most interesting first."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.table import Table


@dataclass(frozen=True)
class Sort:
    """One order. `column` is a column of Table."""

    key: str
    label: str
    column: str
    highest_first: bool
    help: str


SORTS: dict[str, Sort] = {
    sort.key: sort
    for sort in (
        Sort("confidence", "confidence", "confidence", True, "the surest answers first"),
        Sort("margin", "margin", "margin", False, "the closest calls between two classes first"),
        Sort("loss", "loss", "loss", True, "the least probable true classes first"),
        Sort("difficulty", "difficulty", "difficulty", True, "the hardest over all epochs so far first"),
        Sort("index", "index", "index", False, "in the order of the data set"),
    )
}


def sort_rows(
    rows: NDArray[np.integer[Any]], table: Table, sort: Sort, *, reverse: bool = False
) -> NDArray[np.integer[Any]]:
    """Rows in that order, or in its reverse; equal ones as they were given, NaN always last."""
    values: NDArray[np.float64] = getattr(table, sort.column)[rows].astype(np.float64)
    return rows[np.argsort(-values if sort.highest_first != reverse else values, kind="stable")]
