"""The best epoch's network: its weights in memory and in every checkpoint, and model.keras for everybody else."""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from mnist_tui.runs.directory import RunDirectory, replacing


class BestModel:
    """`exported` is a twin of the trained network without training state.

    It makes a file of a third of the size, and is compiled with the sparse loss, so that stock Keras' `evaluate(x, y)`
    takes the plain integer labels. Its optimizer is plain SGD because that has no variables a layer, which loading
    would miss.
    """

    def __init__(self, run: RunDirectory, exported: Any, weights: list[NDArray[Any]]) -> None:
        """`weights` are the best so far; empty before the first epoch."""
        self._run = run
        self._exported = exported
        self._exported.compile("sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        self.weights = weights

    def keep(self, model: Any) -> None:
        """Take a network's present weights."""
        self.weights = [np.array(weight) for weight in model.get_weights()]

    def save(self) -> None:
        """Write model.keras; raises OSError."""
        exported = self.twin()
        try:
            with replacing(self._run.model_path) as temporary:
                exported.save(temporary)
        except (RuntimeError, ValueError) as error:  # what h5py and zipfile make of a full disk
            raise OSError(str(error)) from error

    def twin(self) -> Any:
        """The best network so far, to be asked and not to be changed."""
        self._exported.set_weights(self.weights)
        return self._exported

    def load(self) -> Any:
        """The network that a user gets, read back from the file; from memory where that cannot be had."""
        try:
            return keras.saving.load_model(self._run.model_path, safe_mode=True)
        except (OSError, ValueError):
            return self.twin()
