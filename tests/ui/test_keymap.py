"""One key, one meaning: on whichever screen a key works, it does the same kind of thing."""

from collections import defaultdict

import pytest

from mnist_tui.ui.keymap import KEYMAP, keys_of
from mnist_tui.ui.screens import SCREENS

GROUPS = (*KEYMAP, "screens")
MOVES = {
    *("left", "right", "up", "down", "home", "end", "pageup", "pagedown", "tab", "shift+tab"),
    *("shift+left", "shift+right", "enter", "escape", "space"),
}
"""Keys that act on whatever has the focus: they move, open or accept, mark, and go back."""
SAME_MEANING = (
    {"Pause", "Continue"},
    {"Play", "Stop playing"},
    {"All labels", "Validation"},
    {"Help", "Close"},
    {"Quit", "Close"},
    {"Remove", "Clear"},
)
"""Labels of one key that switches something on and off, or removes what is shown."""
VI = {"h": "Left", "l": "Right"}
"""Labels of keys that move the pen over a drawing, as in vi; elsewhere they have a meaning of their own."""


def meanings() -> dict[str, set[str]]:
    """Return each key's labels over all groups, without the keys that move."""
    found = defaultdict[str, set[str]](set)
    for group in GROUPS:
        for key in keys_of(group):
            for one in key.keys.split(","):
                if one not in MOVES:
                    found[one].add(key.label)
    return found


@pytest.mark.parametrize("key", sorted(meanings()))
def test_a_key_has_one_meaning_on_all_screens(key: str) -> None:
    labels = meanings()[key] - {VI.get(key)}
    assert len(labels) == 1 or labels in SAME_MEANING


def test_number_keys_open_screens_and_do_nothing_else() -> None:
    numbers = {
        one: key.action for group in GROUPS for key in keys_of(group) for one in key.keys.split(",") if one.isdecimal()
    }
    names = ["home", *(spec.name for spec in SCREENS)]
    assert numbers == {str(number): f"app.view('{name}')" for number, name in enumerate(names)}


def test_labels_are_short_and_help_lines_fit_the_page() -> None:
    for group in GROUPS:
        for key in keys_of(group):
            assert len(key.label.split()) <= 3, key
            assert len(key.help) <= 60, key
            assert key.help[0].isupper(), key
