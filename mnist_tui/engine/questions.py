"""Questions about single digits -> the explainer of the best epoch's network."""

from collections.abc import Iterator

import numpy as np

from mnist_tui.engine.best_model import BestModel
from mnist_tui.engine.datasets import Split
from mnist_tui.engine.explain import Explainer
from mnist_tui.engine.server import Refused
from mnist_tui.runs.protocol import Explain, Explanation


class Questions:
    """Answers from one explainer, which is made anew when there is a better epoch."""

    def __init__(self, split: Split) -> None:
        self._parts = {"train": split.train, "validation": split.validation, "test": split.test}
        self._explainer: Explainer | None = None
        self._epoch: int | None = None

    def work_on(self, request: Explain, best: BestModel, epoch: int | None) -> Iterator[Explanation | None]:
        """The pieces of an answer (see Explainer.explain); raises Refused when it cannot be given."""
        if epoch is None:
            raise Refused("no epoch is validated yet: ask again after the first")
        digits = self._parts.get(request.split)
        if digits is None:
            raise Refused(f"split {request.split!r} is not known: give {', '.join(self._parts)}")
        rows = np.flatnonzero(digits.indices == request.index)
        if not rows.size:
            raise Refused(f"there is no digit {request.index} among the {request.split} digits of this run")
        if self._explainer is None or self._epoch != epoch:
            looked_at = {name: self._parts[name] for name in ("train", "validation")}
            self._explainer, self._epoch = Explainer(best.twin(), epoch, looked_at), epoch
        return self._explainer.explain(request.split, digits, int(rows[0]))
