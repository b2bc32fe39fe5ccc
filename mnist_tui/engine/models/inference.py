"""Inference model: the mean probabilities of one or several models over shifted copies of an image (TTA).

It consists of stock layers only, so that stock Keras loads model.keras and predicts what the run reports.
"""

from collections.abc import Sequence
from typing import Any

import keras

from mnist_tui.engine.models.presets import NO_SHIFT, Shift

NAME = "inference"
"""Name of a model over several members or shifts."""


def inference_model(members: Sequence[Any], shifts: Sequence[Shift] = NO_SHIFT) -> Any:
    """Return a model that averages the probabilities of `members` over `shifts` of each image.

    A single member without test-time augmentation is returned as it is.
    """
    if len(members) == 1 and tuple(shifts) == NO_SHIFT:
        return members[0]
    for number, member in enumerate(members, start=1):
        member.name = f"network{number}"  # layer names must be unique within a model
    inputs = keras.Input(members[0].input_shape[1:])
    shifted = [_shift(inputs, shift) for shift in shifts]
    predictions = [member(images) for member in members for images in shifted]
    mean = predictions[0] if len(predictions) == 1 else keras.layers.Average(name="mean")(predictions)
    return keras.Model(inputs, mean, name=NAME)


def member_models(model: Any) -> list[Any]:
    """Return the models whose predictions an inference model averages."""
    return [layer for layer in model.layers if isinstance(layer, keras.Model)] if model.name == NAME else [model]


def feature_model(model: Any) -> Any:
    """Return a model of a model's last hidden features, which its last layer with weights takes.

    Without hidden features, it returns the model's predictions.
    """
    tensor = model.outputs[0]
    while True:
        operation, node, _ = tensor._keras_history
        taken = operation._inbound_nodes[node].input_tensors
        if not taken or isinstance(taken[0]._keras_history.operation, keras.layers.InputLayer):
            return model
        tensor = taken[0]
        if getattr(operation, "weights", ()):
            return keras.Model(model.inputs[0], tensor)


def _shift(images: Any, shift: Shift) -> Any:
    down, right = shift
    if shift == (0, 0):
        return images
    name = f"{'down' if down >= 0 else 'up'}{abs(down)}_{'right' if right >= 0 else 'left'}{abs(right)}"
    rows, columns = (max(down, 0), max(-down, 0)), (max(right, 0), max(-right, 0))
    padded = keras.layers.ZeroPadding2D((rows, columns), name=f"pad_{name}")(images)
    return keras.layers.Cropping2D((rows[::-1], columns[::-1]), name=f"crop_{name}")(padded)
