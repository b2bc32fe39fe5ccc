"""Layer statistics during training: norms, relative steps, dead ReLU units, and histograms over the steps.

Sampling takes at most 1 % of the training time, except that the first sample compiles unless a warm engine has done so.
It runs in inference mode, so that it changes neither batch statistics nor random generators.
"""

import math
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.log_histogram import ACTIVATIONS, GRADIENTS, WEIGHTS, LogScale, log_shares
from mnist_tui.engine import backends
from mnist_tui.engine.data.datasets import Digits
from mnist_tui.engine.models.architecture import is_relu
from mnist_tui.engine.models.evaluation import batch_of, one_hot, pixels
from mnist_tui.events import Histogram, LayerHistogram, LayerHistograms, LayerStat, LayerStats

PROBE_SIZE = 128
"""Number of training examples of 28x28 in the probe. It stays the same, so that samples are comparable."""
COST_SHARE = 0.008
"""Share of the time from one sample to the next; less than 1 %, as the first cost is not known in advance."""
MIN_SECONDS_BETWEEN_SAMPLES = 2.0
HISTOGRAMS_OF_ALL_STEPS = 200
"""Two histograms are at least the steps so far divided by this apart: less than a column of a screen.

So there are at most 1,900 of them in a million steps, most of them early, when the layers change most.
"""
HISTOGRAM_VALUES = 16_384
"""Values of a layer in a histogram, drawn at random and the same in all samples; more change no bin by 1 %."""

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
        self._layers = [layer for layer in model.layers if layer.trainable_variables or is_relu(layer)]
        outputs = {layer.name: output for layer in self._layers if (output := _output_of(layer, model)) is not None}
        self._output_names = list(outputs)
        self._probe = backends.current().probe(model, list(outputs.values()), _summary)
        self._before: dict[str, Array] | None = None
        self._next: float | None = None
        """Time of the next sample; None before the first batch."""
        self._next_histograms = 0
        """Step from which on a sample has histograms."""
        self._cost = 0.0
        self._compiled = False

    def compile(self) -> None:
        """Compile before the training begins, so that its first sample costs no more than the others."""
        self._probe(self._images, self._targets)
        self._compiled = True

    def after_batch(self, step: int) -> list[LayerStats | LayerHistograms]:
        """Return a sample if one is complete: it takes two batches, since a step is their difference."""
        if self._next is None:
            self._next = time.monotonic() + MIN_SECONDS_BETWEEN_SAMPLES
        if self._before is None:
            if time.monotonic() >= self._next:
                self._cost = -time.monotonic()
                self._reader()
                self._before = self._weights()
                self._cost += time.monotonic()
            return []
        began = time.monotonic()
        self._reader()
        events = self._sample(step, self._before)
        self._before = None
        now = time.monotonic()
        self._cost += now - began
        # the first sample includes compilation, so its cost is not representative
        self._next = now + max(MIN_SECONDS_BETWEEN_SAMPLES, self._cost / COST_SHARE if self._compiled else 0.0)
        self._compiled = True
        return events

    def _sample(self, step: int, before: dict[str, Array]) -> list[LayerStats | LayerHistograms]:
        now = self._weights()
        found, summaries = self._probe(self._images, self._targets)
        gradients = self._by_layer(found)
        outputs = {
            name: [keras.ops.convert_to_numpy(part) for part in parts]
            for name, parts in zip(self._output_names, summaries, strict=True)
        }
        layers = []
        for layer in self._layers:
            name = layer.name
            size = _norm(now[name]) if name in now else None
            change = None
            if size is not None:
                steps = self._model.steps_per_execution  # steps between the two batches
                change = _norm(now[name] - before[name]) / max(size, 1e-12) / steps
            dead = float((outputs[name][1] <= 0).mean()) if name in outputs and is_relu(layer) else None
            gradient = _norm(gradients[name]) if name in gradients else None
            layers.append(LayerStat(name, size, change, gradient, dead))
        total = _norm(np.array([layer.gradient_norm or 0.0 for layer in layers]))
        events: list[LayerStats | LayerHistograms] = [
            LayerStats(time=time.time(), step=step, gradient_norm=total, layers=tuple(layers))
        ]
        if step >= self._next_histograms:
            self._next_histograms = step + step // HISTOGRAMS_OF_ALL_STEPS
            values = {name: sampled for name, (sampled, _) in outputs.items()}
            events.append(LayerHistograms(time=time.time(), step=step, layers=self._histograms(now, gradients, values)))
        return events

    def _histograms(
        self, weights: dict[str, Array], gradients: dict[str, Array], outputs: dict[str, Array]
    ) -> tuple[LayerHistogram, ...]:
        return tuple(
            LayerHistogram(
                layer.name,
                _histogram(weights.get(layer.name), WEIGHTS),
                _histogram(gradients.get(layer.name), GRADIENTS),
                _histogram(outputs.get(layer.name), ACTIVATIONS),
            )
            for layer in self._layers
        )

    def _weights(self) -> dict[str, Array]:
        """Return each layer's trainable weights as one flat array."""
        return self._by_layer([np.asarray(variable) for variable in self._model.trainable_variables])

    def _by_layer(self, arrays: list[Array]) -> dict[str, Array]:
        """Join what belongs to the model's trainable variables by their layers, each as one flat array."""
        by_variable = {id(one): array for one, array in zip(self._model.trainable_variables, arrays, strict=True)}
        parts = {
            layer.name: [by_variable[id(one)].ravel() for one in layer.trainable_variables if id(one) in by_variable]
            for layer in self._layers
        }
        return {name: np.concatenate(each) for name, each in parts.items() if each}


def _output_of(layer: Any, model: Any) -> Any:
    """Return a layer's output in the model; None if it has several, or those of another model, as a nested one."""
    try:
        keras.Model(model.inputs[0], layer.output)
    except (AttributeError, ValueError):
        return None
    return layer.output if isinstance(layer.output, keras.KerasTensor) else None


def _summary(output: Any) -> Any:
    """Return a sample of a layer's outputs, and the maximum of each unit or channel."""
    output = keras.ops.cast(output, "float32")
    values = keras.ops.reshape(output, (-1,))
    highest = keras.ops.max(output, axis=tuple(range(len(output.shape) - 1)))
    return keras.ops.take(values, _sampled(math.prod(output.shape))), highest


def _histogram(values: Array | None, scale: LogScale) -> Histogram | None:
    if values is None:
        return None
    sample = values if values.size <= HISTOGRAM_VALUES else values[_sampled(values.size)]
    levels = log_shares(sample, scale)
    return None if levels is None else Histogram(scale.low, scale.high, levels)


@lru_cache(maxsize=64)
def _sampled(count: int) -> NDArray[np.int32]:
    """Return the places of the values in a histogram of `count` of them."""
    if count <= HISTOGRAM_VALUES:
        return np.arange(count, dtype=np.int32)
    return np.random.default_rng(0).integers(0, count, HISTOGRAM_VALUES, dtype=np.int32)


def _norm(values: Array) -> float:
    return float(np.linalg.norm(values))
