"""Predictions of the recorded run, and random ones for hypothesis."""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.kit.recording import RECORDING

EPOCHS = (1, 2, 3)


class Epoch(NamedTuple):
    """Predictions recorded after one epoch."""

    indices: NDArray[np.int32]
    labels: NDArray[np.uint8]
    probabilities: NDArray[np.float16]


@cache
def recorded(epoch: int) -> Epoch:
    """Return the predictions for 5,000 validation images after an epoch of the recorded run."""
    with np.load(RECORDING.predictions_path(epoch)) as arrays:
        return Epoch(arrays["indices"], arrays["labels"], arrays["probabilities"])


def recorded_stack() -> list[NDArray[np.float16]]:
    """Return the probabilities of all three epochs."""
    return [recorded(epoch).probabilities for epoch in EPOCHS]


def made_up(digits: int, classes: int, seed: int, sureness: float = 3.0) -> Epoch:
    """Return seeded random predictions; a higher `sureness` makes more of them correct. Some classes may be absent."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, digits).astype(np.uint8)
    logits = random.normal(size=(digits, classes)) * 2
    logits[np.arange(digits), labels] += sureness
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = (exponents / exponents.sum(axis=1, keepdims=True)).astype(np.float16)
    return Epoch(np.arange(digits, dtype=np.int32) * 3, labels, probabilities)


def epochs(least: int = 0, most_classes: int = 26) -> st.SearchStrategy[Epoch]:
    """Generate random predictions of 2 to 26 classes, of few examples so that absent classes are common."""
    return st.builds(
        made_up,
        st.integers(least, 40),
        st.integers(2, most_classes),
        st.integers(0, 10_000),
        st.sampled_from([-2.0, 0.0, 2.0, 30.0]),
    )


def diverged(epoch: Epoch) -> Epoch:
    """Return the same examples with every probability NaN."""
    return epoch._replace(probabilities=np.full_like(epoch.probabilities, np.nan))


def same(values: NDArray[Any], expected: object) -> bool:
    """Return True if the values are equal to 1e-12; NaN equals NaN."""
    return bool(np.allclose(values, np.asarray(expected, dtype=np.float64), rtol=0, atol=1e-12, equal_nan=True))
