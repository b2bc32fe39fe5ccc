"""The start-up panel: the phases before the first step, with their seconds."""

from rich.text import Text

from mnist_tui.events import START_UP
from mnist_tui.render.text import sanitize
from mnist_tui.runs.status import Status
from mnist_tui.ui.session import RunView
from mnist_tui.ui.shared.line_widget import LineWidget


class StartUpPanel(LineWidget):
    """A list of the start-up phases: done, current and pending."""

    DEFAULT_CSS = """
    StartUpPanel { border: round $frame; border-title-color: $foreground; height: 1fr; padding: 0 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._view: RunView | None = None

    def show(self, view: RunView) -> None:
        """Show the run as it is now."""
        self._view = view
        failed = view.history.failed is not None
        self.set_title("Failed" if failed else "Crashed" if view.status is Status.CRASHED else "Starting")
        self.redraw()

    def draw(self) -> list[Text]:
        if self._view is None:
            return []
        lines = start_up_lines(self._view, self.app.theme_variables)
        wrapped = [part for line in lines for part in line.wrap(self.app.console, max(1, self.size.width))]
        left = max(0, (self.size.width - max((line.cell_len for line in wrapped), default=0)) // 2)
        for line in wrapped:
            line.pad_left(left)
        return [Text()] * max(0, (self.size.height - len(wrapped)) // 2) + wrapped


def start_up_lines(view: RunView, variables: dict[str, str]) -> list[Text]:
    """Return the start-up phases, or the reason why the run is over."""
    history, current = view.history, view.progress.phase
    if history.failed is not None:
        return [
            Text("The run failed.", style=f"bold {variables['error']}"),
            Text(),
            Text(sanitize(history.failed.error)),
        ]
    if view.status is Status.CRASHED:
        heading = Text("The engine exited without an error message.", style=f"bold {variables['error']}")
        return [heading, Text(), Text("Its last output is in engine.log in the run directory.")]
    lines = []
    for phase, label in START_UP.items():
        if phase == current and not history.is_over:
            waited = f"{view.progress.phase_seconds:>6.0f} s"
            lines.append(Text(f"▸ {label:<26}{waited}", style=f"bold {variables['warning']}"))
        elif phase in history.phase_seconds:
            seconds = f"{history.phase_seconds[phase]:>6.1f} s"
            lines.append(Text.assemble(("✔ ", variables["success"]), f"{label:<26}{seconds}"))
        else:
            lines.append(Text(f"· {label:<34}", style=variables["quiet"]))
    return lines
