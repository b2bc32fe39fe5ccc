"""The line under the header with the newest alert: one line or two, none without an alert."""

from rich.text import Text

from mnist_tui.events import AlertKind
from mnist_tui.render.text import sanitize
from mnist_tui.ui.session import RunView
from mnist_tui.ui.shared.line_widget import LineWidget

SIGN = "⚠  "
PADDING = 1
MOST_LINES = 2


class AlertBanner(LineWidget):
    """Shows the newest alert, or what the engine cannot save."""

    DEFAULT_CSS = """
    AlertBanner { height: 1; display: none; padding: 0 1; background: $warning-behind; color: $foreground; }
    AlertBanner.-shown { display: block; }
    AlertBanner.-severe { background: $error-behind; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._sentence = ""
        self._hint = ""
        self._is_severe = False

    def show(self, view: RunView, dismissed: set[str]) -> None:
        """Show the alert of a view, unless the user has dismissed it."""
        self._sentence, self._is_severe, self._hint = banner(view, dismissed)
        self.set_class(bool(self._sentence), "-shown")
        self.set_class(self._is_severe, "-severe")
        if self._sentence:
            self.styles.height = len(self._wrapped(self.app.size.width - 2 * PADDING))
            self.redraw()

    def draw(self) -> list[Text]:
        variables = self.app.theme_variables
        lines = self._wrapped(self.size.width)
        for line in lines:
            line.pad_left(len(SIGN))
        first = lines[0]
        first.plain = SIGN + first.plain[len(SIGN) :]
        first.stylize(f"bold {variables['foreground' if self._is_severe else 'warning']}", 0, len(SIGN))
        first.pad_right(max(0, self.size.width - first.cell_len - len(self._hint)))
        first.append(self._hint, variables["foreground"])
        return lines

    def _wrapped(self, width: int) -> list[Text]:
        """Wrap the message into at most two lines; the last ends with an ellipsis if it is cut."""
        room = max(1, width - len(SIGN) - len(self._hint) - 2)
        lines = list(Text(sanitize(self._sentence)).wrap(self.app.console, room))
        kept = lines[:MOST_LINES]
        if len(lines) > MOST_LINES:
            kept[-1].append(" " + lines[MOST_LINES].plain)
            kept[-1].truncate(room, overflow="ellipsis")
        return kept


def banner(view: RunView, dismissed: set[str]) -> tuple[str, bool, str]:
    """Return the message (empty: none), True if it is severe, and the key that handles it.

    An alert advises what to do while the run is live; afterwards it is among the events.
    """
    alert = view.history.alert if view.status.is_live else None
    waits = alert is not None and alert.awaits_decision and view.history.paused
    if alert is not None and waits:
        return alert.text, True, "b decide"
    if view.save_error and view.save_error not in dismissed:
        return view.save_error, True, "Esc hide"
    if alert is not None and key_of(view) not in dismissed:
        return alert.text, alert.kind is AlertKind.NOT_FINITE, "Esc hide"
    return "", False, ""


def key_of(view: RunView) -> str:
    """Return the identity of the newest alert; a later alert may have the same text."""
    alert = view.history.alert
    return f"{alert.time} {alert.text}" if alert is not None else ""


def dismissible(view: RunView, dismissed: set[str]) -> str:
    """Return what to add to `dismissed` to hide the line; empty if there is none, or it must stay."""
    sentence, _, hint = banner(view, dismissed)
    if not sentence or hint != "Esc hide":
        return ""
    return view.save_error if view.save_error == sentence else key_of(view)
