"""Builders of the presets' networks.

Every network takes raw pixels 0..255 of shape (n, height, width, channels), which its first layer rescales, and returns
probabilities of shape (n, classes). Figures are those for 28x28 grey pixels and 10 classes. Importing this module
imports nothing heavy; each builder imports Keras.
"""

from typing import Any

from mnist_tui.image_layout import ImageShape

Shape = ImageShape
"""Height, width and channels of an image."""
SMALL_SIDE = 24
"""Shorter side in pixels below which maps keep more of their size, of which little would be left."""
LARGE_SIDE = 56
"""Side in pixels from which on the first pooling takes 4 pixels, so that most layers cost about what MNIST's do."""


def _is_small(shape: Shape) -> bool:
    return min(shape[:2]) < SMALL_SIDE


def _first_pool(shape: Shape) -> tuple[int, int]:
    height, width = (4 if side >= LARGE_SIDE else 2 for side in shape[:2])
    return height, width


def build_mlp(shape: Shape, classes: int) -> Any:
    """Build a network of dense layers only: 535,818 parameters, 0.5 million multiply-adds an image."""
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Rescaling(1 / 255, name="rescale"),
            layers.Flatten(name="flatten"),
            layers.Dense(512, activation="relu", name="dense1"),
            layers.Dropout(0.2, name="dropout1"),
            layers.Dense(256, activation="relu", name="dense2"),
            layers.Dropout(0.2, name="dropout2"),
            layers.Dense(classes, activation="softmax", name="probabilities"),
        ],
        name="mlp",
    )


def build_lenet5(shape: Shape, classes: int) -> Any:
    """Build LeNet-5: 61,706 parameters, 0.4 million multiply-adds an image.

    After LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition" (1998), in its
    modern form: conv2 is fully connected to pool1, pooling has no weights, and softmax replaces the Gaussian outputs.
    """
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Rescaling(1 / 255, name="rescale"),
            layers.Conv2D(6, 5, padding="same", activation="tanh", name="conv1"),
            layers.AveragePooling2D(_first_pool(shape), name="pool1"),
            layers.Conv2D(16, 5, padding="same" if _is_small(shape) else "valid", activation="tanh", name="conv2"),
            layers.AveragePooling2D(2, name="pool2"),
            layers.Flatten(name="flatten"),
            layers.Dense(120, activation="tanh", name="dense1"),
            layers.Dense(84, activation="tanh", name="dense2"),
            layers.Dense(classes, activation="softmax", name="probabilities"),
        ],
        name="lenet5",
    )


def build_reference(shape: Shape, classes: int) -> Any:
    """Build the network the project started from: 949,194 parameters, 44.6 million multiply-adds an image."""
    import keras
    from keras import layers

    def block(number: int, pool: tuple[int, int]) -> list[Any]:
        return [
            layers.Conv2D(64, 3, padding="same", activation="relu", name=f"block{number}_conv1"),
            layers.Conv2D(64, 3, padding="same", activation="relu", name=f"block{number}_conv2"),
            layers.BatchNormalization(name=f"block{number}_norm"),
            layers.MaxPooling2D(pool, name=f"block{number}_pool"),
            layers.Dropout(0.25, name=f"block{number}_dropout"),
        ]

    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Rescaling(1 / 255, name="rescale"),
            *block(1, _first_pool(shape)),
            *block(2, (2, 2)),
            layers.Flatten(name="flatten"),
            layers.Dense(256, activation="relu", name="dense1"),
            layers.Dense(128, activation="relu", name="dense2"),
            layers.Dropout(0.5, name="head_dropout"),
            layers.Dense(classes, activation="softmax", name="probabilities"),
        ],
        name="reference",
    )


def build_fast(shape: Shape, classes: int) -> Any:
    """Build a small, fast network: 69,722 parameters, 2.5 million multiply-adds an image.

    A step is bound by memory, not by arithmetic. So pooling comes before normalisation and ReLU, which leaves them a
    quarter of the map, and the first convolution is an unpadded 5x5, which makes the map smaller still.
    """
    import keras
    from keras import layers

    padding = "same" if _is_small(shape) else "valid"

    def normalized(number: int) -> list[Any]:
        return [
            layers.BatchNormalization(momentum=0.9, name=f"norm{number}"),
            layers.ReLU(name=f"relu{number}"),
        ]

    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Rescaling(1 / 255, name="rescale"),
            layers.Conv2D(16, 5, padding=padding, use_bias=False, name="conv1"),
            layers.MaxPooling2D(_first_pool(shape), name="pool1"),
            *normalized(1),
            layers.Conv2D(32, 3, padding=padding, use_bias=False, name="conv2"),
            *normalized(2),
            layers.Conv2D(48, 3, padding="same", use_bias=False, name="conv3"),
            layers.MaxPooling2D(2, name="pool2"),
            *normalized(3),
            layers.Conv2D(96, 3, padding=padding, use_bias=False, name="conv4"),
            *normalized(4),
            layers.Flatten(name="flatten"),
            layers.Dropout(0.1, name="dropout"),
            layers.Dense(classes, activation="softmax", name="probabilities"),
        ],
        name="fast",
    )


def build_best(shape: Shape, classes: int) -> Any:
    """Build two towers with one classifier over both: 2,128,010 parameters, 173.1 million multiply-adds an image.

    The towers differ in their filter size, 3x3 and 5x5, so that they make different mistakes.
    """
    import keras
    from keras import layers

    def tower(name: str, x: Any, *convolutions: tuple[int, int, tuple[int, int] | None]) -> Any:
        """Apply convolutions given as (filters, filter size, size of the max pooling that follows)."""
        for number, (filters, size, pool) in enumerate(convolutions, start=1):
            x = layers.Conv2D(filters, size, padding="same", use_bias=False, name=f"{name}_conv{number}")(x)
            if pool is not None:
                x = layers.MaxPooling2D(pool, name=f"{name}_pool{number}")(x)
            x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm{number}")(x)
            x = layers.ReLU(name=f"{name}_relu{number}")(x)
        x = layers.MaxPooling2D(2, name=f"{name}_pool")(x)
        return layers.Flatten(name=f"{name}_flatten")(x)

    images = keras.Input(shape, name="images")
    scaled = layers.Rescaling(1 / 255, name="rescale")(images)
    first, second = _first_pool(shape), None if _is_small(shape) else (2, 2)
    last = ((192, 3, None),) * 3
    near = tower("near", scaled, (64, 5, first), (96, 3, None), (96, 3, None), (96, 3, second), *last)
    wide = tower("wide", scaled, (64, 5, first), (72, 5, None), (72, 5, second), *last)
    x = layers.Dropout(0.3, name="dropout")(layers.Concatenate(name="concatenate")([near, wide]))
    probabilities = layers.Dense(classes, activation="softmax", name="probabilities")(x)
    return keras.Model(images, probabilities, name="best")
