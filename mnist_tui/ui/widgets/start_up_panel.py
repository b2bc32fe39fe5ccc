"""What is being waited for before the first step, with the seconds so far."""

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from mnist_tui.events import Phase
from mnist_tui.runs.summary import Status
from mnist_tui.ui.session import RunView

WAITS: dict[Phase, str] = {
    Phase.IMPORTING: "importing TensorFlow",
    Phase.LOADING: "reading the digits",
    Phase.BUILDING: "building the network",
    Phase.COMPILING: "compiling the first step",
}
MARKUP_OFF = str.maketrans({"[": "(", "]": ")"})


class StartUpPanel(Widget):
    """The start-up phases as a list: done with their seconds, the present one counting, the rest to come."""

    DEFAULT_CSS = """
    StartUpPanel { border: round $frame; border-title-color: $foreground; height: 1fr; content-align: center middle; }
    """

    words: reactive[str] = reactive("")

    def show(self, view: RunView) -> None:
        """Take in a new moment of the run."""
        self.border_title = "Starting"
        history, present = view.history, view.progress.phase
        if history.failed is not None:
            self.border_title = "Failed"
            self.words = f"[b $error]The run failed.[/]\n\n{history.failed.error.translate(MARKUP_OFF)}"
            return
        if view.status is Status.CRASHED:
            self.border_title = "Crashed"
            self.words = (
                "[b $error]The engine ended without a word.[/]\n\nengine.log in the run's folder has its last messages."
            )
            return
        rows = []
        for phase, words in WAITS.items():
            if phase == present and not history.is_over:
                rows.append(f"[b $warning]▸ {words:<26}{view.progress.phase_seconds:>6.0f} s[/]")
            elif phase in history.phase_seconds:
                rows.append(f"[$success]✔[/] {words:<26}{history.phase_seconds[phase]:>6.1f} s")
            else:
                rows.append(f"[$quiet]· {words:<26}{'':>8}[/]")
        self.words = "\n".join(rows)

    def render(self) -> Content:
        return Content.from_markup(self.words)
