"""Weights of the best epoch, of every ensemble member, and the file model.keras made from them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras

from mnist_tui.engine import backends
from mnist_tui.engine.models.inference import member_models
from mnist_tui.engine.models.member_models import MemberModels, Weights
from mnist_tui.engine.models.presets import NO_SHIFT, Shift
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.replacing import replacing


class BestModel(MemberModels):
    """Best weights of each ensemble member, exported as an inference model without training state.

    The exported file has a third of the size of a training model. It is compiled with the sparse loss, so that stock
    Keras' `evaluate(x, y)` takes integer labels. Its optimizer is SGD, which has no variables that loading would miss.
    """

    def __init__(
        self, run: RunDirectory, builders: Sequence[Callable[[], Any]], shifts: Sequence[Shift] = NO_SHIFT
    ) -> None:
        super().__init__(builders, shifts)
        self._run = run

    @property
    def weights(self) -> Weights:
        """Weights of all members that have any, concatenated; empty before the first epoch."""
        return [array for member in self.members for array in self.kept[member]]

    @property
    def newest(self) -> tuple[int, Weights]:
        """The last member that has weights, with them."""
        return self.members[-1], self.kept[self.members[-1]]

    def keep(self, weights: Weights, member: int = 0) -> None:
        """Store weights as the best of a member."""
        self.kept[member] = weights

    def restore(self, weights: Weights, members: Iterable[int]) -> None:
        """Restore what the property `weights` returned for these members; raises RunError if the shapes differ."""
        kept, rest = {}, list(weights)
        for member in members:
            if not 0 <= member < len(self._builders):
                raise RunError(f"the checkpoint holds the best weights of model {member + 1} of {len(self._builders)}")
            count = len(self.shapes(member))
            kept[member], rest = rest[:count], rest[count:]
            if not self.fits(member, kept[member]):
                raise RunError("the checkpoint holds the best weights of another model")
        self.use(kept)

    def restore_from_file(self) -> None:
        """Restore the best weights from model.keras, for a run without a checkpoint; raises RunError."""
        try:
            models = member_models(keras.saving.load_model(self._run.model_path, safe_mode=True))
        except (OSError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise RunError(
                f"run {self._run.id} has no checkpoint, and model.keras cannot be loaded ({reason}): train it again"
            ) from None
        kept = dict(enumerate(backends.current().fetch(model.weights) for model in models))
        if len(kept) > len(self._builders) or not all(self.fits(*each) for each in kept.items()):
            raise RunError(f"run {self._run.id} has no checkpoint, and model.keras is of another model: train it again")
        self.use(kept)

    def save(self) -> None:
        """Write model.keras; raises OSError."""
        model = self.inference_model()
        try:
            with replacing(self._run.model_path) as temporary:
                model.save(temporary)
        except (RuntimeError, ValueError) as error:  # h5py and zipfile report a full disk so
            raise OSError(str(error)) from error

    def load(self) -> Any:
        """Load model.keras as users will; return the model in memory if the file cannot be read."""
        if not self._run.model_path.is_file():
            return self.inference_model()
        try:
            return keras.saving.load_model(self._run.model_path, safe_mode=True)
        except (OSError, ValueError):
            return self.inference_model()
