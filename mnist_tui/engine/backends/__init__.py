"""BACKENDS: what Keras can compute with. Add a backend here, and a module beside this one that fulfils `Backend`.

Importing this imports nothing heavy; the library itself comes with `current`.
"""

import importlib
import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from mnist_tui.config import ConfigError

if TYPE_CHECKING:
    from mnist_tui.engine.backends.backend import Backend


@dataclass(frozen=True)
class BackendSpec:
    """A backend that can be named: the package to import, the extra that installs it, and what fulfils it here."""

    package: str
    implementation: str
    """Module in this folder and class in it, as in "jax:Jax"; imported late."""
    extra: str = ""
    """Of mnist-tui; empty where the plain installation brings it."""
    gpu_package: str = ""
    """What to install where it is to see NVIDIA's GPUs."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What the package reads when it is imported; what the user's environment says stays."""

    def is_installed(self) -> bool:
        """Whether the package can be found; imports nothing."""
        return importlib.util.find_spec(self.package) is not None

    def load(self) -> "Backend":
        """Import the package, which takes seconds."""
        module, _, name = self.implementation.partition(":")
        backend: Backend = getattr(importlib.import_module(f"{__name__}.{module}"), name)()
        return backend


BACKENDS: dict[str, BackendSpec] = {
    "tensorflow": BackendSpec(
        "tensorflow",
        "tensorflow:TensorFlow",
        gpu_package="mnist-tui[gpu]",
        # oneDNN is off on x86 CPUs without AVX-512 unless asked for; `reference` is 1.15 to 1.37 times as fast with it
        environment={"TF_ENABLE_ONEDNN_OPTS": "1", "TF_CPP_MIN_LOG_LEVEL": "1"},
    ),
    # JAX takes three quarters of a GPU's memory at once unless told not to: a shared box is not grabbed whole
    "jax": BackendSpec(
        "jax",
        "jax:Jax",
        extra="jax",
        gpu_package="jax[cuda12]",
        environment={"XLA_PYTHON_CLIENT_PREALLOCATE": "false"},
    ),
    "torch": BackendSpec("torch", "torch:Torch", extra="torch", gpu_package="torch"),
}
"""By the name that Keras knows it by."""


def check(name: str) -> None:
    """Whether a backend can be used here; cheap enough for every key press. Raises ConfigError."""
    if name not in BACKENDS:
        raise ConfigError(f"backend {name!r} is not known: choose one of {', '.join(BACKENDS)}")
    if not BACKENDS[name].is_installed():
        extra = f"[{BACKENDS[name].extra}]" if BACKENDS[name].extra else ""
        raise ConfigError(f"backend {name!r} is not installed here: run pip install 'mnist-tui{extra}'")


def select(name: str) -> None:
    """Let Keras compute with this backend, whatever KERAS_BACKEND says; before its import. Raises ConfigError."""
    check(name)
    os.environ["KERAS_BACKEND"] = name
    for key, value in BACKENDS[name].environment.items():
        os.environ.setdefault(key, value)


@cache
def current() -> "Backend":
    """The one that Keras computes with in this process."""
    import keras

    return BACKENDS[keras.backend.backend()].load()
