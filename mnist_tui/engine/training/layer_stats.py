"""Layer statistics during training: weight and gradient norms, relative steps, dead ReLU units.

Sampling takes at most COST_SHARE of the training time. It runs in inference mode, so that it changes neither batch
statistics nor random generators.
"""

import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from mnist_tui.engine import backends
from mnist_tui.engine.data.datasets import Digits
from mnist_tui.engine.models.evaluation import batch_of, one_hot, pixels
from mnist_tui.events import LayerStat, LayerStats

PROBE_SIZE = 128
"""Number of training examples of 28x28 in the probe. It stays the same, so that samples are comparable."""
COST_SHARE = 0.01
MIN_SECONDS_BETWEEN_SAMPLES = 2.0

Array = NDArray[np.float32]


class LayerSampler:
    """Sampler of one model's layer statistics."""

    def __init__(self, reader: Callable[[], Any], digits: Digits, classes: int) -> None:
        """Take a function that updates and returns the model, always the same object."""
        self._reader = reader
        model = reader()
        probe = digits.take(np.arange(min(batch_of(digits.images, PROBE_SIZE), len(digits))))
        self._model = model
        self._images, self._targets = pixels(probe.images), one_hot(probe.labels, classes)
        self._layers = [layer for layer in model.layers if layer.trainable_variables or _is_relu(layer)]
        relus = [layer for layer in self._layers if _is_relu(layer)]
        self._relu_names = [layer.name for layer in relus]
        self._activations = keras.Model(model.inputs[0], [layer.output for layer in relus]) if relus else None
        self._gradient_norms = backends.current().gradient_norms(model)
        self._before: dict[str, Array] | None = None
        self._next = time.monotonic() + MIN_SECONDS_BETWEEN_SAMPLES
        self._cost = 0.0
        self._compiled = False

    def after_batch(self, step: int) -> LayerStats | None:
        """Return a sample if one is complete: it takes two batches, since a step is their difference."""
        if self._before is None:
            if time.monotonic() >= self._next:
                self._cost = -time.monotonic()
                self._reader()
                self._before = self._weights()
                self._cost += time.monotonic()
            return None
        began = time.monotonic()
        self._reader()
        stats = self._sample(step, self._before)
        self._before = None
        now = time.monotonic()
        self._cost += now - began
        # the first sample includes compilation, so its cost is not representative
        self._next = now + max(MIN_SECONDS_BETWEEN_SAMPLES, self._cost / COST_SHARE if self._compiled else 0.0)
        self._compiled = True
        return stats

    def _sample(self, step: int, before: dict[str, Array]) -> LayerStats:
        now, gradients, dead = self._weights(), self._gradients(), self._dead_shares()
        layers = []
        for layer in self._layers:
            name = layer.name
            size = _norm(now[name]) if name in now else None
            change = None
            if size is not None:
                steps = self._model.steps_per_execution  # steps between the two batches
                change = _norm(now[name] - before[name]) / max(size, 1e-12) / steps
            layers.append(
                LayerStat(
                    name=name,
                    weight_norm=size,
                    relative_step=change,
                    gradient_norm=gradients.get(name),
                    dead_share=dead.get(name),
                )
            )
        total = float(np.sqrt(sum(norm**2 for norm in gradients.values())))
        return LayerStats(time=time.time(), step=step, gradient_norm=total, layers=tuple(layers))

    def _weights(self) -> dict[str, Array]:
        """Return each layer's trainable weights as one flat array."""
        return {
            layer.name: np.concatenate([np.asarray(variable).ravel() for variable in layer.trainable_variables])
            for layer in self._layers
            if layer.trainable_variables
        }

    def _gradients(self) -> dict[str, float]:
        """Return the norm of the loss gradient for each layer, on the probe."""
        norms = self._gradient_norms(self._images, self._targets)
        squares: dict[str, float] = {}
        place = 0
        for layer in self._model.layers:
            for _ in layer.trainable_variables:
                squares[layer.name] = squares.get(layer.name, 0.0) + float(norms[place]) ** 2
                place += 1
        return {name: float(np.sqrt(square)) for name, square in squares.items()}

    def _dead_shares(self) -> dict[str, float]:
        """Return each ReLU layer's share of units (or channels) that no probe image activates."""
        if self._activations is None:
            return {}
        outputs = self._activations(self._images, training=False)  # predict would assign to the variables on JAX
        outputs = outputs if isinstance(outputs, list) else [outputs]
        shares = {}
        for name, output in zip(self._relu_names, outputs, strict=True):
            highest = keras.ops.convert_to_numpy(keras.ops.max(output, axis=tuple(range(output.ndim - 1))))
            shares[name] = float((highest <= 0).mean())
        return shares


def _is_relu(layer: Any) -> bool:
    activation = getattr(layer, "activation", None)
    return isinstance(layer, keras.layers.ReLU) or getattr(activation, "__name__", "") == "relu"


def _norm(values: Array) -> float:
    return float(np.linalg.norm(values))
