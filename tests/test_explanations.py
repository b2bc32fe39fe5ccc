"""Every preset says why its network looks as it does. That the layers' names are Keras' is in tests/engine."""

import pytest

from mnist_tui.engine.models.presets import PRESETS
from mnist_tui.events import RunStarted, decode
from mnist_tui.explanations import explanations, layer_reason, preset_summary
from tests.kit.recording import RECORDING, record

LONGEST = 71
"""Letters of a reason that fit beside its layer in a terminal of 200 columns."""


def test_every_preset_is_explained_and_nothing_else() -> None:
    assert set(explanations()) == set(PRESETS)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_has_a_summary_and_every_layer_a_line_that_fits(preset: str) -> None:
    assert preset_summary(preset).endswith(".")
    reasons = explanations()[preset].layers
    assert len(reasons) > 3
    for layer, reason in reasons.items():
        assert reason.endswith("."), layer
        assert 0 < len(reason) <= LONGEST, layer
        assert layer_reason(preset, layer) == reason


def test_the_layers_of_the_recorded_run_all_have_their_reason() -> None:
    with RECORDING.events_path.open("rb") as events:
        started = next(event for event in map(decode, events) if isinstance(event, RunStarted))
    assert {layer.name for layer in started.layers} <= set(explanations()[record().config.preset].layers)


def test_what_nobody_explained_has_no_words() -> None:
    assert preset_summary("home-made") == ""
    assert layer_reason("home-made", "conv1") == ""
    assert layer_reason("fast", "conv99") == ""
