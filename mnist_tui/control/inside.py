"""The inside of a model for an image, by the live engine of a run."""

from typing import TYPE_CHECKING

from mnist_tui.control.client import send
from mnist_tui.control.predicting import REPLY_SECONDS
from mnist_tui.control.protocol import Inspect, Inspection, Weights
from mnist_tui.runs.directory import RunDirectory, RunError

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
