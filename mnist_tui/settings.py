"""SETTINGS: every setting of a run, with its label, bounds and parser.

The command line, the home screen and `--config FILE.toml` all read settings as text with `Catalogue.complete`. So they
accept the same values and give the same errors.
"""

import contextlib
import math
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from mnist_tui.config import (
    AUTO,
    ConfigError,
    DataFacts,
    DeviceChoice,
    EarlyStopping,
    Ensemble,
    KeptEpochs,
    ModelChoice,
    Recipe,
    RunConfig,
    Target,
    command_words,
    quoted,
    shortened,
)

Value = str | int | float
OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop")


@dataclass(frozen=True)
class Kind:
    """A kind of value: how it is called in `--help`, and how its text is read."""

    metavar: str
    read: "Callable[[Setting, str, Catalogue], Value]"
    has_commas: bool = False
    """True if a value may hold a comma, so that commas do not separate the values of a grid."""


@dataclass(frozen=True)
class Setting:
    """One setting of a run; `key` is a field of RunConfig."""

    key: str
    help: str
    kind: Kind
    minimum: float = 0
    maximum: float = math.inf
    optional: bool = False
    """True if it may be left empty."""
    auto: bool = False
    """True if it may be "auto" instead of a number."""

    @property
    def label(self) -> str:
        """The key in words."""
        return self.key.replace("_", " ")

    def parse(self, text: str, catalogue: "Catalogue") -> Value | None:
        """Return the value of a text, None for an empty optional one; raises ConfigError."""
        text = text.strip()
        if not text and self.optional:
            return None
        return text if self.auto and text == AUTO else self.kind.read(self, text, catalogue)


def user_path(text: str, given_as: str) -> Path:
    """Return a path that a user gave, absolute and without ~; raises ConfigError if there can be none like it.

    Args:
        text: The path as the user wrote it.
        given_as: Flag, setting or variable that it was given with.
    """
    try:
        text.encode()
        path = Path(text).expanduser().absolute()
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            path.lstat()
    except RuntimeError:
        reason = f"no home folder is known for {text.partition('/')[0]}"
    except UnicodeEncodeError:
        reason = "it is not UTF-8 text"
    except ValueError:
        reason = "it contains a NUL byte"
    except FileNotFoundError:
        reason = "the current folder no longer exists"
    except OSError as error:  # too long, or a circle of links
        reason = error.strerror or str(error)
    else:
        return path
    raise ConfigError(f"{given_as} {quoted(text)} cannot be used ({reason}): give another path")


def _integer(setting: Setting, text: str, _: "Catalogue") -> int:
    bounds = f"from {setting.minimum:,.0f} to {setting.maximum:,.0f}"
    try:
        value = int(text.replace(",", ""))
    except ValueError:
        raise ConfigError(f"{setting.key} {quoted(text)} is not a whole number: give one {bounds}") from None
    if not setting.minimum <= value <= setting.maximum:
        raise ConfigError(f"{setting.key} {shortened(f'{value:,}')} is out of range: give a whole number {bounds}")
    return value


def _real(setting: Setting, text: str, _: "Catalogue") -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not setting.minimum <= value <= setting.maximum:  # also false for nan
        bounds = f"from {setting.minimum:g} to {setting.maximum:g}"
        raise ConfigError(f"{setting.key} {quoted(text)} cannot be used: give a number {bounds}")
    return value


def _one_of(setting: Setting, text: str, choices: tuple[str, ...]) -> str:
    if text not in choices:
        raise ConfigError(f"{setting.key} {quoted(text)} is not known: choose one of {', '.join(choices)}")
    return text


def _preset(setting: Setting, text: str, catalogue: "Catalogue") -> str:
    return _one_of(setting, text, tuple(catalogue.recipes))


def _choice(*choices: str) -> Kind:
    return Kind("CHOICE", lambda setting, text, _: _one_of(setting, text, choices))


def _ensemble(setting: Setting, text: str, catalogue: "Catalogue") -> str:
    for name in Ensemble.parse(text).named:
        _preset(setting, name, catalogue)
    return text


def _checked(check: Callable[[str], object]) -> "Callable[[Setting, str, Catalogue], str]":
    def read(_: Setting, text: str, __: "Catalogue") -> str:
        check(text)
        return text

    return read


def _backend(_: Setting, text: str, catalogue: "Catalogue") -> str:
    catalogue.check_backend(text)
    return text


def _data(setting: Setting, text: str, catalogue: "Catalogue") -> str:
    catalogue.check_data(text)
    return text if text in catalogue.data_sets else os.path.realpath(user_path(text, setting.key))


def _model(setting: Setting, text: str, _: "Catalogue") -> str:
    choice = ModelChoice.parse(text)
    path = user_path(str(choice.path), setting.key)
    if not path.is_file():
        what = "that is not a file" if path.exists() else "there is no file"
        raise ConfigError(f"{setting.key}: {what}, {shortened(str(path))}: `mnist-tui new-model FILE.py` writes one")
    return str(ModelChoice(path, choice.function))


def _name(setting: Setting, text: str, _: "Catalogue") -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", text):
        raise ConfigError(
            f"{setting.key} {quoted(text)} cannot be a run's name:"
            " use 1 to 40 letters, digits, dots, dashes or underscores"
        )
    if text == "last":
        raise ConfigError(f"{setting.key} 'last' always means the newest run: choose another name")
    return text


INTEGER, REAL = Kind("INTEGER", _integer), Kind("REAL", _real)
KEPT = Kind("EPOCHS[:MB]", _checked(KeptEpochs.parse))
RULE, DEVICE = (
    Kind("RULE", _checked(EarlyStopping.parse)),
    Kind("DEVICE", _checked(DeviceChoice.parse), has_commas=True),
)
TARGET, COMMAND = Kind("TARGET", _checked(Target.parse)), Kind("COMMAND", _checked(command_words), has_commas=True)
SETTINGS: tuple[Setting, ...] = (
    Setting("preset", "model and training recipe", Kind("PRESET", _preset)),
    Setting(
        "model", "own model: FILE.py:FUNCTION or FILE.keras", Kind("MODEL", _model, has_commas=True), optional=True
    ),
    Setting("epochs", "passes over the training images", INTEGER, 1, 10_000),
    Setting("batch_size", "images per training step", INTEGER, 1, 8_192),
    Setting("learning_rate", "maximum learning rate", REAL, 1e-8, 10),
    Setting("optimizer", "one of " + ", ".join(OPTIMIZERS), _choice(*OPTIMIZERS)),
    Setting("seed", "random seed of split, weights, order and dropout", INTEGER, 0, 2**32 - 1),
    Setting(
        "data",
        "mnist, an .npz, CSV or Parquet file, or a folder of IDX files or images",
        Kind("DATA", _data, has_commas=True),
    ),
    Setting("backend", "Keras backend: tensorflow, jax or torch", Kind("BACKEND", _backend)),
    Setting("labels", "given, or reviewed: with the corrections of your label reviews", _choice("given", "reviewed")),
    Setting("test", "auto, or off: train on the images held out for it, too", _choice(AUTO, "off")),
    Setting("limit", "use this many training images only", INTEGER, 120, 10_000_000, optional=True),
    Setting("name", "name of the run", Kind("NAME", _name), optional=True),
    Setting("early_stopping", "off, or METRIC:EPOCHS of patience, such as loss:3", RULE),
    Setting("until", "off, or a validation value that ends the run: accuracy:99.5, loss:0.03", TARGET),
    Setting("on_end", "off, or a program to run once the run ends, fails, diverges or stalls", COMMAND),
    Setting("checkpoint_seconds", "longest time between checkpoints", REAL, 0.1, 86_400),
    Setting("kept_epochs", "epochs whose weights are kept, or EPOCHS:MB; 0: none", KEPT),
    Setting("rolling", "percent of the time for validation between steps; 0: none", REAL, 0, 50),
    Setting("device", "auto, cpu, gpu, gpu:1, or several GPUs: gpu:0,1", DEVICE),
    Setting("precision", "auto, float32, bfloat16 or float16", _choice(AUTO, "float32", "bfloat16", "float16")),
    Setting("jit_compile", "auto, on or off: compile with XLA", _choice(AUTO, "on", "off")),
    Setting("steps_per_execution", "steps per call, or auto", INTEGER, 1, 1_000, auto=True),
    Setting("threads", "CPU threads of one operation, or auto", INTEGER, 1, 512, auto=True),
    Setting(
        "ensemble", "models to combine: 3, or presets best,fast, or auto", Kind("ENSEMBLE", _ensemble, has_commas=True)
    ),
)
SETTINGS_BY_KEY: dict[str, Setting] = {setting.key: setting for setting in SETTINGS}
RENAMED_SETTINGS = {"jit": "jit_compile"}
"""Old keys, which files and flags may use for one more release."""
DEFAULTS: dict[str, Any] = {
    field.name: field.default for field in msgspec.structs.fields(RunConfig) if field.default is not msgspec.NODEFAULT
} | {"preset": "fast", "seed": 0, "data": "mnist", "ensemble": AUTO}


def check_readable(config: RunConfig) -> None:
    """Raise ConfigError if recorded settings are out of bounds, or name an ensemble that this version cannot read."""
    for setting in SETTINGS:
        value = getattr(config, setting.key)
        least = min(1, setting.minimum) if isinstance(value, int) else 0  # other versions may have other bounds
        if isinstance(value, int | float) and not least <= value <= setting.maximum:
            raise ConfigError(f"{setting.key} {value:g} is out of range")
    Ensemble.parse(config.ensemble)
    if config.model:
        ModelChoice.parse(config.model)


def alike_names(given: str, known: Iterable[str]) -> list[str]:
    """Return at most three names of settings or flags that an unknown one may stand for, the likeliest first.

    It may be the initials of a name's words (lr, bs), the beginning of a name (epoch) or of a later word (rate), or
    spelled alike.
    """
    import difflib  # takes time, and few command lines need it

    wanted = re.sub(r"[-_]+", "-", given.casefold()).strip("-")
    words = {name: re.findall(r"[a-z0-9]+", name) for name in known}
    initials = [name for name, parts in words.items() if len(parts) > 1 and "".join(p[0] for p in parts) == wanted]
    plain = {"-".join(parts): name for name, parts in words.items()}
    begun = [name for text, name in plain.items() if wanted and text.startswith(wanted)]
    later = [name for text, name in plain.items() if wanted and f"-{wanted}" in text]
    near = [plain[each] for each in difflib.get_close_matches(wanted, plain)]
    return (initials or begun or later or near)[:3]


@dataclass(frozen=True)
class Catalogue:
    """Presets and data sets that can be chosen, provided by the command line, which may import the engine."""

    recipes: Mapping[str, Recipe]
    data_sets: tuple[str, ...]
    check_data: Callable[[str], None]
    """Raises ConfigError if a data spec names no readable data. Cheap: called at every key press."""
    check_backend: Callable[[str], None] = lambda _: None
    """Raises ConfigError if a package of the Keras backend is missing. Cheap as well."""
    read_data: Callable[[str], DataFacts] | None = None
    """Reads a data set; raises ConfigError if it cannot be used. None: data are not checked."""
    load_data: Callable[[str], Any] = lambda _: None
    """Loads a data set (engine/data/datasets.py); raises ConfigError."""
    preferred: Mapping[str, Value] = field(default_factory=dict)
    """Defaults that the user prefers."""

    def check(self, config: RunConfig) -> None:
        """Raise ConfigError if this version does not know a recorded preset, optimizer or the like, or lacks a package.

        The data and an own model are not checked, nor are bounds.
        """
        for setting in SETTINGS:
            if setting.kind not in (INTEGER, REAL) and setting.key not in ("data", "name", "model"):
                setting.parse(str(getattr(config, setting.key)), self)

    def default(self, key: str, preset: str) -> Value | None:
        """Return the default of a setting: the user's, or the preset's own if it has one."""
        if key in self.preferred:
            return self.preferred[key]
        value: Value | None = DEFAULTS[key] if key in DEFAULTS else getattr(self.recipes[preset], key, None)
        return value

    def complete(self, given: Mapping[str, str]) -> RunConfig:
        """Parse the given settings and fill in the defaults; raises ConfigError for the first bad one."""
        for key in given:
            if key not in SETTINGS_BY_KEY:
                alike = alike_names(key, SETTINGS_BY_KEY) or [f"one of {', '.join(SETTINGS_BY_KEY)}"]
                raise ConfigError(f"setting {quoted(key)} is not known: did you mean {alike[0]}?")
        parsed = {key: SETTINGS_BY_KEY[key].parse(text, self) for key, text in given.items()}
        named = Ensemble.parse(str(parsed.get("ensemble") or AUTO)).named
        preset = str(parsed.get("preset") or (named[0] if named else DEFAULTS["preset"]))
        values = {setting.key: self.default(setting.key, preset) for setting in SETTINGS}
        values |= {key: value for key, value in parsed.items() if value is not None} | {"preset": preset}
        config = msgspec.convert(values, RunConfig)
        if config.model and named:
            raise ConfigError(
                f"ensemble {config.ensemble} names presets, which an own model replaces: give a number of models"
            )
        for key in ("early_stopping", "until"):
            if len(config.members) > 1 and (rule := getattr(config, key)) != "off":
                raise ConfigError(
                    f"{key} {rule} cannot be used with an ensemble, whose models all train for the same number of"
                    " epochs: leave one of them out"
                )
        return config

    def given(self, settings: Mapping[str, str]) -> dict[str, str]:
        """Return settings as an entry of the queue keeps them: checked, with the preset and absolute paths.

        Raises:
            ConfigError: One cannot be used.
        """
        config = self.complete(settings)
        parsed = {key: getattr(config, key) for key in ("preset", *settings)}
        return {key: str(value) for key, value in parsed.items() if value is not None}


NO_CATALOGUE = Catalogue({}, (), lambda _: None)
"""Catalogue for settings that need none: numbers and the early-stopping rule."""
