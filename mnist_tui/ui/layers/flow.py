"""The graph of a model as rows and lanes: branches stand side by side between a fork and the layer that joins them."""

from collections.abc import Sequence
from dataclasses import dataclass

from mnist_tui.control.protocol import LayerView


@dataclass(frozen=True)
class Place:
    """A layer's place in the flow."""

    layer: LayerView
    row: int
    lane: int


def places(layers: Sequence[LayerView]) -> list[Place]:
    """Return the place of each layer, in the same order: each after its inputs.

    A layer is one row below the last of its inputs. The first layer that takes an output stays in its lane, each
    further one begins a lane, and a layer with several inputs takes the leftmost of theirs.
    """
    found: dict[str, Place] = {}
    continued: set[str] = set()
    last_rows: dict[int, int] = {}
    open_lanes: set[int] = set()
    for layer in layers:
        inputs = [found[name] for name in layer.inputs if name in found]
        row = 1 + max((each.row for each in inputs), default=-1)
        free = [each for each in inputs if each.layer.name not in continued]
        if free:
            lane = min(each.lane for each in free)
            open_lanes -= {each.lane for each in free}
        else:
            lane = next(n for n in range(len(layers)) if n not in open_lanes and last_rows.get(n, -1) < row)
        continued.update(each.layer.name for each in free)
        open_lanes.add(lane)
        last_rows[lane] = max(row, last_rows.get(lane, -1))
        found[layer.name] = Place(layer, row, lane)
    return list(found.values())


def branch_rows(placed: Sequence[Place]) -> set[int]:
    """Return the rows in which branches stand side by side, up to the layers that join them."""
    last = 1 + max((place.row for place in placed), default=0)
    rows: set[int] = set()
    for place in placed:
        if place.lane:
            taken = [each.row for each in placed if place.layer.name in each.layer.inputs]
            rows.update(range(place.row, min(taken, default=last)))
    return rows
