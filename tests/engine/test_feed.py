"""Batches of an epoch, with and without prefetching."""

from functools import partial
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from mnist_tui.engine import backends
from mnist_tui.engine.backends.backend import Feed
from mnist_tui.engine.data.augmentation import warp
from mnist_tui.engine.data.images import Augmentation
from mnist_tui.engine.distribution import Distribution
from mnist_tui.engine.hardware.plan import Plan
from mnist_tui.engine.recording.checkpoints import example_order
from mnist_tui.engine.service.server import RequestError
from mnist_tui.engine.training import feed
from mnist_tui.engine.training.feed import EpochFeed
from mnist_tui.engine.training.trainer import Trainer
from tests.engine.samples import few_digits
from tests.kit import samples


class FakeBackend:
    """Backend that returns its feed unchanged and records the epochs whose order was computed."""

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
def backend(monkeypatch: pytest.MonkeyPatch) -> FakeBackend:
    return FakeBackend(monkeypatch)


def new_feed() -> EpochFeed:
    return EpochFeed(samples.config(batch_size=8), few_digits(50), 10, Distribution(), Plan(on_gpu=False))


def same(one: Feed, other: Feed) -> bool:
    parts = (one.images, other.images), (one.targets, other.targets), (one.warps, other.warps)
    return all(np.array_equal(first, second) for first, second in parts if first is not None)  # type: ignore[arg-type]


@pytest.mark.parametrize("augmentation", [None, Augmentation()])
def test_prefetched_batches_are_those_that_would_be_gathered_later(
    augmentation: Augmentation | None, backend: FakeBackend
) -> None:
    prefetching, plain = new_feed(), new_feed()
    first = prefetching.remaining_batches(0, 0, augmentation)
    prefetching.prefetch(1, augmentation)
    second = prefetching.remaining_batches(1, 0, augmentation)
    assert backend.orders == [0, 1]
    assert same(first, plain.remaining_batches(0, 0, augmentation))
    assert same(second, plain.remaining_batches(1, 0, augmentation))
    assert not same(first, second)


@pytest.mark.parametrize(
    ("epoch", "batch", "augmentation"), [(2, 0, None), (1, 3, None), (1, 0, Augmentation(degrees=90.0)), (0, 0, None)]
)
def test_prefetched_batches_of_another_request_are_not_used(
    epoch: int, batch: int, augmentation: Augmentation | None, backend: FakeBackend
) -> None:
    prefetching = new_feed()
    prefetching.prefetch(1, None)
    assert same(
        prefetching.remaining_batches(epoch, batch, augmentation),
        new_feed().remaining_batches(epoch, batch, augmentation),
    )
    assert same(prefetching.remaining_batches(1, 0, None), new_feed().remaining_batches(1, 0, None))
    assert len(prefetching.remaining_batches(1, 3, None).images) == 50 - 3 * 8
    assert backend.orders.count(1) >= 2


def test_speculative_batches_are_used_once_for_their_epoch(
    backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[Any, float]] = []

    def speculate(model: Any, batches: Feed, rate: float) -> str:
        made.append((batches, rate))
        return f"batches of {model}"

    monkeypatch.setattr(backend, "speculate", speculate, raising=False)
    speculative, plain = new_feed(), new_feed()
    speculative.speculate("a model", 1, None, 0.5)
    assert speculative.remaining_batches(1, 0, None) == "batches of a model"
    assert same(made[0][0], plain.remaining_batches(1, 0, None))
    assert made[0][1] == 0.5
    assert same(speculative.remaining_batches(1, 0, None), plain.remaining_batches(1, 0, None))
    speculative.speculate("a model", 2, None, 0.5)
    assert same(speculative.remaining_batches(2, 1, None), plain.remaining_batches(2, 1, None))
    assert same(speculative.remaining_batches(2, 0, None), plain.remaining_batches(2, 0, None))


@pytest.mark.parametrize("augmentation", [None, Augmentation()])
@pytest.mark.parametrize("batch", [0, 3, 6])
def test_the_batch_shown_is_the_one_that_trains_next(
    augmentation: Augmentation | None, batch: int, backend: FakeBackend
) -> None:
    model = SimpleNamespace(layers=[keras.layers.RandomFlip(), keras.layers.Flatten()])
    shown = new_feed().batch_view(1, batch, augmentation, model)
    trained = new_feed().remaining_batches(1, batch, augmentation)
    count = min(8, 50 - batch * 8)
    assert (shown.epoch, shown.batch, shown.batches, shown.size) == (2, batch + 1, 7, count)
    assert shown.images == trained.images[:count].tobytes()
    assert list(shown.labels) == trained.targets[:count].argmax(axis=1).tolist()
    assert shown.random_layers == ("RandomFlip",)
    if trained.warps is None:
        assert shown.augmented is None
    else:
        assert shown.augmented is not None
        augmented = np.frombuffer(shown.augmented, np.uint8).reshape(count, 28, 28, 1)
        np.testing.assert_allclose(augmented, warp(trained.images[:count], trained.warps[:count]), atol=0.51)
    assert backend.orders == [1, 1]


def test_of_a_large_batch_the_first_images_are_shown() -> None:
    config, digits = samples.config(batch_size=200), few_digits(300)
    large = EpochFeed(config, digits, 10, Distribution(), Plan(on_gpu=False))
    shown = large.batch_view(0, 0, None, SimpleNamespace(layers=[]))
    assert (shown.size, len(shown.indices)) == (200, 128)


@pytest.mark.parametrize(
    ("epoch", "done", "expected"),
    [(0, 3, (1, 4, False)), (0, 7, (2, 1, False)), (1, 7, (3, 1, True)), (3, 7, None)],
    ids=["in an epoch", "at its end", "before the next member", "at the planned end"],
)
def test_after_the_last_batch_of_an_epoch_comes_the_next_one_also_of_the_next_member(
    epoch: int, done: int, expected: tuple[int, int, bool] | None, backend: FakeBackend
) -> None:
    config = samples.config(batch_size=8, epochs=2, ensemble="fast,best")
    state: Any = SimpleNamespace(epoch=epoch, batch=done, epochs_planned=4)
    trainer: Any = SimpleNamespace(
        _config=config,
        _state=state,
        _steps_per_epoch=7,
        _steering=SimpleNamespace(ended=False),
        _feed=new_feed(),
        _compiled=SimpleNamespace(model=SimpleNamespace(layers=[])),
    )
    trainer._member_of = partial(Trainer._member_of, trainer)
    if expected is None:
        with pytest.raises(RequestError, match="no batch is left"):
            Trainer._next_batch(trainer)
        return
    shown = Trainer._next_batch(trainer)
    assert (shown.epoch, shown.batch, shown.augmented is not None) == expected
    assert backend.orders == [shown.epoch - 1]
