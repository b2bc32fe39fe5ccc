"""The training screen: the model, its curves, the progress and the events."""

from dataclasses import replace

from textual import work
from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message

from mnist_tui.metrics import METRICS, Metric
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.own_lines import read_own_lines, set_own_line
from mnist_tui.runs.summary import RunSummary
from mnist_tui.ui.compare.compared_runs import ComparedRuns
from mnist_tui.ui.compare.overlay_legend import OverlayLegend
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.plots.board import PlotBoard
from mnist_tui.ui.plots.overlay import RunOverlay
from mnist_tui.ui.plots.readout import CursorReadout
from mnist_tui.ui.plots.references import best_run, reference_lines
from mnist_tui.ui.run.screen import RunScreen
from mnist_tui.ui.session import RunSession, RunView
from mnist_tui.ui.steering.steering import notify
from mnist_tui.ui.training.confusions_line import ConfusionsLine
from mnist_tui.ui.training.evaluation_panel import EvaluationPanel
from mnist_tui.ui.training.events_panel import EventsPanel
from mnist_tui.ui.training.machine_panel import MachinePanel
from mnist_tui.ui.training.model_panel import ModelPanel
from mnist_tui.ui.training.own_line import OwnLine, OwnLineScreen
from mnist_tui.ui.training.progress_panel import ProgressPanel
from mnist_tui.ui.training.start_up_panel import StartUpPanel

POLL_SECONDS = 1.0
"""Between polls of the other runs drawn into the plots."""


class TrainingScreen(RunScreen):
    """Plots and model side by side; narrow terminals stack them, wide ones show every metric."""

    BINDINGS = bindings("training", "run", "export")  # in this order: Esc removes the cursor before it goes back
    KEY_GROUPS = ("training", "plots", "model", "pages", "run", "steering", "screens", "export", "everywhere")
    CSS_PATH = "screen.tcss"
    AUTO_FOCUS = "#plots"
    PAGES = ("#plots, #start-up", "ProgressPanel, ConfusionsLine", "ModelPanel", "MachinePanel", "EventsPanel")

    class OthersRead(Message):
        """Posted when the other runs were read."""

    class BestRead(Message):
        """Posted when the best other run on the same data was looked for."""

        def __init__(self, best: RunSummary | None) -> None:
            super().__init__()
            self.best = best

    def __init__(self, session: RunSession) -> None:
        super().__init__(session)
        self._has_references = False
        """True if the reference lines are drawn."""
        self._best: RunSummary | None = None
        self._own_lines: dict[str, float] = {}
        self._others = ComparedRuns()
        """Runs drawn into the plots."""

    def compose_body(self) -> ComposeResult:
        with Container(id="body"):
            # plots first: docked to the right if there is room, else on top
            yield PlotBoard(id="plots")
            yield StartUpPanel(id="start-up")
            with Container(id="side"):
                yield ModelPanel()
                yield MachinePanel()
                yield ProgressPanel()
                yield ConfusionsLine()
                yield EvaluationPanel(self.session)
                yield EventsPanel()
        yield OverlayLegend(id="others")
        yield CursorReadout(id="readout")

    def on_mount(self) -> None:
        self.set_interval(POLL_SECONDS, self._poll_others)

    def show(self, view: RunView) -> None:
        history = view.history
        running = history.steps.count > 0
        self.set_class(not running, "-starting")
        if running:
            board = self.query_one(PlotBoard)
            board.show(history, view.now, self._overlay())
            if self.focused is None:
                self.call_after_refresh(board.focus)  # it was hidden while there was nothing to plot
            self._update_readout()
        else:
            self.query_one(StartUpPanel).show(view)
        config = history.record.config
        preset = "" if config.model else config.preset
        self.query_one(ModelPanel).show(history.started, preset, history.layer_stats)
        self.query_one(MachinePanel).show(view)
        self.query_one(ProgressPanel).show(view)
        self.query_one(ConfusionsLine).show(history, view.status)
        self.query_one(EvaluationPanel).show(view)
        self.query_one(EventsPanel).show(history, view.unknown_events)

    def _overlay(self) -> RunOverlay:
        overlay = self._others.overlay()
        if not self._has_references:
            return overlay
        return replace(overlay, references=reference_lines(self.session.view.history, self._best, self._own_lines))

    def action_references(self) -> None:
        """Draw the reference lines, or leave them out."""
        self._has_references = not self._has_references
        if self._has_references:
            self._own_lines = read_own_lines()
            self._read_best()
        self.show(self.session.view)

    def action_own_line(self) -> None:
        """Ask for a reference line in the maximized plot, else in that of the accuracy."""
        metric = METRICS[self.query_one(PlotBoard).view.maximised or "accuracy"]
        self.app.push_screen(OwnLineScreen(metric, read_own_lines().get(metric.key)), self._set_own_line)

    def _set_own_line(self, line: OwnLine | None) -> None:
        if line is None:
            return
        try:
            set_own_line(line.metric, line.value)
        except RunError as error:
            notify(self.app, str(error), "error")
            return
        self._has_references = False
        self.action_references()

    @work(thread=True, exclusive=True, group="best")
    def _read_best(self) -> None:
        self.post_message(self.BestRead(best_run(self.session.view.history, self.session.run.path)))

    def on_training_screen_best_read(self, message: BestRead) -> None:
        self._best = message.best
        self.show(self.session.view)

    def _update_readout(self) -> None:
        board = self.query_one(PlotBoard)
        history, metrics = self.session.view.history, board.recorded
        chosen = [metric for metric in metrics if metric.key == board.view.maximised]
        rest = [metric for metric in metrics if metric not in chosen]
        self.query_one(CursorReadout).show(history, chosen + rest, board.view.cursor)
        metric: Metric | None = next(iter(chosen + rest), None)
        self.query_one(OverlayLegend).show(self._others, history, board.view, metric)

    def on_plot_board_changed(self) -> None:
        is_maximised = self.query_one(PlotBoard).view.maximised is not None
        if is_maximised:
            self._page = self.PAGES[0]  # on a small terminal, it may be on another page
            self.show_page()
        self.set_class(is_maximised, "-maximised")
        self._update_readout()
        self.refresh_bindings()

    def action_choose_runs(self) -> None:
        from mnist_tui.ui.compare.choose_runs import ChooseRunsScreen

        chosen = [other.run for other in self._others.runs]
        self.app.push_screen(ChooseRunsScreen(chosen, self.session.run), self._choose)

    def _choose(self, runs: list[RunDirectory] | None) -> None:
        if runs is not None:
            self._others.choose(runs)
            self._read_others()
            self.show(self.session.view)
            self.refresh_bindings()

    @work(thread=True, exclusive=True, group="others")
    def _read_others(self) -> None:
        self._others.load()
        self.post_message(self.OthersRead())

    def on_training_screen_others_read(self) -> None:
        self.show(self.session.view)

    def _poll_others(self) -> None:
        if self.is_active and self._others.poll():
            self.show(self.session.view)

    def action_compare_tables(self) -> None:
        from mnist_tui.ui.compare.screen import CompareScreen

        runs = [self.session.run, *(other.run for other in self._others.runs)]
        self.app.push_screen(CompareScreen(runs))

    def why(self) -> tuple[str, str]:
        panel = self.query_one(ModelPanel)
        return panel.why() if panel.has_focus_within else super().why()

    def action_plots(self, command: str) -> None:
        self.query_one(PlotBoard).action_plots(command)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "compare_tables":
            return bool(self._others.runs)
        if action in ("choose_runs", "references", "own_line"):
            return self.session.view.history.steps.count > 0
        if action == "plots":
            return self.has_widgets and self.query_one(PlotBoard).can_do(str(parameters[0]))
        return super().check_action(action, parameters)
