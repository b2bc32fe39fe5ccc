"""Exported logs as TensorBoard itself reads them."""

import sys
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mnist_tui.export.source import Source
from mnist_tui.export.tensorboard import logs
from mnist_tui.runs.directory import RunDirectory
from tests.export.colourful import colourful_run
from tests.kit.recording import recorded_run


def accumulated(run: RunDirectory, path: Path) -> tuple[Any, Any]:
    """Return what TensorBoard reads of the runs train and validation."""
    sys.modules["tensorboard.compat.notf"] = ModuleType("notf")  # TensorBoard reads without TensorFlow, sooner
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    path.mkdir()
    logs(Source(run, lambda _: None), path)
    found = [EventAccumulator(str(path / name), size_guidance={"scalars": 0}) for name in ("train", "validation")]
    for each in found:
        each.Reload()
    return found[0], found[1]


def test_tensorboard_reads_scalars_images_and_texts(tmp_path: Path) -> None:
    train, validation = accumulated(recorded_run(), tmp_path / "logs")
    loss = train.Scalars("loss")
    assert [each.step for each in loss] == list(range(1, 2_581))
    assert loss[0].value == np.float32(2.9266903400421143)
    assert loss[0].wall_time == pytest.approx(1795472062.70905)
    assert {"accuracy", "learning_rate", "gradient_norm", "conv1/weight_norm"} <= set(train.Tags()["scalars"])
    assert [each.step for each in validation.Scalars("accuracy")] == [860, 1_720, 2_580]
    assert validation.Scalars("accuracy")[0].value == np.float32(0.9884)
    matrices = validation.Images("confusion_matrix")
    assert [each.step for each in matrices] == [860, 1_720, 2_580]
    assert Image.open(BytesIO(matrices[-1].encoded_image_string)).size == (matrices[-1].width, matrices[-1].height)
    mistakes = [tag for tag in validation.Tags()["images"] if tag.startswith("misclassified/")]
    assert mistakes[0] == "misclassified/01 9 as 4"
    assert len(mistakes) == 25
    (settings,) = train.Tensors("settings/text_summary")
    assert b"learning rate" in settings.tensor_proto.string_val[0]


def test_curves_are_thinned_to_means(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_tui.export.tensorboard.MAX_STEPS", 100)
    train, _ = accumulated(colourful_run(classes=4, steps=390, images=50), tmp_path / "logs")
    steps = [each.step for each in train.Scalars("loss")]
    assert 40 < len(steps) <= 101
    assert steps[-1] == 390


def test_values_that_are_not_finite_are_kept(tmp_path: Path) -> None:
    train, validation = accumulated(colourful_run(classes=4, images=50), tmp_path / "logs")
    assert np.isnan(train.Scalars("loss")[19].value)
    assert len(validation.Scalars("loss")) == 1
