"""The best epoch's network, or an ensemble's: weights in memory and in every checkpoint, model.keras for users."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
from numpy.typing import NDArray

from mnist_tui.engine import backends
from mnist_tui.engine.models.inference import inference_model
from mnist_tui.engine.models.presets import NO_SHIFT, Shift
from mnist_tui.runs.directory import RunDirectory, replacing

Weights = list[NDArray[Any]]


class BestModel:
    """Best weights of each network that is trained. What is exported are twins of the networks, without training state.

    That makes a file of a third of the size, and it is compiled with the sparse loss, so that stock Keras'
    `evaluate(x, y)` takes the plain integer labels. Its optimizer is plain SGD because that has no variables a layer,
    which loading would miss.
    """

    def __init__(
        self, run: RunDirectory, builders: Sequence[Callable[[], Any]], shifts: Sequence[Shift] = NO_SHIFT
    ) -> None:
        """`builders`, one a network, make it anew; `shifts` are the shifts of a digit that are averaged over."""
        self._run = run
        self._builders = builders
        self._shifts = shifts
        self._models: dict[int, Any] = {}
        self._kept: dict[int, Weights] = {}
        self._exported: dict[tuple[int, ...], Any] = {}

    @property
    def weights(self) -> Weights:
        """Of all networks that were kept, one after the other; empty before the first epoch."""
        return [array for member in self.members for array in self._kept[member]]

    @property
    def members(self) -> tuple[int, ...]:
        """Networks that have been kept, counted from 0."""
        return tuple(sorted(self._kept))

    def keep(self, model: Any, member: int = 0) -> None:
        """Take a network's present weights."""
        self._kept[member] = backends.current().fetch(model.weights)

    def restore(self, weights: Weights, members: Iterable[int]) -> None:
        """Take back what `weights` gave, of these networks."""
        self._kept, left = {}, list(weights)
        for member in members:
            count = len(self._model(member).weights)
            self._kept[member], left = left[:count], left[count:]

    def member_model(self, member: int) -> Any:
        """One network with its best weights, to be asked and not to be changed."""
        network = self._model(member)
        network.set_weights(self._kept[member])
        return network

    def save(self) -> None:
        """Write model.keras; raises OSError."""
        exported = self.inference_model()
        try:
            with replacing(self._run.model_path) as temporary:
                exported.save(temporary)
        except (RuntimeError, ValueError) as error:  # what h5py and zipfile make of a full disk
            raise OSError(str(error)) from error

    def inference_model(self) -> Any:
        """All that were kept, asked together; not to be changed."""
        networks = [self.member_model(member) for member in self.members]
        if self.members not in self._exported:
            exported = inference_model(networks, self._shifts)
            exported.compile("sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
            self._exported[self.members] = exported
        return self._exported[self.members]

    def load(self) -> Any:
        """What a user gets, read back from the file; from memory where that cannot be had."""
        try:
            return keras.saving.load_model(self._run.model_path, safe_mode=True)
        except (OSError, ValueError):
            return self.inference_model()

    def _model(self, member: int) -> Any:
        if member not in self._models:
            self._models[member] = self._builders[member]()
        return self._models[member]
