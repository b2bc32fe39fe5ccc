"""Calibration screen: confidence against accuracy, and the effect of abstaining below a threshold."""

from bisect import bisect_left

from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.widgets import Static

from mnist_tui.inspection.predictions import TRAIN
from mnist_tui.ui.calibration.abstention_panel import AbstentionPanel
from mnist_tui.ui.calibration.confidences import THRESHOLDS, Confidences
from mnist_tui.ui.calibration.histograms import ConfidenceHistograms
from mnist_tui.ui.calibration.reliability_panel import ReliabilityPanel
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.labels.words import digits_words
from mnist_tui.ui.run.prediction_screen import PredictionScreen
from mnist_tui.ui.session import RunSession, RunView
from mnist_tui.ui.shared.waiting import before_the_first_evaluation

DEFAULT = THRESHOLDS.index(0.9)
FIRST_TARGET = 0.999
"""Accuracy whose threshold the cursor starts on, if there is one."""
STEPS = {
    "less": -1,
    "more": 1,
    "much_less": -10,
    "much_more": 10,
    "nothing": -len(THRESHOLDS),
    "most": len(THRESHOLDS),
}


class CalibrationScreen(PredictionScreen):
    """The figures follow the current evaluation; the threshold stays."""

    BINDINGS = bindings("calibration", "export")
    KEY_GROUPS = ("calibration", "travel", "pages", "run", "steering", "screens", "export", "everywhere")
    CSS_PATH = "screen.tcss"
    PAGES = ("ReliabilityPanel", "ConfidenceHistograms", "AbstentionPanel")

    def __init__(self, session: RunSession) -> None:
        super().__init__(session)
        self.figures: Confidences | None = None
        """Figures that are shown; None before they are loaded, and for a cross-check."""
        self._position: int | None = None

    @property
    def threshold(self) -> float:
        """Confidence below which the model abstains."""
        return THRESHOLDS[self._position if self._position is not None else DEFAULT]

    def compose_body(self) -> ComposeResult:
        yield Static(id="sentence")
        with Container(id="body"):
            reliability, histograms, abstention = ReliabilityPanel(), ConfidenceHistograms(), AbstentionPanel()
            reliability.border_title = "Accuracy by confidence"
            histograms.border_title = "Confidence, log scale"
            abstention.border_title = "Abstain"
            yield reliability
            yield histograms
            yield abstention

    def subject(self, view: RunView) -> str:  # noqa: ARG002 (the slider shows the epoch)
        point = self.session.point
        if point is None or self.figures is None or self.is_narrow:
            return "calibration"
        if point.step is not None:
            return f"calibration · {point.words}"
        return f"calibration · {len(self.figures.confidence):,} {digits_words(point)}"

    def show(self, view: RunView) -> None:
        self.ask_for_predictions(view)
        figures = self.figures if self.point is not None else None
        self.set_class(figures is None, "-empty")
        if figures is None:
            self.query_one("#sentence", Static).update(Content(self._waiting_words(view)))
            return
        self.query_one(ReliabilityPanel).show(figures.reliability)
        self.query_one(ConfidenceHistograms).show(figures.reliability)
        self.query_one(AbstentionPanel).show(figures, self.threshold)

    def take_predictions(self) -> None:
        found, self.figures = self.findings, None
        if found is not None and len(found.predictions) and found.predictions.point.split != TRAIN:
            self.figures = Confidences(found.table.confidence, found.table.correct)
            if self._position is None:
                wanted = dict(self.figures.targets).get(FIRST_TARGET)
                self._position = bisect_left(THRESHOLDS, wanted.threshold) if wanted is not None else DEFAULT
        self.catch_up()

    def why(self) -> tuple[str, str]:
        return "calibration", ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "abstain":
            return self.figures is not None
        return super().check_action(action, parameters)

    def action_abstain(self, how: str) -> None:
        if self.figures is not None and self._position is not None:
            self._position = min(max(0, self._position + STEPS[how]), len(THRESHOLDS) - 1)
            self.query_one(AbstentionPanel).show(self.figures, self.threshold)

    def _waiting_words(self, view: RunView) -> str:
        point = self.session.point
        if point is None:
            return before_the_first_evaluation(view, "The first figures come")
        if self.problem:
            return f"The images of {point.words} cannot be shown: {self.problem}"
        if self.findings is None:
            return f"Loading the images of {point.words} …"
        if point.split == TRAIN:
            return (
                "The cross-check keeps only the most doubtful images, which cannot measure calibration: "
                "[ goes back to an epoch."
            )
        return f"There are no {digits_words(point)}."
