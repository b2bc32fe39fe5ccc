"""The wall's contents made from an inspection, and the words about them."""

import math
from collections.abc import Sequence

import numpy as np

from mnist_tui.control.protocol import Excitations, LayerView
from mnist_tui.image_layout import ImageShape
from mnist_tui.render.feature_maps import Scale, channel_maps, kernel_pictures, limits_of
from mnist_tui.render.text import shape as shape_words
from mnist_tui.ui.layers.contents import Bars, Content, Excited, Maps, Numbers, Probabilities


def output_content(layer: LayerView, scale: Scale, overall: float, names: Sequence[str]) -> Content | str:
    """Return the output of a layer as maps or bars; a sentence if it has neither.

    Args:
        layer: The layer, with its output.
        scale: What has the full colour.
        overall: Largest value of all layers, for the global scale.
        names: Class names, if the layer is the last one.
    """
    if layer.output is None:
        return f"{layer.name} has no single output to show."
    output = layer.output.array()
    if output.ndim == 1:
        if len(names) == len(output) and _are_probabilities(layer):
            return Probabilities(output, tuple(names))
        finite = np.nan_to_num(output)
        limit = overall if scale is Scale.GLOBAL else float(np.abs(finite).max(initial=0.0))
        return Bars(output, np.argsort(-np.abs(finite), kind="stable").tolist(), limit or 1.0)
    maps = channel_maps(output, channels_first=layer.config.get("data_format") == "channels_first")
    if maps is None or not maps.size:
        return f"An output of shape {shape_words(layer.shape)} has no maps: its statistics are on the left."
    return Maps(maps, range(len(maps)), limits_of(maps, scale, overall), bool(layer.edges[0] < 0))


def _are_probabilities(layer: LayerView) -> bool:
    output = layer.output.array() if layer.output is not None else np.zeros(0)
    return bool((output >= 0).all() and abs(output.sum() - 1) < 1e-3)


def weights_content(layer: LayerView, scale: Scale, origin: Sequence[int] = ()) -> Content | str:
    """Return the weights of a layer: kernels as pictures, one value a channel as numbers; else a sentence.

    Args:
        layer: The layer, with its weights.
        scale: What has the full colour; the global scale is that of the layer.
        origin: Shape of the maps that were flattened to its input, if so.
    """
    arrays = {name: tensor.array() for name, tensor in layer.weights.items()}
    for array in arrays.values():
        pictures = kernel_pictures(array, origin) if array.ndim > 1 else None
        if pictures is not None:
            channels = range(len(pictures)) if layer.channel is None else (layer.channel,)
            is_signed = bool((np.nan_to_num(array) < 0).any())
            limits = limits_of(pictures, Scale.UNIT if scale is Scale.UNIT else Scale.LAYER, 0.0)
            return Maps(pictures, channels, limits, is_signed)
    vectors = {name: array for name, array in arrays.items() if array.ndim == 1 and array.size}
    lengths = {len(array) for array in vectors.values()}
    if len(lengths) == 1:
        return Numbers(vectors)
    if arrays:
        shapes = ", ".join(f"{name} {shape_words(array.shape) or 'one number'}" for name, array in arrays.items())
        return f"The weights of {layer.name} have no pictures: {shapes}."
    return f"{layer.name} has no weights: {layer.kind} computes its output from its input alone."


def excited_content(found: Excitations, image_shape: ImageShape, names: Sequence[str]) -> Content | str:
    """Return the images that excite a channel most; a sentence if none does."""
    if not found.images:
        return "No validation image excites this channel." if found.progress >= 1 else "Searching …"
    shape = image_shape[:2] if image_shape[2] == 1 else image_shape
    images = np.stack([np.frombuffer(each.image, np.uint8).reshape(shape) for each in found.images])
    return Excited(found, images, tuple(names))


def origin_of(layers: Sequence[LayerView], name: str) -> tuple[int, ...]:
    """Return the shape of the maps that were flattened to the input of a layer; empty if there are none."""
    known = {layer.name: layer for layer in layers}
    layer = known.get(name)
    while layer is not None and len(layer.inputs) == 1:
        before = known.get(layer.inputs[0])
        if before is None or (layer.name != name and math.prod(before.shape) != math.prod(layer.shape)):
            break
        if len(before.shape) == 3:
            return before.shape
        layer = before
    return ()


def overall_limit(layers: Sequence[LayerView]) -> float:
    """Return the largest absolute output of all layers except the pixels themselves."""
    edges = [abs(edge) for layer in layers if layer.kind != "InputLayer" for edge in layer.edges]
    return max((edge for edge in edges if math.isfinite(edge)), default=0.0)


def first_layer(layers: Sequence[LayerView]) -> str:
    """Return the name of the layer to begin with: the first that has a kernel, else the last."""
    return next((layer.name for layer in layers if "Conv" in layer.kind), layers[-1].name)


def channel_count(layer: LayerView) -> int:
    """Return the number of channels or units of a layer's output."""
    if not layer.shape:
        return 0
    return layer.shape[0] if layer.config.get("data_format") == "channels_first" else layer.shape[-1]


def weight_norm(layer: LayerView) -> float | None:
    """Return the Euclidean norm of a layer's weights, as far as they are trained; None if not all of them are known."""
    arrays = [tensor.array() for name, tensor in layer.weights.items() if not name.startswith("moving_")]
    if layer.channel is not None or not arrays:
        return None
    return math.sqrt(sum(float(np.square(array, dtype=np.float64).sum()) for array in arrays))
