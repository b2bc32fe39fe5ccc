"""Several devices share every batch: tried with a CPU that is cut in two."""

import json
import subprocess
import sys

import numpy as np
import pytest

from mnist_tui.control import client
from mnist_tui.events import EpochEnded, RunEnded, RunStarted
from tests.engine.conftest import Start, events_until
from tests.engine.held import go_on, hold_at
from tests.engine.test_resume import history_of, kill, last_weights

BOUND = 0.01
"""Of the loss, by which 2 devices may differ from one in 10 steps: they add in another order. Measured: 0.003."""
CHILD = """
import json
import keras
from mnist_tui.engine.backends.backend import Feed
from mnist_tui.engine import backends
from mnist_tui.engine.hardware.plan import Plan
from mnist_tui.engine.models.evaluation import one_hot
from mnist_tui.engine.models.presets import PRESETS, compile_model
from tests.engine.samples import few_digits

backend, preset, digits = backends.current(), PRESETS["fast"], few_digits(640)
two = Plan(on_gpu=False, count=2)
backend.prepare(two)
keras.utils.set_random_seed(0)
network = preset.build((28, 28, 1), 10)
for layer in network.layers:
    if isinstance(layer, keras.layers.Dropout):
        layer.rate = 0.0  # which devices drop is theirs

def losses(plan, scope):
    found = []
    with scope:
        model = backend.prepare_network(network, plan)
        compile_model(preset, model, "adamw", 0.001, jit=False)
    each = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: [metric.reset_state() for metric in model.metrics],
        on_train_batch_end=lambda batch, logs: found.append(float(logs["loss"])),
    )
    feed = Feed(digits.images[..., None], one_hot(digits.labels, 10), 64)
    model.fit(backend.batches(feed), verbose=0, callbacks=[each])
    return found

from contextlib import nullcontext
print(json.dumps([losses(Plan(on_gpu=False), nullcontext()), losses(two, backend.scope())]))
"""
SETTINGS = {"limit": 1_443, "batch_size": 64, "seed": 5, "epochs": 2, "device": "cpu:0,1", "checkpoint_seconds": 0.1}
"""1,323 digits to train on, of which 1,322 can be shared evenly: 21 steps an epoch."""


def test_two_devices_have_the_losses_of_one_with_the_same_batch() -> None:
    done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True)
    one, two = json.loads(done.stdout.splitlines()[-1])
    assert len(one) == len(two) == 10
    assert one[0] == pytest.approx(two[0], rel=1e-4)
    assert one == pytest.approx(two, rel=BOUND)
    assert one[-1] < one[0] / 2


def test_a_run_on_two_devices_is_recorded_killed_and_resumed_like_any_other(start: Start) -> None:
    whole = start(**SETTINGS)
    events = events_until(whole)
    assert isinstance(events[-1], RunEnded)
    started = next(event for event in events if isinstance(event, RunStarted))
    assert "as 2 devices" in started.hardware.device
    assert (started.train_count, started.steps_per_epoch) == (1_322, 21)
    assert [event.step for event in events if isinstance(event, EpochEnded)] == [21, 42]
    losses = history_of(whole).steps.column("loss")
    assert losses[-5:].mean() < losses[:5].mean() / 2

    broken = start(**SETTINGS)
    hold_at(broken, 25)
    go_on(broken)
    kill(broken)
    client.resume(broken, "a test")
    assert isinstance(events_until(broken)[-1], RunEnded)
    assert history_of(broken).steps.column("step").tolist() == list(range(1, 43))
    assert history_of(broken).steps.column("loss") == pytest.approx(losses, rel=BOUND)
    for one, other in zip(last_weights(whole), last_weights(broken), strict=True):
        assert np.array_equal(one, other)
