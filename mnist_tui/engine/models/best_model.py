"""Weights of the best epoch, of every ensemble member, and the file model.keras made from them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
from numpy.typing import NDArray

from mnist_tui.engine import backends
from mnist_tui.engine.models.inference import inference_model
from mnist_tui.engine.models.presets import NO_SHIFT, Shift
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.replacing import replacing

Weights = list[NDArray[Any]]


class BestModel:
    """Best weights of each ensemble member, exported as an inference model without training state.

    The exported file has a third of the size of a training model. It is compiled with the sparse loss, so that stock
    Keras' `evaluate(x, y)` takes integer labels. Its optimizer is SGD, which has no variables that loading would miss.
    """

    def __init__(
        self, run: RunDirectory, builders: Sequence[Callable[[], Any]], shifts: Sequence[Shift] = NO_SHIFT
    ) -> None:
        """Take a function for each member that builds its model, and the shifts for test-time augmentation."""
        self._run = run
        self._builders = builders
        self._shifts = shifts
        self._models: dict[int, Any] = {}
        self._kept: dict[int, Weights] = {}
        self._inference: dict[tuple[int, ...], Any] = {}

    @property
    def weights(self) -> Weights:
        """Weights of all members that have any, concatenated; empty before the first epoch."""
        return [array for member in self.members for array in self._kept[member]]

    @property
    def members(self) -> tuple[int, ...]:
        """Numbers of the ensemble members that have best weights, from 0."""
        return tuple(sorted(self._kept))

    def keep(self, model: Any, member: int = 0) -> None:
        """Store the current weights of a model as the best of a member."""
        self._kept[member] = backends.current().fetch(model.weights)

    def restore(self, weights: Weights, members: Iterable[int]) -> None:
        """Restore what the property `weights` returned for these members; raises RunError if the shapes differ."""
        kept, rest = {}, list(weights)
        for member in members:
            if not 0 <= member < len(self._builders):
                raise RunError(f"the checkpoint holds the best weights of model {member + 1} of {len(self._builders)}")
            shapes = [tuple(each.shape) for each in self._model(member).weights]
            kept[member], rest = rest[: len(shapes)], rest[len(shapes) :]
            if [array.shape for array in kept[member]] != shapes:
                raise RunError("the checkpoint holds the best weights of another model")
        self._kept = kept

    def member_model(self, member: int) -> Any:
        """Return a member's model with its best weights. Callers must not change it."""
        model = self._model(member)
        model.set_weights(self._kept[member])
        return model

    def save(self) -> None:
        """Write model.keras; raises OSError."""
        model = self.inference_model()
        try:
            with replacing(self._run.model_path) as temporary:
                model.save(temporary)
        except (RuntimeError, ValueError) as error:  # h5py and zipfile report a full disk so
            raise OSError(str(error)) from error

    def inference_model(self) -> Any:
        """Return the inference model over all members that have best weights. Callers must not change it."""
        models = [self.member_model(member) for member in self.members]
        if self.members not in self._inference:
            model = inference_model(models, self._shifts)
            model.compile("sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
            self._inference[self.members] = model
        return self._inference[self.members]

    def load(self) -> Any:
        """Load model.keras as users will; return the model in memory if the file cannot be read."""
        if not self._run.model_path.is_file():
            return self.inference_model()
        try:
            return keras.saving.load_model(self._run.model_path, safe_mode=True)
        except (OSError, ValueError):
            return self.inference_model()

    def _model(self, member: int) -> Any:
        if member not in self._models:
            self._models[member] = self._builders[member]()
        return self._models[member]
