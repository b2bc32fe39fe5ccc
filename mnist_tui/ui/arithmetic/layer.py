"""The layer of an inspection in the form that the arithmetic takes."""

import numpy as np

from mnist_tui.analysis.arithmetic.layer import Floats, Layer
from mnist_tui.control.protocol import Inspection, LayerView


def layer_of(inspection: Inspection) -> Layer:
    """Return the layer that was asked for, with the outputs of those that feed it."""
    *feeding, asked = inspection.layers
    outputs = {each.name: _output(each) for each in feeding}
    return Layer(
        kind=asked.kind,
        inputs=tuple(outputs[name] for name in asked.inputs),
        output=_output(asked),
        config=asked.config,
        weights={name: tensor.array().astype(np.float64) for name, tensor in asked.weights.items()},
        channel=asked.channel,
    )


def _output(layer: LayerView) -> Floats:
    return layer.output.array().astype(np.float64) if layer.output is not None else np.zeros(layer.shape)
