"""Principal components as scikit-learn has them, and maps that do not turn between epochs."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.decomposition import PCA  # type: ignore[import-untyped]

from mnist_tui.analysis import projection
from mnist_tui.analysis.projection import EXACT, ProjectionError, aligned, principal_components


def blobs(count: int, width: int) -> np.ndarray:
    random = np.random.default_rng(width)
    centres = random.normal(0, 4, (5, width))
    return (centres[np.arange(count) % 5] + random.normal(size=(count, width))).astype(np.float32)


@pytest.mark.parametrize(("count", "width"), [(500, 24), (400, EXACT + 100), (40, 300), (3, 8), (200, 1)])
def test_components_are_those_of_scikit_learn(count: int, width: int) -> None:
    features = blobs(count, width)
    kept = min(2, width)
    expected = PCA(kept, svd_solver="full").fit(features)
    found, shares = principal_components(features, kept)
    assert np.allclose(np.abs(found), np.abs(expected.transform(features)), rtol=1e-3, atol=1e-3 * np.abs(found).max())
    assert np.allclose(shares, expected.explained_variance_ratio_, rtol=1e-3)


@pytest.mark.parametrize("features", [np.ones((6, 4)), np.zeros((1, 3)), np.full((5, 2), np.nan), np.ones((2, 400))])
def test_features_without_variance_are_one_point(features: np.ndarray) -> None:
    found, shares = principal_components(features.astype(np.float32), 2)
    assert np.allclose(found, 0, atol=1e-5)
    assert np.allclose(shares, 0)


def test_huge_features_stay_finite() -> None:
    found, shares = principal_components(blobs(50, 6) * np.float32(1e30), 2)
    assert np.isfinite(found).all()
    assert 0 < shares.sum() <= 1.001


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_turned_or_mirrored_map_is_turned_back(mirrored: bool) -> None:
    before, _ = principal_components(blobs(300, 10), 2)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]], np.float32) @ np.diag([1, -1 if mirrored else 1]).astype(np.float32)
    assert np.allclose(aligned(before @ turn, before), before, atol=1e-3)
    assert np.allclose(aligned(before[:5] @ turn, before), before[:5] @ turn)


def test_umap_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ProjectionError, match=r"pip install 'mnist-tui\[map\]'$"):
        projection.umap(blobs(10, 3))
    fake = SimpleNamespace(UMAP=lambda **_: SimpleNamespace(fit_transform=lambda features: features[:, :2]))
    monkeypatch.setitem(sys.modules, "umap", fake)
    features = blobs(10, 3)
    assert np.array_equal(projection.umap(features), features[:, :2])
    with pytest.raises(ProjectionError, match="at least 3"):
        projection.umap(features[:2])
