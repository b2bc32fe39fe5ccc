"""The footer of a run's screens: the keys that work now, and of those as many as fit, the most important ones."""

from textual.app import ComposeResult
from textual.events import Resize
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from mnist_tui.ui.keymap import KEYMAP, screen_keys


def rank(action: str) -> int:
    """Return how early an action leaves a footer that is too narrow."""
    groups = (*KEYMAP.values(), screen_keys())
    return next((key.rank for group in groups for key in group if key.action == action), 0)


class KeyFooter(Footer):
    """Textual's footer scrolls what does not fit out of sight, the way to the help page first."""

    def __init__(self) -> None:
        super().__init__(compact=True, show_command_palette=False)

    def compose(self) -> ComposeResult:
        """Leave out the keys of the highest rank, of equals the last, until the others fit."""
        keys = [key for key in super().compose() if isinstance(key, FooterKey)]
        keys.sort(key=lambda key: not key.action.startswith("app.view"))  # the screens first, wherever they are bound
        ranks = {key: rank(key.action) for key in keys}
        widths = {key: len(key.key_display) + 1 + len(key.description) + 1 for key in keys}
        room = self.app.size.width + 1  # the last one needs no blank behind it
        while keys and sum(widths[key] for key in keys) > room:
            worst = max(ranks[key] for key in keys)
            keys.remove([key for key in keys if ranks[key] == worst][-1])
        yield from keys

    def on_resize(self, event: Resize) -> None:  # noqa: ARG002
        """Another width has room for other keys."""
        if self._bindings_ready:
            self.call_after_refresh(self.recompose)
