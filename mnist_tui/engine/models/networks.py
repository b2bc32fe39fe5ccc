"""The networks: builders that presets name. Add one here and its preset to engine/models/presets.py.

Every network takes raw pixels 0..255 of shape (n, 28, 28, 1) and gives probabilities of shape (n, classes): its first
layer rescales, so that a saved model needs no footnote. Importing this imports nothing heavy; Keras comes with a build.
"""

from typing import Any

Shape = tuple[int, int, int]
"""Of a picture: height, width, channels."""


def build_mlp(shape: Shape, classes: int) -> Any:
    """Dense layers alone: 535,818 parameters, as many multiply-adds a digit; a picture is a list of pixels to it."""
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
    """61,706 parameters, 0.4 million multiply-adds a digit.

    After LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition" (1998), as it is
    built today: each of conv2's filters sees all of pool1, pools have no weights, and softmax stands for the Gaussians.
    """
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Rescaling(1 / 255, name="rescale"),
            layers.Conv2D(6, 5, padding="same", activation="tanh", name="conv1"),
            layers.AveragePooling2D(2, name="pool1"),
            layers.Conv2D(16, 5, activation="tanh", name="conv2"),
            layers.AveragePooling2D(2, name="pool2"),
            layers.Flatten(name="flatten"),
            layers.Dense(120, activation="tanh", name="dense1"),
            layers.Dense(84, activation="tanh", name="dense2"),
            layers.Dense(classes, activation="softmax", name="probabilities"),
        ],
        name="lenet5",
    )


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
    """2,128,010 parameters, 173.1 million multiply-adds a digit: two towers side by side, and one decision over both.

    One looks through 3x3 windows, the other through 5x5 ones while the picture is large: what looks otherwise errs
    otherwise. Nearly all of the work is done where the picture is small.
    """
    import keras
    from keras import layers

    def tower(name: str, pictures: Any, *convolutions: tuple[int, int, bool]) -> Any:
        """Each of so many filters, of such a size, pooled or not."""
        clues = pictures
        for number, (filters, size, pooled) in enumerate(convolutions, start=1):
            clues = layers.Conv2D(filters, size, padding="same", use_bias=False, name=f"{name}_conv{number}")(clues)
            if pooled:
                clues = layers.MaxPooling2D(2, name=f"{name}_pool{number}")(clues)
            clues = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm{number}")(clues)
            clues = layers.ReLU(name=f"{name}_relu{number}")(clues)
        clues = layers.MaxPooling2D(2, name=f"{name}_strongest")(clues)
        return layers.Flatten(name=f"{name}_flatten")(clues)

    pictures = keras.Input(shape, name="pictures")
    scaled = layers.Rescaling(1 / 255, name="rescale")(pictures)
    small = ((192, 3, False),) * 3
    near = tower("near", scaled, (64, 5, True), (96, 3, False), (96, 3, False), (96, 3, True), *small)
    wide = tower("wide", scaled, (64, 5, True), (72, 5, False), (72, 5, True), *small)
    clues = layers.Dropout(0.3, name="dropout")(layers.Concatenate(name="both")([near, wide]))
    answer = layers.Dense(classes, activation="softmax", name="probabilities")(clues)
    return keras.Model(pictures, answer, name="best")
