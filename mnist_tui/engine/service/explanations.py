"""Explain and predict requests, carried out with the best epoch's model."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mnist_tui.control.protocol import Explain, Explanation, Predict, Result
from mnist_tui.engine.data.datasets import Split
from mnist_tui.engine.models.best_model import BestModel
from mnist_tui.engine.service.explainer import Explainer
from mnist_tui.engine.service.server import RequestError
from mnist_tui.engine.service.steering import Steering
from mnist_tui.image_layout import shape_in_words, shape_of


class ExplanationService:
    """Explanations by one explainer, which is built again when a better epoch comes."""

    def __init__(self, split: Split) -> None:
        self._digits = {"train": split.train, "validation": split.validation, "test": split.test}
        self._explainer: Explainer | None = None
        self._epoch: int | None = None

    def work(self, steering: Steering, best: BestModel) -> None:
        """Compute the next piece of the explanation that has been pending longest."""
        pending = steering.pending_explanation
        if not pending.claim():
            steering.drop_explanation()
            return
        try:
            if pending.pieces is None:
                pending.pieces = self.pieces(pending.request, best, steering.state.best_epoch)
            result = next(pending.pieces)
        except Exception as error:  # an explanation may fail, but the training must not
            pending.result.set_exception(error)
            steering.drop_explanation()
            return
        if result is not None:
            pending.result.set_result(result)
            steering.drop_explanation()

    def pieces(self, request: Explain | Predict, best: BestModel, epoch: int | None) -> Iterator[Result | None]:
        """Return the pieces of a result (see Explainer); raises RequestError."""
        if epoch is None:
            raise RequestError("no epoch is validated yet: try again after the first")
        if isinstance(request, Predict):
            return self._explainer_of(best, epoch).predict(_images(request.images, self._digits["train"].images))
        return self.explain(request, best, epoch)

    def explain(self, request: Explain, best: BestModel, epoch: int) -> Iterator[Explanation | None]:
        """Return the pieces of an explanation (see Explainer.explain); raises RequestError."""
        if request.digit is None:
            name, row = self._find(request)
            digits = self._digits[name]
            image, label, itself = digits.images[row], int(digits.labels[row]), (name, row)
            return self._explainer_of(best, epoch).explain(image, label, itself)
        (image,), label = _images(request.digit.image, self._digits["train"].images, most=1), request.digit.label
        explainer = self._explainer_of(best, epoch)
        if not 0 <= label < explainer.classes:
            raise RequestError(f"label {label} is out of range: give a class from 0 to {explainer.classes - 1}")
        return explainer.explain(image, label)

    def _find(self, request: Explain) -> tuple[str, int]:
        if request.split not in self._digits:
            raise RequestError(f"split {request.split!r} is unknown: give {', '.join(self._digits)}, or the image")
        # A cross-check treats validation digits as training digits: both are indexed in the same split of the data set.
        for name in ("train", "validation") if request.split == "train" else (request.split,):
            rows = np.flatnonzero(self._digits[name].indices == request.index)
            if rows.size:
                return name, int(rows[0])
        raise RequestError(f"the {request.split} split of this run has no image {request.index}")

    def _explainer_of(self, best: BestModel, epoch: int) -> Explainer:
        if self._explainer is None or self._epoch != epoch:
            searched = {name: self._digits[name] for name in ("train", "validation")}
            self._explainer, self._epoch = Explainer(best.inference_model(), epoch, searched), epoch
        return self._explainer


def _images(data: bytes, others: NDArray[np.uint8], most: int | None = None) -> NDArray[np.uint8]:
    """Return images as an array of the shape that others have."""
    size, shape = others[0].size, shape_of(others)
    count, rest = divmod(len(data), size)
    if rest or not count or (most is not None and count > most):
        kind = "" if shape is None else f" for an image of {shape_in_words(shape)}"
        raise RequestError(f"the image has {len(data):,} bytes: give {size:,}{kind}")
    return np.frombuffer(data, dtype=np.uint8).reshape(-1, *others.shape[1:])
