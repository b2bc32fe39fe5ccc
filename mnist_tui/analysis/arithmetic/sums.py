"""Layers that add up products: convolutions, dense layers, and those that merge several inputs."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.arithmetic.activations import SOFTMAX, Activation, Softmax, activation_of
from mnist_tui.analysis.arithmetic.layer import Cell, Floats, Layer, Terms
from mnist_tui.analysis.arithmetic.windows import Window, window_of


@dataclass(frozen=True, eq=False)
class Sum(Terms):
    """A weighted sum, a bias, and an activation."""

    bias: float
    total: float
    """The sum and the bias, which the activation takes."""
    activation: Activation | None
    """None for softmax, or if it is not known."""
    softmax: Softmax | None
    """Softmax over the totals of all units or channels, if that is the activation."""
    has_bias: bool


@dataclass(frozen=True, eq=False)
class Convolution(Sum):
    """A cell of a convolution, as one product of patch and kernel for each of n input channels."""

    window: Window
    patch: Floats
    """Input values, (height, width, n); 0 in the padding."""
    kernel: Floats
    """Weights, (height, width, n)."""
    sources: tuple[int, ...]
    """Input channel of each of the n."""
    mixing: Floats | None
    """Weight of each channel's sum, (n,), in separable convolutions."""

    @property
    def products(self) -> Floats:
        """Patch times kernel, (height, width, n)."""
        return self.patch * self.kernel

    @property
    def channel_sums(self) -> Floats:
        """Share of each channel in the sum, (n,)."""
        sums: Floats = self.products.sum(axis=(0, 1))
        return sums if self.mixing is None else sums * self.mixing


@dataclass(frozen=True, eq=False)
class WeightedSum(Sum):
    """A unit of a dense layer."""

    inputs: Floats
    """Shape (n,)."""
    weights: Floats
    """Shape (n,)."""
    prefix: Cell
    """Position of the vector of inputs in the layer's input; empty if that is a vector."""

    @property
    def products(self) -> Floats:
        """Share of each input in the sum, (n,)."""
        return self.inputs * self.weights


@dataclass(frozen=True, eq=False)
class Merged(Terms):
    """The same cell of several inputs, merged into one value."""

    operands: tuple[float, ...]
    cells: tuple[Cell, ...]
    """Cell of each operand; an axis of length 1 is repeated."""
    sign: str
    """Sign between the operands: +, −, ×; a comma for the mean, the maximum and the minimum."""


def convolution(layer: Layer, cell: Cell) -> Terms:
    """Return the terms of Conv2D, also with strides, dilation, padding and groups."""
    kernel, output = _kernels(layer, "kernel", cell[-1])
    per_group = kernel.shape[2]
    filters = layer.output.shape[-1]
    groups = int(layer.config.get("groups", 1))
    group = cell[-1] * groups // filters
    sources = range(group * per_group, (group + 1) * per_group)
    window = _window(layer, cell, kernel)
    patches = window.patch(layer.input, fill=0.0)
    logits = None
    if layer.config.get("activation") == SOFTMAX:
        logits = _logits(layer, cell, lambda: _all_totals(patches, layer, groups))
    return _convolved(layer, cell, window, patches[..., sources], kernel[..., output], tuple(sources), None, logits)


def depthwise_convolution(layer: Layer, cell: Cell) -> Terms:
    """Return the terms of DepthwiseConv2D: each output channel sees one input channel."""
    kernel = layer.weights["kernel"]
    source, which = divmod(cell[-1], int(layer.config.get("depth_multiplier", 1)))
    window = _window(layer, cell, kernel)
    patch = window.patch(layer.input, fill=0.0)[..., source : source + 1]
    return _convolved(layer, cell, window, patch, kernel[:, :, source, which : which + 1], (source,), None, None)


def separable_convolution(layer: Layer, cell: Cell) -> Terms:
    """Return the terms of SeparableConv2D: each channel filtered by itself, then a weighted sum of the channels."""
    kernel = layer.weights["depthwise_kernel"]
    multiplier = kernel.shape[3]
    flat = kernel.reshape(*kernel.shape[:2], -1)
    pointwise, output = _kernels(layer, "pointwise_kernel", cell[-1])
    window = _window(layer, cell, kernel)
    sources = tuple(each // multiplier for each in range(flat.shape[2]))
    patch = window.patch(layer.input, fill=0.0)[..., sources]
    return _convolved(layer, cell, window, patch, flat, sources, pointwise[0, 0, :, output], None)


def dense(layer: Layer, cell: Cell) -> Terms:
    """Return the terms of Dense."""
    kernel, output = _kernels(layer, "kernel", cell[-1])
    inputs, weights = layer.input[cell[:-1]], kernel[:, output]
    products = inputs * weights
    bias = _bias(layer, cell[-1])
    total = math.fsum(products) + bias
    logits = None
    if layer.config.get("activation") == SOFTMAX:
        every = layer.weight("bias", layer.output.shape[-1], 0.0)
        logits = _logits(layer, cell, lambda: inputs @ layer.weights["kernel"] + every, total)
    activation, value, softmax = _finished(layer, cell, total, logits)
    return WeightedSum(
        bias,
        total,
        activation,
        softmax,
        "bias" in layer.weights,
        inputs,
        weights,
        cell[:-1],
        value=value,
        scale=float(np.abs(products).sum()) + abs(bias),
    )


def merge(layer: Layer, cell: Cell) -> Terms:
    """Return the terms of Add, Average, Multiply, Subtract, Maximum and Minimum."""
    sign, combine = MERGES[layer.kind]
    cells = tuple(
        tuple(0 if length == 1 else place for place, length in zip(cell[-each.ndim :], each.shape, strict=True))
        for each in layer.inputs
    )
    operands = [float(each[where]) for each, where in zip(layer.inputs, cells, strict=True)]
    value = float(combine(np.array(operands)))
    return Merged(tuple(operands), cells, sign, value=value, scale=max(abs(value), sum(map(abs, operands))))


MERGES: dict[str, tuple[str, Callable[[Floats], Floats]]] = {
    "Add": ("+", np.sum),
    "Subtract": ("−", lambda x: x[0] - x[1]),
    "Multiply": ("×", np.prod),
    "Average": (",", np.mean),
    "Maximum": (",", np.max),
    "Minimum": (",", np.min),
}
"""Sign between the inputs, and the function, of layers that merge them."""


def _kernels(layer: Layer, name: str, channel: int) -> tuple[Floats, int]:
    """Return a kernel whose last axis is the output channel, and where that channel is in it."""
    kernel = layer.weights[name]
    if layer.channel is None:
        return kernel, channel
    if layer.channel != channel:
        raise ValueError(f"the weights are those of channel {layer.channel}, not {channel}")
    return (kernel if kernel.shape[-1] == 1 else kernel[..., None]), 0


def _bias(layer: Layer, channel: int) -> float:
    bias = layer.weights.get("bias")
    return 0.0 if bias is None else float(bias.reshape(-1)[channel if bias.size > 1 else 0])


def _window(layer: Layer, cell: Cell, kernel: NDArray[np.floating]) -> Window:
    config, (height, width) = layer.config, kernel.shape[:2]
    return window_of(
        cell, layer.input.shape, (height, width), config["strides"], config["padding"], config.get("dilation_rate", 1)
    )


def _all_totals(patches: Floats, layer: Layer, groups: int) -> Floats:
    kernel = layer.weights["kernel"]
    parts = zip(np.split(patches, groups, axis=-1), np.split(kernel, groups, axis=-1), strict=True)
    totals = np.concatenate([np.einsum("hwc,hwcf->f", patch, part) for patch, part in parts])
    return np.asarray(totals + layer.weight("bias", len(totals), 0.0))


def _logits(layer: Layer, cell: Cell, compute: Callable[[], Floats], total: float = 0.0) -> Floats:
    """Compute the logits of all units; if only one unit's weights are known, infer the others' from the outputs."""
    if layer.channel is None:
        return compute()
    logs = np.log(np.maximum(layer.output[cell[:-1]], np.finfo(np.float32).tiny))
    return np.asarray(logs - logs[cell[-1]] + total)


def _finished(
    layer: Layer, cell: Cell, total: float, logits: Floats | None
) -> tuple[Activation | None, float | None, Softmax | None]:
    """Return the activation of a sum, the value after it, and the softmax if that is the activation."""
    if logits is not None:
        softmax = Softmax(logits, cell[-1])
        return None, float(softmax.probabilities()[cell[-1]]), softmax
    activation = activation_of(layer.config)
    return activation, activation(total) if activation is not None else None, None


def _convolved(
    layer: Layer,
    cell: Cell,
    window: Window,
    patch: Floats,
    kernel: Floats,
    sources: tuple[int, ...],
    mixing: Floats | None,
    logits: Floats | None,
) -> Convolution:
    products = patch * kernel if mixing is None else patch * kernel * mixing
    bias = _bias(layer, cell[-1])
    total = math.fsum(products.reshape(-1)) + bias
    activation, value, softmax = _finished(layer, cell, total, logits)
    return Convolution(
        bias,
        total,
        activation,
        softmax,
        "bias" in layer.weights,
        window,
        patch,
        kernel,
        sources,
        mixing,
        value=value,
        scale=float(np.abs(products).sum()) + abs(bias),
    )
