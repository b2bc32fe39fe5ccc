"""All plots of a run, side by side or one of them alone; they are looked at alike.

A plot costs 5 to 20 ms, several times that while all cores train: never are two built without the loop being free in
between, so that a key waits for one of them at most.
"""

import asyncio
from dataclasses import replace
from typing import TypeVar

from textual.app import ComposeResult
from textual.containers import Container
from textual.events import Resize
from textual.message import Message

from mnist_tui.metrics import METRICS, Metric
from mnist_tui.runs.history import History
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.plots.data import is_recorded
from mnist_tui.ui.plots.overlay import RunOverlay
from mnist_tui.ui.plots.panel import FRAME_SECONDS, PlotPanel
from mnist_tui.ui.plots.scale import extent_of
from mnist_tui.ui.plots.view import (
    PAN_SHARE,
    SMOOTHINGS,
    X_AXES,
    ZOOM,
    Extent,
    PlotView,
    moved,
    panned,
    pointed,
    reset,
    shown,
    zoomed,
)
from mnist_tui.ui.terminal.back_pressure import is_behind

ROOM = (38, 16)
"""Columns and rows that a plot is worth having from; two are always there."""
BUILDS_A_SECOND = 3.0
"""Of all plots together, while steps come."""
PACE_SECONDS = 0.25
"""Between two plots while steps come, and between looks at a terminal that is behind."""
BREATH_SECONDS = 0.03
"""Between two plots that somebody waits for: room for a key and its answer."""
ABSENT_SECONDS = 3.0
"""Not shown for so long: what is on the screen is old, and all of it is drawn."""
Choice = TypeVar("Choice")


class PlotBoard(Container, can_focus=True):
    """Holds how the plots are looked at; `view` changes only here, and `Changed` says when it did."""

    BINDINGS = bindings("plots")
    DEFAULT_CSS = """
    PlotBoard { layout: grid; grid-size: 1; }
    PlotBoard PlotPanel { display: none; }
    PlotBoard PlotPanel.-shown { display: block; }
    PlotBoard:focus PlotPanel { border-title-style: bold; border: round $accent 60%; }
    """

    class Changed(Message):
        """The plots are looked at differently."""

    def __init__(self, id: str | None = None, most: int | None = None) -> None:
        """`most`: plots at a time, however much room there is; None: as many as there is room for."""
        super().__init__(id=id)
        self._most = most
        self.view = PlotView()
        self.dropped = 0
        """Frames that were not built because the terminal was behind."""
        self._history: History | None = None
        self._overlay = RunOverlay()
        self._now = 0.0
        self._shown: list[PlotPanel] = []
        self._built: PlotPanel | None = None
        """The newest one: the next has its turn."""
        self._asked: set[PlotPanel] = set()
        """Those that somebody waits for."""
        self._is_pacing = False
        self._is_hurrying = False
        self._arranged: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        for metric in METRICS:
            yield PlotPanel(metric, id=metric.key)

    def show(self, history: History, now: float, overlay: RunOverlay | None = None) -> None:
        """Take in a run at the time `now`, and others to be drawn with it.

        Nothing is built while the terminal still writes earlier frames.
        """
        overlay = overlay or self._overlay
        absent = not 0 <= now - self._now < ABSENT_SECONDS
        if absent or history is not self._history or overlay != self._overlay or history.is_over:
            self._asked.update(self._shown)
        self._history, self._now, self._overlay = history, now, overlay
        self._arrange()
        if self._asked:
            self._hurry()
        elif not self._is_pacing:
            self._pace()

    def build_next(self) -> bool:
        """Build the plot whose turn it is, of those that are asked for first; False when none has anything new."""
        if self._history is None:
            return False
        turn = self._shown.index(self._built) + 1 if self._built in self._shown else 0
        panels = self._shown[turn:] + self._shown[:turn]
        for panel in sorted(panels, key=lambda each: each not in self._asked):
            self._asked.discard(panel)
            builds, spacing = panel.builds, max(FRAME_SECONDS, len(panels) / BUILDS_A_SECOND)
            panel.show(self._history, self._now, self.view, spacing, self._overlay)
            if panel.builds > builds:
                self._built = panel
                return True
        return False

    def _pace(self) -> None:
        """Build one, unless the terminal still writes earlier frames, and look again after a while."""
        behind = is_behind(self.app)
        self.dropped += behind
        if self._asked and not behind:
            self._hurry()
        self._is_pacing = behind or self.build_next()
        if self._is_pacing:
            self.set_timer(PACE_SECONDS, self._pace)

    def _hurry(self) -> None:
        """Build those that are asked for as soon as may be."""
        if not self._is_hurrying:
            self._is_hurrying = True
            self.run_worker(self._build_asked(), group="plots")

    async def _build_asked(self) -> None:
        try:
            while self._asked and not is_behind(self.app):
                self.build_next()
                await asyncio.sleep(BREATH_SECONDS)
        finally:
            self._is_hurrying = False
        if self._asked and not self._is_pacing:
            self._pace()

    def on_resize(self, event: Resize) -> None:  # noqa: ARG002
        """Another size has room for other plots."""
        self._arrange()
        self._asked.update(self._shown)
        self.call_after_refresh(self._hurry)

    @property
    def panels_shown(self) -> list[PlotPanel]:
        """Those that there is room for, or the maximised one."""
        return list(self._shown)

    @property
    def recorded(self) -> list[Metric]:
        """The metrics that have anything to plot."""
        history = self._history
        return [metric for metric in METRICS if history is not None and is_recorded(history, metric)]

    def _arrange(self) -> None:
        """Show as many plots as there is room for, or the maximised one."""
        metrics = self.recorded
        keys = [metric.key for metric in metrics]
        across, down = (max(1, length // least) for length, least in zip(self.size, ROOM, strict=True))
        slots = max(2, across * down)
        chosen = [self.view.maximised] if self.view.maximised in keys else keys[: self._most or slots]
        columns = 1 if len(chosen) == 1 else min(2, across) if self.size.height >= ROOM[1] else len(chosen)
        arranged = (chosen, columns)
        if arranged == self._arranged:
            return
        self._arranged = arranged
        self.styles.grid_size_columns = columns
        for panel in self.query(PlotPanel):
            panel.set_class(panel.metric.key in chosen, "-shown")
            last = bool(chosen) and panel.metric.key == chosen[-1]
            panel.styles.column_span = columns if last and len(chosen) % columns == 1 and columns > 1 else 1
        self._shown = [panel for panel in self.query(PlotPanel) if panel.metric.key in chosen]
        self._asked.update(self._shown)
        self._asked.intersection_update(self._shown)

    def look(self, view: PlotView) -> None:
        """Look at the plots in this way from now on; the first is drawn at once, however busy the terminal is."""
        if view == self.view:
            return
        self.view = view
        self._arrange()
        self._asked.update(self._shown)
        self.build_next()
        if self._asked:
            self._hurry()
        self.post_message(self.Changed())

    def action_plots(self, what: str) -> None:
        """What a key asks for; see the keymap."""
        if self._history is None or not self._history.steps.count:
            return
        view, extent = self.view, self._extent(self._history)
        first, last = shown(view, extent)
        match what:
            case "log":
                view = replace(view, log=not view.log)
            case "axis":
                view = replace(view, axis=_after(X_AXES, view.axis))
            case "smoothing":
                view = replace(view, smoothing=_after(SMOOTHINGS, view.smoothing))
            case "validation":
                view = replace(view, validation_alone=not view.validation_alone)
            case "recent":
                view = replace(view, recent=not (view.recent and view.window is None), window=None)
            case "closer":
                view = zoomed(view, extent, ZOOM)
            case "farther":
                view = zoomed(view, extent, 1 / ZOOM)
            case "all":
                view = reset(view)
            case "left" | "right":
                view = moved(view, extent, -1 if what == "left" else 1)
            case "first" | "last":
                view = pointed(view, extent, 1 if what == "first" else extent.last)
            case "pan_left" | "pan_right":
                view = panned(view, extent, (last - first) * (-PAN_SHARE if what == "pan_left" else PAN_SHARE))
            case "one":
                keys = [metric.key for metric in self.recorded]
                maximised = None if view.maximised is not None else next(iter(keys), None)
                view = replace(view, maximised=maximised)
                self.focus()
            case "next" | "previous":
                view = replace(view, maximised=self._neighbour(1 if what == "next" else -1))
            case "back":
                view = replace(view, maximised=None) if view.maximised else replace(view, cursor=None)
        self.look(view)

    def _extent(self, history: History) -> Extent:
        """How far the curves go, those of other runs included."""
        return extent_of(history, () if self.view.recent else self._overlay.histories, self.view.axis)

    def _neighbour(self, step: int) -> str | None:
        keys = [metric.key for metric in self.recorded]
        if self.view.maximised not in keys:
            return None
        return keys[(keys.index(self.view.maximised) + step) % len(keys)]

    def can_do(self, what: str) -> bool:
        """Whether a key would change anything now."""
        if what in ("next", "previous"):
            return self.view.maximised is not None
        if what == "back":
            return self.view.maximised is not None or self.view.cursor is not None
        return self._history is not None and self._history.steps.count > 0

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Tab goes from plot to plot only while one is alone."""
        if action == "plots":
            return self.can_do(str(parameters[0]))
        return super().check_action(action, parameters)

    def on_plot_panel_zoomed(self, message: PlotPanel.Zoomed) -> None:
        """The wheel."""
        message.stop()
        if self._history is not None:
            self.look(zoomed(self.view, self._extent(self._history), message.factor, message.step))

    def on_plot_panel_pointed(self, message: PlotPanel.Pointed) -> None:
        """A click."""
        message.stop()
        if self._history is not None:
            self.focus()
            self.look(pointed(self.view, self._extent(self._history), message.step))

    def on_plot_panel_dragged(self, message: PlotPanel.Dragged) -> None:
        """Curves follow the mouse."""
        message.stop()
        if self._history is not None:
            self.look(panned(self.view, self._extent(self._history), message.steps))


def _after(choices: tuple[Choice, ...], current: Choice) -> Choice:
    return choices[(choices.index(current) + 1) % len(choices)]
