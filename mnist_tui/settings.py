"""Every setting of a run: its label, its default, its bounds and how it is read from text, declared once.

The command line, the home screen and `--config FILE.toml` all read settings through `SETTINGS` and turn them into a
`RunConfig` through `Catalogue.complete`, so that all of them accept and refuse the same things in the same words.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from mnist_tui.config import AUTO, ConfigError, DeviceChoice, EarlyStopping, Ensemble, Recipe, RunConfig

Value = str | int | float
OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop")
PRECISIONS = (AUTO, "float32", "bfloat16", "float16")
SWITCHES = (AUTO, "on", "off")


@dataclass(frozen=True)
class Setting:
    """One setting as a person meets it: `key` is the field of RunConfig, `help` what it does."""

    key: str
    label: str
    help: str
    kind: Literal[
        "preset", "optimizer", "data", "backend", "name", "integer", "real", "rule", "device", "choice", "ensemble"
    ]
    minimum: float = 0
    maximum: float = math.inf
    optional: bool = False
    choices: tuple[str, ...] = ()
    auto: bool = False
    """Whether "auto" may stand in place of a number."""

    def parse(self, text: str, catalogue: "Catalogue") -> Value | None:
        """Turn what was typed into a value; raises ConfigError with the reason when it cannot be used."""
        text = text.strip()
        if not text and self.optional:
            return None
        if self.auto and text == AUTO:
            return text
        if self.kind == "integer":
            return self._integer(text)
        if self.kind == "real":
            return self._real(text)
        if self.kind == "preset":
            return self._choice(text, tuple(catalogue.recipes))
        if self.kind == "optimizer":
            return self._choice(text, OPTIMIZERS)
        if self.kind == "choice":
            return self._choice(text, self.choices)
        if self.kind == "ensemble":
            for name in Ensemble.parse(text).named:
                self._choice(name, tuple(catalogue.recipes))
            return text
        if self.kind == "rule":
            EarlyStopping.parse(text)
            return text
        if self.kind == "device":
            DeviceChoice.parse(text)
            return text
        if self.kind == "backend":
            catalogue.check_backend(text)
            return text
        if self.kind == "data":
            catalogue.check_data(text)
            return text if text in catalogue.data_sets else str(Path(text).expanduser().resolve())
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", text):
            raise ConfigError(
                f"{self.key} {text!r} cannot be a run's name: use 1 to 40 letters, digits, dots, dashes or underscores"
            )
        if text == "last":
            raise ConfigError(f"{self.key} 'last' always means the newest run: choose another name")
        return text

    def _choice(self, text: str, choices: tuple[str, ...]) -> str:
        if text not in choices:
            raise ConfigError(f"{self.key} {text!r} is not known: choose one of {', '.join(choices)}")
        return text

    def _integer(self, text: str) -> int:
        try:
            value = int(text.replace(",", "").replace("_", ""))
        except ValueError:
            raise ConfigError(
                f"{self.key} {text!r} is not a whole number: give one from {self.minimum:,.0f} to {self.maximum:,.0f}"
            ) from None
        if not self.minimum <= value <= self.maximum:
            bounds = f"from {self.minimum:,.0f} to {self.maximum:,.0f}"
            raise ConfigError(f"{self.key} {value:,} is out of range: give a whole number {bounds}")
        return value

    def _real(self, text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not self.minimum <= value <= self.maximum:  # also false for nan
            raise ConfigError(
                f"{self.key} {text!r} cannot be used: give a number from {self.minimum:g} to {self.maximum:g}"
            )
        return value


SETTINGS: tuple[Setting, ...] = (
    Setting("preset", "preset", "network and the recipe that trains it", "preset"),
    Setting("epochs", "epochs", "passes over the training digits", "integer", 1, 10_000),
    Setting("batch_size", "batch size", "digits a training step", "integer", 1, 8_192),
    Setting("learning_rate", "learning rate", "peak step size of the optimizer", "real", 1e-8, 10),
    Setting("optimizer", "optimizer", "one of " + ", ".join(OPTIMIZERS), "optimizer"),
    Setting("seed", "seed", "decides split, weights, order and dropout", "integer", 0, 2**32 - 1),
    Setting("data", "data", "mnist, or an .npz laid out like Keras' mnist.npz", "data"),
    Setting("backend", "backend", "what Keras computes with: tensorflow, jax or torch", "backend"),
    Setting("limit", "limit", "use only so many digits (a quick try)", "integer", 120, 10_000_000, optional=True),
    Setting("name", "name", "what the run is called", "name", optional=True),
    Setting("early_stopping", "early stopping", "off, or loss:3: end after 3 epochs without a lower one", "rule"),
    Setting("checkpoint_seconds", "checkpoint seconds", "longest time between two checkpoints", "real", 0.1, 86_400),
    Setting("device", "device", "auto, cpu, gpu, gpu:1, or several, which share every batch: gpu:0,1", "device"),
    Setting("precision", "precision", "auto, float32, bfloat16 or float16", "choice", choices=PRECISIONS),
    Setting("jit", "jit", "auto, on or off: compile the training step with XLA", "choice", choices=SWITCHES),
    Setting(
        "steps_per_execution", "steps an execution", "steps taken at once, or auto", "integer", 1, 1_000, auto=True
    ),
    Setting("threads", "threads", "CPU threads of one operation, or auto", "integer", 1, 512, auto=True),
    Setting("ensemble", "ensemble", "networks that are asked together: 3, or presets best,fast, or auto", "ensemble"),
)
SETTINGS_BY_KEY: dict[str, Setting] = {setting.key: setting for setting in SETTINGS}
DEFAULTS: dict[str, Value] = {
    "preset": "fast",
    "seed": 0,
    "data": "mnist",
    "backend": "tensorflow",
    "early_stopping": "off",
    "checkpoint_seconds": 60.0,
    "device": AUTO,
    "precision": AUTO,
    "jit": AUTO,
    "steps_per_execution": AUTO,
    "threads": AUTO,
    "ensemble": AUTO,
}


@dataclass(frozen=True)
class Catalogue:
    """What can be chosen: the presets and the data sets, as handed in by whoever knows the engine."""

    recipes: Mapping[str, Recipe]
    data_sets: tuple[str, ...]
    check_data: Callable[[str], None]
    """Raises ConfigError when a data spec names nothing that can be read. Cheap: called at every key press."""
    check_backend: Callable[[str], None] = lambda _: None
    """Raises ConfigError when Keras cannot compute with that here, for want of a package. Cheap as well."""

    def default(self, key: str, preset: str) -> Value | None:
        """What a setting is when nobody says: the preset's own value where it has one."""
        value: Value | None = (
            getattr(self.recipes[preset], key, DEFAULTS.get(key)) if key not in DEFAULTS else DEFAULTS[key]
        )
        return None if key == "name" else value

    def complete(self, given: Mapping[str, str]) -> RunConfig:
        """Parse the settings that were given as text and fill in the rest; raises ConfigError for the first bad one."""
        for key in given:
            if key not in SETTINGS_BY_KEY:
                raise ConfigError(f"setting {key!r} is not known: choose from {', '.join(SETTINGS_BY_KEY)}")
        parsed = {key: SETTINGS_BY_KEY[key].parse(text, self) for key, text in given.items()}
        named = Ensemble.parse(str(parsed.get("ensemble") or AUTO)).named
        preset = str(parsed.get("preset") or (named[0] if named else DEFAULTS["preset"]))
        values = {setting.key: self.default(setting.key, preset) for setting in SETTINGS}
        values |= {key: value for key, value in parsed.items() if value is not None} | {"preset": preset}
        config = msgspec.convert(values, RunConfig)
        if len(config.members) > 1 and config.early_stopping != "off":
            raise ConfigError(
                f"early_stopping {config.early_stopping} cannot be used with an ensemble, whose networks all train for"
                " the same epochs: leave one of them out"
            )
        return config
