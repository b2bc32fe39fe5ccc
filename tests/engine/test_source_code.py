from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from mnist_tui.engine.models.inference import inference_model
from mnist_tui.engine.models.presets import PRESETS
from mnist_tui.engine.models.source_code import as_source
from mnist_tui.runs.directory import RunError

SHAPE = (28, 28, 1)


class Scale(layers.Layer):  # type: ignore[misc, unused-ignore]
    """A layer that Keras does not have."""

    def call(self, inputs: Any) -> Any:
        return inputs / 255


def ensemble() -> Any:
    """Return an inference model with models inside it that are called several times."""
    return inference_model([PRESETS["mlp"].build(SHAPE, 10) for _ in range(2)], PRESETS["best"].shifts)


def graph() -> Any:
    """Return a model with a shared layer, operations, an own layer, and a layer with more than one argument."""
    inputs = keras.Input(SHAPE, name="two words")
    scaled = Scale(name="class")(inputs)
    shared = layers.Conv2D(2, 3, padding="same", activation="relu", kernel_initializer="he_normal", name="shared")
    x = keras.ops.relu(shared(scaled)) + shared(keras.ops.flip(scaled, axis=1))
    x = keras.ops.mean(x, axis=(1, 3))[:, :28]
    sequence = layers.Reshape((28, 1))(x)
    attended = layers.MultiHeadAttention(1, 2)(sequence, value=sequence, use_causal_mask=True)
    x = layers.Concatenate()([layers.Flatten()(attended), x, x, x, x])
    x = layers.Bidirectional(layers.SimpleRNN(3, kernel_regularizer=keras.regularizers.L2(0.1)))(
        layers.Reshape((28, 5))(x)
    )
    return keras.Model(inputs, layers.Dense(10, "softmax", dtype="float64")(layers.Dropout(0.5)(x)), name="graph")


@pytest.mark.parametrize(
    "make",
    [*(lambda name=name: PRESETS[name].build(SHAPE, 10) for name in PRESETS), ensemble, graph],
    ids=[*PRESETS, "ensemble", "graph"],
)
def test_the_source_code_of_a_model_makes_one_that_takes_its_weights(make: Callable[[], Any], tmp_path: Path) -> None:
    model = make()
    model.save(tmp_path / "model.keras")
    made: dict[str, Any] = {}
    exec(compile(as_source(model), "source", "exec"), made)
    again = made["build"]()
    again.load_weights(tmp_path / "model.keras")
    images = np.random.default_rng(0).integers(0, 256, (3, *SHAPE)).astype(np.float32)
    assert np.array_equal(np.asarray(again(images)), np.asarray(model(images)))
    assert [layer.name for layer in again.layers if layer.weights] == [
        layer.name for layer in model.layers if layer.weights
    ]
    assert [layer.dtype_policy.name for layer in again.layers] == [layer.dtype_policy.name for layer in model.layers]


def test_source_code_leaves_out_defaults_and_imports_own_layers() -> None:
    lines = as_source(graph()).splitlines()
    assert f"from {__name__} import Scale" in lines
    assert '    _class = Scale(name="class")(two_words)' in lines
    assert (
        '            layers.Rescaling(1 / 255, name="rescale"),'
        in as_source(PRESETS["fast"].build(SHAPE, 10)).splitlines()
    )
    assert not any("training" in line for line in lines)


class Odd(keras.Operation):  # type: ignore[misc, unused-ignore]
    """An operation that Keras does not have."""

    def call(self, inputs: Any) -> Any:
        return inputs * 2

    def compute_output_spec(self, inputs: Any) -> Any:
        return keras.KerasTensor(inputs.shape)


class Subclassed(keras.Model):  # type: ignore[misc, unused-ignore]
    """A model whose layers Keras does not know as a graph."""


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (Subclassed, "neither Functional nor Sequential"),
        (lambda: keras.Model(i := keras.Input((4,)), Odd()(i)), "keras.ops has no function for 'odd'"),
    ],
    ids=["subclass", "operation"],
)
def test_a_model_without_source_code_is_refused(make: Callable[[], Any], reason: str) -> None:
    with pytest.raises(RunError, match=reason):
        as_source(make())
