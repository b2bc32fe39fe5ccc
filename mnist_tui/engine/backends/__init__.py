"""Registry of Keras backends. To add a backend, add an entry to BACKENDS that names a subclass of Backend.

Importing this package imports nothing heavy; `current` imports the backend.
"""

import importlib
import importlib.util
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Literal

from mnist_tui.config import ConfigError

if TYPE_CHECKING:
    from mnist_tui.engine.backends.backend import Backend


OPTIONAL = frozenset({"jax", "pandas", "scipy", "sklearn", "tensorflow"})
"""Packages that Keras imports if they are installed: 2 to 4 s that no run on another backend needs."""


@dataclass(frozen=True)
class BackendSpec:
    """A backend that settings can name: where its code is, how to install it, and what it supports."""

    package: str
    """Python package that must be installed."""
    implementation: str
    """Subclass of Backend as "module:Class"; imported when it is needed."""
    needs: tuple[str, ...] = ()
    """Packages among OPTIONAL that it imports."""
    extra: str = ""
    """Extra of mnist-tui that installs the package; empty if the plain installation does."""
    gpu_package: str = ""
    """Requirement to install for NVIDIA GPUs."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Environment variables to set before the import, unless the user has set them."""
    jit: Literal["always", "one GPU", "never"] = "never"
    """Default of the setting jit: devices for which XLA compiles the training step."""
    has_steps_per_execution: bool = False
    has_threads: bool = False
    has_several_devices: bool = False
    prefers_bfloat16: bool = False
    """True if bfloat16 was measured to be faster than float32 on a CPU that has it."""

    def is_installed(self) -> bool:
        """Return True if the package can be found, without importing it."""
        return importlib.util.find_spec(self.package) is not None

    def load(self) -> "Backend":
        """Import the package, which takes seconds."""
        module, _, name = self.implementation.partition(":")
        backend: Backend = getattr(importlib.import_module(module), name)()
        return backend


BACKENDS: dict[str, BackendSpec] = {
    "tensorflow": BackendSpec(
        "tensorflow",
        "mnist_tui.engine.backends.tensorflow:TensorFlow",
        gpu_package="mnist-tui[gpu]",
        # TensorFlow enables oneDNN by itself only on x86 CPUs with AVX-512; `reference` gains 15 to 37 % on others
        environment={"TF_ENABLE_ONEDNN_OPTS": "1", "TF_CPP_MIN_LOG_LEVEL": "1"},
        jit="one GPU",
        has_steps_per_execution=True,
        has_threads=True,
        has_several_devices=True,
        prefers_bfloat16=True,
    ),
    "jax": BackendSpec(
        "jax",
        "mnist_tui.engine.backends.jax:Jax",
        needs=("scipy",),
        extra="jax",
        gpu_package="jax[cuda12]",
        # by default JAX allocates three quarters of a GPU's memory, which others on a shared machine need
        environment={"XLA_PYTHON_CLIENT_PREALLOCATE": "false"},
        jit="always",
        has_steps_per_execution=True,
    ),
    "torch": BackendSpec(
        "torch", "mnist_tui.engine.backends.torch:Torch", extra="torch", gpu_package="torch", has_threads=True
    ),
}
"""Backends by Keras' name."""


def check(name: str) -> None:
    """Raise ConfigError unless a backend is known and installed. Cheap enough for every key press."""
    if name not in BACKENDS:
        raise ConfigError(f"backend {name!r} is not known: choose one of {', '.join(BACKENDS)}")
    if not BACKENDS[name].is_installed():
        extra = f"[{BACKENDS[name].extra}]" if BACKENDS[name].extra else ""
        raise ConfigError(f"backend {name!r} is not installed here: run pip install 'mnist-tui{extra}'")


def select(name: str) -> None:
    """Make Keras use a backend and its own defaults, whatever the user's configuration says.

    Call it before Keras is imported; raises ConfigError.
    """
    check(name)
    for key in [key for key in os.environ if key.startswith("KERAS_")]:
        del os.environ[key]  # such as KERAS_MAX_EPOCHS
    # no keras.json can be there: channels_first or float16 in the user's breaks models, a damaged one the import
    os.environ["KERAS_HOME"] = os.devnull
    os.environ["KERAS_BACKEND"] = name
    for key, value in BACKENDS[name].environment.items():
        os.environ.setdefault(key, value)


def import_keras() -> None:
    """Import Keras and the selected backend, without the packages that Keras and TensorFlow import if they can."""
    name = os.environ["KERAS_BACKEND"]
    needed = {BACKENDS[name].package, *BACKENDS[name].needs}
    hidden = OPTIONAL - needed - sys.modules.keys()
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None makes an import fail
    try:
        keras = importlib.import_module("keras")
        keras.utils.set_random_seed(0)  # it looks for TensorFlow, and remembers whether it is there
    finally:
        for module in hidden:
            del sys.modules[module]


@cache
def current() -> "Backend":
    """Return the backend that Keras uses in this process."""
    import keras

    return BACKENDS[keras.backend.backend()].load()
