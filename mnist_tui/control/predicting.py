"""Predictions for images of any origin, by a live engine or in a process of their own."""

import tempfile
from collections.abc import Callable
from typing import TYPE_CHECKING

from mnist_tui.control.client import do_job, send
from mnist_tui.control.jobs import JobReport
from mnist_tui.control.protocol import Predict, PredictedImages, Weights
from mnist_tui.runs.directory import RunDirectory, RunError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

REQUEST_BYTES = 45_000
"""Most bytes of images in a request, a line of which has at most 64 KB of base64."""
REPLY_SECONDS = 60.0
"""Seconds for a reply: a training engine replies between batches, and a new engine has to start first."""


def predict_live(run: RunDirectory, images: "NDArray[np.uint8]", weights: Weights = "best") -> PredictedImages:
    """Predict images by the run's live engine, which may be training, or just have been started to explain digits.

    Args:
        run: The run.
        images: At least one image in the layout of the run's data.
        weights: Weights of the model; an ended run has those of the best epoch only.

    Raises:
        RunError: The run has no live engine, it does not reply, or the images do not fit.
    """
    count = max(1, REQUEST_BYTES // images[0].size)
    replies = []
    for start in range(0, len(images), count):
        reply = send(run, Predict(images[start : start + count].tobytes(), weights), REPLY_SECONDS).predictions
        if reply is None:
            raise RunError(f"the engine of run {run.id} sent no predictions: update mnist-tui, and resume the run")
        replies.append(reply)
    return PredictedImages(
        epoch=replies[-1].epoch,
        probabilities=tuple(row for reply in replies for row in reply.probabilities),
        distances=tuple(distance for reply in replies for distance in reply.distances),
        limit=replies[-1].limit,
    )


def predict_in_job(
    run: RunDirectory, images: "NDArray[np.uint8]", on_progress: Callable[[JobReport], object]
) -> PredictedImages:
    """Predict images with the run's model.keras, in a process of its own; also while the run trains.

    Args:
        run: The run.
        images: At least one image in the layout of the run's data.
        on_progress: Called with each report of the job.

    Raises:
        RunError: There is no model yet, it cannot be loaded, or the images do not fit.
    """
    import numpy as np

    report = JobReport("", 0.0)
    try:
        with tempfile.NamedTemporaryFile(prefix="mnist-tui-", suffix=".npy") as file:
            np.save(file, images)
            file.flush()
            for report in do_job(run, "predict-images", file.name):
                on_progress(report)
    except OSError as error:
        raise RunError(f"the images cannot be handed to the model ({error.strerror}): free some disk") from None
    if report.predictions is None:
        raise RunError(f"the job gave no predictions: see {run.log_path}")
    return report.predictions
