"""Metrics are taken from what training reports, and printed alike everywhere."""

import numpy as np
import pytest

from mnist_tui.events import GpuSample, HardwareSampled, LayerStats
from mnist_tui.metrics import (
    METRICS,
    Metric,
    StepContext,
    ValidationContext,
    in_words,
    lowest_loss,
    smoothing_in_words,
    step_metrics,
    validation_metrics,
)
from mnist_tui.runs.steps import FIXED_COLUMNS


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.key)
def test_a_metric_has_a_source(metric: Metric) -> None:
    assert METRICS[metric.key] is metric
    assert metric.key not in FIXED_COLUMNS
    if metric.source == "layers":
        assert metric.key in LayerStats.__struct_fields__
    elif metric.source == "hardware":
        gpu_fields = {f"gpu_{field}" for field in GpuSample.__struct_fields__}
        assert metric.key in gpu_fields or hasattr(HardwareSampled, metric.key)
    else:
        assert metric.from_step or metric.from_validation


def test_metrics_of_a_step() -> None:
    logs = {"loss": np.float32(0.5), "accuracy": 0.75, "unknown": 1.0}
    metrics = step_metrics(StepContext(logs, learning_rate=0.01, images_per_second=900.0))
    assert metrics == {"loss": 0.5, "accuracy": 0.75, "learning_rate": 0.01, "images_per_second": 900.0}
    assert {type(value) for value in metrics.values()} == {float}
    assert step_metrics(StepContext({}, 0.01, 900.0))["loss"] is None


def test_metrics_of_the_validation_images() -> None:
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4]], np.float32)
    context = ValidationContext(np.array([0, 1], np.uint8), probabilities, loss=0.25)
    assert validation_metrics(context) == {"loss": 0.25, "accuracy": 0.5}


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("loss", 0.123456, "0.1235"),
        ("accuracy", 0.9929, "99.29 %"),
        ("learning_rate", 0.01, "0.01000"),
        ("learning_rate", 0.0, "0.00000"),
        ("learning_rate", 4e-8, "4.0e-08"),
        ("images_per_second", 0.2, "0 images/s"),
        ("gpu_memory_used", 3_210_000_000, "3.21 GB"),
        ("images_per_second", 12_345.6, "12,346 images/s"),
        ("loss", None, "–"),
        ("loss", 99_999.5, "99,999.5000"),
        ("loss", 108_250.0, "108k"),
        ("loss", 999_600.0, "1M"),
        ("gradient_norm", 2.16e9, "2.16G"),
        ("loss", 1e20, "1e20"),
        ("accuracy", float("nan"), "NaN"),
    ],
)
def test_a_value_is_printed_with_its_unit(key: str, value: float | None, text: str) -> None:
    assert METRICS[key].format(value) == text


def test_label_smoothing_raises_the_lowest_loss() -> None:
    assert lowest_loss(0.0, 10) == 0
    assert lowest_loss(1.0, 10) == pytest.approx(np.log(10))
    assert smoothing_in_words(0.1, 10) == "label smoothing 0.1: 0.50 at best"
    assert smoothing_in_words(0.0, 10) == ""


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_plain_lines_explain_a_loss_that_is_not_finite(value: float | None) -> None:
    loss, accuracy = in_words({"loss": value, "accuracy": 0.1})
    assert "roll back" in loss
    assert not loss.endswith(("NaN", "–", "inf"))
    assert accuracy == "accuracy 10.00 %"
