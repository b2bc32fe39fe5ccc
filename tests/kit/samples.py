"""Sample settings and events: each function returns a valid one, and keywords change what a test is about."""

from typing import Any

from mnist_tui.config import ConfigError, Recipe, RunConfig
from mnist_tui.events import (
    AlertKind,
    AlertRaised,
    AnyEvent,
    EndReason,
    EpochEnded,
    Hardware,
    HardwareSampled,
    Layer,
    Phase,
    PhaseChanged,
    ResumeReason,
    RollingEvaluated,
    RunEnded,
    RunResumed,
    RunStarted,
    SettingChanged,
    StepEnded,
)
from mnist_tui.runs.directory import RunRecord
from mnist_tui.settings import Catalogue

CREATED = 1_700_000_000.0
"""Time at which sample runs were created, in seconds since the epoch."""


def config(**changes: Any) -> RunConfig:
    """Return a complete set of settings."""
    defaults = {"preset": "fast", "epochs": 3, "batch_size": 100, "learning_rate": 0.01, "optimizer": "adamw"}
    return RunConfig(**{**defaults, "seed": 0, "data": "mnist", **changes})


def record(**changes: Any) -> RunRecord:
    """Return the record of a run with these settings."""
    return RunRecord(id="20231114-221320", name="calm-otter", created=CREATED, config=config(**changes))


def catalogue() -> Catalogue:
    """Return a catalogue of two presets and one data set."""

    def check_data(spec: str) -> None:
        if spec != "mnist":
            raise ConfigError(f"data {spec!r} names no file: give mnist or the path of an .npz file")

    recipes = (
        Recipe(name="fast", summary="quick", epochs=2, batch_size=64, learning_rate=0.01, optimizer="adamw"),
        Recipe(name="lenet5", summary="old", epochs=9, batch_size=128, learning_rate=0.001, optimizer="adam"),
    )
    return Catalogue({recipe.name: recipe for recipe in recipes}, ("mnist",), check_data)


def run_started(**changes: Any) -> RunStarted:
    """Return the start of a run with a model of one layer and 550 steps an epoch."""
    defaults: dict[str, Any] = {
        "time": CREATED + 8,
        "layers": (Layer("dense", "Dense", "softmax", (10,), 7_850, 7_840),),
        "class_names": tuple("0123456789"),
        "train_count": 55_000,
        "validation_count": 5_000,
        "test_count": 10_000,
        "epochs": 3,
        "steps_per_epoch": 550,
        "hardware": Hardware("CPU", 2, 8 << 30),
    }
    return RunStarted(**(defaults | changes))


def step_ended(step: int = 1, **changes: Any) -> StepEnded:
    """Return a step, in epochs of 550. Keywords that are no fields are metrics."""
    defaults: dict[str, Any] = {
        "time": CREATED + 8 + step / 10,
        "step": step,
        "epoch": (step - 1) // 550 + 1,
    }
    metrics = {"loss": 0.5, "accuracy": 0.9, "learning_rate": 0.01, "images_per_second": 1_000.0}
    metrics |= {key: changes.pop(key) for key in set(changes) - set(StepEnded.__struct_fields__)}
    return StepEnded(**({"metrics": metrics} | defaults | changes))


def steps(last: int) -> list[AnyEvent]:
    """Return the steps from 1 to `last`, in epochs of 550."""
    return [step_ended(step) for step in range(1, last + 1)]


def epoch_ended(epoch: int = 1, **changes: Any) -> EpochEnded:
    """Return an epoch of 550 steps with two classes. Keywords like `validation_loss` set a metric of a split."""
    defaults: dict[str, Any] = {
        "time": CREATED + 8 + epoch * 57,
        "epoch": epoch,
        "step": epoch * 550,
        "confusion": ((2_480, 20), (130, 2_370)),
        "seconds": 57.0,
        "validation_seconds": 2.0,
        "is_best": True,
        "train": {"loss": 0.2, "accuracy": 0.95},
        "validation": {"loss": 0.1, "accuracy": 0.97},
    }
    for key in set(changes) - set(EpochEnded.__struct_fields__):
        split, _, metric = key.partition("_")
        defaults[split][metric] = changes.pop(key)
    return EpochEnded(**(defaults | changes))


def rolling_evaluated(step: int = 120, **changes: Any) -> RollingEvaluated:
    """Return a rolling evaluation of 1,500 images of two classes, whose oldest prediction is of step 1."""
    defaults: dict[str, Any] = {
        "time": CREATED + 8 + step / 10,
        "step": step,
        "first_step": 1,
        "epoch": (step - 1) // 550 + 1,
        "count": 1_500,
        "validation": {"loss": 0.3, "accuracy": 0.9},
        "confusion": ((700, 50), (100, 650)),
        "seconds": 0.02,
    }
    return RollingEvaluated(**(defaults | changes))


def hardware_sampled(**changes: Any) -> HardwareSampled:
    """Return a hardware sample of a busy machine without a GPU."""
    defaults: dict[str, Any] = {
        "time": CREATED + 9,
        "engine_cpu": 190.0,
        "engine_memory": 1_400_000_000,
        "machine_cpu": 98.0,
        "machine_memory": 1_700_000_000,
    }
    return HardwareSampled(**(defaults | changes))


def phase_changed(phase: Phase, at: float = 0.0) -> PhaseChanged:
    """Return a phase change, `at` seconds after the run was created."""
    return PhaseChanged(time=CREATED + at, phase=phase)


def setting_changed(setting: str, value: str, **changes: Any) -> SettingChanged:
    """Return a setting that Ada changed."""
    defaults: dict[str, Any] = {"time": CREATED + 60, "by": "ada"}
    return SettingChanged(setting=setting, value=value, **(defaults | changes))


def alert_raised(step: int = 1, **changes: Any) -> AlertRaised:
    """Return an alert about a NaN loss that awaits no decision."""
    defaults: dict[str, Any] = {
        "time": CREATED + 8 + step / 10,
        "kind": AlertKind.NOT_FINITE,
        "text": "the loss is not a number",
        "step": step,
        "epoch": (step - 1) // 550 + 1,
    }
    return AlertRaised(**(defaults | changes))


def run_resumed(step: int = 0, **changes: Any) -> RunResumed:
    """Return a resumption an hour after the start, from the state after `step`, in epochs of 550."""
    defaults: dict[str, Any] = {
        "time": CREATED + 3600,
        "reason": ResumeReason.RESUMED,
        "step": step,
        "epoch": step // 550,
        "by": "ada",
    }
    return RunResumed(**(defaults | changes))


def run_ended(reason: EndReason = EndReason.COMPLETED, **changes: Any) -> RunEnded:
    """Return the end of a run that was tested."""
    defaults: dict[str, Any] = {"time": CREATED + 200, "best_epoch": 1, "test_loss": 0.1, "test_accuracy": 0.9929}
    return RunEnded(reason=reason, **(defaults | changes))
