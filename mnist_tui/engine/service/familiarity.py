"""Distances to the validation images for predictions by weights that change at every step.

Features of all validation images take seconds, so the distances come from the features of weights that stay for long.
"""

import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mnist_tui.engine.models.features import CHUNK, Familiarity, Features, Floats
from mnist_tui.engine.models.member_models import MemberModels
from mnist_tui.engine.service.snapshots import Snapshot, Snapshots

REFRESH_CHUNK = 32
"""Images of 28x28 whose features are computed at a time while an index is refreshed."""
REFRESH_SECONDS = 0.01
"""Time that a request for predictions may spend on the next index after its reply, so that a training slows little."""
GROWTH = 2
"""Factor between the epochs of two indices: features change most in the first epochs."""


class _Index:
    """Features of the validation images by fixed weights; complete once all of them are computed."""

    def __init__(self, snapshot: Snapshot, models: MemberModels, images: NDArray[np.uint8], count: int) -> None:
        models.use(snapshot.members)
        self.epoch = snapshot.epoch
        self._features = Features(models.inference_model())
        self._pieces = self._features.pieces(images, count)
        self._found: list[Floats] = []
        self.familiarity: Familiarity | None = None

    def advance(self) -> None:
        """Compute the next features."""
        piece = next(self._pieces, None)
        if piece is not None:
            self._found.append(piece)
        else:
            self.familiarity = Familiarity.of(np.concatenate(self._found))

    def features(self, images: NDArray[np.uint8]) -> Floats:
        """Return the features of images as unit vectors `(n, d)`."""
        return self._features.of(images)


class FamiliarityIndex:
    """Index of the best weights, or before the first validation of the current ones. It is refreshed now and then."""

    def __init__(self, snapshots: Snapshots, images: NDArray[np.uint8]) -> None:
        self._snapshots = snapshots
        self._images = images
        self._index: _Index | None = None
        self._next: _Index | None = None

    def build(self) -> Iterator[None]:
        """Build the first index in pieces; does nothing if there is one."""
        if self._index is None:
            index = self._new(CHUNK)
            while index.familiarity is None:
                index.advance()
                yield
            self._index = index

    def measure(self, images: NDArray[np.uint8]) -> tuple[Floats, Familiarity]:
        """Return the features of n images `(n, d)`, and the familiarity that measures them. An index must be built."""
        assert self._index is not None
        assert self._index.familiarity is not None
        return self._index.features(images), self._index.familiarity

    def refresh(self) -> None:
        """Work for REFRESH_SECONDS on a newer index, if one is due."""
        until = time.monotonic() + REFRESH_SECONDS
        if self._index is None or (self._next is None and not self._is_due(self._index)):
            return
        if self._next is None:
            self._next = self._new(REFRESH_CHUNK)
        while self._next.familiarity is None and time.monotonic() < until:
            self._next.advance()
        if self._next.familiarity is not None:
            self._index, self._next = self._next, None

    def _is_due(self, index: _Index) -> bool:
        best = self._snapshots.best_epoch
        return best is not None and best != index.epoch and (not index.epoch or best >= GROWTH * index.epoch)

    def _new(self, count: int) -> _Index:
        snapshot = self._snapshots.of("current" if self._snapshots.best_epoch is None else "best")
        return _Index(snapshot, self._snapshots.new_models(), self._images, count)
