"""BACKENDS: what Keras can compute with. Add a backend here, and a module beside this one that fulfils `Backend`.

Importing this imports nothing heavy; the library itself comes with `current`.
"""

import importlib
from dataclasses import dataclass
from functools import cache

from mnist_tui.engine.backends.backend import Backend


@dataclass(frozen=True)
class Row:
    """A backend that can be named: the class in a module of this folder that fulfils it, loaded late."""

    module: str
    kind: str

    def load(self) -> Backend:
        """Import the library, which takes seconds."""
        backend: Backend = getattr(importlib.import_module(f"{__name__}.{self.module}"), self.kind)()
        return backend


BACKENDS: dict[str, Row] = {
    "tensorflow": Row("tensorflow", "TensorFlow"),
}
"""By the name that Keras knows it by."""


@cache
def current() -> Backend:
    """The one that Keras computes with in this process."""
    import keras

    return BACKENDS[keras.backend.backend()].load()
