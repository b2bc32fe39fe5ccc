"""File of the training images with the highest loss in the newest epoch."""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from mnist_tui.runs.directory import RunDirectory, RunError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HIGHEST_LOSS = "highest-loss.npz"
NUMBERS = ("epoch", "trained", "predicted_count")


@dataclass(frozen=True, eq=False)
class HighestLosses:
    """Images by falling loss; row i of every array is one image."""

    epoch: int
    """Epoch, from 1."""
    trained: int
    """Images that the epoch has trained on so far."""
    predicted_count: int
    """Images among them that were predicted: a sample."""
    indices: "NDArray[np.int32]"
    """Positions in the data set's training split."""
    labels: "NDArray[np.uint8]"
    images: "NDArray[np.uint8]"
    """Shape (n, height, width) or (n, height, width, 3)."""
    predicted: "NDArray[np.uint8]"
    confidences: "NDArray[np.float32]"
    """Probabilities of the predicted classes, 0..1."""
    losses: "NDArray[np.float32]"
    """Cross-entropy of the labels."""
    steps: "NDArray[np.int32]"
    """Step after which each image was predicted."""

    @classmethod
    def read(cls, run: RunDirectory) -> "HighestLosses":
        """Read those of a run; raises RunError if there are none or the file is damaged."""
        path = run.path / HIGHEST_LOSS
        arrays = run.load_arrays(path)
        try:
            values: dict[str, Any] = {each.name: arrays[each.name] for each in fields(cls)}
            found = cls(**values | {name: int(values[name]) for name in NUMBERS})
            counts = {len(array) for name, array in values.items() if name not in NUMBERS}
        except (KeyError, TypeError, ValueError):
            counts = set()
        if len(counts) != 1 or found.images.ndim not in (3, 4):
            raise RunError(f"{path} is damaged: the next epoch writes it again")
        return found

    def write(self, run: RunDirectory) -> None:
        """Write them; raises OSError."""
        import numpy as np

        arrays = {each.name: np.asarray(getattr(self, each.name)) for each in fields(self)}
        run.save_arrays(run.path / HIGHEST_LOSS, **arrays)
