"""The arithmetic behind one cell of a layer's output, recomputed from the layer's inputs and weights.

ARITHMETIC maps a Keras class to the function that computes the terms: a new type of layer is an entry there.
"""

from collections.abc import Callable

import numpy as np

from mnist_tui.analysis.arithmetic import activations, moves, steps, sums, windows
from mnist_tui.analysis.arithmetic.layer import Cell, Layer, Terms, Unknown

TOLERANCE = 1e-5
"""Largest difference to the model's output that float32 explains, as a share of the terms' scale."""
ROUGH = 0.05
"""The same for bfloat16, which keeps 8 bits; beyond, the layer does something else than its class says."""

ARITHMETIC: dict[str, Callable[[Layer, Cell], Terms]] = {
    "Conv2D": sums.convolution,
    "DepthwiseConv2D": sums.depthwise_convolution,
    "SeparableConv2D": sums.separable_convolution,
    "Dense": sums.dense,
    **dict.fromkeys(sums.MERGES, sums.merge),
    "MaxPooling2D": windows.pooling,
    "AveragePooling2D": windows.pooling,
    "GlobalMaxPooling2D": windows.global_pooling,
    "GlobalAveragePooling2D": windows.global_pooling,
    "AdaptiveMaxPooling2D": windows.adaptive_pooling,
    "AdaptiveAveragePooling2D": windows.adaptive_pooling,
    "BatchNormalization": steps.batch_normalization,
    "LayerNormalization": steps.layer_normalization,
    "RMSNormalization": steps.layer_normalization,
    "GroupNormalization": steps.group_normalization,
    "UnitNormalization": steps.unit_normalization,
    "Normalization": steps.normalization,
    "Rescaling": steps.rescaling,
    "Identity": steps.unchanged,
    **dict.fromkeys(steps.IN_TRAINING, steps.unchanged),
    "Flatten": moves.reshape,
    "Reshape": moves.reshape,
    "Permute": moves.permute,
    "RepeatVector": moves.repeat_vector,
    "ZeroPadding2D": moves.zero_padding,
    "Cropping2D": moves.cropping,
    "UpSampling2D": moves.up_sampling,
    "Concatenate": moves.concatenate,
    "ReLU": activations.relu,
    "LeakyReLU": activations.leaky_relu,
    "PReLU": activations.prelu,
    "ELU": activations.elu,
    "Softmax": activations.softmax,
    "Activation": activations.named,
}
"""Functions that compute the terms of a cell, by Keras class."""


def terms_of(layer: Layer, cell: Cell) -> Terms:
    """Return the terms of one output cell; Unknown if the layer cannot be recomputed.

    The recomputed value equals the model's output to TOLERANCE of the terms' scale, if the model computes in float32.
    """
    compute = ARITHMETIC.get(layer.kind)
    if compute is None:
        return Unknown(f"the arithmetic of {layer.kind} is not shown here", value=None)
    if layer.config.get("data_format") == "channels_first" and layer.input.ndim > 1:
        return Unknown("its channels come first, and only channels that come last are shown", value=None)
    try:
        terms = compute(layer, cell)
    except (ArithmeticError, LookupError, TypeError, ValueError):  # a class of an own model may be named as Keras' are
        return Unknown(f"its numbers do not fit those of {layer.kind} in Keras", value=None)
    if difference(terms, layer, cell) > ROUGH:
        return Unknown(f"it computes something else than {layer.kind} in Keras", value=None)
    return terms


def difference(terms: Terms, layer: Layer, cell: Cell) -> float:
    """Return how far the recomputed value is from the model's output, as a share of the terms' scale or of 1."""
    if terms.value is None:
        return 0.0
    output = float(layer.output[cell])
    return abs(terms.value - output) / max(1.0, terms.scale) if np.isfinite(terms.value - output) else 0.0
