"""Networks in another precision: what is computed in it, what stays float32, and what is saved."""

from typing import Any

import keras
import numpy as np
import pytest

from mnist_tui.engine.backends.precision import clone_with_policy
from mnist_tui.engine.hardware.detection import has_bfloat16
from mnist_tui.engine.models.presets import PRESETS, compile_model
from mnist_tui.engine.recording.checkpoints import Checkpoint, TrainingState
from mnist_tui.events import RunStarted
from tests.engine.conftest import Start, events_until
from tests.kit import samples

POLICIES = ["mixed_bfloat16", "mixed_float16"]


def rebuilt_preset(policy: str) -> tuple[Any, Any]:
    network = PRESETS["fast"].build((28, 28, 1), 10)
    model = clone_with_policy(network, policy)
    compile_model(PRESETS["fast"], model, "adamw", 0.01, jit=False)
    model.optimizer.build(model.trainable_variables)
    return network, model


@pytest.mark.parametrize("policy", POLICIES)
def test_layers_compute_in_it_while_weights_and_answer_stay_float32(policy: str) -> None:
    network, model = rebuilt_preset(policy)
    assert [layer.name for layer in model.layers] == [layer.name for layer in network.layers]
    for layer in model.layers[:-1]:
        assert layer.compute_dtype == policy.removeprefix("mixed_")
    assert model.layers[-1].compute_dtype == "float32"
    assert {variable.dtype for variable in model.weights} == {"float32", "int64"} or {
        variable.dtype for variable in model.trainable_variables
    } == {"float32"}
    for one, other in zip(network.get_weights(), model.get_weights(), strict=True):
        assert np.array_equal(one, other)
    assert model.predict_on_batch(np.zeros((2, 28, 28, 1), np.float32)).dtype == np.float32
    assert {layer.compute_dtype for layer in network.layers} == {"float32"}


def test_only_float16_has_its_loss_scaled() -> None:
    scaled = keras.optimizers.LossScaleOptimizer
    assert isinstance(rebuilt_preset("mixed_float16")[1].optimizer, scaled)
    assert not isinstance(rebuilt_preset("mixed_bfloat16")[1].optimizer, scaled)
    assert not isinstance(rebuilt_preset("float32")[1].optimizer, scaled)


def test_a_checkpoint_holds_the_scale_of_the_loss_and_goes_on_from_it() -> None:
    _, model = rebuilt_preset("mixed_float16")
    variables = [*model.variables, *model.optimizer.variables]
    random = np.random.default_rng(0)
    images, targets = random.integers(0, 256, (16, 28, 28, 1)).astype(np.float32), np.eye(10)[np.arange(16) % 10]

    def losses() -> list[float]:
        return [float(model.train_on_batch(images, targets)[0]) for _ in range(3)]

    losses()
    model.optimizer.dynamic_scale.assign(2.0**9)
    kept = Checkpoint(TrainingState.beginning(samples.config()), [np.asarray(one) for one in variables], [])
    first = losses()
    model.optimizer.dynamic_scale.assign(2.0**3)
    kept.restore(variables)
    assert float(np.asarray(model.optimizer.dynamic_scale)) == 2.0**9
    assert losses() == pytest.approx(first, rel=1e-2)


@pytest.mark.skipif(not has_bfloat16(), reason="this CPU computes bfloat16 in software")
def test_a_run_in_bfloat16_says_so_and_saves_a_plain_float32_network(start: Start) -> None:
    run = start(limit=1_200, epochs=1, preset="fast", batch_size=100, precision="bfloat16", seed=3)
    events = events_until(run)
    started = next(event for event in events if isinstance(event, RunStarted))
    assert started.hardware.device.endswith(", bfloat16")
    model = keras.saving.load_model(run.model_path, safe_mode=True)
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert {type(layer).__module__.partition(".")[0] for layer in model.layers} == {"keras"}
    with np.load(run.predictions_path(1)) as recorded:
        assert recorded["probabilities"].dtype == np.float16
        assert recorded["probabilities"].sum(axis=1) == pytest.approx(np.ones(len(recorded["labels"])), abs=0.01)
