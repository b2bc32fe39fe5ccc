"""StepTable: the steps of a run as NumPy arrays."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter, itemgetter

import numpy as np
from numpy.typing import NDArray

from mnist_tui.events import Metrics, StepEnded
from mnist_tui.runs.pyramid import MinMaxPyramid

EVENT_COLUMNS = ("step", "epoch", "time")
FIXED_COLUMNS = (*EVENT_COLUMNS, "worked")
"""Columns that every table has; the others are the metrics that the events carry."""
FIRST_ROWS = 1_024


@dataclass(frozen=True, eq=False)
class Curve:
    """One metric over a run. All arrays have shape (n,), oldest first; NaN where a value is not finite."""

    steps: NDArray[np.float64]
    values: NDArray[np.float64]
    pyramid: MinMaxPyramid
    """Pyramid of the values."""


class StepTable:
    """One row per step in float64 columns that double as they grow; NaN where a value is missing or not finite.

    `time` is the time of day and `worked` the seconds since the run began, without pauses and downtime.
    """

    def __init__(self) -> None:
        self._columns = {key: np.empty(FIRST_ROWS) for key in FIXED_COLUMNS}
        self._pyramids: dict[str, MinMaxPyramid] = {}
        self.count = 0

    def __contains__(self, key: object) -> bool:
        return key in self._columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def extend(self, events: Sequence[StepEnded], origin: float) -> None:
        """Add steps. `origin` is the time from which the seconds worked are counted."""
        new = slice(self.count, self.count + len(events))
        self._make_room(new.stop)
        recorded = [event.metrics for event in events]
        for key in dict.fromkeys(chain.from_iterable(recorded)):
            if key not in self._columns:
                self._columns[key] = np.full(len(self._columns["step"]), np.nan)
        for key, values in self._columns.items():
            if key in EVENT_COLUMNS:
                values[new] = list(map(attrgetter(key), events))
            elif key != "worked":
                values[new] = _values(recorded, key)  # NumPy reads None as NaN
        self._columns["worked"][new] = self._columns["time"][new] - origin
        self.count = new.stop

    def _make_room(self, rows: int) -> None:
        """Grow one column at a time, so that only one of them exists twice."""
        room = len(self._columns["step"])
        if rows <= room:
            return
        for key, values in self._columns.items():
            grown = np.empty(max(rows, 2 * room))
            grown[: self.count] = values[: self.count]
            self._columns[key] = grown

    def rewind(self, step: int) -> None:
        """Remove the steps after this one."""
        self.count = int(np.searchsorted(self.column("step"), step, side="right"))
        for pyramid in self._pyramids.values():
            pyramid.truncate(self.count)

    def column(self, key: str) -> NDArray[np.float64]:
        """Return a column, shape (count,): a view that must not be written to; all NaN if it was never recorded."""
        return self._columns[key][: self.count] if key in self._columns else np.full(self.count, np.nan)

    def pyramid(self, key: str) -> MinMaxPyramid:
        """Return the pyramid of a column, up to the newest step."""
        pyramid = self._pyramids.setdefault(key, MinMaxPyramid())
        pyramid.extend(self.column(key))
        return pyramid


def _values(recorded: Sequence[Metrics], key: str) -> list[float | None]:
    try:
        return list(map(itemgetter(key), recorded))  # a third of the time of `get`
    except KeyError:
        return [metrics.get(key) for metrics in recorded]
