"""What the mouse does to a plot: the wheel zooms, a drag pans, a click points."""

from dataclasses import dataclass

from textual.events import MouseDown, MouseEvent, MouseMove, MouseScrollDown, MouseScrollUp, MouseUp
from textual.message import Message

from mnist_tui.runs.history import History
from mnist_tui.ui.plots.scale import Scale
from mnist_tui.ui.shared.line_widget import LineWidget

WHEEL = 1.5
"""How much closer one notch of the wheel is."""


@dataclass(frozen=True)
class Canvas:
    """Where the last drawing put its points."""

    left: int
    """Column of the content at which the canvas begins."""
    columns: int
    scale: Scale
    history: History
    """The run that the steps of the x axis are of."""

    def step_at(self, column: float) -> float:
        """The step under a column of the content."""
        share = min(1.0, max(0.0, (column - self.left) / max(1, self.columns - 1)))
        first, last = self.scale.limits
        return self.scale.step_at(self.history, first + share * (last - first))


class PlotMouse(LineWidget):
    """Base of a plot: `canvas` is None while there is nothing to point at."""

    class Zoomed(Message, namespace="plot_panel"):
        """Somebody turned the wheel over a step: `factor` above 1 is closer."""

        def __init__(self, factor: float, step: float) -> None:
            super().__init__()
            self.factor, self.step = factor, step

    class Pointed(Message, namespace="plot_panel"):
        """Somebody clicked at a step."""

        def __init__(self, step: float) -> None:
            super().__init__()
            self.step = step

    class Dragged(Message, namespace="plot_panel"):
        """Somebody drags the curves by so many steps to the left."""

        def __init__(self, steps: float) -> None:
            super().__init__()
            self.steps = steps

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.canvas: Canvas | None = None
        self._grabbed: float | None = None
        self._dragged = False

    def _step_under(self, canvas: Canvas, event: MouseEvent) -> float:
        return canvas.step_at(event.x - self.content_offset.x)

    def _on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Closer."""
        self._turn(event, WHEEL)

    def _on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Farther away."""
        self._turn(event, 1 / WHEEL)

    def _turn(self, event: MouseScrollUp | MouseScrollDown, factor: float) -> None:
        if self.canvas is not None:
            event.stop()
            event.prevent_default()
            self.post_message(self.Zoomed(factor, self._step_under(self.canvas, event)))

    def on_mouse_down(self, event: MouseDown) -> None:
        """Take hold of the curves."""
        if self.canvas is not None and event.button == 1:
            self._grabbed, self._dragged = float(event.x), False
            self.capture_mouse()

    def on_mouse_move(self, event: MouseMove) -> None:
        """Drag them along."""
        if self._grabbed is None or self.canvas is None or event.x == self._grabbed:
            return
        first, last = self.canvas.scale.window
        self._dragged = True
        self.post_message(self.Dragged((self._grabbed - event.x) / max(1, self.canvas.columns - 1) * (last - first)))
        self._grabbed = float(event.x)

    def on_mouse_up(self, event: MouseUp) -> None:
        """Let go; a click that dragged nothing points at a step."""
        if self._grabbed is None:
            return
        self.release_mouse()
        self._grabbed = None
        if not self._dragged and self.canvas is not None:
            self.post_message(self.Pointed(self._step_under(self.canvas, event)))
