"""Report: what a report shows, as plain data."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Figure:
    """A headline figure."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Table:
    """A table; all cells are text."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[int] = frozenset()
    """Columns that are aligned to the right."""
    marked: frozenset[int] = frozenset()
    """Rows that stand out."""


@dataclass(frozen=True, eq=False)
class Chart:
    """A metric over the steps, in the unit that is shown. All arrays of a group have the same length."""

    title: str
    steps: Numbers
    """Middles of the buckets."""
    low: Numbers
    high: Numbers
    mean: Numbers
    broken: NDArray[np.bool_]
    """True for a bucket with values that are not finite."""
    point_steps: Numbers
    """Steps of the validated epochs."""
    points: Numbers
    best: int | None
    """Position of the best epoch among the points."""
    bounds: tuple[float, float]
    may_be_log: bool
    """True if the y axis is logarithmic where the values differ much."""


@dataclass(frozen=True)
class Example:
    """A misclassified image."""

    png: bytes = field(repr=False)
    is_grey: bool
    label: str
    predicted: str
    confidence: str
    index: int


@dataclass(frozen=True, eq=False)
class Calibration:
    """A reliability diagram; arrays of shape (bins,), NaN in empty bins."""

    accuracy: Numbers
    confidence: Numbers
    counts: NDArray[np.int64]
    words: str
    abstaining: Table


@dataclass(frozen=True, eq=False)
class Evaluation:
    """One evaluation in detail."""

    words: str
    """The split and its size."""
    names: Sequence[str]
    matrix: NDArray[np.int64]
    """Shape (classes, classes), by true and predicted class."""
    confusions: Table
    scores: Table
    examples: Sequence[Example] = ()
    mistakes: int = 0
    calibration: Calibration | None = None


@dataclass(frozen=True, eq=False)
class Report:
    """A report of one run. Parts that the run lacks are empty."""

    name: str
    subtitle: str
    written: str
    figures: Sequence[Figure]
    charts: Sequence[Chart]
    evaluation: Evaluation | None
    alerts: Sequence[str]
    tables: Sequence[tuple[str, Table]]
    """Heading and table, from the top."""
