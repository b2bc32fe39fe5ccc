"""Thinning of samples over the steps of a run, so that a long one takes little memory and few files."""

from collections.abc import Collection, Sequence
from typing import TypeVar

from mnist_tui.events import LayerHistograms, RollingEvaluated

Sampled = TypeVar("Sampled", LayerHistograms, RollingEvaluated)


def thinned(samples: Sequence[Sampled], most: int) -> list[Sampled]:
    """Return half of `most` samples at most, evenly spread over the steps."""
    by_step = {sample.step: sample for sample in samples}
    return [by_step[step] for step in sorted(spread(by_step, most))]


def spread(steps: Collection[int], most: int) -> set[int]:
    """Return half of `most` steps at most: the last in each of equal ranges.

    The ranges double from one thinning to the next, so that they stay aligned. What is thinned more, such as files,
    keeps only steps that remain where less is thinned.
    """
    width: int = 2 ** (max(steps) // (most // 2 - 1)).bit_length()
    return set({step // width: step for step in sorted(steps)}.values())
