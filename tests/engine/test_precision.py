"""Models in another precision: what is computed in it, what stays float32, and what is saved."""

from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from mnist_tui.config import DataFacts
from mnist_tui.engine import backends
from mnist_tui.engine.backends import runtime, tensorflow
from mnist_tui.engine.backends.planning import plan
from mnist_tui.engine.backends.precision import clone_with_policy
from mnist_tui.engine.distribution import Distribution
from mnist_tui.engine.hardware.plan import Machine
from mnist_tui.engine.models.best_model import BestModel
from mnist_tui.engine.models.compiled import CompiledModel
from mnist_tui.engine.models.evaluation import evaluate, one_hot, pixels
from mnist_tui.engine.models.presets import PRESETS, compile_model
from mnist_tui.engine.recording.checkpoints import Checkpoint, TrainingState
from mnist_tui.image_layout import MNIST_SHAPE
from mnist_tui.runs.directory import RunDirectory
from tests.engine.samples import few_digits
from tests.kit import samples


def clone(policy: str, preset: str = "fast") -> tuple[Any, Any]:
    """Return a preset's model and its compiled copy."""
    original = PRESETS[preset].build(MNIST_SHAPE, 10)
    model = clone_with_policy(original, policy)
    compile_model(PRESETS[preset], model, "adamw", 0.01, jit=False)
    model.optimizer.build(model.trainable_variables)
    return original, model


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_layers_compute_in_it_while_weights_and_output_stay_float32(policy: str) -> None:
    original, model = clone(policy)
    assert [layer.name for layer in model.layers] == [layer.name for layer in original.layers]
    for layer in model.layers[:-1]:
        assert layer.compute_dtype == policy.removeprefix("mixed_")
    assert model.layers[-1].compute_dtype == "float32"
    assert {variable.dtype for variable in model.trainable_variables} == {"float32"}
    for one, other in zip(original.get_weights(), model.get_weights(), strict=True):
        assert np.array_equal(one, other)
    assert model.predict_on_batch(np.zeros((2, *MNIST_SHAPE), np.float32)).dtype == np.float32
    assert {layer.compute_dtype for layer in original.layers} == {"float32"}


@pytest.mark.parametrize(
    ("policy", "is_scaled"), [("mixed_float16", True), ("mixed_bfloat16", False), ("float32", False)]
)
def test_only_float16_has_its_loss_scaled(policy: str, is_scaled: bool) -> None:
    assert isinstance(clone(policy)[1].optimizer, keras.optimizers.LossScaleOptimizer) is is_scaled


def test_a_checkpoint_restores_the_loss_scale() -> None:
    _, model = clone("mixed_float16", "mlp")
    variables = [*model.variables, *model.optimizer.variables]
    random = np.random.default_rng(0)
    images, targets = random.integers(0, 256, (16, *MNIST_SHAPE)).astype(np.float32), np.eye(10)[np.arange(16) % 10]

    def losses() -> list[float]:
        return [float(model.train_on_batch(images, targets)[0]) for _ in range(3)]

    losses()
    model.optimizer.dynamic_scale.assign(2.0**9)
    kept = Checkpoint(TrainingState.initial(samples.config()), [np.asarray(one) for one in variables], [])
    first = losses()
    model.optimizer.dynamic_scale.assign(2.0**3)
    kept.restore(variables)
    assert float(np.asarray(model.optimizer.dynamic_scale)) == 2.0**9
    assert losses() == pytest.approx(first, rel=1e-2)  # ten times the rounding error of float16, 2^-10


def test_a_model_trained_in_bfloat16_is_saved_as_a_stock_float32_model(tmp_path: Path) -> None:
    """On a CPU without bfloat16 units, TensorFlow emulates it."""
    config = samples.config(precision="bfloat16")
    compiled = CompiledModel(config, 0, Machine((), has_bfloat16=True), DataFacts("", 10), Distribution())
    assert compiled.plan.precision == "bfloat16"
    digits = few_digits(16)
    compiled.model.train_on_batch(pixels(digits.images), one_hot(digits.labels, 10))
    evaluation = evaluate(compiled.model, digits, compiled.model.loss)
    assert evaluation.probabilities.sum(axis=1) == pytest.approx(np.ones(16), abs=1e-5)

    run = RunDirectory(tmp_path)
    best = BestModel(run, [partial(PRESETS["fast"].build, MNIST_SHAPE, 10)])
    best.keep(backends.current().fetch(compiled.model.weights))
    best.save()
    model = keras.saving.load_model(run.model_path, safe_mode=True)
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert {type(layer).__module__.partition(".")[0] for layer in model.layers} == {"keras"}
    assert best.load().predict_on_batch(pixels(digits.images)).shape == (16, 10)


@pytest.mark.parametrize(
    ("slowdown", "settings", "channels", "precision"),
    [(12.0, {}, (64,), "float32"), (1.5, {}, (64,), "bfloat16"), (12.0, {"precision": "float32"}, (), "float32")],
)
def test_bfloat16_that_is_measured_to_be_emulated_is_not_taken(
    monkeypatch: pytest.MonkeyPatch,
    slowdown: float,
    settings: dict[str, str],
    channels: tuple[int, ...],
    precision: str,
) -> None:
    backend = backends.BACKENDS["tensorflow"].load()
    monkeypatch.setattr(backends, "current", lambda: backend)
    monkeypatch.setattr(backend, "prepare", lambda _: None)
    monkeypatch.setattr(runtime, "has_bfloat16", lambda: True)
    monkeypatch.setattr(tensorflow, "_gradient_seconds", lambda dtype: slowdown if dtype == "bfloat16" else 1.0)
    config = samples.config(**settings)
    assert plan(config, runtime.prepare_machine(config), channels).precision == precision


def test_the_gradient_of_a_convolution_is_timed_in_both_precisions() -> None:
    assert all(0 < tensorflow._gradient_seconds(dtype) < 10 for dtype in ("bfloat16", "float32"))
