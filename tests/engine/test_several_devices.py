"""Several devices share every batch. The tests split a CPU into two logical devices."""

import json
import subprocess
import sys

import numpy as np
import pytest

from mnist_tui.control import client
from mnist_tui.events import EpochEnded, RunEnded, RunStarted
from tests.e2e.conftest import kill_engine
from tests.engine.conftest import Start, events_until
from tests.engine.held import go_on, hold_at
from tests.engine.test_resume import history_of, last_weights

ROUNDING = 1e-9
"""Relative bound in float64. Five steps amplify a rounding error at most a millionfold, at ReLU and max pooling: in
float32, 1e-7 becomes at most 1e-1. And 10^6 * 2^-53 = 1e-10."""
CHILD = """
import json
from contextlib import nullcontext
import keras
from mnist_tui.engine.backends.backend import Feed
from mnist_tui.engine import backends
from mnist_tui.engine.hardware.plan import Plan
from mnist_tui.engine.models.evaluation import one_hot
from mnist_tui.engine.models.presets import PRESETS, compile_model
from tests.engine.samples import few_digits

keras.config.set_floatx("float64")
Plan.policy = property(lambda _: "float64")
backend, preset, digits = backends.current(), PRESETS["fast"], few_digits(320)
two = Plan(on_gpu=False, count=2)
backend.prepare(two)
keras.utils.set_random_seed(0)
original = preset.build((28, 28, 1), 10)
for layer in original.layers:
    if isinstance(layer, keras.layers.Dropout):
        layer.rate = 0.0  # each device drops other units

def losses(plan, scope):
    found = []
    with scope:
        model = backend.prepare_model(original, plan)
        compile_model(preset, model, "adamw", 0.001, jit=False)
    each = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: [metric.reset_state() for metric in model.metrics],
        on_train_batch_end=lambda batch, logs: found.append(float(logs["loss"])),
    )
    feed = Feed(digits.images[..., None], one_hot(digits.labels, 10), 64)
    model.fit(backend.batches(feed), verbose=0, callbacks=[each])
    return found

one = Plan(on_gpu=True)  # the fused kernel, for a CPU, has no float64
print(json.dumps([losses(one, nullcontext()), losses(two, backend.scope())]))
"""
SETTINGS = {"preset": "mlp", "limit": 363, "batch_size": 64, "seed": 5, "epochs": 2, "device": "cpu:0,1"}
"""333 training images, of which 332 can be shared evenly: 6 steps an epoch."""


def test_two_devices_have_the_losses_of_one_with_the_same_batch() -> None:
    done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True)
    one, two = json.loads(done.stdout.splitlines()[-1])
    assert len(one) == len(two) == 5
    assert one == pytest.approx(two, rel=ROUNDING)
    assert one[-1] < one[0] / 2


@pytest.mark.full
def test_a_run_on_two_devices_is_recorded_killed_and_resumed_like_any_other(start: Start) -> None:
    whole = start(**SETTINGS, checkpoint_seconds=0.1)
    events = events_until(whole)
    assert isinstance(events[-1], RunEnded)
    started = next(event for event in events if isinstance(event, RunStarted))
    assert "as 2 devices" in started.hardware.device
    assert (started.train_count, started.steps_per_epoch) == (332, 6)
    assert [event.step for event in events if isinstance(event, EpochEnded)] == [6, 12]
    losses = history_of(whole).steps.column("loss")
    assert losses[-3:].mean() < losses[:3].mean()

    broken = start(**SETTINGS, checkpoint_seconds=0.1)
    hold_at(broken, 8)
    go_on(broken)
    kill_engine(broken)
    client.resume(broken, "a test")
    assert isinstance(events_until(broken)[-1], RunEnded)
    assert history_of(broken).steps.column("step").tolist() == list(range(1, 13))
    assert np.array_equal(history_of(broken).steps.column("loss"), losses)
    for one, other in zip(last_weights(whole), last_weights(broken), strict=True):
        assert np.array_equal(one, other)
