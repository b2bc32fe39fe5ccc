"""The events panel: the newest events of the run, newest first."""

import time

from rich.text import Text
from textual.app import RenderResult
from textual.reactive import reactive
from textual.widget import Widget

from mnist_tui.render.text import clip, sanitize
from mnist_tui.runs.history import History
from mnist_tui.runs.notes import Note


class EventsPanel(Widget):
    """Shows as many events as fit."""

    DEFAULT_CSS = """
    EventsPanel {
        border: round $frame; border-title-color: $foreground; border-subtitle-color: $quiet; height: 1fr; padding: 0 1;
    }
    """

    notes: reactive[tuple[Note, ...]] = reactive(())
    BORDER_TITLE = "Events"

    def show(self, history: History, unknown: int = 0) -> None:
        """Show the events; `unknown` counts those that another version of this program wrote."""
        self.notes = tuple(reversed(history.notes))
        skipped = f"{unknown:,} of another version skipped" if unknown else ""
        if skipped != (self.border_subtitle or ""):
            self.border_subtitle = skipped

    def render(self) -> RenderResult:
        variables = self.app.theme_variables
        text = Text(no_wrap=True)
        for note in self.notes[: self.size.height]:
            text.append(time.strftime("%H:%M:%S  ", time.localtime(note.time)), variables["quiet"])
            line = clip(sanitize(note.text), self.size.width - 10) + "\n"
            text.append(line, variables["warning"] if note.alert else "")
        return text
