"""Training batches of each epoch: this process's share, in the epoch's order."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_tui.config import RunConfig
from mnist_tui.control.protocol import BatchView
from mnist_tui.engine import backends
from mnist_tui.engine.backends.backend import Feed
from mnist_tui.engine.data.augmentation import draw_warps, warped_images
from mnist_tui.engine.data.datasets import Digits
from mnist_tui.engine.data.images import Augmentation
from mnist_tui.engine.distribution import Distribution
from mnist_tui.engine.hardware.plan import Plan
from mnist_tui.engine.models.evaluation import one_hot
from mnist_tui.engine.recording.checkpoints import example_order
from mnist_tui.image_layout import with_channels

Wanted = tuple[int, int, Augmentation | None]
"""Epoch (from 0), completed batches and augmentation."""
NOTHING = None, None
KEPT_ORDERS = 2
"""Epochs whose order is kept: the one in training and the next. With augmentation, one takes about 17 MB."""
MOST_SHOWN, MOST_SHOWN_BYTES = 128, 500_000
"""Images of a batch that are shown, and their bytes, at most."""


@dataclass(frozen=True, eq=False)
class EpochOrder:
    """Order in which an epoch trains on the examples, and how it augments them."""

    rows: NDArray[np.int64]
    """Rows of the training split, shape (n,)."""
    warps: NDArray[np.float32] | None
    """Shape (n, basis functions, 2); None without augmentation."""


def epoch_order(
    config: RunConfig, train: Digits, count: int, epoch: int, augmentation: Augmentation | None
) -> EpochOrder:
    """Return the order of the `count` examples of an epoch (from 0), which follows from the seed alone."""
    warps = None
    if augmentation is not None:
        warps = draw_warps(augmentation, count, config.seed, epoch, with_channels(train.images[:1]).shape[1:])
    return EpochOrder(example_order(config.seed, epoch, len(train))[:count], warps)


class EpochFeed:
    """Source of the training batches, ordered by seed and epoch."""

    def __init__(self, config: RunConfig, train: Digits, classes: int, distribution: Distribution, plan: Plan) -> None:
        """Share every batch among the devices of the plan or of all processes."""
        self._config, self._train, self._distribution = config, train, distribution
        self.batch_size = config.batch_size
        """Images of a batch, of all processes together."""
        self._at_once = plan.steps_per_execution
        self._targets = one_hot(train.labels, classes)
        even = max(distribution.devices, plan.count)
        if len(train) > config.batch_size and backends.current().drops_partial_batches(plan):
            even = config.batch_size
        self.count = len(train) - len(train) % even
        """Examples an epoch. Those that devices cannot share evenly are left out of this epoch's order."""
        self.steps = -(-self.count // config.batch_size)
        """Batches per epoch."""
        self._thread = ThreadPoolExecutor(1, "digits")
        self._ahead: tuple[Wanted | None, Future[Feed] | None] = NOTHING
        """Prefetched batches and their key."""
        self._ready: tuple[Wanted | None, Any] = NOTHING
        """Batches of the speculative step and their key."""
        self._orders: dict[tuple[int, Augmentation | None], EpochOrder] = {}

    def remaining_batches(self, epoch: int, batch: int, augmentation: Augmentation | None) -> Any:
        """Return the batches of an epoch (from 0) after the first `batch` ones, augmented if asked."""
        wanted, (made_for, ready) = (epoch, batch, augmentation), self._ready
        self._ready = NOTHING
        if made_for == wanted:
            return ready
        ahead, gathered = self._ahead
        self._ahead = NOTHING
        feed = gathered.result() if gathered is not None and ahead == wanted else self._gather(*wanted)
        return backends.current().batches(feed)

    def prefetch(self, epoch: int, augmentation: Augmentation | None) -> None:
        """Gather an epoch in the background, since a GPU would wait about 50 ms for it."""
        wanted = (epoch, 0, augmentation)
        self._ahead = wanted, self._thread.submit(self._gather, *wanted)

    def speculate(self, model: Any, epoch: int, augmentation: Augmentation | None, rate: float) -> None:
        """Let the backend start an epoch speculatively with a learning rate (see Backend.speculate)."""
        batches = backends.current().speculate(model, self.remaining_batches(epoch, 0, augmentation), rate)
        self._ready = (epoch, 0, augmentation), batches

    def batch_view(self, epoch: int, batch: int, augmentation: Augmentation | None, model: Any) -> BatchView:
        """Return the batch that `remaining_batches` yields first, and which layers of the model change it further."""
        order, train, size = self._order(epoch, augmentation), self._train, self.batch_size
        whole = order.rows[batch * size : (batch + 1) * size]
        rows = whole[: max(1, min(MOST_SHOWN, MOST_SHOWN_BYTES // train.images[0].size))]
        images, augmented, kinds = train.images[rows], None, [type(layer).__name__ for layer in model.layers]
        if order.warps is not None:
            augmented = warped_images(images, order.warps[batch * size :][: len(rows)]).tobytes()
        return BatchView(
            epoch=epoch + 1,
            batch=batch + 1,
            batches=self.steps,
            size=len(whole),
            steps_per_execution=self._at_once,
            shape=images.shape[1:],
            indices=tuple(train.indices[rows].tolist()),
            labels=tuple(train.labels[rows].tolist()),
            images=images.tobytes(),
            augmented=augmented,
            random_layers=tuple(sorted({kind for kind in kinds if kind.startswith("Random")})),
        )

    def trained_rows(self, epoch: int, batch: int, count: int, augmentation: Augmentation | None) -> NDArray[np.int64]:
        """Return the rows of the last `count` of the first `batch` batches of an epoch (from 0)."""
        size = self.batch_size
        return self._order(epoch, augmentation).rows[max(0, batch - count) * size : batch * size]

    def _order(self, epoch: int, augmentation: Augmentation | None) -> EpochOrder:
        key = epoch, augmentation
        found = self._orders.get(key)
        if found is None:
            found = epoch_order(self._config, self._train, self.count, epoch, augmentation)
            self._orders = dict([*self._orders.items(), (key, found)][-KEPT_ORDERS:])
        return found

    def _gather(self, epoch: int, batch: int, augmentation: Augmentation | None) -> Feed:
        config, train, order = self._config, self._train, self._order(epoch, augmentation)
        left = order.rows[batch * config.batch_size :]
        share, batch_size = self._distribution.share(len(left), config.batch_size)
        mine = left[share]
        warps = None if order.warps is None else order.warps[batch * config.batch_size :][share]
        return Feed(with_channels(train.images[mine]), self._targets[mine], batch_size, warps, self._at_once)
