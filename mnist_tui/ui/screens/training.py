"""The training screen: the network, its curves, the progress, and what happened."""

from textual.app import ComposeResult
from textual.containers import Container

from mnist_tui.metrics import METRICS
from mnist_tui.ui.screens.run_screen import RunScreen
from mnist_tui.ui.session import RunView
from mnist_tui.ui.widgets.confusions_line import ConfusionsLine
from mnist_tui.ui.widgets.events_panel import EventsPanel
from mnist_tui.ui.widgets.model_panel import ModelPanel
from mnist_tui.ui.widgets.plot_panel import PlotPanel
from mnist_tui.ui.widgets.progress_panel import ProgressPanel
from mnist_tui.ui.widgets.start_up_panel import StartUpPanel


class TrainingScreen(RunScreen):
    """Plots and the network side by side; narrow terminals stack them, wide ones show every metric."""

    CSS_PATH = "training.tcss"

    def compose_body(self) -> ComposeResult:
        """Plots first: they are docked to the right where there is room, and stay on top where there is not."""
        with Container(id="body"):
            with Container(id="plots"):
                for metric in METRICS:
                    yield PlotPanel(metric, id=metric.key)
            yield StartUpPanel(id="start-up")
            with Container(id="side"):
                yield ModelPanel()
                yield ProgressPanel()
                yield ConfusionsLine()
                yield EventsPanel()

    def show(self, view: RunView) -> None:
        """Hand the view to the panels."""
        history = view.history
        running = history.steps.count > 0
        self.set_class(not running, "-starting")
        if running:
            for plot in self.query(PlotPanel):
                plot.show(history, view.now)
        else:
            self.query_one(StartUpPanel).show(view)
        self.query_one(ModelPanel).show(history.started, history.record.config.preset)
        self.query_one(ProgressPanel).show(view)
        self.query_one(ConfusionsLine).show(history)
        self.query_one(EventsPanel).show(history)
