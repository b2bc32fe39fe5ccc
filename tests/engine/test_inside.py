"""Layers of a model for one image: their outputs are those of Keras."""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from mnist_tui.engine.models.evaluation import pixels
from mnist_tui.engine.models.layer_graph import LayerGraph
from mnist_tui.engine.models.presets import PRESETS
from mnist_tui.engine.service.inside import BINS, inspect
from mnist_tui.image_layout import MNIST_SHAPE


def an_image(shape: tuple[int, ...] = (28, 28)) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)


def graph_of(model: Any) -> LayerGraph:
    return LayerGraph(model)


def nested_model() -> Any:
    from keras import layers

    images = keras.Input(MNIST_SHAPE)
    inner_input = keras.Input((28, 28, 3), name="taken")
    inner = keras.Model(inner_input, layers.ReLU(name="relu")(layers.Conv2D(4, 3, name="conv")(inner_input)), name="in")
    tail = keras.Sequential([keras.Input((26, 26, 4)), layers.GlobalMaxPooling2D(name="pool")], name="tail")
    shared = layers.Conv2D(3, 1, name="shared")
    first = shared(keras.layers.Concatenate(name="triple")([images, images, images]))
    features = tail(inner(shared(first)))
    return keras.Model(images, layers.Dense(10, activation="softmax", name="classes")(features))


def two_outputs() -> Any:
    class Split(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x, x * 2

    images = keras.Input(MNIST_SHAPE)
    first, second = Split(name="split")(images)
    flat = keras.layers.Flatten(name="flat")(first + second)
    return keras.Model(images, keras.layers.Dense(10, activation="softmax", name="classes")(flat))


@pytest.mark.parametrize("preset", PRESETS)
def test_outputs_are_those_of_keras(preset: str) -> None:
    keras.utils.set_random_seed(0)
    model = PRESETS[preset].build(MNIST_SHAPE, 10)
    graph, image = graph_of(model), an_image()
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    outputs = keras.Model(model.inputs, [layer.output for layer in layers])([pixels(image[np.newaxis])], training=False)
    expected = {layer.name: np.asarray(output[0]) for layer, output in zip(layers, outputs, strict=True)}

    everything = inspect(graph, image, "", 0, 2, 7)
    assert (everything.epoch, everything.step) == (2, 7)
    assert everything.layers[0].kind == "InputLayer"
    assert {view.name for view in everything.layers[1:]} == expected.keys()
    assert everything.probabilities == pytest.approx(expected["probabilities"], abs=1e-5)
    for view in everything.layers[1:]:
        array = expected[view.name]
        assert view.output is None
        assert view.shape == array.shape
        assert view.mean == pytest.approx(array.mean(), abs=1e-4)
        assert (sum(view.histogram), len(view.histogram)) == (array.size, BINS)
        asked = inspect(graph, image, view.name, 0, None, 7)
        *feeding, last = asked.layers
        assert [each.name for each in feeding] == list(last.inputs)
        assert last.output is not None
        assert np.abs(last.output.array() - array).max() <= 1e-5
        for each in feeding[1:]:
            assert each.output is not None
            assert np.abs(each.output.array() - expected[each.name]).max() <= 1e-5
        layer = model.get_layer(view.name)
        for weight, tensor in zip(layer.weights, last.weights.values(), strict=True):
            kept = np.asarray(weight)
            assert np.array_equal(tensor.array(), kept if last.channel is None else kept[..., :1])
        assert view.dead == pytest.approx((array.reshape(-1, array.shape[-1]).max(axis=0) <= 0).mean()) or not any(
            "relu" in text.lower() for text in (view.kind, str(view.config.get("activation")))
        )
