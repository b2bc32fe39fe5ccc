"""Contents of a layer's wall, made from the engine's replies, and the cache of replies."""

import threading

import msgspec
import numpy as np
import pytest

from mnist_tui.control.protocol import Inspect, LayerView, Reply, Tensor
from mnist_tui.inspection.predictions import VALIDATION, EvaluationPoint
from mnist_tui.render.feature_maps import Scale
from mnist_tui.render.text import figure
from mnist_tui.ui.layers import inspections
from mnist_tui.ui.layers.comparison import previous
from mnist_tui.ui.layers.contents import Bars, Maps, Numbers, picture_sides
from mnist_tui.ui.layers.inspections import Ask, Inspections
from mnist_tui.ui.layers.sides import neighbours
from mnist_tui.ui.layers.views import origin_of, output_content, overall_limit, weight_norm, weights_content
from mnist_tui.ui.layers.words import size_words
from tests.kit.recording import recorded_run
from tests.ui.inspections import SHAPES, Replies, answer, layer_view, tensor


def layer(values: object = None, **fields: object) -> LayerView:
    """Return a layer with an output of these values."""
    output = None if values is None else tensor(np.array(values, np.float32))
    shape = output.shape if output is not None else ()
    return msgspec.structs.replace(LayerView("a", "Dense", (), shape, output=output), **fields)


def view(name: str) -> LayerView:
    return layer_view(name, 1, with_tensors=True)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1.0, "1"),
        (-0.123456, "−0.123"),
        (123.4, "123"),
        (98765.4, "98765"),
        (123456.0, "1.2e+05"),
        (0.00012, "1.2e-04"),
        (float("nan"), "NaN"),
        (float("-inf"), "−∞"),
    ],
)
def test_figures_have_three_digits_and_at_most_8_cells(value: float, text: str) -> None:
    assert figure(value) == text
    assert len(text) <= 8


@pytest.mark.parametrize("longest", [1, 3, 5, 12, 28, 96])
def test_pictures_become_smaller_in_steps(longest: int) -> None:
    sides = picture_sides(longest)
    assert sides == sorted(sides, reverse=True)
    assert longest in sides
    assert min(sides) >= min(longest, 12)
    assert max(sides) <= 96


def test_units_are_listed_with_the_strongest_first() -> None:
    content = output_content(layer([0.5, -3, 2, float("nan")]), Scale.LAYER, 9, ())
    assert isinstance(content, Bars)
    assert list(content.channels) == [1, 2, 0, 3]
    assert content.limit == 3


def test_outputs_that_are_not_finite_are_drawn() -> None:
    content = output_content(layer(np.full((4, 4, 2), np.nan)), Scale.UNIT, 9, ())
    assert isinstance(content, Maps)
    assert content.limits.tolist() == [1, 1]
    assert content.note(0, 20) == "NaN"


def test_maps_with_channels_first_and_their_words() -> None:
    first = layer(np.zeros((2, 5, 6)), config={"data_format": "channels_first"})
    content = output_content(first, Scale.LAYER, 9, ())
    assert isinstance(content, Maps)
    assert content.shape == (5, 6)
    assert size_words(first) == "2 maps of 5×6"


def test_an_output_without_maps_and_several_outputs_are_sentences() -> None:
    assert "1×2×2×2×2" in str(output_content(view("odd"), Scale.LAYER, 9, ()))
    assert "no single output" in str(output_content(layer(), Scale.LAYER, 9, ()))


def test_dense_weights_are_pictures_of_the_maps_that_were_flattened() -> None:
    layers = [view(name) for name in SHAPES]
    assert origin_of(layers, "wide_flat") == (6, 6, 4)
    assert origin_of(layers, "odd") == (6, 6, 4)
    assert origin_of(layers, "joined") == (), "two inputs"
    assert origin_of(layers, "missing") == ()


def test_weights_of_one_channel_are_its_picture() -> None:
    some = msgspec.structs.replace(view("near"), weights={"kernel": tensor(np.ones((5, 5, 1, 1)))}, channel=7)
    content = weights_content(some, Scale.LAYER)
    assert isinstance(content, Maps)
    assert list(content.channels) == [7]
    assert weight_norm(some) is None


def test_the_norm_leaves_out_moving_statistics() -> None:
    norm = view("wide_norm")
    trained = [norm.weights[name].array() for name in ("gamma", "beta")]
    assert weight_norm(norm) == pytest.approx(np.sqrt(sum((each**2).sum() for each in trained)))
    assert isinstance(weights_content(norm, Scale.LAYER), Numbers)


def test_weights_of_an_odd_rank_are_named_with_their_shapes() -> None:
    odd = layer([1.0], weights={"table": Tensor((1, 1, 1, 1, 1), b"\0" * 4), "rate": Tensor((), b"\0" * 4)})
    assert "table 1×1×1×1×1, rate one number" in str(weights_content(odd, Scale.LAYER))


def test_the_global_scale_leaves_the_pixels_out() -> None:
    pixels = layer([255.0], kind="InputLayer", edges=(0.0, 255.0))
    assert overall_limit([pixels, layer([1.0], edges=(-7.0, 3.0))]) == 7


def points(*epochs: int) -> list[EvaluationPoint]:
    return [EvaluationPoint(VALIDATION, epoch) for epoch in epochs]


def test_the_epochs_played_next_are_asked_for_first() -> None:
    assert neighbours(points(1, 2, 5, 9), points(5)[0], 3) == points(9, 1, 2)
    assert neighbours(points(1, 2), points(7)[0], 3) == []
    assert previous(points(1, 2, 5), points(5)[0]) == points(2)[0]
    assert previous(points(1, 2, 5), points(1)[0]) is None


def test_replies_are_asked_for_in_order_once_and_the_oldest_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    replies, known = Replies(), threading.Event()
    gate = threading.Event()

    def reply(request: object) -> Reply | str:
        gate.wait(60)
        return replies(request)  # type: ignore[arg-type]

    answer(monkeypatch, reply)
    found = Inspections(recorded_run(), known.set)
    asks = [Ask(Inspect(b"", name)) for name in ("near", "wide", "odd")]
    found.want(asks[:2])
    found.want([*asks[2:], asks[1]])
    gate.set()
    while not found.is_idle:
        known.wait(0.01)
    assert [each.layer for each in replies.asked if isinstance(each, Inspect)] == ["near", "odd", "wide"]
    later = Ask(asks[0].request, state=7)
    assert found.get(later) == found.get(asks[0]), "that of an earlier state, until the new one has come"
    assert found.get(later, stale=False) is None
    monkeypatch.setattr(inspections, "KEPT_BYTES", 10)
    found.want([later])
    while not found.is_idle:
        known.wait(0.01)
    assert found.get(later, stale=False) is not None
    assert found.get(asks[1]) is None
    found.close()
