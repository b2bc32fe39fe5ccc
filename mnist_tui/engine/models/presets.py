"""PRESETS: a network and the recipe that trains it. Add a preset here (and its lines to assets/architecture.toml).

Importing this imports nothing heavy; Keras comes with `build`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from mnist_tui.config import Recipe
from mnist_tui.engine.data.images import Augmentation
from mnist_tui.engine.models.networks import Shape, build_best, build_fast, build_lenet5, build_mlp, build_reference

Shift = tuple[int, int]
"""Pixels (down, right)."""
NO_SHIFT: tuple[Shift, ...] = ((0, 0),)
Monitor = Literal["val_accuracy", "val_loss"]
"""Checkpoint monitor: the validation metric by which the best epoch is selected, named as in Keras."""
Schedule = Callable[[int, int, float], float]
"""(step from 0, steps in all, peak) -> learning rate of that step."""


def constant(step: int, steps: int, max_learning_rate: float) -> float:  # noqa: ARG001
    """The same learning rate throughout."""
    return max_learning_rate


def one_cycle(step: int, steps: int, max_learning_rate: float) -> float:
    """Linearly up over the first fifth, then down to nothing along half a cosine (after Smith & Topin 2018)."""
    rise = max(1.0, steps * 0.2)
    if step < rise:
        return max_learning_rate * (step + 1) / (rise + 1)
    return max_learning_rate * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1.0, steps - rise)))


@dataclass(frozen=True)
class Preset:
    """A network and how it is trained. `optimizer_options` go to the recipe's own optimizer alone."""

    recipe: Recipe
    build: Callable[[Shape, int], Any]
    """(input shape, classes) -> keras.Model, not compiled."""
    schedule: Schedule = constant
    label_smoothing: float = 0.0
    optimizer_options: dict[str, float] = field(default_factory=dict)
    augmentation: Augmentation | None = None
    """How the training digits are bent; None: not at all."""
    ema_decay: float = 0.0
    """Share of the old in the running mean of the weights (Polyak), which is what is validated and kept; 0: no mean."""
    monitor: Monitor = "val_accuracy"
    """Metric that selects the best epoch. `val_loss` discriminates better where epochs differ by a few digits only."""
    shifts: tuple[Shift, ...] = NO_SHIFT
    """Shifts of a digit over which the saved model, and so the test, averages the answers; epochs are validated with
    one, since more would cost a quarter of the training time."""


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
            summary="where the project started: 99.29 % on Kaggle, slow on a CPU",
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
            summary="most accurate: bent digits, five shifts; three networks on a GPU",
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
            summary="the network of 1998 that read bank checks, to compare with",
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
            summary="no convolutions, only dense layers, to compare with",
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


def compile_model(preset: Preset, model: Any, optimizer: str, learning_rate: float, *, jit: str | bool) -> None:
    """Give a built network its loss (crossentropy over one-hot labels), its optimizer and its accuracy metric."""
    import keras

    from mnist_tui.engine.models.ema import keep_ema_separate

    classes = {
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "sgd": keras.optimizers.SGD,
        "rmsprop": keras.optimizers.RMSprop,
    }
    options: dict[str, Any] = {"momentum": 0.9, "nesterov": True} if optimizer == "sgd" else {}
    if preset.ema_decay:
        options |= {"use_ema": True, "ema_momentum": preset.ema_decay}
    if optimizer == preset.recipe.optimizer:
        options |= preset.optimizer_options
    chosen = classes[optimizer](learning_rate=learning_rate, **options)
    if preset.ema_decay:
        keep_ema_separate(chosen)
    model.compile(
        optimizer=chosen,
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=preset.label_smoothing),
        metrics=["accuracy"],
        jit_compile=jit,
    )
