"""Reader of the files that the screen shows, and client for their predictions."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mnist_tui.analysis.handwriting import Handwriting
from mnist_tui.control.predicting import predict_live
from mnist_tui.inspection.pictures import PictureError, read_pictures
from mnist_tui.inspection.predicting import Prediction, Target, judged, prepared, stacked
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.ui.shared.newest_first import NewestFirst

MOST_IMAGES = 200
"""Images of a file that are predicted."""


@dataclass(frozen=True)
class FileRequest:
    """A file to predict."""

    path: Path
    changed: int
    """Modification time in ns, so that a file that was saved again is read again."""
    epoch: int | None
    """Epoch of the model; None to prepare the images only, before there is a model."""


@dataclass(frozen=True, eq=False)
class PredictedFile:
    """The images of a file, and their predictions."""

    pictures: tuple[Handwriting, ...] = ()
    predictions: tuple[Prediction, ...] = ()
    """Predictions of all images of all pictures; empty without a model."""
    left_out: int = 0
    """Pictures of the file beyond MOST_IMAGES."""
    problem: str = ""
    """Reason why something is missing."""


class PredictClient(NewestFirst[FileRequest, PredictedFile]):
    """Reads files, prepares their images and requests predictions from the run's engine."""

    def __init__(
        self,
        run: RunDirectory,
        target: Target,
        threshold: float,
        on_outcome: Callable[[FileRequest, PredictedFile], object],
    ) -> None:
        super().__init__(on_outcome)
        self._run = run
        self._target = target
        self._threshold = threshold

    def outcome(self, question: FileRequest) -> PredictedFile:
        try:
            found = read_pictures(question.path, question.path.name)
        except PictureError as error:
            return PredictedFile(problem=f"{question.path.name} {error}")
        pictures, problem = [], ""
        for picture in found[:MOST_IMAGES]:
            try:
                pictures.append(prepared(picture, self._target))
            except PictureError as error:
                problem = f"{picture.source} {error}"
        left_out = max(0, len(found) - MOST_IMAGES)
        predictions: list[Prediction] = []
        if pictures and question.epoch is not None:
            try:
                reply = predict_live(self._run, stacked(pictures))
            except RunError as error:
                problem = str(error)
            else:
                predictions = judged(reply.probabilities, reply.distances, reply.limit, self._threshold)
        return PredictedFile(tuple(pictures), tuple(predictions), left_out, problem)
