"""Receptive fields: the part of the image that the value of one cell depends on.

A box of cells is traced back from layer to layer by kernel size, stride, dilation and padding (Araujo, Norris and Sim,
"Computing Receptive Fields of Convolutional Neural Networks", Distill 2019). Where branches meet, their boxes are
joined. A layer without a rule takes all of its input.
"""

from typing import Any

import keras

from mnist_tui.engine.models.layer_graph import LayerGraph, Node

Box = tuple[int, int, int, int]
"""Top, left, bottom (excluded) and right (excluded)."""

POINTWISE = frozenset(
    {
        *("Rescaling", "BatchNormalization", "Activation", "ReLU", "LeakyReLU", "PReLU", "ELU"),
        *("Dropout", "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "AlphaDropout"),
        *("ActivityRegularization", "Identity", "Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"),
    }
)
"""Classes of layers and operations whose value at a position depends on that position of their inputs only."""
WINDOWS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
)


def receptive_field(graph: LayerGraph, name: str, cell: tuple[int, ...]) -> Box:
    """Return the box of pixels that a cell depends on, inside the image.

    Args:
        graph: Layers of the model. Its first one is the input `(height, width, channels)`.
        name: Name of a node.
        cell: Row and column in its map; else empty, for a value that depends on all of the layer's inputs.
    """
    nodes = {node.name: node for node in graph.nodes}
    places = {node.name: place for place, node in enumerate(graph.nodes)}
    start = _whole(nodes[name])
    needed: dict[str, Box | None] = {name: (cell[0], cell[1], cell[0] + 1, cell[1] + 1) if len(cell) == 2 else start}
    image = graph.nodes[0]
    found: Box | None = None
    while needed:
        name = max(needed, key=places.__getitem__)  # all that take its output are done
        box, node = needed.pop(name), nodes[name]
        if not node.inputs:
            if node is image:
                found = box
            continue
        for taken in node.inputs:
            wanted = _traced(node, box, nodes[taken])
            needed[taken] = _joined(needed[taken], wanted) if taken in needed else wanted
    whole = _whole(image)
    assert whole is not None
    return whole if found is None else found


def _traced(node: Node, box: Box | None, taken: Node) -> Box | None:
    """Return the cells of an input that a box of a node's output depends on; None for an input without a map."""
    whole = _whole(taken)
    if box is None or whole is None:
        return whole
    operation = node.operation
    kind, is_same_size = type(operation).__name__, whole == _whole(node)
    if getattr(operation, "data_format", "channels_last") != "channels_last":
        return whole
    if isinstance(operation, WINDOWS):
        return _windows(operation, box, whole)
    if kind == "ZeroPadding2D":
        return _clipped(_moved(box, -operation.padding[0][0], -operation.padding[1][0]), whole)
    if kind == "Cropping2D":
        return _clipped(_moved(box, operation.cropping[0][0], operation.cropping[1][0]), whole)
    if kind == "UpSampling2D" and operation.interpolation == "nearest":
        rows, columns = operation.size
        return box[0] // rows, box[1] // columns, (box[2] - 1) // rows + 1, (box[3] - 1) // columns + 1
    by_position = kind in POINTWISE or (
        kind in ("Concatenate", "LayerNormalization", "Softmax", "Dense") and _is_along_channels(node)
    )
    return box if by_position and is_same_size else whole


def _windows(operation: Any, box: Box, whole: Box) -> Box:
    sizes = getattr(operation, "kernel_size", None) or operation.pool_size
    spreads = getattr(operation, "dilation_rate", (1, 1))
    low, high = list(box[:2]), list(box[2:])
    for axis in range(2):
        reach, stride = (sizes[axis] - 1) * spreads[axis] + 1, operation.strides[axis]
        before = 0
        if operation.padding == "same":
            cells = whole[2 + axis]
            before = max((-(-cells // stride) - 1) * stride + reach - cells, 0) // 2
        low[axis] = low[axis] * stride - before
        high[axis] = (high[axis] - 1) * stride - before + reach
    return _clipped((low[0], low[1], high[0], high[1]), whole)


def _is_along_channels(node: Node) -> bool:
    axis = getattr(node.operation, "axis", -1)
    axes = tuple(axis) if isinstance(axis, list | tuple) else (axis,)
    return axes in ((-1,), (3,))


def _whole(node: Node) -> Box | None:
    shape = node.shapes[0] if len(node.shapes) == 1 else ()
    return (0, 0, shape[0], shape[1]) if len(shape) == 3 and None not in shape else None  # type: ignore[return-value]


def _moved(box: Box, down: int, right: int) -> Box:
    return box[0] + down, box[1] + right, box[2] + down, box[3] + right


def _clipped(box: Box, whole: Box) -> Box:
    """Return the part of a box inside another; at least one cell, though a window of zeros depends on none."""
    top, left = min(max(box[0], 0), whole[2] - 1), min(max(box[1], 0), whole[3] - 1)
    return top, left, max(min(box[2], whole[2]), top + 1), max(min(box[3], whole[3]), left + 1)


def _joined(one: Box | None, other: Box | None) -> Box | None:
    if one is None or other is None:
        return None
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])
