"""Adding a preset, a data set or a backend takes one registry entry, also from outside the package."""

import os
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from mnist_tui.cli.wiring import catalogue
from mnist_tui.config import ConfigError, DataFacts, Recipe
from mnist_tui.engine import backends
from mnist_tui.engine.backends import BACKENDS, BackendSpec
from mnist_tui.engine.backends.planning import plan
from mnist_tui.engine.data import datasets
from mnist_tui.engine.data.datasets import DATASETS, DataSource
from mnist_tui.engine.distribution import Distribution
from mnist_tui.engine.hardware.plan import Gpu, Machine
from mnist_tui.engine.models.architecture import describe_layers
from mnist_tui.engine.models.compiled import CompiledModel
from mnist_tui.engine.models.evaluation import one_hot, pixels
from mnist_tui.engine.models.networks import Shape
from mnist_tui.engine.models.presets import PRESETS, Preset
from mnist_tui.explanations import layer_explanation
from mnist_tui.image_layout import MNIST_SHAPE
from tests.engine.samples import few_digits
from tests.kit import samples


class ToyBackend:
    """Stands in for a subclass of Backend."""


def build_toy(shape: Shape, classes: int) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(classes, activation="softmax"),
        ]
    )


@pytest.fixture
def toy_preset(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe(name="toy", summary="one layer", epochs=2, batch_size=16, learning_rate=0.001, optimizer="sgd")
    monkeypatch.setitem(PRESETS, "toy", Preset(recipe, build_toy))


@pytest.mark.usefixtures("toy_preset")
def test_a_preset_is_offered_brings_its_recipe_trains_and_has_its_layers_explained() -> None:
    config = catalogue().complete({"preset": "toy"})
    assert (config.epochs, config.batch_size, config.optimizer) == (2, 16, "sgd")
    assert catalogue().complete({"ensemble": "toy,fast"}).members == ("toy", "fast")

    compiled = CompiledModel(config, 0, Machine((), has_bfloat16=False), DataFacts("", 10), Distribution())
    digits = few_digits(64)
    history = compiled.model.fit(pixels(digits.images), one_hot(digits.labels, 10), epochs=3, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]

    layers = describe_layers(build_toy(MNIST_SHAPE, 10))
    assert [layer.kind for layer in layers] == ["Rescaling", "Flatten", "Dense"]
    assert all(layer_explanation("toy", layer) for layer in layers)


def test_a_data_set_is_offered_checked_and_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda _: tmp_path / "cache")
    path = tmp_path / "toy.npz"
    monkeypatch.setitem(DATASETS, "toy", DataSource(lambda: path))
    assert "toy" in catalogue().data_sets
    assert catalogue().complete({"data": "toy"}).data == "toy"
    with pytest.raises(ConfigError, match=r"toy\.npz is missing: install"):
        datasets.verify("toy")

    digits = few_digits(datasets.FEWEST_DIGITS)
    labels = digits.labels % 3
    np.savez(path, x_train=digits.images, y_train=labels, x_test=digits.images, y_test=labels)
    data = datasets.load("toy")
    assert datasets.verify("toy") == data.facts
    assert (len(data.training), data.class_names) == (datasets.FEWEST_DIGITS, ("0", "1", "2"))


def test_a_backend_is_offered_planned_selected_and_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    monkeypatch.setenv("TOY_LOG", "")
    monkeypatch.delenv("TOY_LOG")
    spec = BackendSpec("no_such_package", f"{__name__}:ToyBackend", extra="toy", environment={"TOY_LOG": "off"})
    monkeypatch.setitem(BACKENDS, "toy", spec)
    with pytest.raises(ConfigError, match=r"'toy' is not installed here: run pip install 'mnist-tui\[toy\]'"):
        catalogue().complete({"backend": "toy"})

    monkeypatch.setattr(BackendSpec, "is_installed", lambda _: True)
    assert catalogue().complete({"backend": "toy"}).backend == "toy"
    chosen = plan(samples.config(backend="toy"), Machine((Gpu("GPU"),), has_bfloat16=True), (64,))
    assert (chosen.jit, chosen.steps_per_execution, chosen.precision) == (False, 1, "float32")
    with pytest.raises(ConfigError, match="threads 2 cannot be used with backend 'toy'"):
        plan(samples.config(backend="toy", threads=2), Machine((), has_bfloat16=False))
    backends.select("toy")
    assert (os.environ["KERAS_BACKEND"], os.environ["TOY_LOG"]) == ("toy", "off")
    assert type(spec.load()).__name__ == "ToyBackend"
