"""Client that requests the predictions of a drawing."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnist_tui.control.predicting import predict_live
from mnist_tui.control.protocol import PredictedImages, Weights
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.ui.shared.newest_first import NewestFirst


@dataclass(frozen=True, eq=False)
class DrawRequest:
    """A drawing to predict."""

    images: NDArray[np.uint8]
    """The drawing and its centred image, in the layout of the run's data."""
    weights: Weights
    step: int
    """Step of the training when it was requested."""


class DrawClient(NewestFirst[DrawRequest, PredictedImages | str]):
    """The outcome is the prediction of both images, or an error message."""

    def __init__(self, run: RunDirectory, on_outcome: Callable[[DrawRequest, PredictedImages | str], object]) -> None:
        super().__init__(on_outcome)
        self._run = run

    def outcome(self, question: DrawRequest) -> PredictedImages | str:
        try:
            return predict_live(self._run, question.images, question.weights)
        except RunError as error:
            return str(error)
