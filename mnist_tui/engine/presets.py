"""PRESETS: a model and the recipe that trains it. Add a preset here (and its lines to assets/architecture.toml).

Every network takes raw pixels 0..255 of shape (n, 28, 28, 1) and gives probabilities of shape (n, classes): its first
layer rescales, so that a saved model needs no footnote. Importing this imports nothing heavy; Keras comes with `build`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mnist_tui.config import Recipe

SIDE = 28
"""Pixels, of a picture's height and of its width."""
Shape = tuple[int, int, int]
PICTURE: Shape = (SIDE, SIDE, 1)
Shift = tuple[int, int]
"""Pixels (down, right)."""
UNMOVED: tuple[Shift, ...] = ((0, 0),)
Schedule = Callable[[int, int, float], float]
"""(step from 0, steps in all, peak) -> learning rate of that step."""


def constant(step: int, steps: int, peak: float) -> float:  # noqa: ARG001
    """The same learning rate throughout."""
    return peak


def one_cycle(step: int, steps: int, peak: float) -> float:
    """Linearly up over the first fifth, then down to nothing along half a cosine (after Smith & Topin 2018)."""
    rise = max(1.0, steps * 0.2)
    if step < rise:
        return peak * (step + 1) / (rise + 1)
    return peak * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1.0, steps - rise)))


@dataclass(frozen=True)
class Augmentation:
    """How far digits are bent at most, each to a degree drawn evenly from both directions."""

    degrees: float = 13.0
    """Turned."""
    scale: float = 0.13
    """Logarithm of the factor, of height and width each."""
    shear: float = 0.13
    """Pixels sideways, a pixel of height."""
    pixels: float = 2.0
    """Moved, along each axis."""
    elastic: float = 0.4
    """Standard deviation of each pixel's own displacement, in pixels: normally distributed."""


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
    averaging: float = 0.0
    """Share of the old in the running mean of the weights (Polyak), which is what is validated and kept; 0: no mean."""
    kept_by_loss: bool = False
    """Whether the epoch of the lowest validation loss is kept, not that of the highest accuracy: where epochs are a few
    mistakes in 5,000 digits apart chance would choose, the loss counts how sure each answer is."""
    views: tuple[Shift, ...] = UNMOVED
    """Shifts of a digit over which the saved model, and so the test, averages the answers; epochs are validated with
    one, since more would cost a quarter of the training time."""


def build_reference(shape: Shape, classes: int) -> Any:
    """The network the project started from: 949,194 parameters, 44.6 million multiply-adds a digit."""
    import keras
    from keras import layers

    def block(number: int) -> list[Any]:
        return [
            layers.Conv2D(64, 3, padding="same", activation="relu", name=f"block{number}_conv1"),
            layers.Conv2D(64, 3, padding="same", activation="relu", name=f"block{number}_conv2"),
            layers.BatchNormalization(name=f"block{number}_norm"),
            layers.MaxPooling2D(2, name=f"block{number}_pool"),
            layers.Dropout(0.25, name=f"block{number}_dropout"),
        ]

    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Rescaling(1 / 255, name="rescale"),
            *block(1),
            *block(2),
            layers.Flatten(name="flatten"),
            layers.Dense(256, activation="relu", name="dense1"),
            layers.Dense(128, activation="relu", name="dense2"),
            layers.Dropout(0.5, name="head_dropout"),
            layers.Dense(classes, activation="softmax", name="probabilities"),
        ],
        name="reference",
    )


def build_fast(shape: Shape, classes: int) -> Any:
    """69,722 parameters, 2.5 million multiply-adds a digit: an eighteenth of the reference network's.

    Pooling comes before normalization and ReLU, which leaves them a quarter of the map: the time of a step is in
    memory, not in arithmetic. The 5x5 in front makes it smaller still.
    """
    import keras
    from keras import layers

    def normalized(number: int) -> list[Any]:
        return [
            layers.BatchNormalization(momentum=0.9, name=f"norm{number}"),
            layers.ReLU(name=f"relu{number}"),
        ]

    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Rescaling(1 / 255, name="rescale"),
            layers.Conv2D(16, 5, use_bias=False, name="conv1"),
            layers.MaxPooling2D(2, name="pool1"),
            *normalized(1),
            layers.Conv2D(32, 3, use_bias=False, name="conv2"),
            *normalized(2),
            layers.Conv2D(48, 3, padding="same", use_bias=False, name="conv3"),
            layers.MaxPooling2D(2, name="pool2"),
            *normalized(3),
            layers.Conv2D(96, 3, use_bias=False, name="conv4"),
            *normalized(4),
            layers.Flatten(name="flatten"),
            layers.Dropout(0.1, name="dropout"),
            layers.Dense(classes, activation="softmax", name="probabilities"),
        ],
        name="fast",
    )


def build_best(shape: Shape, classes: int) -> Any:
    """1,073,226 parameters, 85.3 million multiply-adds a digit: nearly all of them where the picture is small."""
    import keras
    from keras import layers

    def convolution(number: int, filters: int, *, size: int = 3, pooled: bool = False) -> list[Any]:
        return [
            layers.Conv2D(filters, size, padding="same", use_bias=False, name=f"conv{number}"),
            *([layers.MaxPooling2D(2, name=f"pool{number}")] if pooled else []),
            layers.BatchNormalization(momentum=0.9, name=f"norm{number}"),
            layers.ReLU(name=f"relu{number}"),
        ]

    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Rescaling(1 / 255, name="rescale"),
            *convolution(1, 64, size=5, pooled=True),
            *convolution(2, 96),
            *convolution(3, 96),
            *convolution(4, 96, pooled=True),
            *convolution(5, 192),
            *convolution(6, 192),
            *convolution(7, 192),
            layers.MaxPooling2D(2, name="strongest"),
            layers.Flatten(name="flatten"),
            layers.Dropout(0.3, name="dropout"),
            layers.Dense(classes, activation="softmax", name="probabilities"),
        ],
        name="best",
    )


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
            summary="the network the project started from: 99.29 % on Kaggle, slow on a CPU",
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
            summary="the highest accuracy: bent digits, mean weights, five views",
            epochs=15,
            batch_size=128,
            learning_rate=0.004,
            optimizer="adamw",
        ),
        build_best,
        one_cycle,
        label_smoothing=0.1,
        optimizer_options={"beta_2": 0.99, "weight_decay": 0.02},
        augmentation=Augmentation(),
        averaging=0.99,
        kept_by_loss=True,
        views=((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)),
    ),
)
PRESETS: dict[str, Preset] = {preset.recipe.name: preset for preset in _PRESETS}


def compile_model(preset: Preset, model: Any, optimizer: str, learning_rate: float, *, jit: str | bool) -> None:
    """Give a built network its loss (crossentropy over one-hot labels), its optimizer and its accuracy metric."""
    import keras

    from mnist_tui.engine.averaging import average

    classes = {
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "sgd": keras.optimizers.SGD,
        "rmsprop": keras.optimizers.RMSprop,
    }
    options: dict[str, Any] = {"momentum": 0.9, "nesterov": True} if optimizer == "sgd" else {}
    if preset.averaging:
        options |= {"use_ema": True, "ema_momentum": preset.averaging}
    if optimizer == preset.recipe.optimizer:
        options |= preset.optimizer_options
    chosen = classes[optimizer](learning_rate=learning_rate, **options)
    if preset.averaging:
        average(chosen)
    model.compile(
        optimizer=chosen,
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=preset.label_smoothing),
        metrics=["accuracy"],
        jit_compile=jit,
    )
