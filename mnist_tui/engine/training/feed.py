"""The digits of an epoch, in its own order, as `fit` takes them: this process' share of every batch."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

from mnist_tui.config import RunConfig
from mnist_tui.engine import backends
from mnist_tui.engine.backends.backend import Feed
from mnist_tui.engine.data.augmentation import draw_warps
from mnist_tui.engine.data.datasets import Digits
from mnist_tui.engine.data.images import Augmentation
from mnist_tui.engine.distribution import Distribution
from mnist_tui.engine.hardware.plan import Plan
from mnist_tui.engine.models.evaluation import one_hot
from mnist_tui.engine.recording.checkpoints import digit_order

Wanted = tuple[int, int, Augmentation | None]
"""An epoch, counted from 0, how many of its batches are over, and how digits are bent."""
NOTHING = None, None


class EpochFeed:
    """What is trained on, epoch by epoch; the order follows from seed and epoch alone."""

    def __init__(self, config: RunConfig, train: Digits, classes: int, distribution: Distribution, plan: Plan) -> None:
        """The devices of the plan share every batch, or those of all processes."""
        self._config, self._train, self._distribution = config, train, distribution
        self._at_once = plan.steps_per_execution
        self._targets = one_hot(train.labels, classes)
        even = max(distribution.devices, plan.count)
        if len(train) > config.batch_size and backends.current().drops_partial_batches(plan):
            even = config.batch_size
        self.count = len(train) - len(train) % even
        """Digits an epoch: devices share the last batch evenly too, and what is left over waits for another order."""
        self.steps = -(-self.count // config.batch_size)
        """Batches an epoch."""
        self._thread = ThreadPoolExecutor(1, "digits")
        self._ahead: tuple[Wanted | None, Future[Feed] | None] = NOTHING
        """What was asked for in advance, and what will come of it."""
        self._ready: tuple[Wanted | None, Any] = NOTHING
        """What was made ready for, and its batches."""

    def left_of(self, epoch: int, batch: int, bending: Augmentation | None) -> Any:
        """What is left of an epoch (counted from 0) after so many batches, bent where the recipe says so."""
        wanted, (made_for, ready) = (epoch, batch, bending), self._ready
        self._ready = NOTHING
        if made_for == wanted:
            return ready
        ahead, gathered = self._ahead
        self._ahead = NOTHING
        feed = gathered.result() if gathered is not None and ahead == wanted else self._gather(*wanted)
        return backends.current().batches(feed)

    def gather_ahead(self, epoch: int, bending: Augmentation | None) -> None:
        """Begin to gather a whole epoch in the background: 50 ms, in which a GPU would wait."""
        wanted = (epoch, 0, bending)
        self._ahead = wanted, self._thread.submit(self._gather, *wanted)

    def speculate(self, model: Any, epoch: int, bending: Augmentation | None, rate: float) -> None:
        """Let the backend make ready for a whole epoch, which begins with a learning rate (see Backend.speculate)."""
        batches = backends.current().speculate(model, self.left_of(epoch, 0, bending), rate)
        self._ready = (epoch, 0, bending), batches

    def _gather(self, epoch: int, batch: int, bending: Augmentation | None) -> Feed:
        config, train = self._config, self._train
        left = digit_order(config.seed, epoch, len(train))[: self.count][batch * config.batch_size :]
        share, batch_size = self._distribution.share(len(left), config.batch_size)
        mine = left[share]
        warps = None
        if bending is not None:
            warps = draw_warps(bending, self.count, config.seed, epoch)[batch * config.batch_size :][share]
        return Feed(train.images[mine][..., np.newaxis], self._targets[mine], batch_size, warps, self._at_once)
