"""The words in assets/architecture.toml: why each preset's network looks the way it does."""

import tomllib
from functools import cache

import msgspec

from mnist_tui.resources import asset


class PresetExplanation(msgspec.Struct, frozen=True):
    """One preset in words; `layers` has a line for each layer's name, in the network's order."""

    summary: str
    layers: dict[str, str]


@cache
def explanations() -> dict[str, PresetExplanation]:
    """By preset."""
    return msgspec.convert(tomllib.loads(asset("architecture.toml").read_text("utf-8")), dict[str, PresetExplanation])


def preset_summary(preset: str) -> str:
    """What the network is, in a sentence; empty when nobody wrote one."""
    return explanations()[preset].summary if preset in explanations() else ""


def layer_reason(preset: str, layer: str) -> str:
    """Why a preset has a layer; empty when nobody wrote a line."""
    return explanations()[preset].layers.get(layer, "") if preset in explanations() else ""
