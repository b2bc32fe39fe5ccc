"""The training screen: the network, its curves, the progress, and what happened."""

from textual.app import ComposeResult
from textual.containers import Container

from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.screens.run_screen import RunScreen
from mnist_tui.ui.session import RunView
from mnist_tui.ui.widgets.confusions_line import ConfusionsLine
from mnist_tui.ui.widgets.events_panel import EventsPanel
from mnist_tui.ui.widgets.machine_panel import MachinePanel
from mnist_tui.ui.widgets.model_panel import ModelPanel
from mnist_tui.ui.widgets.plot_board import PlotBoard
from mnist_tui.ui.widgets.progress_panel import ProgressPanel
from mnist_tui.ui.widgets.read_out import ReadOut
from mnist_tui.ui.widgets.start_up_panel import StartUpPanel


class TrainingScreen(RunScreen):
    """Plots and the network side by side; narrow terminals stack them, wide ones show every metric."""

    BINDINGS = bindings("training", "run")  # Esc puts the cursor away before it goes back
    KEY_GROUPS = ("training", "plots", "run", "steering", "everywhere")
    CSS_PATH = "training.tcss"
    AUTO_FOCUS = "#plots"

    def compose_body(self) -> ComposeResult:
        """Plots first: they are docked to the right where there is room, and stay on top where there is not."""
        with Container(id="body"):
            yield PlotBoard(id="plots")
            yield StartUpPanel(id="start-up")
            with Container(id="side"):
                yield ModelPanel()
                yield MachinePanel()
                yield ProgressPanel()
                yield ConfusionsLine()
                yield EventsPanel()
        yield ReadOut(id="read-out")

    def show(self, view: RunView) -> None:
        """Hand the view to the panels."""
        history = view.history
        running = history.steps.count > 0
        self.set_class(not running, "-starting")
        if running:
            board = self.query_one(PlotBoard)
            board.show(history, view.now)
            if self.focused is None:
                self.call_after_refresh(board.focus)  # it was hidden while there was nothing to plot
            self._read_out()
        else:
            self.query_one(StartUpPanel).show(view)
        self.query_one(ModelPanel).show(history.started, history.record.config.preset, history.layer_stats)
        self.query_one(MachinePanel).show(view)
        self.query_one(ProgressPanel).show(view)
        self.query_one(ConfusionsLine).show(history)
        self.query_one(EventsPanel).show(history)

    def _read_out(self) -> None:
        board = self.query_one(PlotBoard)
        history, metrics = self.session.view.history, board.recorded
        chosen = [metric for metric in metrics if metric.key == board.view.maximised]
        rest = [metric for metric in metrics if metric not in chosen]
        self.query_one(ReadOut).show(history, chosen + rest, board.view.cursor)

    def on_plot_board_changed(self) -> None:
        """The curves are looked at differently: one may fill the screen, a cursor may be read off."""
        self.set_class(self.query_one(PlotBoard).view.maximised is not None, "-maximised")
        self._read_out()
        self.refresh_bindings()

    def action_plots(self, what: str) -> None:
        """A key for the plots, wherever the focus is."""
        self.query_one(PlotBoard).action_plots(what)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is nothing to look at before the first step."""
        if action == "plots":
            return self.is_mounted and self.query_one(PlotBoard).can_do(str(parameters[0]))
        return super().check_action(action, parameters)
