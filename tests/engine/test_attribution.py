"""Attribution and the smallest change: against the package saliency, by hand, and on models of several kinds."""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from collections.abc import Generator
from itertools import cycle
from typing import Any

import keras
import numpy as np
import pytest
import saliency.core as referee
from numpy.typing import NDArray

from mnist_tui.analysis import attribution as methods
from mnist_tui.analysis.attribution import Floats, grad_cam, occlusion
from mnist_tui.analysis.smallest_change import LEAD, NORMS, leads, smallest_change
from mnist_tui.control.protocol import Attribute, Perturb, Perturbation
from mnist_tui.engine.models.evaluation import one_hot, pixels
from mnist_tui.engine.service.attribution import AttributedModel, _activated, attribute, perturbation
from mnist_tui.engine.service.server import RequestError
from tests.engine.samples import attributed, few_digits

WANTED = 3
DIGITS = few_digits(300)
IMAGE = DIGITS.images[7]


@pytest.fixture(scope="module")
def model() -> Any:
    """A small trained network with a convolution that is normalised and activated in layers of their own."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(6, 5, strides=2, activation="relu", name="conv1"),
            keras.layers.Conv2D(8, 3, name="conv2"),
            keras.layers.BatchNormalization(name="norm2"),
            keras.layers.ReLU(name="relu2"),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dense(10, activation="softmax", name="probabilities"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.003), loss="categorical_crossentropy")
    model.fit(pixels(DIGITS.images), one_hot(DIGITS.labels, 10), batch_size=30, epochs=4, verbose=0)
    return model


@pytest.fixture(scope="module")
def attributable(model: Any) -> AttributedModel:
    return AttributedModel(model)


class Referee:
    """Function that the package saliency calls: the model by TensorFlow's own tape, for one class."""

    def __init__(self, model: Any, layer: str = "conv1") -> None:
        self._both = keras.Model(model.inputs, [model.get_layer(layer).output, model.outputs[0]])

    def __call__(self, images: Any, *, expected_keys: list[str], **_: Any) -> dict[str, Any]:
        import tensorflow as tf

        inputs = tf.convert_to_tensor(images, tf.float32)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(inputs)
            outputs, probabilities = self._both(inputs, training=False)
            score = tf.math.log(probabilities[:, WANTED])
        found = {
            referee.OUTPUT_LAYER_VALUES: lambda: score,
            referee.INPUT_OUTPUT_GRADIENTS: lambda: tape.gradient(score, inputs),
            referee.CONVOLUTION_LAYER_VALUES: lambda: outputs,
            referee.CONVOLUTION_OUTPUT_GRADIENTS: lambda: tape.gradient(score, outputs),
        }
        return {key: found[key]() for key in expected_keys}


def own(model: AttributedModel, method: str, layer: str = "") -> Floats:
    return attributed(model, Attribute(b"", method, WANTED, layer), IMAGE).map.array()


def close(values: Floats, expected: Any, tolerance: float) -> None:
    """Compare two maps by their largest difference, relative to the strongest value."""
    expected = np.asarray(expected).reshape(28, 28)
    assert np.abs(expected).max() > 0
    assert np.abs(values - expected).max() <= tolerance * np.abs(expected).max()


def test_the_gradient_is_that_of_saliency(model: Any, attributable: AttributedModel) -> None:
    expected = referee.GradientSaliency().GetMask(pixels(IMAGE[np.newaxis])[0], Referee(model))
    close(own(attributable, "gradient"), expected, 1e-4)


def test_smoothgrad_is_that_of_saliency_with_the_same_noise(
    model: Any, attributable: AttributedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    deviation = methods.NOISE_SHARE * float(np.ptp(IMAGE))
    noise = cycle(np.random.default_rng(0).normal(0, deviation, (methods.SAMPLES, 28, 28, 1)))
    monkeypatch.setattr(np.random, "normal", lambda *_: next(noise))
    expected = referee.GradientSaliency().GetSmoothedMask(
        pixels(IMAGE[np.newaxis])[0],
        Referee(model),
        stdev_spread=methods.NOISE_SHARE,
        nsamples=methods.SAMPLES,
        magnitude=False,
    )
    close(own(attributable, "smoothgrad"), expected, 1e-3)


def test_integrated_gradients_are_those_of_saliency_with_more_steps(model: Any, attributable: AttributedModel) -> None:
    expected = referee.IntegratedGradients().GetMask(
        pixels(IMAGE[np.newaxis])[0], Referee(model), x_steps=500, batch_size=500
    )
    close(own(attributable, "integrated"), expected, 0.05)


@pytest.mark.parametrize("layer", ["conv1", "conv2"])
def test_grad_cam_is_that_of_saliency(model: Any, attributable: AttributedModel, layer: str) -> None:
    activated = _activated(model.get_layer(layer))
    assert activated.name == {"conv1": "conv1", "conv2": "relu2"}[layer]
    call = Referee(model, activated.name)
    mask = referee.GradCam().GetMask(pixels(IMAGE[np.newaxis])[0], call, three_dims=False)
    values = own(attributable, "gradcam", layer)
    close(values / values.max(), mask / mask.max(), 1e-3)


def test_occlusion_is_that_of_saliency(
    model: Any, attributable: AttributedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(methods, "WINDOW_SHARE", 20 / 28)  # few windows, since saliency sends one image at a time
    monkeypatch.setattr(methods, "_starts", lambda length, side, _: list(range(length - side + 1)))
    sums = referee.Occlusion().GetMask(pixels(IMAGE[np.newaxis])[0], Referee(model), size=20)
    starts = np.zeros(28)
    for start in range(9):
        starts[start : start + 20] += 1
    close(own(attributable, "occlusion"), sums[..., 0] / np.outer(starts, starts), 1e-3)


def test_integrated_gradients_add_up_to_the_difference_from_a_blank_image(attributable: AttributedModel) -> None:
    values = own(attributable, "integrated")
    ends = attributable.log_probabilities(pixels(np.stack([IMAGE, np.zeros_like(IMAGE)])))[:, WANTED]
    assert values.sum() == pytest.approx(float(ends[0] - ends[1]), abs=0.1)
    assert not values[IMAGE == 0].any()


class Linear:
    """A classifier with two classes, whose log probabilities are known."""

    def __init__(self, weights: Floats) -> None:
        self.weights = weights

    def log_probabilities(self, images: Floats) -> Floats:
        scores = (images * self.weights).sum(axis=(1, 2, 3))
        return np.stack([-np.logaddexp(0, scores), -np.logaddexp(0, -scores)], axis=1)

    def gradient(self, images: Floats, target: int) -> Floats:
        other = np.exp(self.log_probabilities(images)[:, 1 - target])[:, None, None, None]
        return np.asarray((1 if target else -1) * other * self.weights, dtype=np.float32)

    def feature_maps(self, *_: object) -> list[tuple[Floats, Floats]]:
        """Return two channels, one of which counts twice for class 1 and the other once against it."""
        outputs = np.zeros((2, 2, 2), np.float32)
        outputs[0, 0], outputs[1, 1] = (3, 0), (1, 5)
        return [(outputs, np.full((2, 2, 2), (2, -1), np.float32))]


def returned(work: Generator[None, None, Any]) -> Any:
    """Return what a generator returns at its end."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def test_grad_cam_of_known_maps_is_what_is_left_above_zero_of_their_weighted_sum() -> None:
    values = returned(grad_cam(Linear(np.zeros((2, 2, 1), np.float32)), np.zeros((2, 2, 1), np.float32), 1, ""))
    assert values.tolist() == [[6, 0], [0, 0]], "2 x 3 - 0, and 2 x 1 - 5 is below 0"


def test_occlusion_by_hand_counts_what_each_window_hides() -> None:
    weights = np.zeros((8, 8, 1), np.float32)
    weights[0, 0] = 0.01
    image = np.zeros((8, 8, 1), np.float32)
    image[0, 0], image[7, 7] = 200, 100
    values = returned(occlusion(Linear(weights), image, 1, ""))
    lost = np.log(1 / (1 + np.exp(-2))) - np.log(1 / 2)
    expected = np.zeros((8, 8))
    expected[:2, :2] = lost / np.array([[1, 2], [2, 4]])  # windows of 2x2 a pixel apart: 1, 2 or 4 hide a pixel
    assert values == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("request_sent", "reason"),
    [
        (Attribute(b"", "dreams"), "'dreams' is unknown: give integrated, gradient, smoothgrad, gradcam, occlusion"),
        (Attribute(b"", "gradient", 10), "class 10 is out of range: give a class from 0 to 9"),
        (Attribute(b"", "gradient", -1), "class -1 is out of range"),
        (Attribute(b"", "gradcam", 3, "flatten"), "layer 'flatten' is no convolution but Flatten: give conv1 or conv2"),
        (Attribute(b"", "gradcam", 3, "conv9"), "layer 'conv9' is unknown: give conv1 or conv2"),
        (Perturb(b"", "l7"), "norm 'l7' is unknown: give l2, linf"),
        (Perturb(b"", "l2", 10), "class 10 is out of range"),
    ],
    ids=repr,
)
def test_an_impossible_request_is_rejected_in_a_sentence(
    attributable: AttributedModel, request_sent: Attribute | Perturb, reason: str
) -> None:
    with pytest.raises(RequestError, match=reason):
        list(attribute(request_sent, attributable, IMAGE, 1))


def test_a_model_without_convolutions_has_no_grad_cam() -> None:
    layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax")]
    with pytest.raises(RequestError, match="the model has no convolution, which Grad-CAM needs"):
        attributed(AttributedModel(keras.Sequential(layers)), Attribute(b"", "gradcam"), np.zeros((8, 8), np.uint8))


def turned(model: AttributedModel, image: NDArray[np.uint8], norm: str, target: int | None = None) -> Perturbation:
    *_, result = perturbation(Perturb(b"", norm, target), model, image, 1)
    assert result is not None
    return result


@pytest.mark.parametrize("norm", NORMS)
def test_the_changed_image_is_predicted_as_the_runner_up_or_a_chosen_class(
    attributable: AttributedModel, norm: str
) -> None:
    before = attributable.probabilities(pixels(IMAGE[np.newaxis]))[0]
    runner_up, least = before.argsort()[[-2, 0]]
    for target, wanted in ((None, runner_up), (int(least), least)):
        result = turned(attributable, IMAGE, norm, target)
        assert result.image is not None
        changed = np.frombuffer(result.image, np.uint8).reshape(28, 28)
        after = attributable.probabilities(pixels(changed[np.newaxis]))[0]
        assert result.target == after.argmax() == wanted
        assert result.changed == pytest.approx(after, abs=1e-5)
        assert result.probabilities == pytest.approx(before, abs=1e-5)
        difference = changed.astype(float) - IMAGE
        expected = np.sqrt((difference**2).sum()) if norm == "l2" else np.abs(difference).max()
        assert result.size == pytest.approx(expected)
    with pytest.raises(RequestError, match=f"predicted as class {before.argmax()} already"):
        turned(attributable, IMAGE, norm, int(before.argmax()))


def test_no_smaller_change_in_the_same_direction_turns_the_prediction(attributable: AttributedModel) -> None:
    result = turned(attributable, IMAGE, "l2")
    assert result.image is not None
    difference = np.frombuffer(result.image, np.uint8).reshape(28, 28).astype(np.float32) - IMAGE
    works, fails = 1.0, 0.0
    for _ in range(12):
        scale = (works + fails) / 2
        image = np.rint(IMAGE + scale * difference)[np.newaxis, ..., np.newaxis]
        if leads(attributable.log_probabilities(image.astype(np.float32)), result.target)[0] >= LEAD:
            works = scale
        else:
            fails = scale
    assert works >= 0.97, "the bisection finds no change that is 3 % smaller"


@pytest.mark.parametrize("norm", NORMS)
def test_more_steps_never_find_a_larger_change(attributable: AttributedModel, norm: str) -> None:
    image, sizes = IMAGE[..., np.newaxis], []
    target = int(attributable.log_probabilities(image[np.newaxis].astype(np.float32))[0].argmin())
    for steps in (0, 2, 5):
        changed = returned(smallest_change(attributable, image, target, NORMS[norm], steps))
        sizes.append(NORMS[norm].of(changed.astype(np.float32) - image))
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < sizes[0] or norm == "linf", "the first one may be the best in whole grey levels"


@pytest.mark.parametrize(("norm", "smallest"), [("l2", 100.0), ("linf", 10.0)])
def test_the_smallest_change_of_a_linear_model_is_its_distance_from_the_boundary(norm: str, smallest: float) -> None:
    weights = np.where(np.indices((10, 10)).sum(axis=0) % 2, 0.01, -0.01).astype(np.float32)[..., np.newaxis]
    image = np.full((10, 10, 1), 100, np.uint8)
    image[weights < 0] = 120  # a score of -10: 100 pixels by 0.01 and a grey level each
    changed = returned(smallest_change(Linear(weights), image, 1, NORMS[norm]))
    assert NORMS[norm].of(changed.astype(np.float32) - image) == pytest.approx(smallest, rel=0.12)
