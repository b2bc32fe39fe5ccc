"""A run's settings, and what those stand for that are more than a number: when to stop, which networks and devices.

How they are read from text is in settings.py.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

AUTO = "auto"
"""Of a setting: chosen for the device that is found (engine/hardware/devices.py)."""
MOST_DEVICES = 16
MOST_MEMBERS = 100
MOST_NAMED = 3
"""Different networks of an ensemble that are named where there is little room."""


class ConfigError(Exception):
    """A setting that cannot be used. The message is one sentence: what is wrong, where, and how to mend it."""


class RunConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A complete set of settings: everything that decides what a run computes."""

    preset: str
    """Name of the network and the recipe that trains it."""
    epochs: int
    """Passes over the training digits."""
    batch_size: int
    """Digits a training step."""
    learning_rate: float
    """Peak (or constant) step size of the optimizer."""
    optimizer: str
    """One of OPTIMIZERS (settings.py)."""
    seed: int
    """Decides the split, the first weights, the order of the digits and the dropped units."""
    data: str
    """Name of a data set, or the path of an .npz file laid out like Keras' mnist.npz."""
    backend: str = "tensorflow"
    """What Keras computes with: a name in BACKENDS (engine/backends)."""
    limit: int | None = None
    """Use only so many training digits (validation included), chosen evenly over the classes; None: all."""
    name: str | None = None
    """What the run is called; None: a name is made up."""
    early_stopping: str = "off"
    """What ends the run before its last epoch, as EarlyStopping reads it."""
    checkpoint_seconds: float = 60.0
    """Longest time between two checkpoints: what a crash can cost."""
    device: str = AUTO
    """What to train on, as DeviceChoice reads it."""
    precision: str = AUTO
    """What the layers compute in: float32, bfloat16 or float16. Weights are kept in float32 whatever it is."""
    jit: str = AUTO
    """Whether a step is compiled by XLA: on or off."""
    steps_per_execution: int | str = AUTO
    """Training steps that Keras takes at once. Figures, schedule and steering come once for all of them."""
    threads: int | str = AUTO
    """Threads that one operation may use on a CPU."""
    ensemble: str = "1"
    """Networks that are trained one after the other and asked together, as Ensemble reads it."""

    @property
    def members(self) -> tuple[str, ...]:
        """Presets of the networks that are trained, in their order; `epochs` are each one's."""
        return Ensemble.parse(self.ensemble).presets(self.preset)

    @property
    def epochs_in_all(self) -> int:
        """Of all networks together."""
        return self.epochs * len(self.members)

    @property
    def networks(self) -> str:
        """The members in a word or two: best, 3 × best, best + fast."""
        names = self.members
        if len(set(names)) > 1:
            return " + ".join(names) if len(names) <= MOST_NAMED else f"{len(names)} networks"
        return names[0] if len(names) == 1 else f"{len(names)} × {names[0]}"


@dataclass(frozen=True)
class EarlyStopping:
    """End the run when `metric` of the validation digits was not better for `patience` epochs in a row."""

    metric: Literal["loss", "accuracy"]
    patience: int

    @classmethod
    def parse(cls, text: str) -> "EarlyStopping | None":
        """Read "off", "loss:3" or "accuracy:5"; None for "off". Raises ConfigError."""
        if text == "off":
            return None
        found = re.fullmatch(r"(loss|accuracy):([1-9][0-9]{0,3})", text)
        if found is None:
            raise ConfigError(
                f"early_stopping {text!r} cannot be used: give off, or loss or accuracy and the epochs to wait for a"
                " better one, like loss:3"
            )
        return cls("loss" if found[1] == "loss" else "accuracy", int(found[2]))

    def is_met(self, values: Sequence[float]) -> bool:
        """Whether `patience` epochs came after the best of these values, one an epoch; NaN is never the best."""
        sign = -1 if self.metric == "loss" else 1
        ranked = [sign * value if value == value else -math.inf for value in values]
        return bool(ranked) and len(ranked) - 1 - ranked.index(max(ranked)) >= self.patience


@dataclass(frozen=True)
class Ensemble:
    """So many networks of the run's preset, or one of each preset that is named. They differ in their seeds.

    All train for the run's epochs, with its batch size, learning rate and optimizer; where those are not given, they
    are the recipe of the first one's preset.
    """

    count: int
    named: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Ensemble":
        """Read "3", "best,fast", or "auto", which is one until it is settled (Recipe); raises ConfigError."""
        if text == AUTO:
            return cls(1)
        if re.fullmatch(r"[0-9]{1,6}", text, re.ASCII):
            if not 1 <= int(text) <= MOST_MEMBERS:
                raise ConfigError(f"ensemble {text} is out of range: give 1 to {MOST_MEMBERS} networks")
            return cls(int(text))
        named = tuple(text.split(","))
        if not 2 <= len(named) <= MOST_MEMBERS or not all(re.fullmatch(r"[a-z][a-z0-9_-]*", name) for name in named):
            raise ConfigError(f"ensemble {text!r} cannot be used: give a number like 3, or presets like best,fast")
        return cls(len(named), named)

    def presets(self, preset: str) -> tuple[str, ...]:
        """Of each network, where `preset` is the run's."""
        return self.named or (preset,) * self.count


@dataclass(frozen=True)
class DeviceChoice:
    """Devices of one kind by their numbers; no numbers: the first one. `kind` auto: a GPU where there is one."""

    kind: Literal["auto", "cpu", "gpu"]
    numbers: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "DeviceChoice":
        """Read "auto", "cpu", "gpu", "gpu:1" or "gpu:0,1"; raises ConfigError.

        A CPU is cut into as many devices as it is given numbers ("cpu:0,1"): how a run on several GPUs is tried
        without any, spelled like one.
        """
        found = re.fullmatch(r"(auto|cpu|gpu)|(cpu|gpu):([0-9]{1,3}(?:,[0-9]{1,3})*)", text, re.ASCII)
        if found is None:
            raise ConfigError(f"device {text!r} cannot be used: give auto, cpu, gpu, or numbers like gpu:1 or gpu:0,1")
        kind: Literal["auto", "cpu", "gpu"] = "auto" if text == AUTO else "cpu" if text.startswith("cpu") else "gpu"
        numbers = tuple(int(number) for number in found[3].split(",")) if found[3] else ()
        if len(set(numbers)) < len(numbers):
            raise ConfigError(f"device {text!r} names a device twice: give each number once")
        if kind == "cpu" and numbers and numbers != tuple(range(len(numbers))):
            raise ConfigError(f"device {text!r} cannot be used: count a CPU's devices from 0 on, like cpu:0,1")
        if len(numbers) > MOST_DEVICES:
            raise ConfigError(f"device {text!r} names too many devices: give at most {MOST_DEVICES}")
        return cls(kind, numbers)

    @property
    def count(self) -> int:
        """How many devices."""
        return max(1, len(self.numbers))


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """What the outside needs to know of a preset: its name, a line about it, and the defaults it brings."""

    name: str
    summary: str
    epochs: int
    batch_size: int
    learning_rate: float
    optimizer: str
    gpu_networks: int = 1
    """On a GPU so many are trained one after the other and asked together, if nobody says how many."""

    def settled(self, config: RunConfig, *, on_gpu: bool, processes: int = 1) -> RunConfig:
        """The settings with the number of networks that are trained here, where they leave it open."""
        if config.ensemble != AUTO:
            return config
        alone = not on_gpu or processes > 1 or config.early_stopping != "off"
        return msgspec.structs.replace(config, ensemble=str(1 if alone else self.gpu_networks))
