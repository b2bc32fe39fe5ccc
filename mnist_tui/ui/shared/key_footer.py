"""The footer: the most important keys that work now, as many as fit."""

from dataclasses import dataclass
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.binding import Binding
from textual.events import Leave, MouseDown, MouseMove
from textual.screen import Screen

from mnist_tui.ui.keymap import KEYMAP, keys_of
from mnist_tui.ui.shared.line_widget import LineWidget


@dataclass(frozen=True)
class FooterKey:
    """A key in the footer, which can be clicked."""

    binding: Binding
    name: str
    """Name of the key as it is shown."""
    enabled: bool

    @property
    def width(self) -> int:
        """Cells of the name and the label, with the blank between them."""
        return len(self.name) + 1 + len(self.binding.description)


class KeyFooter(LineWidget):
    """Drops keys that do not fit.

    One widget, since every focus and every screen brings other keys: a widget for each key, as in Textual's footer,
    takes a quarter of the time in which a screen opens.
    """

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"key-footer--key", "key-footer--label", "key-footer--hovered"}
    DEFAULT_CSS = """
    KeyFooter {
        dock: bottom;
        height: 1;
        color: $footer-foreground;
        background: $panel;
        .key-footer--key { color: $footer-key-foreground; text-style: bold; }
        .key-footer--label { color: $footer-description-foreground; }
        .key-footer--hovered { background: $block-hover-background; }
        &:hover { pointer: pointer; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._keys: list[FooterKey] = []
        self._hovered: int | None = None
        self._is_ready = False

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)

    def on_unmount(self) -> None:
        self.screen.bindings_updated_signal.unsubscribe(self)

    def draw(self) -> list[Text]:
        self._keys = self._fitting() if self._is_ready else []
        shown = ("key-footer--key", "key-footer--label", "key-footer--hovered")
        key_style, label_style, hover_style = (self.get_component_rich_style(name, partial=True) for name in shown)
        line = Text()
        for index, key in enumerate(self._keys):
            extra = hover_style if index == self._hovered else Style(dim=None if key.enabled else True)
            line.append(key.name, key_style + extra)
            line.append(f" {key.binding.description}", label_style + extra)
            line.append(" ")
        return [line]

    def on_mouse_down(self, event: MouseDown) -> None:
        index = self._key_at(event.x)
        if index is None:
            return
        if self._keys[index].enabled:
            self.app.simulate_key(self._keys[index].binding.key)
        else:
            self.app.bell()

    def on_mouse_move(self, event: MouseMove) -> None:
        self._hover(self._key_at(event.x))

    def on_leave(self, _: Leave) -> None:
        self._hover(None)

    def _hover(self, index: int | None) -> None:
        if index != self._hovered:
            self._hovered = index
            self.tooltip = None if index is None else self._keys[index].binding.tooltip
            self.redraw()

    def _key_at(self, x: int) -> int | None:
        """Return the index of the key at a column, if there is one."""
        start = 0
        for index, key in enumerate(self._keys):
            if start <= x < start + key.width:
                return index
            start += key.width + 1
        return None

    def _bindings_changed(self, screen: Screen[object]) -> None:
        self._is_ready = True
        if screen.app.app_focus and self.is_attached and screen is self.screen:
            self.call_after_refresh(self._redraw_if_attached)

    def _redraw_if_attached(self) -> None:
        if self.is_attached:  # the screen may have been closed since
            self.redraw()

    def _fitting(self) -> list[FooterKey]:
        """Drop keys of the highest rank until the others fit; of equal ranks, the last first."""
        by_action: dict[str, FooterKey] = {}
        for _, binding, enabled, _ in self.screen.active_bindings.values():
            if binding.show:
                by_action.setdefault(binding.action, FooterKey(binding, self.app.get_key_display(binding), enabled))
        keys = sorted(by_action.values(), key=lambda key: not key.binding.action.startswith("app.view"))
        ranks = {key.action: key.rank for group in (*KEYMAP, "screens") for key in keys_of(group)}
        room = self.app.size.width + 1  # the last one needs no blank behind it
        while keys and sum(key.width + 1 for key in keys) > room:
            worst = max(ranks.get(key.binding.action, 0) for key in keys)
            keys.remove([key for key in keys if ranks.get(key.binding.action, 0) == worst][-1])
        return keys
