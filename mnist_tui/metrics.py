"""METRICS: what can be plotted and printed. Add a metric here; plots, legends and plain lines follow."""

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """One quantity on the step axis.

    `key` names the column of `History.steps`, or of what `source` says; where the metric has a validation side,
    `validation_key` is the field of `EpochEnded`. `digits` is how many decimals a value is printed with (after
    `scale`), `unit` what stands behind it.
    """

    key: str
    label: str
    unit: str = ""
    higher_is_better: bool | None = None
    validation_key: str | None = None
    scale: float = 1.0
    digits: int = 4
    bounds: tuple[float, float] = (-math.inf, math.inf)
    """What a value can never leave, after `scale`."""
    source: Literal["steps", "layers", "hardware"] = "steps"
    """Recorded at every step, or sampled now and then."""

    @property
    def is_of_gpu(self) -> bool:
        """Whether each GPU has one of its own."""
        return self.source == "hardware" and self.key.startswith("gpu_")

    def format(self, value: float | None) -> str:
        """The value as it stands on every screen; a dash where it does not apply, N/A-safe for nan."""
        if value is None:
            return "–"
        if value != value:
            return "NaN"
        figure = f"{value * self.scale:,.{self.digits}f}"
        if value and self.digits and not float(figure.replace(",", "")):
            figure = f"{value * self.scale:.1e}"  # a learning rate at the end of its cycle is not 0
        return f"{figure}{self.unit and ' ' + self.unit}"


METRICS: tuple[Metric, ...] = (
    Metric("loss", "Loss", higher_is_better=False, validation_key="validation_loss", bounds=(0, math.inf)),
    Metric("accuracy", "Accuracy", "%", True, "validation_accuracy", scale=100, digits=2, bounds=(0, 100)),
    Metric("learning_rate", "Learning rate", digits=5, bounds=(0, math.inf)),
    Metric("gradient_norm", "Gradient norm", digits=4, bounds=(0, math.inf), source="layers"),
    Metric("images_per_second", "Images a second", "images/s", True, digits=0, bounds=(0, math.inf)),
    Metric("gpu_utilisation", "GPU", "%", digits=0, bounds=(0, 100), source="hardware"),
    Metric("engine_cpu", "Engine CPU", "% of a core", digits=0, bounds=(0, math.inf), source="hardware"),
    Metric("machine_cpu", "Machine CPU", "%", digits=0, bounds=(0, 100), source="hardware"),
    Metric("gpu_memory_used", "GPU memory", "GB", scale=1e-9, digits=2, bounds=(0, math.inf), source="hardware"),
    Metric("gpu_power", "GPU power", "W", digits=0, bounds=(0, math.inf), source="hardware"),
    Metric("gpu_temperature", "GPU temperature", "°C", digits=0, source="hardware"),
    Metric("gpu_clock", "GPU clock", "MHz", digits=0, bounds=(0, math.inf), source="hardware"),
    Metric("engine_memory", "Engine memory", "GB", scale=1e-9, digits=2, bounds=(0, math.inf), source="hardware"),
    Metric("machine_memory", "Machine memory", "GB", scale=1e-9, digits=1, bounds=(0, math.inf), source="hardware"),
)
METRICS_BY_KEY: dict[str, Metric] = {metric.key: metric for metric in METRICS}
