"""The same network in another precision: layers compute in it, weights and the answer stay float32."""

from collections.abc import Callable
from typing import Any

import keras

Change = Callable[[Any, dict[str, Any]], Any]
"""(layer, its config, to be changed in place) -> the class that the layer is made of."""


def clone_with_policy(model: Any, policy: str, change: Change = lambda layer, _: type(layer)) -> Any:
    """The same layers by name with the same weights. Never saved: what it was built from is.

    `policy` is Keras' name of a precision. The last layer stays float32: a softmax of few bits tells no two sure
    answers apart.
    """
    last = model.layers[-1].name

    def remade(layer: Any) -> Any:
        config = layer.get_config()
        kind = change(layer, config)
        if layer.name != last:
            config["dtype"] = policy
        return kind.from_config(config)

    new = keras.models.clone_model(model, clone_function=remade)
    new.dtype_policy = policy  # by this `compile` sees that float16 needs its loss scaled
    new.set_weights(model.get_weights())
    return new
