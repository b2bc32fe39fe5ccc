"""Kept epochs: which of them stay, and their files."""

from pathlib import Path

import numpy as np
import pytest

from mnist_tui.config import ConfigError, KeptEpochs
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.kept_epochs import kept_epochs, read_weights, superfluous, write_weights


def test_the_first_the_last_and_the_best_stay_and_the_others_are_spread() -> None:
    kept: list[int] = []
    for epoch in range(101):
        kept.append(epoch)
        kept = [each for each in kept if each not in superfluous(kept, 10, min(epoch, 37))]
        assert len(kept) <= 10
        assert {0, min(epoch, 37), epoch} <= set(kept)
    assert max(np.diff(kept)) <= 30
    assert superfluous([0, 1, 2, 3], 2, 2) == [1, 0] or superfluous([0, 1, 2, 3], 2, 2) == [0, 1]


@pytest.mark.parametrize(
    ("text", "size", "most"), [("40:100", 1_000_000, 40), ("40:100", 5_000_000, 20), ("0", 1, 0), ("5:1", 2_000_000, 0)]
)
def test_limits(text: str, size: int, most: int) -> None:
    assert KeptEpochs.parse(text).most(size) == most


@pytest.mark.parametrize("text", ["", "2", "-1", "5:", "many", "5:x", "1e3"])
def test_other_limits_are_rejected(text: str) -> None:
    with pytest.raises(ConfigError, match="kept_epochs"):
        KeptEpochs.parse(text)


def test_weights_come_back_with_their_member(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    weights = [np.array([[1.5, -2e-3]], np.float32), np.array([1e6, 3.0], np.float32), np.array(7, np.float32)]
    write_weights(run, 12, 1, weights)
    assert kept_epochs(run) == (12,)
    member, read = read_weights(run, 12)
    assert member == 1
    for one, other in zip(weights, read, strict=True):
        assert other == pytest.approx(one, rel=1e-3)
        assert other.shape == one.shape
    with pytest.raises(RunError, match=r"epoch 3 of run .* is not kept: kept are 12"):
        read_weights(run, 3)
