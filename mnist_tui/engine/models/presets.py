"""Registry of presets: a network and the recipe that trains it. To add a preset, add an entry to PRESETS.

assets/architecture.toml may explain its layers; layers without a text there are explained by their type. Importing
this module imports nothing heavy; Keras is imported by `build`.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from mnist_tui.config import ConfigError, Recipe, RunConfig, quoted
from mnist_tui.engine.data.images import SIDE, Augmentation
from mnist_tui.engine.models.networks import Shape, build_best, build_fast, build_lenet5, build_mlp, build_reference
from mnist_tui.metrics import METRICS

Shift = tuple[int, int]
"""Translation of an image in pixels: down, right."""
NO_SHIFT: tuple[Shift, ...] = ((0, 0),)
Monitor = Literal["val_accuracy", "val_loss"]
"""Validation metric that selects the best epoch, named as in Keras' ModelCheckpoint."""
Schedule = Callable[[int, int, float], float]
"""Function (step from 0, total steps, maximum learning rate) -> learning rate of that step."""


def constant(step: int, steps: int, max_learning_rate: float) -> float:  # noqa: ARG001
    """Return the maximum learning rate at every step."""
    return max_learning_rate


def one_cycle(step: int, steps: int, max_learning_rate: float) -> float:
    """Rise linearly over the first fifth, then fall to zero along half a cosine (after Smith & Topin 2018)."""
    rise = max(1.0, steps * 0.2)
    if step < rise:
        return max_learning_rate * (step + 1) / (rise + 1)
    return max_learning_rate * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1.0, steps - rise)))


@dataclass(frozen=True)
class Preset:
    """A network and how it is trained."""

    recipe: Recipe
    build: Callable[[Shape, int], Any]
    """Function (input shape, classes) -> keras.Model, not compiled."""
    schedule: Schedule = constant
    label_smoothing: float = 0.0
    optimizer_options: dict[str, float] = field(default_factory=dict)
    """Arguments of the recipe's optimizer; other optimizers do not get them."""
    augmentation: Augmentation | None = None
    """Limits of the augmentation of training images; None: no augmentation."""
    ema_decay: float = 0.0
    """Decay of the EMA of the weights, which is validated and saved; 0: no EMA."""
    monitor: Monitor = "val_accuracy"
    """Checkpoint monitor. `val_loss` separates epochs whose validation accuracy differs by a few digits only.

    At the same accuracy, which few validation images often have, the lower loss is better for both.
    """
    shifts: tuple[Shift, ...] = NO_SHIFT
    """Shifts of 28x28 images for test-time augmentation (TTA) of the saved model. Validation uses none, to be fast."""

    def shifts_for(self, shape: Shape) -> tuple[Shift, ...]:
        """Return the shifts in proportion to the size of the images; the smallest images have none."""
        height, width, _ = shape
        scaled = ((round(down * height / SIDE), round(right * width / SIDE)) for down, right in self.shifts)
        return tuple(dict.fromkeys(scaled))


_PRESETS = (
    Preset(
        Recipe(
            name="fast",
            summary="a small network in one learning-rate cycle: a result in seconds",
            epochs=1,
            batch_size=128,
            learning_rate=0.02,
            optimizer="adamw",
        ),
        build_fast,
        one_cycle,
        label_smoothing=0.1,
        optimizer_options={"beta_2": 0.99, "weight_decay": 0.01},
    ),
    Preset(
        Recipe(
            name="reference",
            summary="the original network: 99.29 % on Kaggle, slow on a CPU",
            epochs=12,
            batch_size=128,
            learning_rate=0.001,
            optimizer="adam",
        ),
        build_reference,
        one_cycle,
    ),
    Preset(
        Recipe(
            name="best",
            summary="most accurate: augmented images, five shifts; three networks on a GPU",
            epochs=15,
            batch_size=128,
            learning_rate=0.004,
            optimizer="adamw",
            gpu_networks=3,
        ),
        build_best,
        one_cycle,
        label_smoothing=0.1,
        optimizer_options={"beta_2": 0.99, "weight_decay": 0.02},
        augmentation=Augmentation(),
        ema_decay=0.99,
        monitor="val_loss",
        shifts=((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)),
    ),
    Preset(
        Recipe(
            name="lenet5",
            summary="LeNet-5 of 1998, for comparison",
            epochs=12,
            batch_size=128,
            learning_rate=0.003,
            optimizer="adam",
        ),
        build_lenet5,
        one_cycle,
    ),
    Preset(
        Recipe(
            name="mlp",
            summary="dense layers only, no convolutions, for comparison",
            epochs=12,
            batch_size=128,
            learning_rate=0.001,
            optimizer="adam",
        ),
        build_mlp,
        one_cycle,
    ),
)
PRESETS: dict[str, Preset] = {preset.recipe.name: preset for preset in _PRESETS}
"""Presets by name. The command line and the home screen offer them in this order."""


def check_known(names: Iterable[str]) -> None:
    """Raise ConfigError if this version does not have one of these presets."""
    for name in names:
        if name not in PRESETS:
            raise ConfigError(f"preset {quoted(name)} is not known: this version has {', '.join(PRESETS)}")


def preset_of(config: RunConfig, member: int) -> Preset:
    """Return the preset of an ensemble member, with the run's own model in place of its network if there is one."""
    preset = PRESETS[config.members[member]]
    if config.model is None:
        return preset
    from mnist_tui.engine.models.own_model import OwnModel

    return replace(preset, build=OwnModel(config.model).build)


def compile_model(
    preset: Preset, model: Any, optimizer: str, learning_rate: float, *, jit: str | bool, loss: Any = None
) -> None:
    """Compile a model with a loss over one-hot labels, an optimizer by name, and the accuracy metric.

    Without a loss, it is the preset's cross-entropy.
    """
    import keras

    from mnist_tui.engine.models.ema import keep_ema_separate

    options: dict[str, Any] = {"learning_rate": learning_rate}
    if optimizer == "sgd":
        options |= {"momentum": 0.9, "nesterov": True}
    if preset.ema_decay:
        options |= {"use_ema": True, "ema_momentum": preset.ema_decay}
    if optimizer == preset.recipe.optimizer:
        options |= preset.optimizer_options
    chosen = keras.optimizers.get({"class_name": optimizer, "config": options})
    if preset.ema_decay:
        keep_ema_separate(chosen)
    model.compile(
        optimizer=chosen,
        loss=loss or keras.losses.CategoricalCrossentropy(label_smoothing=preset.label_smoothing),
        metrics=[metric.keras_metric() for metric in METRICS.values() if metric.keras_metric],
        jit_compile=jit,
    )
