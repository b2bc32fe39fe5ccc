"""Features of images in few dimensions: principal components, and UMAP if it is installed."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
EXACT = 256
"""Features from which on only the leading components are computed, by random projections."""
OVERSAMPLING, ITERATIONS = 16, 4
"""Settings of the random projections, with which the leading two components are exact to three digits."""
UMAP_COMMAND = "pip install 'mnist-tui[map]'"


class ProjectionError(Exception):
    """A projection that cannot be made. The message is one line."""


def principal_components(features: Floats, count: int) -> tuple[Floats, Floats]:
    """Project rows of features onto their principal components.

    The largest coordinate of each component, by its size, is positive, so that the same features give the same map.

    Args:
        features: Shape (n, d), n at least 1. Values that are not finite count as 0.
        count: Number of components.

    Returns:
        Coordinates (n, min(count, n, d)), and the share of the variance that each component has, 0 if there is none.
    """
    centred = np.nan_to_num(features, nan=0.0, posinf=0.0, neginf=0.0).astype(np.float32)
    centred -= centred.mean(axis=0)
    scale = float(np.abs(centred).max(initial=0.0)) or 1.0
    count = min(count, *centred.shape)
    left, sizes = _leading(centred / scale, count)
    coordinates = left * sizes
    strongest = coordinates[np.abs(coordinates).argmax(axis=0), np.arange(count)]
    coordinates *= np.where(strongest < 0, -1, 1)
    total = float(np.square(centred / scale, dtype=np.float64).sum())
    shares = sizes**2 / total if total > 0 else np.zeros(count)
    return (coordinates * scale).astype(np.float32), shares.astype(np.float32)


def _leading(centred: Floats, count: int) -> tuple[Floats, Floats]:
    """Return the leading left singular vectors (n, count) and singular values.

    Those of wide features come from a randomised range finder (Halko, Martinsson and Tropp 2011).
    """
    if centred.shape[1] <= EXACT or count + OVERSAMPLING >= len(centred):
        left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
        return left[:, :count], sizes[:count]
    sketch = np.random.default_rng(0).standard_normal((centred.shape[1], count + OVERSAMPLING), dtype=np.float32)
    for _ in range(ITERATIONS):
        sketch, _ = np.linalg.qr(centred.T @ (centred @ sketch))
    base, _ = np.linalg.qr(centred @ sketch)
    left, sizes, _ = np.linalg.svd(base.T @ centred, full_matrices=False)
    return base @ left[:, :count], sizes[:count]


def aligned(points: Floats, reference: Floats) -> Floats:
    """Rotate or mirror points so that they are as near as possible to those of another map (orthogonal Procrustes).

    Args:
        points, reference: Shape (n, 2), centred, the same images in the same order.
    """
    if points.shape != reference.shape or not len(points):
        return points
    from scipy.linalg import orthogonal_procrustes

    rotation, _ = orthogonal_procrustes(points, reference)
    return np.asarray(points @ rotation, dtype=np.float32)


def umap(features: Floats) -> Floats:
    """Return a UMAP of rows of features, shape (n, 2); a seed makes it repeatable. Takes seconds.

    Raises ProjectionError if umap-learn is missing or cannot map them.
    """
    if len(features) < 3:
        raise ProjectionError("UMAP needs at least 3 images")
    try:
        from umap import UMAP
    except ImportError:
        raise ProjectionError(f"UMAP is not installed here: run {UMAP_COMMAND}") from None
    mapper: Any = UMAP(n_components=2, n_neighbors=min(15, len(features) - 1), random_state=0)
    try:
        return np.asarray(mapper.fit_transform(features), dtype=np.float32)
    except Exception as error:  # whatever numba or a solver raises
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ProjectionError(f"UMAP failed: {reason}") from None
