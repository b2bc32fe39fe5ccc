"""Every action and its keys, as data: the footer, the help screen and the palette are made from it.

`id`s are stable, so that a user can remap keys through Textual's keymaps.
"""

import re
from dataclasses import dataclass

from textual.binding import Binding, BindingType


@dataclass(frozen=True)
class Key:
    """One action. `keys` is Textual's comma-separated notation, `shown` how the first reads in the footer."""

    action: str
    keys: str
    label: str
    help: str
    shown: str | None = None
    footer: bool = True


KEYMAP: dict[str, tuple[Key, ...]] = {
    "everywhere": (
        Key("app.quit_asking", "q", "Quit", "leave; asks first while a run is training", footer=False),
        Key("app.help", "question_mark,f1", "Help", "this page", "?"),
        Key("app.toggle_dark", "d", "Dark/light", "change between the dark and the light theme", footer=False),
        Key("app.redraw", "ctrl+l", "Redraw", "paint the whole screen again", footer=False),
    ),
    "home": (
        Key("start", "enter", "Start the run", "start a run with the settings shown", "Enter"),
        Key("next_field", "down", "Next setting", "the setting below", "↓", footer=False),
        Key("previous_field", "up", "Previous setting", "the setting above", "↑", footer=False),
        Key("screen.other_side", "tab,shift+tab", "Runs", "between the settings and the runs", "Tab"),
    ),
    "opened": (Key("app.view('training')", "escape", "Back to the run", "back to the run that is open", "Esc"),),
    "setting": (Key("submit", "enter", "Start the run", "start a run with the settings shown", "Enter"),),
    "runs": (
        Key("select_cursor", "enter", "Open", "open the run under the cursor", "Enter"),
        Key("screen.other_side", "tab,shift+tab", "Settings", "back to the settings of the next run", "Tab"),
    ),
    "choice": (
        Key("turn(1)", "right,space", "Next", "the next choice", "→"),
        Key("turn(-1)", "left", "Previous", "the choice before", "←", footer=False),
    ),
    "leave": (
        Key("choose('stop')", "s", "Stop and save", "end the run after this batch, evaluated and saved"),
        Key("choose('leave')", "l", "Leave it running", "back to the shell; the training goes on"),
        Key("choose('cancel')", "c,escape,q", "Cancel", "stay"),
    ),
    "help": (Key("dismiss", "escape,question_mark,f1,q,enter", "Close", "close this page"),),
    "run": (
        Key("app.view('training')", "1", "Train", "the network, its curves and the progress"),
        Key("app.view('confusion')", "2", "Confusion", "which digits are read as which"),
        Key("app.view('digits')", "3", "Digits", "the digits that were read wrong"),
        Key("app.view('home')", "6", "Runs", "all runs, and the settings of the next one"),
        Key("app.stop_run", "s", "Stop", "end the run after this batch, evaluated and saved"),
        Key("app.go_back", "escape", "Back", "back to where you came from", "Esc", footer=False),
    ),
    "training": (),
    "confusion": (
        Key("open_cell", "enter", "Open", "look at the digits of the cell", "Enter"),
        Key("next_numbers", "n", "Numbers", "counts, or percent of the row, or percent of the column"),
    ),
    "digits": (
        Key("open_digit", "enter", "Open", "look at one digit, large", "Enter"),
        Key("all_mistakes", "a", "All mistakes", "every digit that was read wrong"),
    ),
    "digit": (
        Key("previous", "left,up", "Previous", "the digit before", "←"),
        Key("next", "right,down", "Next", "the digit after", "→"),
    ),
    "cursor": (
        Key("move('left')", "left", "Left", "one to the left", "←", footer=False),
        Key("move('right')", "right", "Right", "one to the right", "→", footer=False),
        Key("move('up')", "up", "Up", "one up", "↑", footer=False),
        Key("move('down')", "down", "Down", "one down", "↓", footer=False),
        Key("move('home')", "home", "Start", "to the start", "Home", footer=False),
        Key("move('end')", "end", "End", "to the end", "End", footer=False),
        Key("move('pageup')", "pageup", "Page up", "a page up", "PgUp", footer=False),
        Key("move('pagedown')", "pagedown", "Page down", "a page down", "PgDn", footer=False),
    ),
}


def bindings(*groups: str) -> list[BindingType]:
    """The bindings of some groups of the keymap, for a screen's or a widget's BINDINGS."""
    return [
        Binding(
            key.keys,
            key.action,
            key.label,
            show=key.footer,
            key_display=key.shown,
            tooltip=key.help,
            id=f"{group}." + re.sub(r"\W+", ".", key.action.removeprefix("app.")).strip("."),
        )
        for group in groups
        for key in KEYMAP[group]
    ]
