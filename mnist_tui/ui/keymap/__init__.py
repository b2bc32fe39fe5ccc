"""Every action and its keys, as data. The footer, the help screen and the command palette are made from it.

A key has one meaning on all screens (tests/ui/test_keymap.py). Each binding has a stable `id`, so that users can remap
keys with Textual's keymaps.
"""

import re

from textual.binding import Binding, BindingType

from mnist_tui.ui.keymap.app_keys import APP_KEYS
from mnist_tui.ui.keymap.dialog_keys import DIALOG_KEYS
from mnist_tui.ui.keymap.key import Key, key_name
from mnist_tui.ui.keymap.run_keys import RUN_KEYS
from mnist_tui.ui.screens import SCREENS

KEYMAP: dict[str, tuple[Key, ...]] = APP_KEYS | RUN_KEYS | DIALOG_KEYS
"""Keys by group; a screen or a widget takes some of the groups."""


def unused_words(key: str, groups: tuple[str, ...]) -> str:
    """Return why a key does nothing on a screen with these groups."""
    labels = [each.label for group in groups for each in keys_of(group) if key in each.all_keys]
    meaning = f"{labels[0]} is not possible now" if labels else "no meaning here"
    return f"{key_name(key)}: {meaning}; ? lists the keys"


def screen_keys() -> tuple[Key, ...]:
    """Return the number keys of the screens, and 0 for the home screen."""
    keys = [Key(f"app.view('{spec.name}')", str(n), spec.label, spec.help, rank=1) for n, spec in enumerate(SCREENS, 1)]
    home = Key("app.view('home')", "0", "Runs", "Show all runs and the settings of the next one", rank=1)
    return (*keys, home)


def keys_of(group: str) -> tuple[Key, ...]:
    """Return the keys of a group; "screens" are the number keys."""
    return screen_keys() if group == "screens" else KEYMAP[group]


def bindings(*groups: str) -> list[BindingType]:
    """Return the bindings of some groups of the keymap, for a screen's or a widget's BINDINGS."""
    return [
        Binding(
            one,
            key.action,
            key.label,
            show=key.footer and one in key.listed_keys,
            key_display=key_name(one),
            tooltip=key.help,
            priority=one in key.typing.split(","),
            id=f"{group}." + re.sub(r"\W+", ".", key.action.removeprefix("app.").removeprefix("steer")).strip("."),
        )
        for group in groups
        for key in keys_of(group)
        for one in key.all_keys
    ]
