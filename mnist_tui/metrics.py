"""METRICS: everything that is plotted and printed over the steps of a run.

To add a metric, add one entry. The engine records it, and plots, legends, plain lines, `show`, `--json` and tables show
it. A metric that Keras computes:

    Metric("top_2", "Top-2 accuracy", "%", True, scale=100, digits=2, bounds=(0, 100), from_step="top_2",
           keras_metric=lambda: keras.metrics.TopKCategoricalAccuracy(2, name="top_2"))

A metric of the predictions on the validation images:

    Metric("confidence", "Confidence", "%", scale=100, digits=2, bounds=(0, 100),
           from_validation=lambda validation: validation.probabilities.max(axis=1).mean())
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


TARGET_ACCURACIES = (0.98, 0.99, 0.9929, 0.995)
"""Validation accuracies whose cost is compared; 99.29 % is what the `reference` preset reached on Kaggle."""
COMPACT_FROM, COMPACT_BELOW = 100_000, 999.5e12
"""Losses, norms and ticks between these are written with a suffix."""
SUFFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def compact(value: float, digits: int = 3) -> str:
    """Return a number with this many significant digits and a suffix: 500, 12.3k, 2.16M; 1e20 if there is none."""
    if not abs(value) < COMPACT_BELOW:
        return f"{value:.0e}".replace("e+", "e")
    # from 0.9995 of a suffix on, three digits of the smaller one would be 1000
    divisor, suffix = next((each for each in SUFFIXES if abs(value) >= 0.9995 * each[0]), (1, ""))
    return f"{value / divisor:.{digits}g}{suffix}"


@dataclass(frozen=True)
class StepContext:
    """One training step, or several that ran as one execution, as metrics see it."""

    logs: Mapping[str, Any]
    """Logs of Keras: means over the execution's images."""
    learning_rate: float
    images_per_second: float


@dataclass(frozen=True)
class ValidationContext:
    """Predictions on the validation images, as metrics see them."""

    labels: "NDArray[np.uint8]"
    """Shape (n,)."""
    probabilities: "NDArray[np.float32]"
    """Shape (n, classes)."""
    loss: float
    """Mean of the loss that the model is trained with."""


@dataclass(frozen=True)
class Metric:
    """A quantity over the steps of a run: how it is taken, and how it is shown."""

    key: str
    """Name in the event log and in `History`."""
    label: str
    unit: str = ""
    higher_is_better: bool | None = None
    """None if neither direction is better."""
    scale: float = 1.0
    """Factor from the recorded value to the shown one."""
    digits: int = 4
    """Decimals of the shown value."""
    bounds: tuple[float, float] = (-math.inf, math.inf)
    """Smallest and largest possible value, after `scale`."""
    source: Literal["steps", "layers", "hardware"] = "steps"
    """Events that carry it: steps and epochs, LayerStats or HardwareSampled."""
    from_step: str | Callable[[StepContext], float | None] | None = None
    """Name in Keras' logs, or a function; None if it is not recorded per step."""
    from_validation: Callable[[ValidationContext], float | None] | None = None
    """None if it is not recorded per epoch."""
    keras_metric: Callable[[], Any] | None = None
    """Builds the metric that the model is compiled with, so that it appears in Keras' logs."""
    on_plain_lines: bool = True
    """False if `--plain` does not show it."""

    @property
    def is_validated(self) -> bool:
        """Return True if it is recorded for the validation images as well."""
        return self.from_validation is not None

    @property
    def is_of_gpu(self) -> bool:
        """Return True if every GPU has its own value."""
        return self.source == "hardware" and self.key.startswith("gpu_")

    def format(self, value: float | None) -> str:
        """Return a recorded value with its unit; a dash for None."""
        if value is None:
            return "–"
        if value != value:
            return "NaN"
        shown = value * self.scale
        figure = compact(shown) if self.digits and abs(shown) >= COMPACT_FROM else f"{shown:,.{self.digits}f}"
        if value and self.digits and not float(f"{shown:.{self.digits}f}"):
            figure = f"{shown:.1e}"  # a learning rate at the end of its cycle is not 0
        return f"{figure}{self.unit and ' ' + self.unit}"


def _accuracy(seen: ValidationContext) -> float:
    return float((seen.probabilities.argmax(axis=1) == seen.labels).mean())


POSITIVE = (0, math.inf)
METRICS: dict[str, Metric] = {
    metric.key: metric
    for metric in (
        Metric(
            "loss",
            "Loss",
            higher_is_better=False,
            bounds=POSITIVE,
            from_step="loss",
            from_validation=lambda seen: seen.loss,
        ),
        Metric(
            "accuracy",
            "Accuracy",
            "%",
            higher_is_better=True,
            scale=100,
            digits=2,
            bounds=(0, 100),
            from_step="accuracy",
            from_validation=_accuracy,
            keras_metric=lambda: "accuracy",
        ),
        Metric(
            "learning_rate",
            "Learning rate",
            digits=5,
            bounds=POSITIVE,
            from_step=lambda step: step.learning_rate,
            on_plain_lines=False,
        ),
        Metric("gradient_norm", "Gradient norm", digits=4, bounds=POSITIVE, source="layers"),
        Metric(
            "images_per_second",
            "Images per second",
            "images/s",
            higher_is_better=True,
            digits=0,
            bounds=POSITIVE,
            from_step=lambda step: step.images_per_second,
            on_plain_lines=False,
        ),
        Metric("gpu_utilisation", "GPU", "%", digits=0, bounds=(0, 100), source="hardware"),
        Metric("engine_cpu", "Engine CPU", "% of a core", digits=0, bounds=POSITIVE, source="hardware"),
        Metric("machine_cpu", "Machine CPU", "%", digits=0, bounds=(0, 100), source="hardware"),
        Metric("gpu_memory_used", "GPU memory", "GB", scale=1e-9, digits=2, bounds=POSITIVE, source="hardware"),
        Metric("gpu_power", "GPU power", "W", digits=0, bounds=POSITIVE, source="hardware"),
        Metric("gpu_temperature", "GPU temperature", "°C", digits=0, source="hardware"),
        Metric("gpu_clock", "GPU clock", "MHz", digits=0, bounds=POSITIVE, source="hardware"),
        Metric("cpu_power", "CPU power", "W", digits=0, bounds=POSITIVE, source="hardware"),
        Metric("engine_memory", "Engine memory", "GB", scale=1e-9, digits=2, bounds=POSITIVE, source="hardware"),
        Metric("machine_memory", "Machine memory", "GB", scale=1e-9, digits=1, bounds=POSITIVE, source="hardware"),
    )
}
"""Key -> metric, in the order of the plots."""


def step_metrics(context: StepContext) -> dict[str, float | None]:
    """Return the value of every metric that is recorded per step."""
    found = {}
    for metric in METRICS.values():
        take = metric.from_step
        if take is not None:
            value = context.logs.get(take) if isinstance(take, str) else take(context)
            found[metric.key] = None if value is None else float(value)
    return found


def validation_metrics(context: ValidationContext) -> dict[str, float | None]:
    """Return the value of every metric that is recorded for the validation images."""
    values = {metric.key: metric.from_validation(context) for metric in METRICS.values() if metric.from_validation}
    return {key: None if value is None else float(value) for key, value in values.items()}


def lowest_loss(label_smoothing: float, classes: int) -> float:
    """Return the loss of the best possible model: the entropy of the smoothed targets, 0 without label smoothing."""
    others = label_smoothing / classes
    true = 1 - label_smoothing + others
    return -sum(count * share * math.log(share) for count, share in ((1, true), (classes - 1, others)) if share > 0)


def smoothing_in_words(label_smoothing: float, classes: int) -> str:
    """Return why the loss stays far above 0, such as "label smoothing 0.1: 0.50 at best"; empty if it does not."""
    if not label_smoothing:
        return ""
    return f"label smoothing {label_smoothing:g}: {lowest_loss(label_smoothing, classes):.2f} at best"


def in_words(values: Mapping[str, float | None]) -> list[str]:
    """Return the values that plain lines show, such as ["loss 0.0312", "accuracy 99.10 %"]."""
    shown = (metric for metric in METRICS.values() if metric.on_plain_lines and metric.key in values)
    return [f"{metric.label.lower()} {_in_words(metric, values[metric.key])}" for metric in shown]


def _in_words(metric: Metric, value: float | None) -> str:
    is_lost = metric.key == "loss" and (value is None or not math.isfinite(value))
    return "not finite (the weights are lost: roll back or stop)" if is_lost else metric.format(value)
