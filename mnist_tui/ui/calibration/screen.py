"""Does the network know when it does not know? Confidence against accuracy, and what refusing to answer would bring."""

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
from mnist_tui.ui.shared.waiting import before_the_first_epoch

DEFAULT = THRESHOLDS.index(0.9)
WORTH_ASKING = 0.999
"""The accuracy whose threshold the cursor begins on, where there is one."""
STEPS = {
    "less": -1,
    "more": 1,
    "much_less": -10,
    "much_more": 10,
    "nothing": -len(THRESHOLDS),
    "most": len(THRESHOLDS),
}


class CalibrationScreen(PredictionScreen):
    """Follows the moment; the threshold stays."""

    BINDINGS = bindings("calibration")
    KEY_GROUPS = ("calibration", "travel", "run", "steering", "screens", "everywhere")
    CSS_PATH = "screen.tcss"

    def __init__(self, session: RunSession) -> None:
        super().__init__(session)
        self.figures: Confidences | None = None
        """What is shown; None while nothing was read, or it says nothing about calibration."""
        self._place: int | None = None

    @property
    def threshold(self) -> float:
        """The confidence below which answers are refused."""
        return THRESHOLDS[self._place if self._place is not None else DEFAULT]

    def compose_body(self) -> ComposeResult:
        yield Static(id="sentence")
        with Container(id="body"):
            reliability, histograms, abstention = ReliabilityPanel(), ConfidenceHistograms(), AbstentionPanel()
            reliability.border_title = "Accuracy by confidence"
            histograms.border_title = "Confidence, log scale"
            abstention.border_title = "Refuse to answer"
            yield reliability
            yield histograms
            yield abstention

    def subject(self, view: RunView) -> str:
        point = self.session.point
        if point is None or not view.history.epochs or self.figures is None:
            return "calibration"
        count = len(self.figures.confidence)
        return f"calibration · {count:,} {digits_words(point)}" if not self.is_narrow else "calibration"

    def show(self, view: RunView) -> None:
        self.ask_for_predictions(view)
        figures = self.figures if view.history.epochs else None
        self.set_class(figures is None, "-empty")
        if figures is None:
            self.query_one("#sentence", Static).update(Content(self._nothing_to_show(view)))
            return
        self.query_one(ReliabilityPanel).show(figures.reliability)
        self.query_one(ConfidenceHistograms).show(figures.reliability)
        self.query_one(AbstentionPanel).show(figures, self.threshold)

    def take_predictions(self) -> None:
        """Figures of what was read."""
        found, self.figures = self.findings, None
        if found is not None and len(found.predictions) and found.predictions.point.split != TRAIN:
            self.figures = Confidences(found.table.confidence, found.table.correct)
            if self._place is None:
                wanted = dict(self.figures.targets).get(WORTH_ASKING)
                self._place = bisect_left(THRESHOLDS, wanted.threshold) if wanted is not None else DEFAULT
        self.catch_up()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer offers only what works now."""
        if action == "abstain":
            return self.figures is not None
        return super().check_action(action, parameters)

    def action_abstain(self, how: str) -> None:
        """Move the threshold."""
        if self.figures is not None and self._place is not None:
            self._place = min(max(0, self._place + STEPS[how]), len(THRESHOLDS) - 1)
            self.query_one(AbstentionPanel).show(self.figures, self.threshold)

    def _nothing_to_show(self, view: RunView) -> str:
        point = self.session.point
        if point is None:
            return before_the_first_epoch(view, "The first figures come")
        if self.problem:
            return f"The digits of {point.words} cannot be shown: {self.problem}"
        if self.findings is None:
            return f"Reading the digits of {point.words} …"
        if point.split == TRAIN:
            return (
                "The cross-check keeps only the most doubtful digits, which say nothing about calibration: "
                "[ goes back to an epoch."
            )
        return f"There are no {digits_words(point)}."
