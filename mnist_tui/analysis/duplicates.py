"""Duplicates in a data set: images that are equal, and near duplicates, whose pixels correlate almost perfectly.

Near duplicates are found without comparing all pairs. Of each image, the pixels are reduced to unit length and mean 0,
so that the distance of two images gives their correlation. Averages of blocks and principal components only shorten
distances, so a search among those loses no pair but those beyond the NEIGHBOURS closest ones of an image. Every pair
found is then compared by all its pixels.

Copies that were compressed as JPEG, brightened or overlaid with noise are found; shifted and rotated ones are not.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

NEAR = 0.99
"""Least correlation of near duplicates. JPEG at quality 75 leaves 0.996; of MNIST's images, three pairs reach it."""
NEIGHBOURS = 5
"""Number of the most similar images that are compared with each image."""
LARGEST_SIDE = 14
"""Pixels to which the sides of images are reduced for the search."""
COMPONENTS = 16
"""Principal components that are searched. Fewer pass more pairs that are not near, more make the search slower."""
FITTED = 10_000
"""Number of images that the principal components are fitted to."""
CHUNK = 4_096
"""Images that are converted at a time, to bound the memory."""

Images = NDArray[np.uint8]
"""Shape (n, height, width) or (n, height, width, 3)."""


@dataclass(frozen=True)
class Pair:
    """Two near duplicates."""

    first: int
    """Row of the first image."""
    second: int
    """Row of the second image, larger than the first."""
    correlation: float
    """Pearson's correlation of their pixels."""


class Rows:
    """Rows of several arrays of images, counted through. Nothing is copied but the images that are asked for."""

    def __init__(self, parts: Sequence[Images]) -> None:
        self.parts = parts
        self.starts = np.cumsum([0, *map(len, parts)])

    def __len__(self) -> int:
        return int(self.starts[-1])

    def part_of(self, rows: "int | NDArray[np.integer[Any]]") -> "NDArray[np.intp]":
        """Return the positions of the arrays that hold the rows."""
        return np.searchsorted(self.starts, rows, side="right") - 1

    def take(self, rows: "Sequence[int] | NDArray[np.integer[Any]]") -> Images:
        """Return the images of some rows, in this order."""
        rows = np.asarray(rows, np.intp)
        found = np.empty((len(rows), *self.parts[0].shape[1:]), np.uint8)
        part = self.part_of(rows)
        for position, images in enumerate(self.parts):
            chosen = part == position
            found[chosen] = images[rows[chosen] - self.starts[position]]
        return found

    def chunks(self) -> Iterator[Images]:
        """Yield all images in order, at most CHUNK at a time."""
        for images in self.parts:
            for start in range(0, len(images), CHUNK):
                yield images[start : start + CHUNK]


def equal_images(rows: Rows, ignored: "NDArray[np.bool_]") -> list[list[int]]:
    """Return the rows of equal images, a list for each image that occurs more than once; `ignored` has shape (n,)."""
    found: dict[bytes, list[int]] = {}
    row = 0
    for chunk in rows.chunks():
        for image in chunk:
            if not ignored[row]:
                found.setdefault(hashlib.blake2b(image.tobytes(), digest_size=16).digest(), []).append(row)
            row += 1
    return [group for group in found.values() if len(group) > 1]


def near_duplicates(rows: Rows, ignored: "NDArray[np.bool_]") -> list[Pair]:
    """Return the pairs of images that correlate by at least NEAR, the most similar first.

    Args:
        rows: All images.
        ignored: Shape (n,): True for images to leave out, among them all that are blank.
    """
    from scipy.linalg import eigh
    from scipy.spatial import KDTree

    candidates = np.flatnonzero(~ignored)
    if len(candidates) < 2:
        return []
    reduced = _reduced(rows)[candidates]
    reduced -= reduced.mean(axis=0)
    fitted = reduced[:: -(-len(reduced) // FITTED)]
    length = reduced.shape[1]
    _, axes = eigh(fitted.T @ fitted, subset_by_index=(max(0, length - COMPONENTS), length - 1))
    components = reduced @ axes
    # |u - v|^2 = 2 - 2 correlation for unit vectors
    _, nearest = KDTree(components).query(
        components, k=1 + NEIGHBOURS, distance_upper_bound=float(np.sqrt(2 - 2 * NEAR)), workers=-1
    )
    first = np.repeat(np.arange(len(candidates)), 1 + NEIGHBOURS)
    second = nearest.ravel()
    is_pair = (second < len(candidates)) & (first != second)
    first, second = first[is_pair], second[is_pair]
    ends = np.unique(np.stack([np.minimum(first, second), np.maximum(first, second)], axis=1), axis=0)
    pairs = []
    for start in range(0, len(ends), CHUNK):
        one, other = candidates[ends[start : start + CHUNK]].T
        correlation = np.einsum("ij,ij->i", _unit(rows.take(one)), _unit(rows.take(other)))
        pairs += [
            Pair(int(one[place]), int(other[place]), float(correlation[place]))
            for place in np.flatnonzero(correlation >= NEAR)
        ]
    return sorted(pairs, key=lambda pair: (-pair.correlation, pair.first, pair.second))


def _reduced(rows: Rows) -> "NDArray[np.float32]":
    """Return all images with sides of at most LARGEST_SIDE, as vectors; distances are never longer than before."""
    height, width = rows.parts[0].shape[1:3]
    factor = -(-max(height, width) // LARGEST_SIDE)
    down, across = height // factor, width // factor
    reduced = []
    for chunk in rows.chunks():
        unit = _unit(chunk).reshape(len(chunk), height, width, -1)[:, : down * factor, : across * factor]
        blocks = unit.reshape(len(chunk), down, factor, across, factor, -1)
        reduced.append(blocks.sum(axis=(2, 4)).reshape(len(chunk), -1) / np.float32(factor))
    return np.concatenate(reduced)


def _unit(images: Images) -> "NDArray[np.float32]":
    """Return each image as a vector of mean 0 and length 1; one that is blank stays 0."""
    vectors = images.reshape(len(images), -1).astype(np.float32)
    vectors -= vectors.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors /= np.where(lengths > 0, lengths, 1)
    return vectors
