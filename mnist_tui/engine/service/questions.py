"""Questions about single digits -> the explainer of the best epoch's network."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mnist_tui.control.protocol import Explain, Explanation, GivenDigit
from mnist_tui.engine.data.datasets import Split
from mnist_tui.engine.data.images import SIDE
from mnist_tui.engine.models.best_model import BestModel
from mnist_tui.engine.service.explain import Explainer
from mnist_tui.engine.service.server import Refused
from mnist_tui.engine.service.steering import Steering


class Questions:
    """Answers from one explainer, which is made anew when there is a better epoch."""

    def __init__(self, split: Split) -> None:
        self._parts = {"train": split.train, "validation": split.validation, "test": split.test}
        self._explainer: Explainer | None = None
        self._epoch: int | None = None

    def answer(self, steering: Steering, best: BestModel) -> None:
        """Work on the question that has waited longest, for a moment."""
        question = steering.question
        try:
            if question.work is None:
                question.work = self.work_on(question.request, best, steering.state.best_epoch)
            explanation = next(question.work)
        except Exception as error:  # a question may fail, the training may not
            question.answer.set_exception(error)
            steering.drop_question()
            return
        if explanation is not None:
            question.answer.set_result(explanation)
            steering.drop_question()

    def work_on(self, request: Explain, best: BestModel, epoch: int | None) -> Iterator[Explanation | None]:
        """The pieces of an answer (see Explainer.explain); raises Refused when it cannot be given."""
        if epoch is None:
            raise Refused("no epoch is validated yet: ask again after the first")
        if request.digit is not None:
            picture = _picture(request.digit)
            explainer = self._explainer_of(best, epoch)
            if not 0 <= request.digit.label < explainer.classes:
                raise Refused(
                    f"the digit is labelled {request.digit.label}: give a class from 0 to {explainer.classes - 1}"
                )
            return explainer.explain(picture, request.digit.label)
        name, row = self._find(request)
        digits = self._parts[name]
        explainer = self._explainer_of(best, epoch)
        return explainer.explain(digits.images[row], int(digits.labels[row]), (name, row))

    def _find(self, request: Explain) -> tuple[str, int]:
        """The split and the row of one of the run's own digits."""
        if request.split not in self._parts:
            raise Refused(f"split {request.split!r} is not known: give {', '.join(self._parts)}, or the digit itself")
        # a cross-check reads validation digits with the train digits: their indices count in the same part
        for name in ("train", "validation") if request.split == "train" else (request.split,):
            rows = np.flatnonzero(self._parts[name].indices == request.index)
            if rows.size:
                return name, int(rows[0])
        raise Refused(f"there is no digit {request.index} among the {request.split} digits of this run")

    def _explainer_of(self, best: BestModel, epoch: int) -> Explainer:
        if self._explainer is None or self._epoch != epoch:
            looked_at = {name: self._parts[name] for name in ("train", "validation")}
            self._explainer, self._epoch = Explainer(best.inference_model(), epoch, looked_at), epoch
        return self._explainer


def _picture(digit: GivenDigit) -> NDArray[np.uint8]:
    """Shape (SIDE, SIDE); raises Refused for another number of bytes."""
    if len(digit.picture) != SIDE * SIDE:
        raise Refused(f"the digit's picture has {len(digit.picture):,} bytes: give {SIDE * SIDE}, a byte a pixel")
    return np.frombuffer(digit.picture, dtype=np.uint8).reshape(SIDE, SIDE)
