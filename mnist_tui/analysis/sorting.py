"""Sort orders of the digits screen; each puts the most interesting examples first."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.table import ExampleTable


@dataclass(frozen=True)
class Sort:
    """A sort order by one column of ExampleTable."""

    column: str
    highest_first: bool


SORTS: dict[str, Sort] = {
    sort.column: sort
    for sort in (
        Sort("confidence", highest_first=True),
        Sort("margin", highest_first=False),
        Sort("loss", highest_first=True),
        Sort("difficulty", highest_first=True),
        Sort("index", highest_first=False),
    )
}


def sort_rows(
    rows: NDArray[np.integer[Any]], table: ExampleTable, sort: Sort, *, reverse: bool = False
) -> NDArray[np.integer[Any]]:
    """Sort rows of a table; ties stay in the given order, and NaN always comes last."""
    values: NDArray[np.float64] = getattr(table, sort.column)[rows].astype(np.float64)
    return rows[np.argsort(-values if sort.highest_first != reverse else values, kind="stable")]
