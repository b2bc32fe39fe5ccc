"""Explanations of presets and their layers, from assets/architecture.toml."""

import tomllib
from collections.abc import Sequence
from functools import cache

import msgspec

from mnist_tui.events import Layer
from mnist_tui.image_layout import MNIST_SHAPE, ImageShape
from mnist_tui.resources import asset

UNKNOWN = "A layer of your own, or one that is not explained here."


class PresetExplanation(msgspec.Struct, frozen=True):
    """Explanation of a preset."""

    summary: str = ""
    layers: dict[str, str] = {}
    """Explanations of single layers by name, in the network's order."""


class Explanations(msgspec.Struct, frozen=True):
    """All explanations."""

    layers: dict[str, str]
    """Explanations of layer types, by Keras class."""
    presets: dict[str, PresetExplanation]


@cache
def explanations() -> Explanations:
    """Load the explanations."""
    return msgspec.convert(tomllib.loads(asset("architecture.toml").read_text("utf-8")), Explanations)


def preset_explanation(preset: str) -> PresetExplanation:
    """Return the explanation of a preset; an empty one if it has none."""
    return explanations().presets.get(preset, PresetExplanation())


def layer_explanation(preset: str, layer: Layer, shape: ImageShape = MNIST_SHAPE) -> str:
    """Return the explanation of a preset's layer or else of its type; empty if there is neither.

    Explanations of single layers tell sizes, so they hold for images of MNIST's shape only. Without a preset, the layer
    is one of an own model, and a type without an explanation is said to have none.
    """
    own = preset_explanation(preset).layers.get(layer.name) if shape == MNIST_SHAPE else None
    return own or explanations().layers.get(layer.kind, "" if preset else UNKNOWN)


def layer_explanations(preset: str, layers: Sequence[Layer], shape: ImageShape = MNIST_SHAPE) -> list[str]:
    """Return an explanation for each layer; empty where an earlier layer has the same one."""
    texts = [layer_explanation(preset, layer, shape) for layer in layers]
    return ["" if text in texts[:place] else text for place, text in enumerate(texts)]
