"""Requests that take time to compute: explain, predict, inspect, excite, the next batch."""

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from mnist_tui.control.protocol import (
    Attribute,
    BatchView,
    Computed,
    Excitations,
    Excite,
    Explain,
    Explanation,
    Inspect,
    Inspection,
    NextBatch,
    Perturb,
    Predict,
    PredictedImages,
    Project,
    Projection,
    Result,
)
from mnist_tui.engine.data.datasets import Split
from mnist_tui.engine.models.evaluation import pixels
from mnist_tui.engine.models.layer_graph import LayerGraph
from mnist_tui.engine.service import attribution, inside
from mnist_tui.engine.service.excitation import Strongest
from mnist_tui.engine.service.explainer import Explainer, predicted_images
from mnist_tui.engine.service.familiarity import FamiliarityIndex
from mnist_tui.engine.service.projecting import projection
from mnist_tui.engine.service.server import RequestError
from mnist_tui.engine.service.snapshots import Snapshot, Snapshots
from mnist_tui.engine.service.steering import Steering
from mnist_tui.image_layout import shape_in_words, shape_of

MAX_OUTPUTS = 4
"""Images of which the outputs of all layers are kept, as a screen asks for one layer after the other."""
MAX_SEARCHES = 200
"""Finished searches for the images that excite the channels of a layer, of about 20 KB each."""


class ExplanationService:
    """Explanations by one explainer, which is built again when a better epoch comes, and all else about the model."""

    def __init__(self, split: Split, snapshots: Snapshots, next_batch: Callable[[], BatchView]) -> None:
        self._digits = {"train": split.train, "validation": split.validation, "test": split.test}
        self._snapshots = snapshots
        self._next_batch = next_batch
        self._explainer: Explainer | None = None
        self._epoch: int | None = None
        self._familiarity = FamiliarityIndex(snapshots, split.validation.images)
        self._graphs: dict[int, LayerGraph] = {}
        self._outputs: OrderedDict[tuple[object, ...], inside.Outputs] = OrderedDict()
        self._searches: OrderedDict[tuple[object, ...], tuple[Snapshot, Strongest]] = OrderedDict()
        self._attributed: attribution.AttributedModel | None = None

    def work(self, steering: Steering) -> None:
        """Compute the next piece of the result that has been pending longest."""
        pending = steering.pending_explanation
        if not pending.claim():
            steering.drop_explanation()
            return
        try:
            if pending.pieces is None:
                pending.pieces = self.pieces(pending.request)
            result = next(pending.pieces)
        except Exception as error:  # an explanation may fail, but the training must not
            pending.result.set_exception(error)
            steering.drop_explanation()
            return
        if result is not None:
            pending.result.set_result(result)
            steering.drop_explanation()
            if isinstance(pending.request, Predict):
                with contextlib.suppress(Exception):  # as above; the distances stay those of the earlier weights
                    self._familiarity.refresh()

    def pieces(self, request: Computed) -> Iterator[Result | None]:
        """Return the pieces of a result (see Explainer); raises RequestError."""
        if isinstance(request, Predict):
            return self.predict(request)
        if isinstance(request, Inspect):
            return self.inspect(request)
        if isinstance(request, Excite):
            return self.excite(request)
        if isinstance(request, Project):
            return self.project(request)
        if isinstance(request, Attribute | Perturb):
            return self.attribute(request)
        if isinstance(request, NextBatch):
            return iter((self._next_batch(),))
        return self.explain(request)

    def predict(self, request: Predict) -> Iterator[Result | None]:
        """Return the pieces of predictions; raises RequestError."""
        images = _images(request.images, self._digits["train"].images)
        if request.weights == "best":
            return self._best_explainer().predict(images)
        snapshot = self._snapshots.of(request.weights)
        return self._predict_by(snapshot, images)

    def _predict_by(self, snapshot: Snapshot, images: NDArray[np.uint8]) -> Iterator[PredictedImages | None]:
        for _ in self._familiarity.build():
            yield None
        probabilities = self._snapshots.inference_model(snapshot).predict_on_batch(pixels(images))
        features, familiarity = self._familiarity.measure(images)
        yield predicted_images(np.asarray(probabilities, np.float32), features, familiarity, snapshot.epoch)

    def inspect(self, request: Inspect) -> Iterator[Inspection]:
        """Yield what becomes of an image in the model; raises RequestError."""
        (image,) = _images(request.image, self._digits["train"].images, most=1)
        snapshot = self._snapshots.of(request.weights)
        graph = self._graph(snapshot, request.member)
        key = (*snapshot.key, request.member, request.image)
        if key not in self._outputs:
            self._outputs[key] = inside.outputs_of(graph, image)
            if len(self._outputs) > MAX_OUTPUTS:
                self._outputs.popitem(last=False)
        outputs = self._outputs[key]
        yield inside.inspect(graph, outputs, request.layer, request.channel, snapshot.epoch, snapshot.step)

    def project(self, request: Project) -> Iterator[Projection | None]:
        """Return the pieces of a projection of the validation images; raises RequestError."""
        snapshot, model = self._snapshots.of(request.weights), self._snapshots.inference_model
        return projection(lambda: model(snapshot), self._digits["validation"], snapshot.epoch, snapshot.step)

    def excite(self, request: Excite) -> Iterator[Excitations | None]:
        """Return the pieces of the images that excite a channel; raises RequestError."""
        snapshot, search = self._search(request)
        graph = self._graph(snapshot, request.member)
        for _ in search.search(graph, request.seconds):
            yield None
        yield search.of_channel(graph, request.channel, snapshot.epoch)

    def _search(self, request: Excite) -> tuple[Snapshot, Strongest]:
        """Return a search of all channels of a layer: one that was begun, with its weights, or a new one."""
        snapshot = self._snapshots.of(request.weights)
        node = inside.find(self._graph(snapshot, request.member), request.layer)
        inside.check_channel(node, request.channel)
        # Weights that train are others at the next request, which goes on with a search that was not completed.
        begun = (request.weights, snapshot.rollbacks, request.member, node.name)
        done = (*snapshot.key, request.member, node.name)
        for key in (begun, done):
            found = self._searches.get(key)
            if found is not None and (key == done or (request.seconds and found[1].progress < 1)):
                return found
        found = snapshot, Strongest(node.name, self._digits["validation"])
        self._searches[begun] = self._searches[done] = found
        while len(self._searches) > MAX_SEARCHES:
            self._searches.popitem(last=False)
        return found

    def _graph(self, snapshot: Snapshot, member: int) -> LayerGraph:
        """Return the layers of a member's model, which has the weights of a snapshot until another one is asked for."""
        model = self._snapshots.member_model(snapshot, member)
        if member not in self._graphs:
            self._graphs[member] = LayerGraph(model)
        return self._graphs[member]

    def attribute(self, request: Attribute | Perturb) -> Iterator[Result | None]:
        """Return the pieces of an attribution, or of the search for the smallest change; raises RequestError."""
        (image,) = _images(request.image, self._digits["train"].images, most=1)
        snapshot = self._snapshots.of(request.weights)
        model = self._snapshots.inference_model(snapshot)
        if self._attributed is None or self._attributed.model is not model:
            self._attributed = attribution.AttributedModel(model)
        return attribution.attribute(request, self._attributed, image, snapshot.epoch)

    def explain(self, request: Explain) -> Iterator[Explanation | None]:
        """Return the pieces of an explanation (see Explainer.explain); raises RequestError."""
        explainer = self._best_explainer()
        if request.digit is None:
            name, row = self._find(request)
            digits = self._digits[name]
            return explainer.explain(digits.images[row], (name, row))
        (image,), label = _images(request.digit.image, self._digits["train"].images, most=1), request.digit.label
        if not 0 <= label < explainer.classes:
            raise RequestError(f"label {label} is out of range: give a class from 0 to {explainer.classes - 1}")
        return explainer.explain(image)

    def _find(self, request: Explain) -> tuple[str, int]:
        if request.split not in self._digits:
            raise RequestError(f"split {request.split!r} is unknown: give {', '.join(self._digits)}, or the image")
        # A cross-check treats validation digits as training digits: both are indexed in the same split of the data set.
        for name in ("train", "validation") if request.split == "train" else (request.split,):
            rows = np.flatnonzero(self._digits[name].indices == request.index)
            if rows.size:
                return name, int(rows[0])
        raise RequestError(f"the {request.split} split of this run has no image {request.index}")

    def _best_explainer(self) -> Explainer:
        epoch = self._snapshots.best_epoch
        if epoch is None:
            raise RequestError("no epoch is validated yet: try again after the first")
        if self._explainer is None or self._epoch != epoch:
            searched = {name: self._digits[name] for name in ("train", "validation")}
            model = self._snapshots.best.inference_model()
            self._explainer, self._epoch = Explainer(model, epoch, searched), epoch
        return self._explainer


def _images(data: bytes, others: NDArray[np.uint8], most: int | None = None) -> NDArray[np.uint8]:
    """Return images as an array of the shape that others have."""
    size, shape = others[0].size, shape_of(others)
    count, rest = divmod(len(data), size)
    if rest or not count or (most is not None and count > most):
        kind = "" if shape is None else f" for an image of {shape_in_words(shape)}"
        raise RequestError(f"the image has {len(data):,} bytes: give {size:,}{kind}")
    return np.frombuffer(data, dtype=np.uint8).reshape(-1, *others.shape[1:])
