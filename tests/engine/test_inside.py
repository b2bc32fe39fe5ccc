"""Layers of a model for one image: their outputs are those of Keras."""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from typing import Any

import keras
import numpy as np
import pytest
from numpy.typing import NDArray

from mnist_tui.control.protocol import Inspection
from mnist_tui.engine.data.datasets import Digits
from mnist_tui.engine.models.evaluation import pixels
from mnist_tui.engine.models.layer_graph import LayerGraph
from mnist_tui.engine.models.presets import PRESETS
from mnist_tui.engine.models.receptive_field import Box, receptive_field
from mnist_tui.engine.service import inside
from mnist_tui.engine.service.excitation import TOP, Strongest
from mnist_tui.engine.service.inside import BINS
from mnist_tui.engine.service.server import RequestError
from mnist_tui.image_layout import MNIST_SHAPE


def an_image(shape: tuple[int, ...] = (28, 28)) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)


def inspect(
    graph: LayerGraph, image: NDArray[np.uint8], layer: str, channel: int, epoch: int | None, step: int
) -> Inspection:
    return inside.inspect(graph, inside.outputs_of(graph, image), layer, channel, epoch, step)


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


def convolutions() -> Any:
    from keras import layers

    images = keras.Input((15, 17, 1))
    near = layers.Conv2D(4, 3, strides=2, padding="same", name="strided")(images)
    near = layers.DepthwiseConv2D(3, padding="same", dilation_rate=2, name="dilated")(near)
    wide = layers.ZeroPadding2D(((1, 2), (0, 3)), name="padded")(layers.Conv2D(4, (2, 5), name="flat")(images))
    wide = layers.Cropping2D(((2, 0), (1, 1)), name="cropped")(layers.BatchNormalization(name="norm")(wide))
    wide = layers.AveragePooling2D(3, strides=2, padding="same", name="pooled")(wide)
    near = layers.Cropping2D(((0, 0), (1, 2)), name="fitted")(near)
    wide = layers.UpSampling2D(2, name="larger")(layers.AveragePooling2D(2, name="smaller")(wide))
    both = layers.Concatenate(name="both")([near, layers.Cropping2D(0, name="same")(wide)])
    return keras.Model(images, layers.Dense(2, name="units")(layers.Flatten(name="flatten")(both)))


@pytest.mark.parametrize(
    "build",
    [PRESETS["fast"].build, pytest.param(PRESETS["best"].build, marks=pytest.mark.full), None],
    ids=["fast", "best", "own"],
)
def test_receptive_fields_hold_all_pixels_that_matter(build: Any) -> None:
    keras.utils.set_random_seed(3)
    model = convolutions() if build is None else build(MNIST_SHAPE, 10)
    graph, generator = graph_of(model), np.random.default_rng(0)
    height, width = model.input_shape[1:3]
    names = [node.name for node in graph.nodes[1:] if len(node.shapes[0]) == 3]
    image = generator.uniform(0, 255, (height, width, 1)).astype(np.float32)
    cells: dict[tuple[str, tuple[int, int]], tuple[int, Box]] = {}
    changed: list[NDArray[np.float32]] = []
    inside_changed: list[NDArray[np.float32]] = []
    for name in names:
        shape = model.get_layer(name).output.shape[1:]
        for cell in ((0, 0), (shape[0] // 2, shape[1] // 2), (shape[0] - 1, shape[1] - 1)):
            top, left, bottom, right = box = receptive_field(graph, name, cell)
            assert 0 <= top < bottom <= height
            assert 0 <= left < right <= width
            mask = np.zeros((height, width, 1), bool)
            mask[top:bottom, left:right] = True
            cells[name, cell] = len(changed), box
            changed.append(np.where(mask, image, generator.uniform(0, 255, image.shape)))
            for edge in (np.s_[top, left:right], np.s_[bottom - 1, left:right], np.s_[top:bottom, left]):
                nearer = image.copy()
                nearer[edge] = 255 - nearer[edge] + 20
                inside_changed.append(nearer)
    before = graph.values([image[np.newaxis]], names)
    outside = graph.values([np.stack(changed).astype(np.float32)], names)
    inside = graph.values([np.stack(inside_changed).astype(np.float32)], names)
    misses = 0
    for (name, cell), (row, box) in cells.items():
        at = before[name][0][0][cell]
        assert np.abs(outside[name][0][row][cell] - at).max() <= 1e-5 * max(1, np.abs(at).max()), (name, cell, box)
        misses += sum(np.array_equal(inside[name][0][3 * row + edge][cell], at) for edge in range(3))
    assert misses <= 0.2 * 3 * len(cells), "boxes are no larger than they must be"


@pytest.fixture(scope="module")
def found() -> Any:
    keras.utils.set_random_seed(0)
    model = PRESETS["fast"].build(MNIST_SHAPE, 10)
    images = np.random.default_rng(0).integers(0, 256, (300, 28, 28), dtype=np.uint8)
    digits = Digits(images, np.zeros(300, np.uint8), np.arange(1_000, 1_300, dtype=np.int32))
    return model, graph_of(model), digits


class TestExcitation:
    @pytest.mark.parametrize(("layer", "channel"), [("conv2", 5), ("relu4", 90), ("probabilities", 3)])
    def test_the_strongest_images_of_all_are_found(self, found: Any, layer: str, channel: int) -> None:
        model, graph, digits = found
        search = Strongest(layer, digits)
        assert len(list(search.search(graph))) == 3
        result = search.of_channel(graph, channel, 4)
        outputs = keras.Model(model.inputs, model.get_layer(layer).output)([pixels(digits.images)], training=False)
        maps = np.asarray(outputs)[..., channel]
        strongest = maps.reshape(300, -1).max(axis=1)
        expected = np.argsort(-strongest, kind="stable")[:TOP]
        assert (result.epoch, result.progress) == (4, 1)
        assert [each.value for each in result.images] == pytest.approx(strongest[expected], abs=1e-5)
        for each in result.images:
            row = each.index - 1_000
            assert each.image == digits.images[row].tobytes()
            assert maps[row][each.cell] == pytest.approx(each.value, abs=1e-5)
            assert each.patch == receptive_field(graph, layer, each.cell)

    def test_a_search_goes_on_where_it_was_interrupted(self, found: Any) -> None:
        _, graph, digits = found
        search = Strongest("conv1", digits)
        next(search.search(graph, seconds=1e-9), None)
        next(search.search(graph))
        assert search.progress == pytest.approx(125 / 300)
        list(search.search(graph))
        complete = Strongest("conv1", digits)
        list(complete.search(graph))
        assert search.of_channel(graph, 2, 1) == complete.of_channel(graph, 2, 1)


def test_nested_models_are_flattened_and_repeated_layers_count_twice() -> None:
    model = nested_model()
    graph = graph_of(model)
    inspection = inspect(graph, an_image(), "", 0, None, 0)
    views = {view.name: view for view in inspection.layers}
    assert list(views)[1:] == ["triple", "shared", "shared:2", "in/conv", "in/relu", "tail/pool", "classes"]
    assert views["in/conv"].inputs == ("shared:2",)
    assert views["classes"].inputs == ("tail/pool",)
    assert inspection.probabilities == pytest.approx(
        np.asarray(model(pixels(an_image()[np.newaxis]), training=False))[0], abs=1e-5
    )
    asked = inspect(graph, an_image(), "in/relu", 0, None, 0)
    assert [view.name for view in asked.layers] == ["in/conv", "in/relu"]
    assert asked.layers[1].output is not None
    assert asked.layers[1].output.array().min() >= 0


@pytest.mark.parametrize(
    ("build", "layer", "reason"),
    [(nested_model, "no\x1bne", "no layer 'no.ne'"), (two_outputs, "split", "split' returns 2 tensors")],
)
def test_a_layer_that_cannot_be_shown_is_named(build: Any, layer: str, reason: str) -> None:
    graph = graph_of(build())
    assert inspect(graph, an_image(), "", 0, None, 0).layers
    with pytest.raises(RequestError, match=reason):
        inspect(graph, an_image(), layer, 0, None, 0)
