"""A one-line field that takes only some characters, and leaves all other keys to the screen."""

import re
from typing import Any

from textual.events import Key
from textual.widgets import Input

from mnist_tui.ui.keymap.key import key_name

WHOLE_NUMBER = "0123456789,"
NUMBER = "0123456789.eE+-"


class LimitedInput(Input):
    """Input of `characters` only, such as NUMBER, so that `q` quits while it has the focus; any text without them."""

    def __init__(self, value: str = "", characters: str = "", **options: Any) -> None:
        super().__init__(value, restrict=f"[{re.escape(characters)}]*" if characters else None, **options)
        self._characters = characters

    def check_consume_key(self, key: str, character: str | None) -> bool:
        name = key_name(key)
        character = character or (name if len(name) == 1 and name.isascii() else None)  # of "slash", Textual knows none
        is_taken = not self._characters or (character is not None and character in self._characters)
        return is_taken and super().check_consume_key(key, character)

    async def _on_key(self, event: Key) -> None:
        if event.is_printable and not self.check_consume_key(event.key, event.character):
            event.prevent_default()  # leaves it to the bindings
