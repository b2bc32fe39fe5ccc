"""Training batches of each epoch: this process's share, in the epoch's order."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from mnist_tui.config import RunConfig
from mnist_tui.engine import backends
from mnist_tui.engine.backends.backend import Feed
from mnist_tui.engine.data.augmentation import draw_warps
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


class EpochFeed:
    """Source of the training batches, ordered by seed and epoch."""

    def __init__(self, config: RunConfig, train: Digits, classes: int, distribution: Distribution, plan: Plan) -> None:
        """Share every batch among the devices of the plan or of all processes."""
        self._config, self._train, self._distribution = config, train, distribution
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

    def _gather(self, epoch: int, batch: int, augmentation: Augmentation | None) -> Feed:
        config, train = self._config, self._train
        left = example_order(config.seed, epoch, len(train))[: self.count][batch * config.batch_size :]
        share, batch_size = self._distribution.share(len(left), config.batch_size)
        mine = left[share]
        images, warps = with_channels(train.images[mine]), None
        if augmentation is not None:
            drawn = draw_warps(augmentation, self.count, config.seed, epoch, images.shape[1:])
            warps = drawn[batch * config.batch_size :][share]
        return Feed(images, self._targets[mine], batch_size, warps, self._at_once)
