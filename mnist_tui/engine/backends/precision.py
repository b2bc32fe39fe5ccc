"""Copies of a model in another precision: layers compute in it, weights and the output stay float32."""

from collections.abc import Callable
from typing import Any

import keras

LayerClass = Callable[[Any, dict[str, Any]], Any]
"""Function (layer, its config) -> class of the copy. It may change the config in place."""


def clone_with_policy(model: Any, policy: str, layer_class: LayerClass = lambda layer, _: type(layer)) -> Any:
    """Return a copy with the same layer names and weights that computes by a dtype policy of Keras.

    The last layer stays float32: a low-precision softmax cannot tell two high confidences apart. The copy is only
    trained; what is saved is the original.
    """
    last = model.outputs[0]._keras_history.operation.name

    def clone(layer: Any) -> Any:
        if isinstance(layer, keras.Model) and hasattr(layer, "operations"):  # a model inside the model
            return keras.models.clone_model(layer, clone_function=clone)
        config = layer.get_config()
        if not isinstance(layer, keras.layers.Layer):  # an operation, which computes in the dtype of its input
            return layer.from_config(config)
        kind = layer_class(layer, config)
        if layer.name != last:
            config["dtype"] = policy
        return kind.from_config(config)

    copy = keras.models.clone_model(model, clone_function=clone)
    copy.dtype_policy = policy  # `compile` reads it to scale the loss for float16
    copy.set_weights(model.get_weights())
    return copy
