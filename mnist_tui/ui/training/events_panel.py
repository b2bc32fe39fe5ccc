"""What happened, the newest on top."""

import time

from rich.text import Text
from textual.app import RenderResult
from textual.reactive import reactive
from textual.widget import Widget

from mnist_tui.render.text import clip, sanitize
from mnist_tui.runs.history import History, Note


class EventsPanel(Widget):
    """As many of the newest notes as fit."""

    DEFAULT_CSS = """
    EventsPanel {
        border: round $frame; border-title-color: $foreground; border-subtitle-color: $quiet; height: 1fr; padding: 0 1;
    }
    """

    notes: reactive[tuple[Note, ...]] = reactive(())
    BORDER_TITLE = "Events"

    def show(self, history: History, unknown: int = 0) -> None:
        """Take in a new moment of the run; `unknown` events are of another version of this program."""
        self.notes = tuple(reversed(history.notes))
        skipped = f"{unknown:,} of another version skipped" if unknown else ""
        if skipped != (self.border_subtitle or ""):
            self.border_subtitle = skipped

    def render(self) -> RenderResult:
        variables = self.app.theme_variables
        text = Text(no_wrap=True)
        for note in self.notes[: self.size.height]:
            text.append(time.strftime("%H:%M:%S  ", time.localtime(note.time)), variables["quiet"])
            words = clip(sanitize(note.text), self.size.width - 10) + "\n"
            text.append(words, variables["warning"] if note.alert else "")
        return text
