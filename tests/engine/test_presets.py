import math
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from mnist_tui.engine.models.architecture import describe_layers
from mnist_tui.engine.models.evaluation import Evaluation, evaluate, to_float16
from mnist_tui.engine.models.presets import PRESETS, Monitor, compile_model, constant, one_cycle
from mnist_tui.engine.recording.checkpoints import TrainingState
from mnist_tui.engine.training.recorder import is_best_epoch
from mnist_tui.explanations import layer_explanation, preset_explanation
from mnist_tui.image_layout import MNIST_SHAPE
from tests.engine.samples import few_digits
from tests.kit import samples


@pytest.mark.parametrize("name", PRESETS)
def test_a_network_takes_raw_pixels_and_its_layers_are_explained(name: str) -> None:
    model = PRESETS[name].build(MNIST_SHAPE, 7)
    probabilities = model.predict(few_digits(5).images[..., None].astype("float32"), verbose=0)
    assert probabilities.shape == (5, 7)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(5), abs=1e-5)
    layers = describe_layers(model)
    assert all(layer_explanation(name, layer) for layer in layers)
    explained = list(preset_explanation(name).layers)
    assert explained == [layer.name for layer in layers if layer.name in explained]


def test_the_reference_network_is_the_one_the_project_started_from() -> None:
    layers = describe_layers(PRESETS["reference"].build(MNIST_SHAPE, 10))
    block = ["Conv2D", "Conv2D", "BatchNormalization", "MaxPooling2D", "Dropout"]
    assert [layer.kind for layer in layers] == [
        "Rescaling", *block, *block, "Flatten", "Dense", "Dense", "Dropout", "Dense",
    ]  # fmt: skip
    assert sum(layer.parameters for layer in layers) == 949_194
    assert sum(layer.multiply_adds for layer in layers) == 44_640_512
    assert PRESETS["reference"].recipe.optimizer == "adam"


def test_the_cost_of_a_layer_is_counted_by_hand() -> None:
    layers = {layer.name: layer for layer in describe_layers(PRESETS["fast"].build(MNIST_SHAPE, 10))}
    assert layers["conv1"].multiply_adds == 24 * 24 * 25 * 1 * 16
    assert layers["conv3"].multiply_adds == 10 * 10 * 9 * 32 * 48
    assert layers["probabilities"].multiply_adds == 3 * 3 * 96 * 10
    assert layers["relu1"].multiply_adds == 0
    assert layers["conv1"].output_shape == (24, 24, 16)
    assert layers["pool1"].detail == "2×2"


def test_one_cycle_rises_for_a_fifth_and_falls_to_zero() -> None:
    rates = [one_cycle(step, 1_000, 0.01) for step in range(1_000)]
    assert max(rates) == pytest.approx(0.01)
    assert rates.index(max(rates)) == 200
    assert rates[:200] == sorted(rates[:200])
    assert rates[200:] == sorted(rates[200:], reverse=True)
    assert 0 < rates[0] < 1e-3
    assert 0 <= rates[-1] < 1e-6
    assert 0 < one_cycle(0, 1, 0.01) <= 0.01


def test_a_constant_learning_rate_stays() -> None:
    assert {constant(step, 10, 0.3) for step in range(10)} == {0.3}


@pytest.mark.parametrize(
    ("optimizer", "options"),
    [
        ("adam", {"use_ema": True}),
        ("adamw", {"use_ema": True, "beta_2": 0.99, "weight_decay": 0.01}),
        ("sgd", {"use_ema": True, "momentum": 0.9, "nesterov": True}),
        ("rmsprop", {"use_ema": True}),
    ],
)
def test_each_optimizer_can_be_chosen_and_only_the_recipes_gets_its_options(
    optimizer: str, options: dict[str, Any]
) -> None:
    model = PRESETS["mlp"].build(MNIST_SHAPE, 10)
    compile_model(replace(PRESETS["fast"], ema_decay=0.9), model, optimizer, 0.02, jit=False)
    assert type(model.optimizer).__name__.lower() == optimizer
    assert float(model.optimizer.learning_rate) == pytest.approx(0.02)
    config = model.optimizer.get_config()
    assert {key: config[key] for key in options} == options
    assert config.get("beta_2") != 0.99 or optimizer == "adamw"


def test_evaluation_counts_predictions() -> None:
    digits = few_digits(30)

    always_three = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    always_three.set_weights([np.zeros((784, 10)), np.eye(10)[3]])
    result = evaluate(always_three, digits, lambda truth, predicted: float(np.abs(truth - predicted).sum()))
    threes = int((digits.labels == 3).sum())
    assert result.accuracy == pytest.approx(threes / 30)
    assert sum(row[3] for row in result.confusion) == 30
    assert result.loss == 2 * (30 - threes)


def test_rounding_to_float16_keeps_the_predicted_class() -> None:
    probabilities = np.array([[0.49999, 0.50001], [0.50001, 0.49999], [0.2, 0.8]], np.float32)
    rounded = to_float16(probabilities)
    assert rounded.dtype == np.float16
    assert rounded.argmax(axis=1).tolist() == [1, 0, 1]
    assert rounded == pytest.approx(probabilities, abs=1e-3)


@pytest.mark.parametrize(
    ("monitor", "accuracy", "loss", "is_best"),
    [
        ("val_accuracy", 0.91, 0.9, True),
        ("val_accuracy", 0.89, 0.1, False),
        ("val_accuracy", 0.9, 0.49, True),
        ("val_accuracy", 0.9, 0.5, False),
        ("val_accuracy", 0.9, math.nan, False),
        ("val_loss", 0.91, 0.51, False),
        ("val_loss", 0.1, 0.49, True),
    ],
)
def test_the_monitor_decides_the_best_epoch_and_the_loss_at_the_same_accuracy(
    monitor: Monitor, accuracy: float, loss: float, is_best: bool
) -> None:
    state = TrainingState.initial(samples.config())
    result = Evaluation(np.zeros((0, 2), np.float32), loss, accuracy, ())
    assert is_best_epoch(monitor, result, state), "the first epoch"
    state.best_accuracy, state.best_loss = 0.9, 0.5
    assert is_best_epoch(monitor, result, state) is is_best
