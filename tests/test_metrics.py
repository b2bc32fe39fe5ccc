"""Metrics are printed alike everywhere, and name columns that exist."""

import pytest

from mnist_tui.events import EpochEnded, GpuSample, HardwareSampled, LayerStats
from mnist_tui.metrics import METRICS, METRICS_BY_KEY, Metric
from mnist_tui.runs.history import STEP_COLUMNS


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.key)
def test_a_metric_names_what_is_recorded_and_a_field_of_the_epoch(metric: Metric) -> None:
    recorded = {
        "steps": STEP_COLUMNS,
        "layers": LayerStats.__struct_fields__,
        "hardware": (
            *HardwareSampled.__struct_fields__,
            *(f"gpu_{field}" for field in GpuSample.__struct_fields__),
        ),
    }
    assert metric.key in recorded[metric.source]
    assert metric.validation_key is None or metric.validation_key in EpochEnded.__struct_fields__
    assert METRICS_BY_KEY[metric.key] is metric


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
        ("accuracy", float("nan"), "NaN"),
    ],
)
def test_a_value_is_printed_with_its_unit(key: str, value: float | None, text: str) -> None:
    assert METRICS_BY_KEY[key].format(value) == text
