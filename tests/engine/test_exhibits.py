"""Numbers of the textbook's exhibits, on a tiny model in this process."""

import keras
import numpy as np
import pytest

from mnist_tui.cli.wiring import catalogue
from mnist_tui.config import DataFacts
from mnist_tui.control.jobs import JobReport
from mnist_tui.engine.data.datasets import Digits
from mnist_tui.engine.jobs import exhibits
from mnist_tui.engine.jobs.exhibits import (
    ADAM_RATE,
    Lesson,
    Making,
    augmentation_exhibit,
    layer_gradients,
    norm,
    normalization_exhibit,
    optimizer_exhibit,
    pre_activations,
)
from mnist_tui.engine.models.evaluation import pixels
from mnist_tui.engine.models.presets import PRESETS
from mnist_tui.runs.directory import RunError
from mnist_tui.runs.exhibits import Exhibit

STEPS = 3


def digits(count: int = 64) -> Digits:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (count, 8, 8)).astype(np.uint8)
    return Digits(images, (np.arange(count) % 3).astype(np.uint8), np.arange(count, dtype=np.int32))


def lesson(preset: str) -> Lesson:
    config = catalogue().complete({"preset": preset})
    facts = DataFacts("", 3, (8, 8, 1))
    return Lesson(config, facts, digits())


def made(making: Making) -> Exhibit:
    """Run a computation to its end and return the exhibit."""
    try:
        while True:
            assert isinstance(next(making), JobReport)
    except StopIteration as end:
        result = end.value
    assert isinstance(result, Exhibit)
    return result


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exhibits, "planned_steps", lambda *_: STEPS)


def test_optimizers_start_alike_and_travel_as_far_as_their_steps_add_up_to() -> None:
    losses, distances, paths, sizes = made(optimizer_exhibit(lesson("mlp"))).charts
    assert len({series.values[0] for series in losses.series}) == 1, "same weights, images and dropout"
    for distance, path in zip(distances.series, paths.series, strict=True):
        assert len(distance.values) == STEPS
        assert distance.values[0] == pytest.approx(path.values[0])
        assert all(far <= long * (1 + 1e-6) for far, long in zip(distance.values, path.values, strict=True))
    assert all(0 <= value <= 2 * ADAM_RATE for value in sizes.series[-1].values), "Adam's steps"


def test_a_step_of_plain_sgd_is_the_gradient_and_adams_first_one_is_the_learning_rate() -> None:
    given = lesson("lenet5")
    (one,) = given.train(given.model(), keras.optimizers.SGD(1.0), 1)
    (half,) = given.train(given.model(), keras.optimizers.SGD(0.5), 1)
    assert one[0] == half[0]
    assert norm(one[1]) == pytest.approx(2 * norm(half[1]), rel=1e-4)
    (adam,) = given.train(given.model(), keras.optimizers.Adam(0.001), 1)
    kernel, gradient = np.abs(adam[1][0]), np.abs(one[1][0])
    assert kernel[gradient > 1e-4] == pytest.approx(0.001, rel=0.02)


def test_sigmoids_leave_less_of_the_gradient_to_the_first_layers() -> None:
    given = lesson("lenet5")
    relu, sigmoid = (layer_gradients(given, activation) for activation in ("relu", "sigmoid"))
    assert list(relu) == list(sigmoid) == ["conv1", "conv2", "dense1", "dense2", "probabilities"]
    assert sigmoid["conv1"] / sigmoid["probabilities"] < 0.1 * relu["conv1"] / relu["probabilities"]


def test_batch_normalization_is_left_out_of_the_same_model() -> None:
    norms, losses = made(normalization_exhibit(lesson("fast"))).charts
    assert [series.name for series in norms.series] == ["with", "without"]
    assert all(len(series.values) == STEPS and min(series.values) > 0 for series in (*norms.series, *losses.series))
    assert norms.series[0].values != norms.series[1].values
    with pytest.raises(RunError, match="no batch normalisation"):
        made(normalization_exhibit(lesson("mlp")))


@pytest.mark.parametrize("preset", ["mlp", "fast"])
def test_relu_of_the_pre_activations_is_the_output_of_the_layer(preset: str) -> None:
    model = lesson(preset).model()
    images = pixels(digits().images[:4])
    found = pre_activations(model, images)
    assert found
    for name, values in found.items():
        output = keras.Model(model.inputs[0], model.get_layer(name).output)(images, training=False)
        np.testing.assert_allclose(np.maximum(values, 0), keras.ops.convert_to_numpy(output), atol=1e-5)
    assert pre_activations(lesson("lenet5").model(), images) == {}, "it has none"


@pytest.mark.parametrize("preset", ["fast", "best"])
def test_the_images_of_the_next_batch_are_shown_before_and_after(preset: str) -> None:
    config = catalogue().complete({"preset": preset, "batch_size": "16"})
    exhibit = augmentation_exhibit(config, digits(), 5)
    images = exhibit.images
    assert images is not None
    assert images.before != images.after
    assert len(images.before) == len(images.labels) * 8 * 8
    assert "batch 2 of epoch 2" in exhibit.note
    assert ("unchanged" in exhibit.note) == (PRESETS[preset].augmentation is None)
