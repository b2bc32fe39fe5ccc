"""The inside of a model for an image, and the images that excite its channels, by the live engine of a run."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from mnist_tui.control.client import send
from mnist_tui.control.predicting import REPLY_SECONDS
from mnist_tui.control.protocol import Excitations, Excite, Inspect, Inspection, Weights
from mnist_tui.runs.directory import RunDirectory, RunError

PROGRESS_SECONDS = 0.25
"""Interval at which a search for images reports its progress."""

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def inspect(
    run: RunDirectory,
    image: "NDArray[np.uint8]",
    layer: str = "",
    *,
    channel: int = 0,
    weights: Weights = "best",
    member: int = 0,
) -> Inspection:
    """Ask the live engine what becomes of an image in the model.

    Args:
        run: The run, whose engine may be training, or just have been started to explain digits.
        image: One image in the layout of the run's data, uint8.
        layer: Layer whose outputs and weights are wanted; empty: the statistics of all layers.
        channel: Output channel whose weights are wanted if all of them are too many.
        weights: Those of the best epoch, those that train right now, or those kept of an epoch.
        member: Member of an ensemble, from 0.

    Raises:
        RunError: The run has no live engine, it does not reply, or it cannot inspect this layer or these weights.
    """
    request = Inspect(image.tobytes(), layer, channel, weights, member)
    inspection = send(run, request, REPLY_SECONDS).inspection
    if inspection is None:
        raise RunError(f"the engine of run {run.id} cannot inspect its model: update mnist-tui, and resume the run")
    return inspection


def excite(
    run: RunDirectory,
    layer: str,
    channel: int,
    *,
    weights: Weights = "best",
    member: int = 0,
    on_progress: Callable[[Excitations], object] | None = None,
) -> Excitations:
    """Ask the live engine for the validation images that excite a channel most.

    Args:
        run: The run, whose engine may be training, or just have been started to explain digits.
        layer: Name of the layer, as `inspect` gives it.
        channel: Output channel or unit, from 0.
        weights: Those of the best epoch, those that train right now, or those kept of an epoch.
        member: Member of an ensemble, from 0.
        on_progress: Called with what is found so far, again and again.

    Raises:
        RunError: The run has no live engine, it does not reply, or it has no such layer, channel or weights.
    """
    while True:
        seconds = 0.0 if on_progress is None else PROGRESS_SECONDS
        found = send(run, Excite(layer, channel, weights, member, seconds), REPLY_SECONDS).excitations
        if found is None:
            raise RunError(f"the engine of run {run.id} cannot search its images: update mnist-tui, and resume the run")
        if on_progress is not None:
            on_progress(found)
        if found.progress >= 1:
            return found
