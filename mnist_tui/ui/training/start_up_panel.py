"""What is being waited for before the first step, with the seconds so far."""

from rich.text import Text

from mnist_tui.events import START_UP
from mnist_tui.render.text import sanitize
from mnist_tui.runs.summary import Status
from mnist_tui.ui.session import RunView
from mnist_tui.ui.shared.line_widget import LineWidget


class StartUpPanel(LineWidget):
    """The start-up phases as a list: done with their seconds, the present one counting, the rest to come."""

    DEFAULT_CSS = """
    StartUpPanel { border: round $frame; border-title-color: $foreground; height: 1fr; padding: 0 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._view: RunView | None = None

    def show(self, view: RunView) -> None:
        """Take in a new moment of the run."""
        self._view = view
        failed = view.history.failed is not None
        self.set_title("Failed" if failed else "Crashed" if view.status is Status.CRASHED else "Starting")
        self.redraw()

    def draw(self) -> list[Text]:
        """In the middle of the panel."""
        if self._view is None:
            return []
        lines = start_up_lines(self._view, self.app.theme_variables)
        wrapped = [part for line in lines for part in line.wrap(self.app.console, max(1, self.size.width))]
        left = max(0, (self.size.width - max((line.cell_len for line in wrapped), default=0)) // 2)
        for line in wrapped:
            line.pad_left(left)
        return [Text()] * max(0, (self.size.height - len(wrapped)) // 2) + wrapped


def start_up_lines(view: RunView, variables: dict[str, str]) -> list[Text]:
    """What is waited for, or why there is nothing to wait for any more."""
    history, present = view.history, view.progress.phase
    if history.failed is not None:
        return [
            Text("The run failed.", style=f"bold {variables['error']}"),
            Text(),
            Text(sanitize(history.failed.error)),
        ]
    if view.status is Status.CRASHED:
        words = "engine.log in the run's folder has its last messages."
        return [Text("The engine ended without a word.", style=f"bold {variables['error']}"), Text(), Text(words)]
    lines = []
    for phase, words in START_UP.items():
        if phase == present and not history.is_over:
            waited = f"{view.progress.phase_seconds:>6.0f} s"
            lines.append(Text(f"▸ {words:<26}{waited}", style=f"bold {variables['warning']}"))
        elif phase in history.phase_seconds:
            seconds = f"{history.phase_seconds[phase]:>6.1f} s"
            lines.append(Text.assemble(("✔ ", variables["success"]), f"{words:<26}{seconds}"))
        else:
            lines.append(Text(f"· {words:<34}", style=variables["quiet"]))
    return lines
