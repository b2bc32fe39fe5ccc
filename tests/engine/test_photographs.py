"""Photographed digits, predicted by a trained model: two epochs of `fast`, with 99.5 % of the test images right."""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from mnist_tui.analysis.handwriting import find_digits
from mnist_tui.engine.data import datasets
from mnist_tui.engine.models.evaluation import pixels
from tests.kit.photographs import photograph, sheet

SCENES: dict[str, dict[str, Any]] = {
    "scan": {},
    "noise": {"noise": 12},
    "shadow": {"shadow": 0.7, "noise": 6},
    "turned on a table": {"degrees": 14, "table": 60, "noise": 6},
    "turned on a table in shadow": {"degrees": -21, "table": 70, "shadow": 0.5, "noise": 8},
    "turned a little": {"degrees": 7, "noise": 5},
}


@pytest.fixture(scope="module")
def model() -> Any:
    return keras.saving.load_model(Path(__file__).parent.parent / "fixtures" / "fast.keras", safe_mode=True)


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize(
    ("side", "in_a_row", "count"),
    [
        (120, 2, 12),
        pytest.param(600, 1, 100, marks=pytest.mark.full),
        pytest.param(200, 4, 100, marks=pytest.mark.full),
    ],
)
def test_photographed_digits_are_predicted(model: Any, scene: str, side: int, in_a_row: int, count: int) -> None:
    digits = datasets.load("mnist").test
    found, labels = [], []
    for start in range(0, count, in_a_row):
        rows = slice(start, start + in_a_row)
        paper = sheet(list(digits.images[rows]), side=side, gap=side // 6, margin=side // 2)
        images = [digit.image for digit in find_digits(photograph(paper, **SCENES[scene], seed=start)).digits]
        assert len(images) == in_a_row, f"the digits from {start} on"
        found += images
        labels += digits.labels[rows].tolist()
    predicted = np.asarray(model(pixels(np.stack(found)), training=False)).argmax(axis=1)
    assert (predicted == labels).mean() >= 0.95
