"""SCREENS: the screens of an opened run. Add a screen here: keys, footer, help, palette and navigation follow.

Importing this imports no screen; their modules need numpy and the plots.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mnist_tui.ui.run.screen import RunScreen
    from mnist_tui.ui.session import RunSession


@dataclass(frozen=True)
class ScreenSpec:
    """A screen of an opened run. Its number key is its position in SCREENS, counted from 1; 0 is the home screen."""

    name: str
    """Name under which the app installs it, as in `app.view('training')`."""
    label: str
    help: str
    location: str
    """Module and class, as in "package.module:Class". The class takes the session."""

    def build(self, session: "RunSession") -> "RunScreen":
        """Import the screen's class and return a screen of the opened run."""
        module, _, name = self.location.partition(":")
        screen: RunScreen = getattr(import_module(module), name)(session)
        return screen


SCREENS: list[ScreenSpec] = [
    ScreenSpec(
        "training",
        "Train",
        "Show the model, its curves and the progress",
        "mnist_tui.ui.training.screen:TrainingScreen",
    ),
    ScreenSpec(
        "confusion",
        "Confusion",
        "Show which classes are predicted as which",
        "mnist_tui.ui.confusion.screen:ConfusionScreen",
    ),
    ScreenSpec("digits", "Digits", "Browse the misclassified digits", "mnist_tui.ui.digits.screen:DigitsScreen"),
    ScreenSpec("labels", "Labels", "Review labels that are probably wrong", "mnist_tui.ui.labels.screen:LabelsScreen"),
    ScreenSpec(
        "calibration",
        "Calibration",
        "Compare confidence with accuracy",
        "mnist_tui.ui.calibration.screen:CalibrationScreen",
    ),
    ScreenSpec("draw", "Draw", "Draw a digit and see how it is predicted", "mnist_tui.ui.draw.screen:DrawScreen"),
    ScreenSpec("layers", "Layers", "Follow an image through the layers", "mnist_tui.ui.layers.screen:LayersScreen"),
    ScreenSpec("map", "Map", "Show the validation images by their features", "mnist_tui.ui.map.screen:MapScreen"),
    ScreenSpec(
        "batch",
        "Batch",
        "Show the next batch, and training images of high loss",
        "mnist_tui.ui.batch.screen:BatchScreen",
    ),
]
