"""Every preset, the augmentation and the explainer on images of other shapes than MNIST's."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from mnist_tui.analysis.attribution import METHODS
from mnist_tui.config import ConfigError
from mnist_tui.control.protocol import Attribute
from mnist_tui.engine import backends
from mnist_tui.engine.data.augmentation import draw_warps, warp
from mnist_tui.engine.data.datasets import Digits
from mnist_tui.engine.data.images import Augmentation
from mnist_tui.engine.jobs import __main__ as jobs
from mnist_tui.engine.jobs.cross_check import held_out_rows
from mnist_tui.engine.models.evaluation import evaluate, one_hot
from mnist_tui.engine.models.inference import inference_model
from mnist_tui.engine.models.networks import LARGE_SIDE, SMALL_SIDE
from mnist_tui.engine.models.presets import NO_SHIFT, PRESETS, compile_model
from mnist_tui.engine.service.attribution import AttributedModel
from mnist_tui.engine.service.explainer import Explainer
from mnist_tui.events import RunEnded, RunStarted
from mnist_tui.image_layout import MAX_SIDE, MIN_SIDE, ImageShape, with_channels
from mnist_tui.inspection.predictions import VALIDATION, EvaluationPoint, PredictionFiles
from tests.engine import in_process
from tests.engine.samples import attributed

CASES = [
    ("fast", (8, 8, 1), 2),
    ("fast", (96, 96, 3), 100),
    ("reference", (8, 40, 3), 2),
    ("best", (8, 8, 3), 100),
    ("lenet5", (23, 96, 1), 100),
    ("mlp", (96, 8, 3), 2),
]


def some_digits(shape: ImageShape, classes: int, count: int) -> Digits:
    height, width, channels = shape
    sides = (height, width) if channels == 1 else shape
    images = np.random.default_rng(0).integers(0, 256, (count, *sides), dtype=np.uint8)
    labels = (np.arange(count) * (classes - 1) // (count - 1)).astype(np.uint8)  # from the first class to the last
    return Digits(images, labels, np.arange(count, dtype=np.int32))


@pytest.mark.parametrize(("name", "shape", "classes"), CASES, ids=lambda value: str(value).replace(" ", ""))
def test_a_preset_trains(name: str, shape: ImageShape, classes: int) -> None:
    preset, digits = PRESETS[name], some_digits(shape, classes, 4)
    model = preset.build(shape, classes)
    compile_model(preset, model, preset.recipe.optimizer, 0.001, jit=False)
    model.run_eagerly = True  # tracing the graph would take longer than the step
    images = warp(with_channels(digits.images), draw_warps(Augmentation(), 4, 0, 0, shape))
    assert images.shape == (4, *shape)
    loss, _ = model.train_on_batch(images, one_hot(digits.labels, classes))
    assert np.isfinite(loss)


@pytest.mark.parametrize(
    ("shape", "classes", "methods"), [((8, 8, 1), 2, [*METHODS]), ((96, 40, 3), 100, ["gradcam"])], ids=str
)
def test_an_ensemble_with_augmentation_at_test_time_predicts_and_explains(
    shape: ImageShape, classes: int, methods: list[str]
) -> None:
    digits, member = some_digits(shape, classes, 4), PRESETS["lenet5"]
    model = inference_model([member.build(shape, classes) for _ in range(2)], PRESETS["best"].shifts_for(shape))
    result = evaluate(model, digits, keras.losses.CategoricalCrossentropy())
    assert np.array(result.confusion).shape == (classes, classes)
    maps = [
        attributed(AttributedModel(model), Attribute(b"", method), digits.images[0]).map.array() for method in methods
    ]
    assert {values.shape for values in maps} == {shape[:2]}
    *_, explanation = Explainer(model, 1, {"train": digits}).explain(digits.images[0])
    assert explanation is not None
    assert len(explanation.probabilities) == classes
    sent = [near.image for near in explanation.neighbours] + [variant.image for variant in explanation.variants]
    assert {len(image) for image in sent} == {digits.images[0].nbytes}


@pytest.mark.full
@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_has_maps_left_of_every_size(name: str) -> None:
    for side in (*range(MIN_SIDE, SMALL_SIDE + 2), LARGE_SIDE - 1, LARGE_SIDE, MAX_SIDE):
        for shape in ((side, side, 1), (side, MIN_SIDE, 3), (MAX_SIDE, side, 1)):
            assert PRESETS[name].build(shape, 2).output_shape == (None, 2), shape
        keras.utils.clear_session()


def test_each_channel_is_augmented_in_the_same_way() -> None:
    images = some_digits((16, 24, 3), 2, 3).images
    warps = draw_warps(Augmentation(), 3, 0, 0, (16, 24, 3))
    augmented = np.asarray(warp(images, warps))
    assert not np.array_equal(augmented, images)
    for channel in range(3):
        np.testing.assert_array_equal(
            augmented[..., channel], np.asarray(warp(images[..., channel, None], warps))[..., 0]
        )


def test_augmentation_moves_an_image_in_proportion_to_its_size() -> None:
    by_size: dict[ImageShape, Any] = {
        shape: draw_warps(Augmentation(), 500, 0, 0, shape) for shape in ((28, 28, 1), (56, 14, 3))
    }
    usual, other = by_size.values()
    np.testing.assert_array_equal(other[:, :2], usual[:, :2])  # rotation, scaling and shear
    np.testing.assert_allclose(other[:, 2], usual[:, 2] * (2, 0.5), rtol=1e-6)
    np.testing.assert_allclose(other[:, 3:], usual[:, 3:] * (2, 0.5), rtol=0.01)


def test_a_channel_counts_as_evidence() -> None:
    """An image of which only blue changes has evidence from blue."""
    inputs = keras.Input((8, 8, 3))
    blue = keras.layers.Lambda(lambda images: images[..., 2:] / 255, output_shape=(8, 8, 1))(inputs)
    hidden = keras.layers.Flatten()(blue)
    outputs = keras.layers.Dense(2, activation="softmax", kernel_initializer=keras.initializers.RandomNormal(seed=1))
    model = keras.Model(inputs, outputs(hidden))
    image = np.zeros((8, 8, 3), np.uint8)
    image[2, 3], image[5, 6] = (255, 255, 0), (0, 0, 255)
    evidence = attributed(AttributedModel(model), Attribute(image.tobytes(), target=1), image).map.array()
    assert evidence.shape == (8, 8)
    assert np.argwhere(evidence).tolist() == [[5, 6]]


@pytest.mark.parametrize(
    ("shape", "farthest"), [((8, 8, 1), 0), ((28, 28, 1), 1), ((32, 32, 3), 1), ((96, 96, 3), 3), ((96, 8, 1), 3)]
)
def test_shifts_follow_the_size(shape: ImageShape, farthest: int) -> None:
    shifts = PRESETS["best"].shifts_for(shape)
    assert max(max(shift) for shift in shifts) == farthest
    assert len(set(shifts)) == len(shifts)
    assert (shifts == NO_SHIFT) == (farthest == 0)


def test_a_cross_check_leaves_out_what_no_model_was_trained_on() -> None:
    labels, fold = np.array([0, 0, 0, 1, 2, 2], np.uint8), np.array([0, 1, 2, 0, 1, 1])
    rows = [held_out_rows(labels, fold, number).tolist() for number in range(3)]
    assert rows == [[0], [1], [2]], "the only image of class 1, and both of class 2, have no model that knows them"


@pytest.mark.usefixtures("home")
def test_a_run_on_small_rgb_images_is_recorded_and_predicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(backends.current()), "prepare", lambda *_: None)  # it would last beyond this test
    noise, other = some_digits((8, 10, 3), 3, 300), some_digits((8, 10, 1), 3, 5)
    labels = noise.indices.astype(np.uint8) % 3
    images = noise.images // 4 + 150 * np.eye(3, dtype=np.uint8)[labels][:, None, None, :]  # red, green or blue
    np.savez(tmp_path / "rgb.npz", x=images, y=labels)
    np.savez(tmp_path / "grey.npz", x=other.images, y=other.labels)
    run = in_process.new_run(preset="mlp", epochs=4, batch_size=32, data=tmp_path / "rgb.npz", backend="tensorflow")

    events = in_process.train(run)
    started = next(event for event in events if isinstance(event, RunStarted))
    assert (started.image_shape, len(started.class_names)) == ((8, 10, 3), 3)
    assert isinstance(events[-1], RunEnded)
    assert events[-1].test_accuracy is not None
    assert events[-1].test_accuracy > 0.9
    predictions = PredictionFiles(run).load(EvaluationPoint(VALIDATION, 4))
    assert np.array_equal(predictions.images, images[predictions.indices])

    *_, report = jobs.predict_images(run, str(tmp_path / "rgb.npz"))
    assert (np.array(report.classes) == labels).mean() > 0.9
    for job in (jobs.evaluate_set, jobs.predict_images):
        with pytest.raises(ConfigError, match=r"grey\.npz' has images of 8x10 grey, the model takes 8x10 RGB: give"):
            list(job(run, str(tmp_path / "grey.npz")))


@pytest.mark.full
@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("data", "epochs", "accuracy"), [("sklearn", 15, 0.98), ("fashion-mnist", 1, 0.89)], ids=["8x8", "fashion"]
)
def test_preset_fast_learns_other_data(data: str, epochs: int, accuracy: float, tmp_path: Path) -> None:
    path = Path("/usr/share/datasets") / data
    if data == "sklearn":
        from sklearn.datasets import load_digits  # type: ignore[import-untyped]

        digits = load_digits()
        path = tmp_path / "digits.npz"
        np.savez(path, x=np.rint(digits.images * 255 / 16).astype(np.uint8), y=digits.target)
    elif not path.is_dir():
        pytest.skip("apt-get install dataset-fashion-mnist")
    run = in_process.new_run(preset="fast", epochs=epochs, data=path, backend="tensorflow")
    *_, ended = in_process.train(run)
    assert isinstance(ended, RunEnded)
    assert ended.test_accuracy is not None
    assert ended.test_accuracy >= accuracy
