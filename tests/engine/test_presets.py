import numpy as np
import pytest
from numpy.typing import NDArray

from mnist_tui.engine.models.architecture import describe_layers
from mnist_tui.engine.models.evaluation import evaluate, one_hot
from mnist_tui.engine.models.presets import PRESETS, compile_model, constant, one_cycle
from mnist_tui.explanations import explanations
from tests.engine.samples import few_digits

SHAPE = (28, 28, 1)


@pytest.mark.parametrize("name", PRESETS)
def test_every_layer_has_a_line_that_says_why_it_is_there(name: str) -> None:
    layers = describe_layers(PRESETS[name].build(SHAPE, 10))
    assert [layer.name for layer in layers] == list(explanations()[name].layers)


@pytest.mark.parametrize("name", PRESETS)
def test_networks_take_raw_pixels_and_give_probabilities(name: str) -> None:
    model = PRESETS[name].build(SHAPE, 7)
    answers = model.predict(few_digits(5).images[..., None].astype("float32"), verbose=0)
    assert answers.shape == (5, 7)
    assert answers.sum(axis=1) == pytest.approx(np.ones(5), abs=1e-5)


def test_the_reference_network_is_the_one_the_project_started_from() -> None:
    layers = describe_layers(PRESETS["reference"].build(SHAPE, 10))
    block = ["Conv2D", "Conv2D", "BatchNormalization", "MaxPooling2D", "Dropout"]
    assert [layer.kind for layer in layers] == [
        "Rescaling", *block, *block, "Flatten", "Dense", "Dense", "Dropout", "Dense",
    ]  # fmt: skip
    assert sum(layer.parameters for layer in layers) == 949_194
    assert sum(layer.multiply_adds for layer in layers) == 44_640_512
    assert PRESETS["reference"].recipe.optimizer == "adam"


def test_the_cost_of_a_layer_is_counted_by_hand() -> None:
    layers = {layer.name: layer for layer in describe_layers(PRESETS["fast"].build(SHAPE, 10))}
    assert layers["conv1"].multiply_adds == 24 * 24 * 25 * 1 * 16
    assert layers["conv3"].multiply_adds == 10 * 10 * 9 * 32 * 48
    assert layers["probabilities"].multiply_adds == 3 * 3 * 96 * 10
    assert layers["relu1"].multiply_adds == 0
    assert layers["conv1"].output_shape == (24, 24, 16)
    assert layers["pool1"].detail == "2×2"


def test_one_cycle_rises_for_a_fifth_and_falls_to_nothing() -> None:
    rates = [one_cycle(step, 1_000, 0.01) for step in range(1_000)]
    assert max(rates) == pytest.approx(0.01)
    assert rates.index(max(rates)) == 200
    assert rates[:200] == sorted(rates[:200])
    assert rates[200:] == sorted(rates[200:], reverse=True)
    assert 0 < rates[0] < 1e-3
    assert 0 <= rates[-1] < 1e-6


def test_a_cycle_of_one_step_still_has_a_rate() -> None:
    assert 0 < one_cycle(0, 1, 0.01) <= 0.01


def test_a_constant_rate_stays() -> None:
    assert {constant(step, 10, 0.3) for step in range(10)} == {0.3}


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop"])
def test_each_optimizer_can_be_chosen_for_each_preset(optimizer: str) -> None:
    model = PRESETS["fast"].build(SHAPE, 10)
    compile_model(PRESETS["fast"], model, optimizer, 0.02, jit=False)
    assert type(model.optimizer).__name__.lower() == optimizer
    assert float(model.optimizer.learning_rate) == pytest.approx(0.02)


def test_evaluation_counts_what_the_answers_say() -> None:
    digits = few_digits(30)

    class AlwaysThree:
        def predict(self, images: NDArray[np.float32], **_: object) -> NDArray[np.float32]:
            return one_hot(np.full(len(images), 3, np.uint8), 10)

    result = evaluate(AlwaysThree(), digits, lambda truth, answers: float(np.abs(truth - answers).sum()))
    threes = int((digits.labels == 3).sum())
    assert result.accuracy == pytest.approx(threes / 30)
    assert sum(row[3] for row in result.confusion) == 30
    assert result.loss == 2 * (30 - threes)
