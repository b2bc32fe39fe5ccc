"""Every action and its keys, as data: the footer, the help screen and the palette are made from it.

`id`s are stable, so that a user can remap keys through Textual's keymaps.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from textual.binding import Binding, BindingType

from mnist_tui.control.commands import command_keys


@dataclass(frozen=True)
class Key:
    """One action. `keys` is Textual's comma-separated notation, `shown` how the first reads in the footer.

    `footer` is whether it is ever listed there. Where not all fit, those of the highest `rank` are left to the help.
    """

    action: str
    keys: str
    label: str
    help: str
    shown: str | None = None
    footer: bool = True
    rank: int = 0


def _steering_keys() -> list[Key]:
    return [
        Key(
            f"steer('{name}')",
            key.key,
            key.label,
            key.help or command.help,
            key.shown,
            footer=key.footer,
            rank=key.rank,
        )
        for name, (command, key) in command_keys().items()
    ]


KEYMAP: dict[str, tuple[Key, ...]] = {
    "everywhere": (
        Key("app.quit_asking", "q", "Quit", "leave; asks first while a run goes on", footer=False),
        Key("app.help", "question_mark,f1", "Help", "this page", "?", rank=-1),
        Key("app.toggle_dark", "d", "Dark/light", "the other theme", footer=False),
        Key("app.redraw", "ctrl+l", "Redraw", "paint the whole screen again", footer=False),
        Key("app.suspend_process", "ctrl+z", "Suspend", "back to the shell; `fg` comes back", footer=False),
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
        Key("mark", "space", "Mark", "mark the run, to be compared with others", "Space"),
        Key("compare", "c", "Compare", "the marked runs: their curves, settings and results"),
        Key("resume", "r", "Resume", "go on after a stop, a crash or a failure"),
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
    "kill": (
        Key("choose('kill')", "k", "Kill it", "end the engine at once"),
        Key("choose('cancel')", "c,escape,q", "Cancel", "let it go on"),
    ),
    "rollback": (
        Key("choose('rollback')", "b", "Roll back", "to the newest checkpoint"),
        Key("choose('cancel')", "c,escape,q", "Cancel", "let it go on"),
    ),
    "diverged": (
        Key("choose('rollback')", "b", "Roll back", "to the last checkpoint, with half the learning rate"),
        Key("choose('continue')", "g", "Continue", "despite the alert"),
        Key("choose('stop')", "s", "Stop", "end the run; evaluated and saved"),
        Key("choose('cancel')", "escape", "Later", "close this without deciding"),
    ),
    "learning_rate": (
        Key("scale(2)", "up", "Double", "twice as much", "↑"),
        Key("scale(0.5)", "down", "Halve", "half as much", "↓"),
        Key("close", "escape", "Cancel", "leave it as it is", "Esc"),
    ),
    "early_stopping": (
        Key("other_field", "up,down", "Other field", "between the two fields", "↓"),
        Key("submit", "enter", "Set", "set what is shown", "Enter"),
        Key("close", "escape", "Cancel", "leave it as it is", "Esc"),
    ),
    "help": (Key("dismiss", "escape,question_mark,f1,q,enter", "Close", "close this page"),),
    "run": (
        Key("app.view('training')", "1", "Train", "the network, its curves and the progress", rank=1),
        Key("app.view('confusion')", "2", "Confusion", "which digits are read as which", rank=1),
        Key("app.view('digits')", "3", "Digits", "the digits that were read wrong", rank=1),
        Key("app.view('labels')", "4", "Labels", "labels that are probably wrong, to be judged", rank=1),
        Key("app.view('calibration')", "5", "Calibration", "does it know when it does not know?", rank=1),
        Key("app.view('home')", "6", "Runs", "all runs, and the settings of the next one", rank=1),
        Key("dismiss_alert", "escape", "Hide the alert", "put the line under the header away", "Esc", footer=False),
        Key("app.go_back", "escape", "Back", "back to where you came from", "Esc", footer=False),
    ),
    "steering": (
        Key("steer('resume')", "r", "Resume", "Continue after a stop, crash or failure", rank=2),
        *_steering_keys(),
    ),
    "training": (
        Key("plots('log')", "y", "Log y", "logarithmic y axis, or linear", rank=5),
        Key("plots('axis')", "x", "X axis", "steps, epochs, work, or the clock", rank=5),
        Key("plots('closer')", "z", "Zoom", "closer, around the cursor or the newest step", rank=6),
        Key("plots('farther')", "Z", "Zoom out", "farther away", footer=False),
        Key("plots('recent')", "w", "Newest steps", "the last tenth of the run, or all of it", footer=False),
        Key("plots('smoothing')", "S", "Smoothing", "of the line over its envelope: light, strong, none", footer=False),
        Key("plots('validation')", "v", "Validation", "alone, or with the training", footer=False, rank=5),
        Key("choose_runs", "slash", "Compare", "draw other runs into the curves", "/", rank=5),
        Key("compare_tables", "C", "Tables", "settings and results of these runs", rank=5),
        Key("plots('one')", "m", "One plot", "one plot fills the screen; Tab: the next", rank=6),
        Key("plots('all')", "0", "All steps", "all curves as at first", footer=False),
        Key("plots('back')", "escape", "Put away", "the cursor, or the one plot that fills the screen", "Esc", rank=1),
    ),
    "plots": (
        Key("plots('left')", "left", "Cursor left", "read the values off, a step before", "←", footer=False),
        Key("plots('right')", "right", "Cursor right", "read the values off, a step after", "→", footer=False),
        Key("plots('first')", "home", "First step", "the cursor to the first step", "Home", footer=False),
        Key("plots('last')", "end", "Newest step", "the cursor to the newest step", "End", footer=False),
        Key("plots('pan_left')", "shift+left", "Pan left", "earlier steps, when zoomed; or drag", footer=False),
        Key("plots('pan_right')", "shift+right", "Pan right", "later steps, when zoomed; or drag", footer=False),
        Key("plots('next')", "tab", "Next plot", "the next, while one fills the screen", "Tab", rank=1),
        Key("plots('previous')", "shift+tab", "Plot before", "the one before", footer=False),
    ),
    "compare": (
        Key("choose_runs", "slash", "Runs", "choose which runs to compare", "/", rank=5),
        Key("plots('axis')", "x", "X axis", "steps, epochs, work, or the clock", rank=5),
        Key("plots('validation')", "v", "Validation", "alone, or with the training", rank=5),
        Key("plots('log')", "y", "Log y", "logarithmic y axis, or linear", rank=5),
        Key("plots('closer')", "z", "Zoom", "closer, around the cursor or the newest step", rank=6),
        Key("plots('farther')", "Z", "Zoom out", "farther away", footer=False),
        Key("plots('smoothing')", "S", "Smoothing", "of the lines: light, strong, none", footer=False),
        Key("plots('one')", "m", "One plot", "one plot alone; Tab: the next", rank=6),
        Key("plots('all')", "0", "All steps", "all curves as at first", footer=False),
        Key("plots('back')", "escape", "Put away", "the cursor, or the one plot", "Esc", rank=1),
        Key("app.go_back", "escape", "Back", "back to where you came from", "Esc", rank=7),
    ),
    "compared": (
        Key("select_cursor", "enter", "Open", "open the run under the cursor", "Enter"),
        Key("hide", "space", "Hide/show", "take away its curves, or draw them", "Space"),
        Key("remove", "backspace,delete", "Remove", "compare without this run", "⌫", rank=1),
        Key("plots('next')", "tab", "Next plot", "the next, while one is alone", "Tab", rank=1),
        Key("plots('previous')", "shift+tab", "Plot before", "the one before", footer=False),
        Key("turn(1)", "tab", "More columns", "results, needed images, settings", "Tab"),
        Key("turn(-1)", "shift+tab", "Columns before", "the ones before", footer=False),
        Key("plots('left')", "left", "Cursor", "read all runs off, a step before", "←", rank=7),
        Key("plots('right')", "right", "Cursor right", "read the values off, a step after", "→", footer=False),
        Key("plots('first')", "home", "First step", "the cursor to the first step", "Home", footer=False),
        Key("plots('last')", "end", "Newest step", "the cursor to the newest step", "End", footer=False),
        Key("plots('pan_left')", "shift+left", "Pan left", "earlier steps, when zoomed; or drag", footer=False),
        Key("plots('pan_right')", "shift+right", "Pan right", "later steps, when zoomed; or drag", footer=False),
    ),
    "choose_runs": (
        Key("mark", "space", "Mark", "mark the run, or take it back", "Space"),
        Key("move('down')", "down", "Next", "the run below", "↓", footer=False),
        Key("move('up')", "up", "Previous", "the run above", "↑", footer=False),
        Key("done", "enter", "Show", "compare with the marked runs", "Enter"),
        Key("close", "escape", "Cancel", "leave the comparison as it is", "Esc"),
    ),
    "travel": (
        Key("travel(-1)", "left_square_bracket", "Epoch before", "the moment before, on all screens", "[", rank=5),
        Key("travel(1)", "right_square_bracket", "Epoch after", "the moment after, on all screens", "]", rank=5),
        Key("travel_far(-1)", "left_curly_bracket", "First epoch", "the first moment", "{", footer=False),
        Key("travel_far(1)", "right_curly_bracket", "Newest epoch", "the newest, and each that follows", "}", rank=3),
        Key("play", "P", "Play", "all epochs one after the other", rank=3),
        Key("stop_playing", "P", "Stop playing", "stay at this epoch", rank=1),
    ),
    "confusion": (
        Key("open_cell", "enter", "Open", "look at the digits of the cell", "Enter"),
        Key("next_numbers", "n", "Numbers", "counts, or percent of the row, or percent of the column"),
        Key("compare", "c", "Compare", "with the epoch before; again: with another epoch or run", rank=1),
        Key("leave_comparison", "escape", "End comparing", "back to the matrix itself", "Esc"),
    ),
    "digits": (
        Key("open_listed", "enter", "Open", "look at one digit, large", "Enter"),
        Key("filter", "slash", "Filter", "type which digits to show", "/"),
        Key("lists", "w", "Lists", "mistakes, learned late, forgotten, disputed…"),
        Key("next_order", "o", "Order", "by confidence, margin, loss, difficulty or index", rank=1),
        Key("reverse_order", "O", "Reverse", "the same order from its other end", footer=False),
        Key("select", "space", "Select", "select the digit, or take it back", "Space", rank=1),
        Key("export", "e", "Export", "the selected digits, or all listed, as CSV and pictures", rank=1),
        Key("all_mistakes", "a", "All mistakes", "every digit that was read wrong", rank=1),
    ),
    "filter": (
        Key("complete", "tab", "Complete", "the word that was begun", "Tab"),
        Key("submit", "enter", "Keep", "keep this filter", "Enter"),
        Key("give_up", "escape", "Undo", "the filter of before", "Esc"),
    ),
    "lists": (Key("close", "escape", "Cancel", "leave the list as it is", "Esc"),),
    "against": (Key("close", "escape", "Cancel", "leave the comparison as it is", "Esc"),),
    "digit": (
        Key("previous", "left,up", "Previous", "the digit before", "←"),
        Key("next", "right,down", "Next", "the digit after", "→"),
        Key("turn_page(1)", "tab", "Next page", "epochs, neighbours, small changes", "Tab"),
        Key("turn_page(-1)", "shift+tab", "Page before", "the page before", footer=False),
        Key("next_overlay", "o", "Why", "what spoke for and against a class"),
        Key("wake", "x", "Wake", "start the network, to be asked why"),
    ),
    "labels": (
        Key("judge('right')", "y", "Label right", "the label is right"),
        Key("judge_class(0)", "0", "Is a …", "it is a 0; so with 1 to 9", "0-9"),
        Key("judge('wrong')", "w", "Wrong", "wrong, and nobody can tell what is right"),
        Key("choose_class", "w", "Is a …", "wrong: choose what is right"),
        Key("judge('unreadable')", "u", "Unreadable", "no label would be right"),
        Key("take_back", "backspace", "Take back", "the last verdict no longer holds", "⌫", rank=1),
        Key("view_check", "v", "All labels", "the doubtful ones of all digits", rank=2),
        Key("view_epoch", "v", "Validation", "back to the digits of before", rank=1),
        Key("cross_check", "x", "Cross-check", "read all digits anew: about a minute", rank=1),
        Key("export_reviews", "e", "Export", "all verdicts as CSV", rank=3),
        Key("open_digit", "enter", "Open", "all about this digit", "Enter", rank=4),
        Key("dismiss_alert", "escape", "Hide the alert", "put the line under the header away", "Esc", footer=False),
        Key("leave", "escape", "Back", "back to the training", "Esc"),
    ),
    "choose_class": (Key("close", "escape", "Cancel", "leave the verdict as it is", "Esc"),),
    "calibration": (
        Key("abstain('less')", "left", "Refuse less", "answer below a lower confidence", "←"),
        Key("abstain('more')", "right", "More", "answer only above a higher one", "→"),
        Key("abstain('much_less')", "pagedown,down", "Much less", "ten steps lower", "↓", footer=False),
        Key("abstain('much_more')", "pageup,up", "Much more", "ten steps higher", "↑", footer=False),
        Key("abstain('nothing')", "home", "Refuse nothing", "answer every digit", "Home", footer=False),
        Key("abstain('most')", "end", "Refuse most", "answer only from confidence 1 on", "End", footer=False),
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

SHARED = ("run", "steering", "everywhere")
"""Groups that all screens of a run have."""


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
            id=f"{group}." + re.sub(r"\W+", ".", key.action.removeprefix("app.").removeprefix("steer")).strip("."),
        )
        for group in groups
        for key in KEYMAP[group]
    ]


def steering_keys(groups: Sequence[str]) -> tuple[Key, ...]:
    """The keys that steer the run from a screen with these groups: a screen's own keys go before them."""
    own = {one for group in groups if group not in SHARED for key in KEYMAP[group] for one in key.keys.split(",")}
    return tuple(key for key in KEYMAP["steering"] if own.isdisjoint(key.keys.split(",")))
