"""Explanations of presets and layers. That their layer names are Keras' is tested in tests/engine/test_presets.py."""

import pytest

from mnist_tui.engine.models.presets import PRESETS
from mnist_tui.event_lines import decode
from mnist_tui.events import Layer, RunStarted
from mnist_tui.explanations import UNKNOWN, explanations, layer_explanation, layer_explanations, preset_explanation
from tests.kit.recording import RECORDING, record

LONGEST = 70
"""Letters of an explanation that fit beside its layer in a terminal of 200 columns."""


def relu(name: str) -> Layer:
    return Layer(name, "ReLU", "", (10,), 0, 0)


def test_every_preset_has_a_summary() -> None:
    assert set(explanations().presets) == set(PRESETS)
    assert all(preset_explanation(preset).summary.endswith(".") for preset in PRESETS)


@pytest.mark.parametrize("texts", [explanations().layers, *(preset_explanation(name).layers for name in PRESETS)])
def test_explanations_are_sentences_that_fit_and_none_is_given_twice(texts: dict[str, str]) -> None:
    for layer, text in texts.items():
        assert text.endswith("."), layer
        assert len(text) <= LONGEST, layer
    assert len(set(texts.values())) == len(texts)


def test_every_layer_of_the_recorded_run_is_explained() -> None:
    with RECORDING.events_path.open("rb") as events:
        started = next(event for event in map(decode, events) if isinstance(event, RunStarted))
    assert all(layer_explanation(record().config.preset, layer) for layer in started.layers)


def test_a_layers_own_explanation_goes_before_that_of_its_type() -> None:
    dropout = Layer("dropout", "Dropout", "0.1", (864,), 0, 0)
    assert layer_explanation("fast", dropout) == preset_explanation("fast").layers["dropout"]
    assert layer_explanation("toy", dropout) == explanations().layers["Dropout"]
    assert layer_explanation("fast", dropout, (32, 32, 3)) == explanations().layers["Dropout"], "it tells MNIST's sizes"
    own = Layer("own", "Own", "", (10,), 0, 0)
    assert layer_explanation("toy", own) == ""
    assert layer_explanation("", own) == UNKNOWN, "of an own model"
    assert preset_explanation("toy").summary == ""


def test_a_list_gives_each_explanation_once() -> None:
    text = explanations().layers["ReLU"]
    assert layer_explanations("toy", [relu("relu1"), relu("relu2")]) == [text, ""]
