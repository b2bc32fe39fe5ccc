"""An epoch's digits are the same whether they were gathered ahead or not."""

from typing import Any

import numpy as np
import pytest

from mnist_tui.engine import backends
from mnist_tui.engine.backends.backend import Feed
from mnist_tui.engine.data.images import Augmentation
from mnist_tui.engine.distribution import Distribution
from mnist_tui.engine.hardware.plan import Plan
from mnist_tui.engine.recording.checkpoints import example_order
from mnist_tui.engine.training import feed
from mnist_tui.engine.training.feed import EpochFeed
from tests.engine.samples import few_digits
from tests.kit import samples


class Untouched:
    """A backend that hands on what it is fed with, and counts how often the digits were put in an order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.orders: list[int] = []
        order = example_order

        def counted(seed: int, epoch: int, count: int) -> Any:
            self.orders.append(epoch)
            return order(seed, epoch, count)

        monkeypatch.setattr(feed, "example_order", counted)
        monkeypatch.setattr(backends, "current", lambda: self)

    def drops_partial_batches(self, _: Plan) -> bool:
        return False

    def batches(self, feed: Feed) -> Feed:
        return feed


@pytest.fixture
def untouched(monkeypatch: pytest.MonkeyPatch) -> Untouched:
    return Untouched(monkeypatch)


def digits() -> EpochFeed:
    return EpochFeed(samples.config(batch_size=8), few_digits(50), 10, Distribution(), Plan(on_gpu=False))


def same(one: Feed, other: Feed) -> bool:
    parts = (one.images, other.images), (one.targets, other.targets), (one.warps, other.warps)
    return all(np.array_equal(first, second) for first, second in parts if first is not None)  # type: ignore[arg-type]


@pytest.mark.parametrize("augmentation", [None, Augmentation()])
def test_what_was_gathered_ahead_is_what_would_have_been_gathered(
    augmentation: Augmentation | None, untouched: Untouched
) -> None:
    ahead, late = digits(), digits()
    first = ahead.remaining_batches(0, 0, augmentation)
    ahead.prefetch(1, augmentation)
    second = ahead.remaining_batches(1, 0, augmentation)
    assert untouched.orders == [0, 1]
    assert same(first, late.remaining_batches(0, 0, augmentation))
    assert same(second, late.remaining_batches(1, 0, augmentation))
    assert not same(first, second)


@pytest.mark.parametrize(
    ("epoch", "batch", "augmentation"), [(2, 0, None), (1, 3, None), (1, 0, Augmentation(degrees=90.0)), (0, 0, None)]
)
def test_what_nobody_wants_any_more_is_not_taken(
    epoch: int, batch: int, augmentation: Augmentation | None, untouched: Untouched
) -> None:
    ahead = digits()
    ahead.prefetch(1, None)
    assert same(
        ahead.remaining_batches(epoch, batch, augmentation), digits().remaining_batches(epoch, batch, augmentation)
    )
    assert same(ahead.remaining_batches(1, 0, None), digits().remaining_batches(1, 0, None))
    assert len(ahead.remaining_batches(1, 3, None).images) == 50 - 3 * 8
    assert untouched.orders.count(1) >= 2


def test_what_the_backend_was_to_make_ready_is_taken_once_and_for_that_epoch_alone(
    untouched: Untouched, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[Any, float]] = []

    def speculate(model: Any, batches: Feed, rate: float) -> str:
        made.append((batches, rate))
        return f"ready for {model}"

    monkeypatch.setattr(untouched, "speculate", speculate, raising=False)
    few, late = digits(), digits()
    few.speculate("a network", 1, None, 0.5)
    assert few.remaining_batches(1, 0, None) == "ready for a network"
    assert same(made[0][0], late.remaining_batches(1, 0, None))
    assert made[0][1] == 0.5
    assert same(few.remaining_batches(1, 0, None), late.remaining_batches(1, 0, None))
    few.speculate("a network", 2, None, 0.5)
    assert same(few.remaining_batches(2, 1, None), late.remaining_batches(2, 1, None))
    assert same(few.remaining_batches(2, 0, None), late.remaining_batches(2, 0, None))
