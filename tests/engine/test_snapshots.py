"""The weights that a request names, when the best ones change."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from mnist_tui.engine.service.snapshots import Snapshots
from mnist_tui.runs.directory import RunDirectory


def test_the_best_weights_are_taken_again_once_others_are_kept(tmp_path: Path) -> None:
    kept: dict[int, Any] = {0: [np.zeros(3), np.zeros(2)]}
    state: Any = SimpleNamespace(best_epoch=1, step=10, batch=0, epoch=1)
    best: Any = SimpleNamespace(kept=kept)
    unused: Any = None
    snapshots = Snapshots(RunDirectory(tmp_path), state, 10, lambda: best, lambda: unused)
    first = snapshots.of("best")
    assert snapshots.of("best") is first
    kept[0] = [np.ones(3), np.ones(2)]
    second = snapshots.of("best")
    assert second is not first
    assert second.members[0][0].tolist() == [1, 1, 1]
