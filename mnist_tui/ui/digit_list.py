"""A filtered, sorted list of recorded digits: what the gallery shows and the one-digit screen pages through."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.mistakes import DigitFilter, rows_to_show
from mnist_tui.ui.session import Predictions


@dataclass(frozen=True, eq=False)
class Digit:
    """One digit and what the network made of it."""

    index: int
    """Position in the data set's training (or test) part."""
    image: NDArray[np.uint8]
    """Shape (28, 28): 0 is paper, 255 ink."""
    true: int
    probabilities: NDArray[np.floating[Any]]
    """Shape (classes,)."""

    @property
    def predicted(self) -> int:
        """The network's answer."""
        return int(self.probabilities.argmax())

    @property
    def confidence(self) -> float:
        """Probability of the answer, 0..1."""
        return float(self.probabilities.max())


@dataclass(frozen=True, eq=False)
class DigitList:
    """Rows of one epoch's predictions, in the order they are shown."""

    predictions: Predictions
    wanted: DigitFilter
    rows: NDArray[np.intp]
    names: tuple[str, ...]
    """Class names."""

    def __len__(self) -> int:
        return len(self.rows)

    def digit(self, position: int) -> Digit:
        """The digit at a position of the list, counted from 0."""
        row, read = int(self.rows[position]), self.predictions
        return Digit(int(read.indices[row]), read.images[row], int(read.labels[row]), read.probabilities[row])

    def position_of(self, index: int) -> int | None:
        """Where the digit with this index of the data set stands; None when it is not in the list."""
        found = np.flatnonzero(self.predictions.indices[self.rows] == index)
        return int(found[0]) if found.size else None

    @property
    def split(self) -> str:
        """Which digits these are."""
        return "test" if self.predictions.epoch is None else "validation"

    @property
    def when(self) -> str:
        """After which epoch the network read them."""
        return "final test" if self.predictions.epoch is None else f"epoch {self.predictions.epoch}"


def digit_list(predictions: Predictions, wanted: DigitFilter, names: Sequence[str]) -> DigitList:
    """Filter and sort one epoch's predictions."""
    rows = rows_to_show(predictions.labels, predictions.probabilities, wanted)
    return DigitList(predictions, wanted, rows, tuple(names))
