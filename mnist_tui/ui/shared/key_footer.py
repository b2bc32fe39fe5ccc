"""The footer: the most important keys that work now, as many as fit."""

from textual.app import ComposeResult
from textual.events import Resize
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from mnist_tui.ui.keymap import KEYMAP, keys_of


class KeyFooter(Footer):
    """Drops keys that do not fit; Textual's footer would scroll Help out of sight."""

    def __init__(self) -> None:
        super().__init__(compact=True, show_command_palette=False)

    def compose(self) -> ComposeResult:
        """Drop keys of the highest rank until the others fit; of equal ranks, the last first."""
        keys = [key for key in super().compose() if isinstance(key, FooterKey)]
        keys.sort(key=lambda key: not key.action.startswith("app.view"))  # the screens first, wherever they are bound
        ranks = {key.action: key.rank for group in (*KEYMAP, "screens") for key in keys_of(group)}
        widths = {key: len(key.key_display) + 1 + len(key.description) + 1 for key in keys}
        room = self.app.size.width + 1  # the last one needs no blank behind it
        while keys and sum(widths[key] for key in keys) > room:
            worst = max(ranks.get(key.action, 0) for key in keys)
            keys.remove([key for key in keys if ranks.get(key.action, 0) == worst][-1])
        yield from keys

    def on_resize(self, event: Resize) -> None:  # noqa: ARG002
        if self._bindings_ready:
            self.call_after_refresh(self.recompose)
