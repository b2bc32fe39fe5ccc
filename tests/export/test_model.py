"""Exported models predict what the run's model predicts."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from mnist_tui.config import RunConfig
from mnist_tui.engine.jobs.export_model import CONVERSIONS
from mnist_tui.engine.models.inference import inference_model
from mnist_tui.engine.models.presets import NO_SHIFT, PRESETS
from mnist_tui.export.formats import format_named
from mnist_tui.export.source import Source
from mnist_tui.export.tensorboard import model_weights
from mnist_tui.runs.directory import RunError, create_run
from tests.export.colourful import colourful_run
from tests.export.test_tensorboard import accumulated
from tests.kit import samples

SHIFTS = ((0, 0), (1, 0), (0, -1))
RGB = (12, 9, 3)


def pixels(shape: tuple[int, ...]) -> Any:
    return np.random.default_rng(0).integers(0, 256, (5, *shape)).astype(np.float32)


def onnx_predictions(path: Path, images: Any) -> Any:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    assert (given.name, given.type) == ("images", "tensor(float)")
    return session.run(None, {given.name: images})[0]


def tflite_predictions(path: Path, images: Any) -> Any:
    import tensorflow as tf

    model = tf.lite.Interpreter(model_path=str(path))
    given, returned = model.get_input_details()[0]["index"], model.get_output_details()[0]["index"]
    model.resize_tensor_input(given, images.shape)
    model.allocate_tensors()
    model.set_tensor(given, images)
    model.invoke()
    return model.get_tensor(returned)


def saved_predictions(path: Path, images: Any) -> Any:
    import tensorflow as tf

    model = tf.saved_model.load(str(path))
    return model.serve(images)


def source_predictions(path: Path, images: Any) -> Any:
    names: dict[str, Any] = {}
    exec(path.read_text(), names)
    return names["build"]().predict(images, verbose=0)


READERS = {"onnx": onnx_predictions, "tflite": tflite_predictions, "saved-model": saved_predictions}
CONVERTED = [each if each == "onnx" else pytest.param(each, marks=pytest.mark.full) for each in READERS]


@pytest.mark.full
@pytest.mark.parametrize("name", PRESETS)
def test_onnx_runtime_predicts_the_same_for_every_preset(name: str, tmp_path: Path) -> None:
    preset = PRESETS[name]
    model = inference_model([preset.build((28, 28, 1), 10)], preset.shifts)
    CONVERSIONS["onnx"](model, tmp_path / "model.onnx")
    images = pixels((28, 28, 1))
    np.testing.assert_allclose(
        onnx_predictions(tmp_path / "model.onnx", images), model.predict(images, verbose=0), atol=1e-5
    )


@pytest.mark.parametrize("conversion", CONVERTED)
def test_an_ensemble_on_rgb_images_predicts_the_same(conversion: str, tmp_path: Path) -> None:
    model = inference_model([PRESETS["mlp"].build(RGB, 3) for _ in range(2)], SHIFTS[:2])
    path = tmp_path / "model"
    CONVERSIONS[conversion](model, path)
    images = pixels(RGB)
    np.testing.assert_allclose(READERS[conversion](path, images), model.predict(images, verbose=0), atol=1e-5)


def test_a_model_file_is_copied_and_its_source_builds_the_same_layers(tmp_path: Path) -> None:
    model = inference_model([PRESETS["mlp"].build(RGB, 3)], NO_SHIFT)
    run = create_run(samples.config())
    model.save(run.model_path)
    format_named("keras").write(Source(run, lambda _: None), tmp_path / "copy.keras")
    assert keras.saving.load_model(tmp_path / "copy.keras").count_params() == model.count_params()
    CONVERSIONS["source"](model, tmp_path / "model.py")
    assert source_predictions(tmp_path / "model.py", pixels(RGB)).shape == (5, 3)


@pytest.mark.full
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
@pytest.mark.parametrize("name", CONVERSIONS)
def test_the_job_converts_the_model_of_a_run_of_any_backend(backend: str, name: str, tmp_path: Path) -> None:
    config: RunConfig = samples.config(backend=backend)
    run = create_run(config)
    PRESETS["mlp"].build((28, 28, 1), 10).save(run.model_path)
    progress: list[str] = []
    source = Source(run, lambda _: None, lambda message, _: progress.append(message))
    path = tmp_path / format_named(name).file
    format_named(name).write(source, path)
    assert path.exists()
    assert progress[-1] == "done"


def test_a_run_without_a_model_is_refused(tmp_path: Path) -> None:
    run = create_run(samples.config())
    for name in ("keras", *CONVERSIONS):
        with pytest.raises(RunError, match=r"has no model\.keras"):
            format_named(name).write(Source(run, lambda _: None), tmp_path / "model")


def test_weights_are_histograms(tmp_path: Path) -> None:
    run = colourful_run(classes=4, images=50)
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, name="inner")], name="network1")
    model = keras.Sequential([inner, keras.layers.Dense(2, name="outer")])
    model.compile("adam", "mse")
    model.save(run.model_path)
    assert sum(values.size for _, values in model_weights(run.model_path)) == model.count_params()
    train, _ = accumulated(run, tmp_path / "logs")
    tags = train.Tags()["histograms"]
    assert len(tags) == 4
    assert train.Histograms(tags[0])[0].histogram_value.num > 0
    run.model_path.write_bytes(b"no model")
    assert list(model_weights(run.model_path)) == []
