"""The footer of a run's screens: the keys that work now, and of those as many as fit, the most important ones."""

from textual.app import ComposeResult
from textual.events import Resize
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from mnist_tui.ui.keymap import KEYMAP

RANKS = {key.action: key.rank for group in KEYMAP.values() for key in group}


class KeyFooter(Footer):
    """Textual's footer scrolls what does not fit out of sight, the way to the help page first."""

    def __init__(self) -> None:
        super().__init__(compact=True, show_command_palette=False)

    def compose(self) -> ComposeResult:
        """Leave out the keys of the highest rank, of equals the last, until the others fit."""
        keys = [key for key in super().compose() if isinstance(key, FooterKey)]
        widths = {key: len(key.key_display) + 1 + len(key.description) + 1 for key in keys}
        room = self.app.size.width + 1  # the last one needs no blank behind it
        while keys and sum(widths[key] for key in keys) > room:
            worst = max(RANKS.get(key.action, 0) for key in keys)
            keys.remove([key for key in keys if RANKS.get(key.action, 0) == worst][-1])
        yield from keys

    def on_resize(self, event: Resize) -> None:  # noqa: ARG002
        """Another width has room for other keys."""
        if self._bindings_ready:
            self.call_after_refresh(self.recompose)
