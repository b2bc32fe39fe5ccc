"""The graph of a model as rows and lanes."""

from mnist_tui.control.protocol import LayerView
from mnist_tui.ui.layers.flow import branch_rows, places


def graph(*layers: tuple[str, str]) -> list[LayerView]:
    """Return layers given as (name, names of its inputs)."""
    return [LayerView(name, "Dense", tuple(inputs.split()), (3,)) for name, inputs in layers]


def laid(*layers: tuple[str, str]) -> dict[str, tuple[int, int]]:
    return {place.layer.name: (place.row, place.lane) for place in places(graph(*layers))}


def test_a_chain_is_one_lane() -> None:
    assert laid(("a", ""), ("b", "a"), ("c", "b")) == {"a": (0, 0), "b": (1, 0), "c": (2, 0)}


def test_towers_stand_side_by_side_until_they_are_joined() -> None:
    towers = (("in", ""), ("n1", "in"), ("n2", "n1"), ("w1", "in"), ("cat", "n2 w1"), ("out", "cat"))
    assert laid(*towers) == {"in": (0, 0), "n1": (1, 0), "n2": (2, 0), "w1": (1, 1), "cat": (3, 0), "out": (4, 0)}
    assert branch_rows(places(graph(*towers))) == {1, 2}


def test_a_skip_connection_takes_no_lane() -> None:
    lanes = laid(("in", ""), ("conv", "in"), ("add", "in conv"), ("out", "add"))
    assert {lane for _, lane in lanes.values()} == {0}


def test_lanes_are_used_again_after_a_join() -> None:
    lanes = laid(
        ("in", ""), ("a", "in"), ("b", "in"), ("add", "a b"), ("c", "add"), ("d", "add"), ("e", "add"), ("f", "c d e")
    )
    assert [lanes[name][1] for name in "abcdef"] == [0, 1, 0, 1, 2, 0]


def test_two_inputs_begin_a_lane_each() -> None:
    assert laid(("a", ""), ("b", ""), ("cat", "a b")) == {"a": (0, 0), "b": (0, 1), "cat": (1, 0)}
