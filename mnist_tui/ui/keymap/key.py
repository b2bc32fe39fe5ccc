"""Key: one action with its keys, label and help."""

from dataclasses import dataclass

NAMES = {
    "question_mark": "?",
    "escape": "Esc",
    "enter": "Enter",
    "space": "Space",
    "tab": "Tab",
    "shift+tab": "Shift+Tab",
    "full_stop": ".",
    "comma": ",",
    "plus": "+",
    "minus": "-",
    "slash": "/",
    "asterisk": "*",
    "at": "@",
    "number_sign": "#",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "equals_sign": "=",
    "underscore": "_",
    "circumflex_accent": "^",
    "ctrl+z": "Ctrl+Z",
    "f1": "F1",
    "f2": "F2",
    "f3": "F3",
    "delete": "Del",
    "backspace": "⌫",
    "ctrl+p": "Ctrl+P",
    "ctrl+e": "Ctrl+E",
    "ctrl+l": "Ctrl+L",
    "ctrl+n": "Ctrl+N",
    "ctrl+o": "Ctrl+O",
    "ctrl+q": "Ctrl+Q",
    "ctrl+r": "Ctrl+R",
    "ctrl+s": "Ctrl+S",
    "ctrl+c": "Ctrl+C",
    "home": "Home",
    "end": "End",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "left": "←",
    "right": "→",
    "shift+up": "Shift+↑",
    "shift+down": "Shift+↓",
    "shift+left": "Shift+←",
    "shift+right": "Shift+→",
    "up": "↑",
    "down": "↓",
}
"""Keys whose names differ from Textual's."""


@dataclass(frozen=True)
class Key:
    """One action and the keys that trigger it."""

    action: str
    keys: str
    """Comma-separated names of keys, as Textual writes them."""
    label: str
    help: str
    footer: bool = True
    """False if the footer never lists it."""
    rank: int = 0
    """Keys of the highest rank leave the footer first where not all fit."""
    typing: str = ""
    """Comma-separated names of further keys, which also work while the user types; only the first is listed."""

    @property
    def all_keys(self) -> list[str]:
        """Names of all keys of the action."""
        return [*self.keys.split(","), *filter(None, self.typing.split(","))]

    @property
    def listed_keys(self) -> list[str]:
        """Names of the keys that help and footer list."""
        return self.all_keys[: self.keys.count(",") + 2]


def key_name(key: str) -> str:
    """Return the name of a key on screens, from Textual's name."""
    return NAMES.get(key, key)
