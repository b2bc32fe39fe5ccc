"""How networks are asked: the mean of what one or several say of a digit and of the same digit moved a little.

The inference_model is a model of stock layers, so that model.keras answers as every figure of the run says it does.
"""

from collections.abc import Sequence
from typing import Any

import keras

from mnist_tui.engine.models.presets import NO_SHIFT, Shift


def inference_model(networks: Sequence[Any], shifts: Sequence[Shift] = NO_SHIFT) -> Any:
    """Return a model that averages the probabilities of several networks over several shifts of an image."""
    if len(networks) == 1 and tuple(shifts) == NO_SHIFT:
        return networks[0]
    for number, network in enumerate(networks, start=1):
        network.name = f"network{number}"  # a model's layers are told apart by name
    inputs = keras.Input(networks[0].input_shape[1:])
    pictures = [_moved(inputs, shift) for shift in shifts]
    answers = [network(picture) for network in networks for picture in pictures]
    mean = answers[0] if len(answers) == 1 else keras.layers.Average(name="mean")(answers)
    return keras.Model(inputs, mean, name="inference_model")


def member_models(model: Any) -> list[Any]:
    """The networks that a inference_model asks."""
    return [layer for layer in model.layers if isinstance(layer, keras.Model)] or [model]


def _moved(pictures: Any, shift: Shift) -> Any:
    """Pictures moved over blank paper; what leaves it is lost."""
    down, right = shift
    if shift == (0, 0):
        return pictures
    name = f"{'down' if down >= 0 else 'up'}{abs(down)}_{'right' if right >= 0 else 'left'}{abs(right)}"
    rows, columns = (max(down, 0), max(-down, 0)), (max(right, 0), max(-right, 0))
    padded = keras.layers.ZeroPadding2D((rows, columns), name=f"pad_{name}")(pictures)
    return keras.layers.Cropping2D((rows[::-1], columns[::-1]), name=f"crop_{name}")(padded)
