"""RunConfig: the settings of a run, and the values among them that have a structure of their own.

How settings are read from text is in settings.py.
"""

import contextlib
import math
import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from mnist_tui.image_layout import MNIST_SHAPE, ImageShape
from mnist_tui.untrusted import sanitize

AUTO = "auto"
"""Value of a setting that the engine chooses for the device (engine/backends/planning.py)."""
IMPORTED = "imported"
"""Preset of a run that was imported from a log of another program."""
MAX_DEVICES = 16
MAX_MEMBERS = 100
MAX_QUOTED = 60
NAMED_MODELS = 3
"""Maximum number of different ensemble members that are listed by name."""


ROUNDING = 1e-9
"""Percent by which an accuracy may miss its target, as 0.995 * 100 does."""
KEPT_MEGABYTES = 100
"""Megabytes of all kept epochs of a run, unless the setting gives others."""


class ConfigError(Exception):
    """A setting cannot be used. The message is one line: what is wrong, where, and how to fix it."""


class DataFacts(msgspec.Struct, frozen=True):
    """Checksum, classes and image shape of a data set."""

    checksum: str
    """SHA-256 over the arrays."""
    classes: int
    image_shape: ImageShape = MNIST_SHAPE
    """Height, width and channels."""


def shortened(text: str) -> str:
    """Return what a user gave as a message names it, which is shorter if it is very long."""
    return text if len(text) <= MAX_QUOTED else text[: MAX_QUOTED - 1] + "…"


def quoted(text: str) -> str:
    """Return `shortened` text in quotes."""
    return repr(shortened(text))


class RunConfig(msgspec.Struct, frozen=True, kw_only=True):
    """All settings that decide what a run computes."""

    preset: str
    """Name of the model and its training recipe."""
    model: str | None = None
    """Own model in place of the preset's, which ModelChoice parses; the preset still gives the recipe."""
    epochs: int
    """Passes over the training images."""
    batch_size: int
    """Images per training step."""
    learning_rate: float
    """Maximum of the learning-rate schedule."""
    optimizer: str
    """One of OPTIMIZERS (settings.py)."""
    seed: int
    """Seed of the split, the initial weights, the order of the images and dropout."""
    data: str
    """Name of a data set, or path of a file or folder that engine/data/readers reads."""
    backend: str = "tensorflow"
    """Keras backend: a name in BACKENDS (engine/backends)."""
    labels: Literal["given", "reviewed"] = "given"
    """Labels of the training images: as given, or as reviewed, without unreadable images."""
    test: Literal["auto", "off"] = "auto"
    """off: no test, so that images which would be held out for it are for training."""
    limit: int | None = None
    """Number of training images to use, validation included, chosen evenly over the classes; None for all."""
    name: str | None = None
    """Name of the run; None to make one up."""
    early_stopping: str = "off"
    """Rule that EarlyStopping parses."""
    until: str = "off"
    """Target that Target parses: the run ends once a validation reaches it."""
    on_end: str = "off"
    """Command that `command_words` parses: run once the run ends, fails, diverges, stalls or crashes."""
    checkpoint_seconds: float = 60.0
    """Longest time between two checkpoints, which is what a crash can cost."""
    kept_epochs: str = "40:100"
    """Epochs whose weights are kept, as KeptEpochs parses it."""
    rolling: float = 2.0
    """Percent of the training time for predicting validation images between steps; 0: none."""
    device: str = AUTO
    """Device that DeviceChoice parses."""
    precision: str = AUTO
    """Compute dtype of the layers: float32, bfloat16 or float16. Weights are always float32."""
    jit_compile: str = AUTO
    """on or off: compile the training step with XLA."""
    steps_per_execution: int | str = AUTO
    """Training steps that Keras runs per call. Metrics, schedule and steering come once per call."""
    threads: int | str = AUTO
    """CPU threads that one operation may use."""
    ensemble: str = "1"
    """Members that Ensemble parses. They are trained in sequence, and their predictions are averaged."""

    @property
    def members(self) -> tuple[str, ...]:
        """Presets of the ensemble members in training order; one for a single model."""
        return Ensemble.parse(self.ensemble).presets(self.preset)

    @property
    def epochs_in_all(self) -> int:
        """Epochs of all members together."""
        return self.epochs * len(self.members)

    def network(self, member: int) -> str:
        """Return the name of a member's model: its preset, or the file and function of an own model."""
        return sanitize(ModelChoice.parse(self.model).name) if self.model else self.members[member]

    @property
    def networks(self) -> str:
        """Members in a few words: best, 3 × best, best + fast, cnn.py:build."""
        names = tuple(map(self.network, range(len(self.members))))
        if len(set(names)) > 1:
            return " + ".join(names) if len(names) <= NAMED_MODELS else f"{len(names)} models"
        return names[0] if len(names) == 1 else f"{len(names)} × {names[0]}"


@dataclass(frozen=True)
class EarlyStopping:
    """A rule that ends the run if a validation metric has not improved for `patience` epochs."""

    metric: Literal["loss", "accuracy"]
    patience: int

    @classmethod
    def parse(cls, text: str) -> "EarlyStopping | None":
        """Parse "off", "loss:3" or "accuracy:5"; return None for "off". Raises ConfigError."""
        if text == "off":
            return None
        found = re.fullmatch(r"(loss|accuracy):([1-9][0-9]{0,3})", text)
        if found is None:
            raise ConfigError(
                f"early_stopping {quoted(text)} cannot be used: give off, or loss or accuracy and the epochs to wait"
                " for an improvement, such as loss:3"
            )
        return cls("loss" if found[1] == "loss" else "accuracy", int(found[2]))

    def is_met(self, values: Sequence[float]) -> bool:
        """Return True if `patience` epochs came after the best of these values; NaN is never the best.

        Args:
            values: One value per epoch.
        """
        sign = -1 if self.metric == "loss" else 1
        ranked = [sign * value if value == value else -math.inf for value in values]
        return bool(ranked) and len(ranked) - 1 - ranked.index(max(ranked)) >= self.patience


@dataclass(frozen=True)
class Target:
    """A value of a validation metric at which the run ends."""

    metric: Literal["loss", "accuracy"]
    value: float
    """A loss, or an accuracy in percent."""

    @classmethod
    def parse(cls, text: str, lowest_loss: float = 0.0) -> "Target | None":
        """Parse "off", "accuracy:99.5" or "loss:0.03"; return None for "off".

        Raises:
            ConfigError: It cannot be reached, as a loss below that of the best possible model.
        """
        if text == "off":
            return None
        found = re.fullmatch(r"(loss|accuracy):([0-9]{1,4}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})", text, re.ASCII)
        value = float(found[2]) if found else 0.0
        is_accuracy = found is not None and found[1] == "accuracy"
        if found is None or not value or (is_accuracy and not 1 < value <= 100):
            raise ConfigError(
                f"until {quoted(text)} cannot be reached: give off, or accuracy and more than 1 to 100 percent, or loss"
                " and a number above 0, such as accuracy:99.5 or loss:0.03"
            )
        if not is_accuracy and value <= lowest_loss:
            raise ConfigError(
                f"until {quoted(text)} cannot be reached: label smoothing keeps the loss above {lowest_loss:.4f}:"
                " give a higher loss, or an accuracy such as accuracy:99.5"
            )
        return cls("accuracy" if is_accuracy else "loss", value)

    def is_met(self, value: float) -> bool:
        """Return True if a validation reached the target; an accuracy is a share, 0..1. NaN never does."""
        return value <= self.value if self.metric == "loss" else value * 100 >= self.value - ROUNDING

    def __str__(self) -> str:
        return f"{self.value:g} % accuracy" if self.metric == "accuracy" else f"loss {self.value:g}"


def command_words(text: str) -> list[str]:
    """Split a command as a shell would, but no shell runs it: variables, pipes and wildcards mean nothing.

    Returns:
        The program and its arguments; none for "off". A program may begin with ~.

    Raises:
        ConfigError: It has an open quotation mark, no program, or characters that cannot be printed.
    """
    if text == "off":
        return []
    try:
        words = shlex.split(text) if text.isprintable() else []
    except ValueError:
        words = []
    if not words or not words[0]:
        raise ConfigError(
            f"on_end {quoted(sanitize(text))} cannot be run: give off, or a program and its arguments on one line, with"
            " quotation marks in pairs"
        )
    with contextlib.suppress(RuntimeError):  # no such user
        words[0] = os.path.expanduser(words[0])  # noqa: PTH111 - a path would lose the ./ of a program here
    return words


@dataclass(frozen=True)
class KeptEpochs:
    """Limits of the epochs whose weights are kept in the run directory."""

    count: int
    megabytes: int

    @classmethod
    def parse(cls, text: str) -> "KeptEpochs":
        """Parse "40:100" (epochs and megabytes), "40", or "0" for none; raises ConfigError."""
        found = re.fullmatch(r"([0-9]{1,5})(?::([0-9]{1,6}))?", text, re.ASCII)
        if found is None or found[1] in ("1", "2"):
            raise ConfigError(
                f"kept_epochs {quoted(text)} cannot be used: give 0 for none, or at least 3 epochs and optionally the"
                " megabytes, such as 40:100"
            )
        return cls(int(found[1]), int(found[2] or KEPT_MEGABYTES))

    def most(self, size: int) -> int:
        """Return how many epochs of `size` bytes each may be kept."""
        return min(self.count, self.megabytes * 1_000_000 // max(1, size))


@dataclass(frozen=True)
class Ensemble:
    """Several models of the run's preset, or one of each named preset, with different seeds.

    All train with the run's epochs, batch size, learning rate and optimizer. Defaults come from the first preset.
    """

    count: int
    named: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Ensemble":
        """Parse "3", "best,fast" or "auto", which counts as 1 until `Recipe.settled`; raises ConfigError."""
        if text == AUTO:
            return cls(1)
        if re.fullmatch(r"[0-9]{1,6}", text, re.ASCII):
            if not 1 <= int(text) <= MAX_MEMBERS:
                raise ConfigError(f"ensemble {text} is out of range: give 1 to {MAX_MEMBERS} models")
            return cls(int(text))
        named = tuple(text.split(","))
        if not 2 <= len(named) <= MAX_MEMBERS or not all(re.fullmatch(r"[a-z][a-z0-9_-]*", name) for name in named):
            raise ConfigError(
                f"ensemble {quoted(text)} cannot be used: give a number such as 3, or presets such as best,fast"
            )
        return cls(len(named), named)

    def presets(self, preset: str) -> tuple[str, ...]:
        """Return the preset of each member. `preset` is the run's."""
        return self.named or (preset,) * self.count


@dataclass(frozen=True)
class ModelChoice:
    """An own model: a function in a Python file, or a saved model."""

    path: Path
    function: str = ""
    """Function `(input_shape, classes) -> keras.Model`; empty for a saved model."""

    @classmethod
    def parse(cls, text: str) -> "ModelChoice":
        """Parse "cnn.py:build", "cnn.py", which means the same, or "cnn.keras"; raises ConfigError."""
        path, _, function = text.rpartition(":") if re.search(r"\.py:[^/]*$", text) else (text, "", "build")
        if path.endswith(".py") and function.isidentifier():
            return cls(Path(path), function)
        if path.endswith(".keras"):
            return cls(Path(path))
        raise ConfigError(
            f"model {quoted(text)} cannot be used: give FILE.py:FUNCTION, or a FILE.keras that Keras saved"
        )

    @property
    def name(self) -> str:
        """File and function without the folder."""
        return str(self.at(Path()))

    def at(self, folder: Path) -> "ModelChoice":
        """Return the same model in another folder."""
        return ModelChoice(folder / self.path.name, self.function)

    def __str__(self) -> str:
        return f"{self.path}:{self.function}" if self.function else str(self.path)


@dataclass(frozen=True)
class DeviceChoice:
    """Devices of one kind. Without numbers, the first one; with `kind` auto, a GPU if there is one."""

    kind: Literal["auto", "cpu", "gpu"]
    numbers: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "DeviceChoice":
        """Parse "auto", "cpu", "gpu", "gpu:1" or "gpu:0,1"; raises ConfigError.

        "cpu:0,1" splits the CPU into two devices, to try a run on several GPUs without any.
        """
        found = re.fullmatch(r"(auto|cpu|gpu)|(cpu|gpu):([0-9]{1,3}(?:,[0-9]{1,3})*)", text, re.ASCII)
        if found is None:
            raise ConfigError(
                f"device {quoted(text)} cannot be used: give auto, cpu, gpu, or numbers such as gpu:1 or gpu:0,1"
            )
        kind: Literal["auto", "cpu", "gpu"] = "auto" if text == AUTO else "cpu" if text.startswith("cpu") else "gpu"
        numbers = tuple(int(number) for number in found[3].split(",")) if found[3] else ()
        if len(set(numbers)) < len(numbers):
            raise ConfigError(f"device {quoted(text)} names a device twice: give each number once")
        if kind == "cpu" and numbers and numbers != tuple(range(len(numbers))):
            raise ConfigError(f"device {quoted(text)} cannot be used: number the CPU's devices from 0, such as cpu:0,1")
        if len(numbers) > MAX_DEVICES:
            raise ConfigError(f"device {quoted(text)} names too many devices: give at most {MAX_DEVICES}")
        return cls(kind, numbers)

    @property
    def count(self) -> int:
        """Number of devices."""
        return max(1, len(self.numbers))


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """Name, summary and default settings of a preset."""

    name: str
    summary: str
    epochs: int
    batch_size: int
    learning_rate: float
    optimizer: str
    gpu_networks: int = 1
    """Default number of ensemble members on a GPU."""

    def settled(self, config: RunConfig, *, on_gpu: bool, processes: int = 1) -> RunConfig:
        """Return the settings with the number of ensemble members, if they leave it open."""
        if config.ensemble != AUTO:
            return config
        alone = not on_gpu or processes > 1 or (config.early_stopping, config.until) != ("off", "off")
        return msgspec.structs.replace(config, ensemble=str(1 if alone else self.gpu_networks))
