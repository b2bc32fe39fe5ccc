"""A model of your own for mnist-tui.

    mnist-tui train --model THIS_FILE.py:build

mnist-tui calls `build` and trains what it returns with the recipe of --preset: its epochs, batch size, learning-rate
schedule, optimizer and augmentation. Flags change them, such as --preset reference or --epochs 3.

A run keeps a copy of this file and of the modules beside it that it imports. It does not keep installed packages, nor
other files that this one opens.
"""

import keras
from keras import layers


# Own layers are welcome. The decorator and **kwargs let Keras save them in model.keras and load them again. To load it
# elsewhere, import this file first.
@keras.saving.register_keras_serializable(package="new_model")
class Scale(layers.Layer):
    """Multiply each channel by a weight that is learned."""

    def __init__(self, start=1.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        self.factors = self.add_weight(
            shape=(input_shape[-1],), initializer=keras.initializers.Constant(self.start), name="factors"
        )

    def call(self, inputs):
        return inputs * self.factors

    def get_config(self):
        return super().get_config() | {"start": self.start}


def build(input_shape, classes):
    """Return a model of images.

    Args:
        input_shape: Height, width and channels of an image, such as (28, 28, 1). There is no batch size in it.
        classes: Number of classes, such as 10.
    """
    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 255)(inputs)  # images come as raw pixels from 0 to 255

    x = layers.Conv2D(16, 5, use_bias=False, name="conv1")(x)
    x = layers.MaxPooling2D(2, name="pool1")(x)
    x = layers.BatchNormalization(momentum=0.9, name="norm1")(x)
    x = layers.ReLU(name="relu1")(x)
    x = layers.Conv2D(32, 3, padding="same", use_bias=False, name="conv2")(x)
    x = layers.MaxPooling2D(2, name="pool2")(x)
    x = layers.BatchNormalization(momentum=0.9, name="norm2")(x)
    x = layers.ReLU(name="relu2")(x)
    x = Scale(name="scale")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dropout(0.1, name="dropout")(x)

    # The model returns probabilities of shape (n, classes), so it ends with softmax.
    outputs = layers.Dense(classes, activation="softmax", name="probabilities")(x)

    # The loss is cross-entropy, unless you compile the model with another one before you return it:
    #     model.compile(loss=keras.losses.CategoricalFocalCrossentropy())
    # Labels reach the loss as one-hot rows of shape (n, classes), whatever the data hold. The optimizer stays that of
    # the run: see --optimizer and --learning-rate.
    return keras.Model(inputs, outputs)
