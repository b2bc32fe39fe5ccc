"""The validation images as points of a map: where they lie, what they are, and as what they are predicted."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.projection import aligned
from mnist_tui.control.protocol import Projection
from mnist_tui.inspection.predictions import Predictions
from mnist_tui.runs.directory import RunDirectory, RunError


@dataclass(frozen=True, eq=False)
class ValidationImages:
    """The run's validation split; row i of every part is one image."""

    indices: NDArray[np.int32]
    labels: NDArray[np.uint8]
    images: NDArray[np.uint8]
    """Shape (n, height, width) or (n, height, width, 3)."""

    @classmethod
    def read(cls, run: RunDirectory) -> "ValidationImages":
        """Read them; raises RunError if they are missing or damaged."""
        path = run.digits_path("validation")
        arrays = run.load_arrays(path)
        try:
            found = cls(arrays["indices"], arrays["labels"], arrays["images"])
        except KeyError as error:
            raise RunError(f"{path} has no array {error}: mnist-tui did not write it") from None
        if not len(found.indices) == len(found.labels) == len(found.images):
            raise RunError(f"{path} holds parts of different lengths: the file is damaged")
        return found


@dataclass(frozen=True, eq=False)
class MapPoints:
    """The points of one map; row i of every part is one image."""

    places: NDArray[np.float32]
    """Shape (n, 2)."""
    rows: NDArray[np.intp]
    """Row of each image in the validation split."""
    labels: NDArray[np.intp]
    predicted: NDArray[np.intp]
    confidences: NDArray[np.float32] | None
    """Probability of the predicted class, 0..1; None for weights that were not evaluated."""
    indices: NDArray[np.int32]
    """Positions in the data set's training split."""

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """True for each misclassified image."""
        return np.not_equal(self.labels, self.predicted)


def map_points(
    projection: Projection,
    images: ValidationImages,
    recorded: Predictions | None,
    before: MapPoints | None,
    places: NDArray[np.float32] | None = None,
) -> MapPoints:
    """Return the points of a projection.

    Args:
        projection: The engine's reply.
        images: The run's validation split.
        recorded: Predictions that were recorded with the same weights; None: those of the reply are shown.
        before: The map that was shown before. This one is turned to be like it, so that points do not jump.
        places: Coordinates (n, 2) of another method; None: the first two components.
    """
    order = np.argsort(images.indices)
    found = np.searchsorted(images.indices, projection.indices, sorter=order)
    rows = order[np.minimum(found, len(order) - 1)]
    known = images.indices[rows] == np.array(projection.indices)
    components = projection.components.array()[:, :2] if places is None else places
    if components.shape[1] < 2:  # a hidden layer of a single unit
        components = np.hstack([components, np.zeros_like(components)])
    predicted, confidences = np.array(projection.predicted, dtype=np.intp), None
    if recorded is not None and np.array_equal(recorded.indices, images.indices):
        probabilities = recorded.probabilities[rows].astype(np.float32)
        predicted, confidences = probabilities.argmax(axis=1), probabilities.max(axis=1)
    rows, components, predicted = rows[known], components[known], predicted[known]
    components = components - components.mean(axis=0) if len(components) else components
    if before is not None and np.array_equal(before.rows, rows):
        components = aligned(components, before.places)
    return MapPoints(
        components.astype(np.float32),
        rows,
        images.labels[rows].astype(np.intp),
        predicted,
        None if confidences is None else confidences[known],
        images.indices[rows],
    )
