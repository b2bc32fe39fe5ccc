"""Mouse control of a plot: the wheel zooms, a drag pans, a click sets the cursor."""

from dataclasses import dataclass

from textual.events import MouseDown, MouseEvent, MouseMove, MouseScrollDown, MouseScrollUp, MouseUp
from textual.message import Message

from mnist_tui.runs.history import History
from mnist_tui.ui.plots.scale import Scale
from mnist_tui.ui.shared.line_widget import LineWidget

WHEEL_ZOOM = 1.5
"""Zoom factor of one notch of the wheel."""


@dataclass(frozen=True)
class Canvas:
    """The area of a plot in which points are drawn."""

    left: int
    """Column of the widget's content at which the canvas begins."""
    columns: int
    scale: Scale
    history: History
    """The run whose steps the x axis counts."""

    def step_at(self, column: float) -> float:
        """Return the step under a column of the widget's content."""
        share = min(1.0, max(0.0, (column - self.left) / max(1, self.columns - 1)))
        first, last = self.scale.limits
        return self.scale.step_at(self.history, first + share * (last - first))


class PlotMouse(LineWidget):
    """Base class of a plot. `canvas` is None while there is nothing to point at."""

    class Zoomed(Message, namespace="plot_panel"):
        """Posted when the wheel is turned over a step; a `factor` above 1 zooms in."""

        def __init__(self, factor: float, step: float) -> None:
            super().__init__()
            self.factor, self.step = factor, step

    class Pointed(Message, namespace="plot_panel"):
        """Posted when a step is clicked."""

        def __init__(self, step: float) -> None:
            super().__init__()
            self.step = step

    class Dragged(Message, namespace="plot_panel"):
        """Posted while the curves are dragged, by a number of steps to the left."""

        def __init__(self, steps: float) -> None:
            super().__init__()
            self.steps = steps

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.canvas: Canvas | None = None
        self._drag_column: float | None = None
        self._dragged = False

    def _step_under(self, canvas: Canvas, event: MouseEvent) -> float:
        return canvas.step_at(event.x - self.content_offset.x)

    def _on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        self._zoom(event, WHEEL_ZOOM)

    def _on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        self._zoom(event, 1 / WHEEL_ZOOM)

    def _zoom(self, event: MouseScrollUp | MouseScrollDown, factor: float) -> None:
        if self.canvas is not None:
            event.stop()
            event.prevent_default()
            self.post_message(self.Zoomed(factor, self._step_under(self.canvas, event)))

    def on_mouse_down(self, event: MouseDown) -> None:
        if self.canvas is not None and event.button == 1:
            self._drag_column, self._dragged = float(event.x), False
            self.capture_mouse()

    def on_mouse_move(self, event: MouseMove) -> None:
        if self._drag_column is None or self.canvas is None or event.x == self._drag_column:
            return
        first, last = self.canvas.scale.window
        columns = (self._drag_column - event.x) / max(1, self.canvas.columns - 1)
        self._drag_column, self._dragged = float(event.x), True
        self.post_message(self.Dragged(columns * (last - first)))

    def on_mouse_up(self, event: MouseUp) -> None:
        if self._drag_column is None:
            return
        self.release_mouse()
        self._drag_column = None
        if not self._dragged and self.canvas is not None:
            self.post_message(self.Pointed(self._step_under(self.canvas, event)))
