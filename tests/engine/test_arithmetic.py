"""Arithmetic of single cells: the recomputed values are Keras' own, for every layer of every preset and beyond."""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from mnist_tui.analysis.arithmetic import ARITHMETIC, TOLERANCE, difference, terms_of
from mnist_tui.analysis.arithmetic.layer import Unknown
from mnist_tui.analysis.arithmetic.origins import origins
from mnist_tui.analysis.arithmetic.sums import Convolution, WeightedSum
from mnist_tui.control.protocol import Inspection
from mnist_tui.engine.models.layer_graph import LayerGraph
from mnist_tui.engine.models.presets import PRESETS
from mnist_tui.engine.service import inside
from mnist_tui.image_layout import MNIST_SHAPE
from mnist_tui.ui.arithmetic.layer import layer_of

CELLS = 6
"""Cells of a layer that are recomputed, beside the first and the last."""
SHAPE = (8, 9, 3)


def randomize(model: Any) -> Any:
    """Give all weights values that no initialisation has, so that none is neutral: no bias of 0, no variance of 1."""
    random = np.random.default_rng(5)
    for variable in model.weights:
        scale = 1 / np.sqrt(max(1, np.prod(variable.shape[:-1])))
        spread = random.normal(0, scale, variable.shape)
        variable.assign(np.abs(spread) + 0.5 if "variance" in variable.name else spread + ("gamma" in variable.name))
    return model


def an_image(shape: tuple[int, ...]) -> Any:
    return np.random.default_rng(1).integers(0, 256, shape[:2] if shape[-1] == 1 else shape, dtype=np.uint8)


def inspected(graph: LayerGraph, layer: str = "", channel: int = 0) -> Inspection:
    """Inspect a layer, or all of them, for an image of SHAPE."""
    return inside.inspect(graph, inside.outputs_of(graph, an_image(SHAPE)), layer, channel, None, 0)


def check(inspection: Inspection) -> None:
    """Recompute some cells of the layer that was asked for."""
    layer = layer_of(inspection)
    random = np.random.default_rng(0)
    places = [0, layer.output.size - 1, *random.integers(0, layer.output.size, CELLS).tolist()]
    for place in places:
        cell = tuple(map(int, np.unravel_index(place, layer.output.shape)))
        terms = terms_of(layer, cell)
        assert not isinstance(terms, Unknown), (layer.kind, terms.reason)
        assert terms.value is not None
        assert difference(terms, layer, cell) <= TOLERANCE, (layer.kind, cell, terms)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_layer_of_every_preset_is_recomputed(preset: str) -> None:
    keras.utils.set_random_seed(0)
    graph = LayerGraph(randomize(PRESETS[preset].build(MNIST_SHAPE, 10)))
    outputs = inside.outputs_of(graph, an_image(MNIST_SHAPE))
    for node in graph.nodes[1:]:
        check(inside.inspect(graph, outputs, node.name, 0, None, 0))


def stacked(*made: Callable[[], Any]) -> Any:
    return keras.Sequential(
        [keras.Input(SHAPE), layers.Rescaling([0.01, 0.02, 0.03], -0.5), *(make() for make in made)]
    )


def merged(make: Callable[[], Any]) -> Any:
    images = keras.Input(SHAPE)
    branches = [layers.Conv2D(4, 3, activation="tanh")(images / 255), layers.Conv2D(4, 3)(images / 255)]
    return keras.Model(images, make()(branches))


def layer_id(make: Callable[[], Any]) -> str:
    """Return the class and the arguments of a layer, as in the table."""
    layer = make()
    activation = getattr(layer, "activation", None)
    return f"{type(layer).__name__}-{getattr(activation, '__name__', '')}".rstrip("-")


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.Conv2D(4, 3, strides=2, padding="same", activation="relu"),
        lambda: layers.Conv2D(4, (2, 5), strides=(1, 3), padding="same", activation="elu"),
        lambda: layers.Conv2D(4, 3, dilation_rate=2, activation="gelu", use_bias=False),
        lambda: layers.Conv2D(6, 3, groups=3, activation="swish"),
        lambda: layers.Conv2D(4, 7, padding="same", activation="softmax"),
        lambda: layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same", activation="sigmoid"),
        lambda: layers.SeparableConv2D(5, 3, depth_multiplier=2, activation="tanh"),
        lambda: layers.MaxPooling2D(3, strides=2, padding="same"),
        lambda: layers.AveragePooling2D((2, 3), padding="same"),
        lambda: layers.GlobalMaxPooling2D(),
        lambda: layers.GlobalAveragePooling2D(keepdims=True),
        lambda: layers.BatchNormalization(scale=False),
        lambda: layers.BatchNormalization(axis=1, center=False),
        lambda: layers.LayerNormalization(),
        lambda: layers.LayerNormalization(axis=(1, 2)),
        lambda: layers.GroupNormalization(groups=3),
        lambda: layers.UnitNormalization(),
        lambda: layers.Dropout(0.4),
        lambda: layers.SpatialDropout2D(0.4),
        lambda: layers.GaussianNoise(0.1),
        lambda: layers.Reshape((9, 24)),
        lambda: layers.Permute((3, 1, 2)),
        lambda: layers.ZeroPadding2D(((1, 2), (3, 0))),
        lambda: layers.Cropping2D(((1, 2), (3, 0))),
        lambda: layers.UpSampling2D((2, 3)),
        lambda: layers.LeakyReLU(),
        lambda: layers.PReLU(shared_axes=[1, 2]),
        lambda: layers.ELU(0.7),
        lambda: layers.ReLU(max_value=0.8, negative_slope=0.1, threshold=0.2),
        lambda: layers.Softmax(axis=1),
        lambda: layers.Dense(4, activation="softmax"),
        *(
            (lambda name=name: layers.Activation(name))
            for name in ("selu", "softplus", "softsign", "hard_sigmoid", "mish", "relu6", "softmax", "log_sigmoid")
        ),
    ],
    ids=layer_id,
)
def test_other_layers_are_recomputed(make: Callable[[], Any]) -> None:
    keras.utils.set_random_seed(0)
    graph = LayerGraph(randomize(stacked(make)))
    check(inspected(graph, graph.nodes[-1].name))


@pytest.mark.parametrize("kind", ["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"])
def test_layers_that_merge_are_recomputed(kind: str) -> None:
    graph = LayerGraph(randomize(merged(getattr(layers, kind))))
    check(inspected(graph, graph.nodes[-1].name))


def last_layer(*made: Callable[[], Any]) -> tuple[LayerGraph, Inspection]:
    graph = LayerGraph(randomize(stacked(*made)))
    return graph, inspected(graph, graph.nodes[-1].name, channel=2)


@pytest.mark.parametrize(
    "made",
    [
        (lambda: layers.Conv2D(4, 3, activation="relu"),),
        (layers.Flatten, lambda: layers.Dense(4)),
        (layers.Flatten, lambda: layers.Dense(4, activation="softmax")),
    ],
    ids=["convolution", "dense", "softmax"],
)
def test_the_weights_of_one_channel_are_enough(
    made: Sequence[Callable[[], Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inside, "MAX_WEIGHT_BYTES", 0)
    _, inspection = last_layer(*made)
    layer = layer_of(inspection)
    assert layer.channel == 2
    cell = (0,) * (layer.output.ndim - 1) + (2,)
    assert difference(terms_of(layer, cell), layer, cell) <= TOLERANCE
    assert terms_of(layer, cell).value is not None
    other = terms_of(layer, (*cell[:-1], 1))
    assert isinstance(other, Unknown)


def test_a_convolution_adds_up_channel_by_channel() -> None:
    _, inspection = last_layer(lambda: layers.Conv2D(4, 3, activation="relu"))
    terms = terms_of(layer_of(inspection), (2, 3, 1))
    assert isinstance(terms, Convolution)
    assert (terms.window.rows, terms.window.columns) == ((2, 3, 4), (3, 4, 5))
    assert terms.channel_sums.sum() + terms.bias == pytest.approx(terms.total)
    assert terms.value == pytest.approx(max(0.0, terms.total))


def test_a_dense_layer_is_traced_to_the_maps_that_were_flattened() -> None:
    graph, inspection = last_layer(lambda: layers.Conv2D(4, 3), layers.ReLU, layers.Flatten, lambda: layers.Dense(5))
    nodes = {each.name: each for each in inspected(graph).layers}
    (origin,) = origins(nodes, inspection.layers[-1].inputs[0], SHAPE)
    terms = terms_of(layer_of(inspection), (3,))
    assert isinstance(terms, WeightedSum)
    assert origin.shape == (6, 7, 4)
    maps = inspected(graph, origin.layer).layers[-1].output
    assert maps is not None
    assert [maps.array()[origin.cell(place)] for place in (0, 5, 100)] == pytest.approx(terms.inputs[[0, 5, 100]])


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda: layers.RandomFlip(), "RandomFlip is not shown"),
        (lambda: layers.UpSampling2D(2, interpolation="bilinear"), "do not fit"),
    ],
    ids=["unknown class", "unknown configuration"],
)
def test_what_cannot_be_recomputed_says_so(made: Callable[[], Any], reason: str) -> None:
    _, inspection = last_layer(made)
    terms = terms_of(layer_of(inspection), (0, 0, 0))
    assert isinstance(terms, Unknown)
    assert reason in terms.reason


def test_a_class_of_the_same_name_that_computes_something_else_is_not_explained() -> None:
    class ReLU(layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x * 3 + 1

    _, inspection = last_layer(ReLU)
    terms = terms_of(layer_of(inspection), (0, 0, 0))
    assert isinstance(terms, Unknown)
    assert "ReLU" in ARITHMETIC
    assert "ReLU" in terms.reason
