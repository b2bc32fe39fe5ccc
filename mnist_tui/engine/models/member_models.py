"""Models of a run's ensemble members with weights that change, and the inference model over them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from mnist_tui.engine.models.inference import inference_model
from mnist_tui.engine.models.presets import NO_SHIFT, Shift

Weights = list[NDArray[Any]]


class MemberModels:
    """One model for each ensemble member that has weights. A run without an ensemble has the member 0 only."""

    def __init__(self, builders: Sequence[Callable[[], Any]], shifts: Sequence[Shift] = NO_SHIFT) -> None:
        """Take a function for each member that builds its model, and the shifts for test-time augmentation."""
        self._builders = builders
        self._shifts = shifts
        self._models: dict[int, Any] = {}
        self._inference: dict[tuple[int, ...], Any] = {}
        self._assigned: dict[int, Weights] = {}
        self.kept: dict[int, Weights] = {}
        """Weights of each member that has any. A list of arrays is never changed, only replaced."""

    @property
    def members(self) -> tuple[int, ...]:
        """Numbers of the ensemble members that have weights, from 0."""
        return tuple(sorted(self.kept))

    def copy(self) -> "MemberModels":
        """Return other models of the same members, without weights."""
        return MemberModels(self._builders, self._shifts)

    def use(self, weights: Mapping[int, Weights]) -> None:
        """Replace the weights of all members."""
        self.kept = dict(weights)

    def shapes(self, member: int) -> list[tuple[int, ...]]:
        """Return the shapes of a member's weights."""
        return [tuple(each.shape) for each in self._model(member).weights]

    def fits(self, member: int, weights: Weights) -> bool:
        """Return True if there is such a member and its weights have these shapes."""
        return 0 <= member < len(self._builders) and [array.shape for array in weights] == self.shapes(member)

    def member_model(self, member: int) -> Any:
        """Return a member's model with its weights. Callers must not change it."""
        model, weights = self._model(member), self.kept[member]
        if self._assigned.get(member) is not weights:
            model.set_weights(weights)
            self._assigned[member] = weights
        return model

    def inference_model(self) -> Any:
        """Return the inference model over all members that have weights. Callers must not change it."""
        models = [self.member_model(member) for member in self.members]
        if self.members not in self._inference:
            model = inference_model(models, self._shifts)
            model.compile("sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
            self._inference[self.members] = model
        return self._inference[self.members]

    def _model(self, member: int) -> Any:
        if member not in self._models:
            self._models[member] = self._builders[member]()
        return self._models[member]
