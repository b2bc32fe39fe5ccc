"""Kept epochs: the weights after some epochs of a run, to look inside the model as it was then.

A file weights/epoch-NNNN.npz has an array for each weight of the model and one number, the ensemble member. Epoch 0 has
the initial weights.
"""

import contextlib
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_tui.npz import NpzError, read_arrays
from mnist_tui.runs.directory import WRITTEN_NAMES, RunDirectory, RunError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MEMBER = "member"
"""Name of the array that holds the number of the ensemble member, from 0."""


def kept_epochs(run: RunDirectory) -> tuple[int, ...]:
    """Return the epochs whose weights are kept, in order; 0 stands for the initial weights."""
    return tuple(sorted(_paths(run)))


def kept_paths(run: RunDirectory) -> list[Path]:
    """Return the files of all kept epochs, the first one first."""
    return [path for _, path in sorted(_paths(run).items())]


def read_weights(run: RunDirectory, epoch: int) -> "tuple[int, list[NDArray[np.float32]]]":
    """Return the ensemble member that a kept epoch trained, and its weights in Keras' order.

    Raises:
        RunError: The epoch is not kept, or its file is damaged or not of an epoch.
    """
    import numpy as np

    path, kept = run.weights_path(epoch), kept_epochs(run)
    if epoch not in kept:
        few = f"kept are {_in_words(kept)}" if kept else "it keeps none (setting kept_epochs, or an older version)"
        raise RunError(f"epoch {epoch} of run {run.id} is not kept: {few}")
    try:
        arrays = read_arrays(path)
    except NpzError as error:
        raise RunError(f"epoch {epoch} cannot be loaded, {path} {error}: choose another epoch") from None
    member = arrays.pop(MEMBER, None)
    if member is None or member.shape != () or any(array.dtype.kind != "f" for array in arrays.values()):
        raise RunError(f"epoch {epoch} cannot be loaded, {path} holds something else: choose another epoch")
    return int(member), [arrays[name].astype(np.float32) for name in sorted(arrays)]


def write_weights(run: RunDirectory, epoch: int, member: int, weights: "Sequence[NDArray[Any]]") -> None:
    """Write the weights of an epoch as float16, where they fit; raises OSError.

    Of 15,000 images, `fast` predicts the same classes by them, with probabilities that differ by at most 0.001.
    """
    import numpy as np

    def stored(array: "NDArray[Any]") -> "NDArray[Any]":
        most = np.abs(array).max(initial=0)
        return array.astype(np.float16) if most < np.finfo(np.float16).max else array

    arrays = {f"weight_{place:04d}": stored(array) for place, array in enumerate(weights)}
    run.save_arrays(run.weights_path(epoch), **arrays, **{MEMBER: np.array(member)})


def remove_kept(run: RunDirectory, epochs: Collection[int]) -> None:
    """Remove kept epochs; those that cannot be removed stay."""
    for epoch in epochs:
        with contextlib.suppress(OSError):  # a read-only disk must not end the run
            run.weights_path(epoch).unlink()


def superfluous(epochs: Sequence[int], most: int, best: int | None) -> list[int]:
    """Return the epochs to remove so that at most `most` stay, evenly spread: the last, the best and the first stay.

    Args:
        epochs: Kept epochs in order.
        most: How many may stay.
        best: The best epoch.
    """
    left, removed = list(epochs), []
    firm = list(dict.fromkeys([*epochs[-1:], *(each for each in epochs if each == best), *epochs[:1]]))[:most]
    while len(left) > most:
        gaps = {
            each: left[min(place + 1, len(left) - 1)] - left[max(place - 1, 0)]
            for place, each in enumerate(left)
            if each not in firm
        }
        removed.append(min(gaps, key=gaps.__getitem__))
        left.remove(removed[-1])
    return removed


def _paths(run: RunDirectory) -> dict[int, Path]:
    found = run.path.glob("weights/epoch-*.npz")
    return {int(path.stem[6:]): path for path in found if re.fullmatch(WRITTEN_NAMES["weights"], path.name)}


def _in_words(epochs: Sequence[int]) -> str:
    shown = ", ".join(map(str, epochs[:8]))
    return f"{shown}, ... {epochs[-1]}" if len(epochs) > 9 else ", ".join(map(str, epochs))
