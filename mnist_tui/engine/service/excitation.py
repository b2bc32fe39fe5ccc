"""The validation images that excite the channels of a layer most."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mnist_tui.control.protocol import Excitation, Excitations
from mnist_tui.engine.data.datasets import Digits
from mnist_tui.engine.models.evaluation import batch_of, pixels
from mnist_tui.engine.models.layer_graph import Floats, LayerGraph
from mnist_tui.engine.models.receptive_field import receptive_field

TOP = 16
"""Images of a channel."""
MOST = 5_000
"""Validation images that are searched."""
CHUNK = 125
"""Images of 28x28 in one piece: 10 ms for `fast` on two cores, 0.1 s for `reference`."""


@dataclass(eq=False)
class Strongest:
    """The images with the largest outputs of each channel of a layer, among those searched so far."""

    layer: str
    digits: Digits
    searched: int = 0
    values: Floats = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    """The largest value of each image and channel, `(TOP, channels)`, the strongest first."""
    rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 0), np.int64))
    """Rows of these images."""

    @property
    def count(self) -> int:
        """Number of images to search."""
        return min(MOST, len(self.digits))

    @property
    def progress(self) -> float:
        """Fraction of the images searched, 0..1."""
        return self.searched / self.count

    def search(self, graph: LayerGraph, seconds: float = 0.0) -> Iterator[None]:
        """Search the images in pieces, all of them, or with `seconds` for so long at most."""
        until = time.monotonic() + seconds if seconds else float("inf")
        chunk = batch_of(self.digits.images, CHUNK)
        while self.searched < self.count and time.monotonic() < until:
            rows = np.arange(self.searched, min(self.searched + chunk, self.count))
            self._merge(rows, _maps(self._output(graph, rows)).max(axis=1))
            self.searched += len(rows)
            yield

    def of_channel(self, graph: LayerGraph, channel: int, epoch: int | None) -> Excitations:
        """Return the images of a channel, the strongest first; the graph must have the weights of the search."""
        finite = np.isfinite(self.values[:, channel])
        rows, values = self.rows[finite, channel], self.values[finite, channel]
        output = self._output(graph, rows)
        shape = output.shape[1:-1]
        places = _maps(output)[:, :, channel].argmax(axis=1)
        cells = [tuple(int(each) for each in np.unravel_index(place, shape)) if shape else () for place in places]
        images = tuple(
            Excitation(
                index=int(self.digits.indices[row]),
                label=int(self.digits.labels[row]),
                value=float(value),
                cell=cell,
                patch=receptive_field(graph, self.layer, cell),
                image=self.digits.images[row].tobytes(),
            )
            for row, value, cell in zip(rows, values, cells, strict=True)
        )
        return Excitations(epoch=epoch, images=images, progress=self.progress)

    def _output(self, graph: LayerGraph, rows: NDArray[np.int64]) -> Floats:
        (output,) = graph.values([pixels(self.digits.images[rows])], (self.layer,))[self.layer]
        return output

    def _merge(self, rows: NDArray[np.int64], values: Floats) -> None:
        if self.searched:
            values = np.concatenate([self.values, values])
            all_rows = np.concatenate([self.rows, np.broadcast_to(rows[:, None], (len(rows), values.shape[1]))])
        else:
            all_rows = np.broadcast_to(rows[:, None], values.shape)
        order = np.argsort(-values, axis=0, kind="stable")[:TOP]
        self.values = np.take_along_axis(values, order, axis=0)
        self.rows = np.take_along_axis(all_rows, order, axis=0)


def _maps(output: Floats) -> Floats:
    """Return an output `(n, ..., channels)` as `(n, positions, channels)`; NaN counts as minus infinity."""
    maps = output.reshape(len(output), -1, output.shape[-1] if output.ndim > 1 else 1)
    return np.where(np.isnan(maps), np.float32(-np.inf), maps)
