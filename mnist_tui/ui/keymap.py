"""Every action and its keys, as data. The footer, the help screen and the command palette are made from it.

A key has one meaning on all screens (tests/ui/test_keymap.py). Each binding has a stable `id`, so that users can remap
keys with Textual's keymaps.
"""

import re
from dataclasses import dataclass

from textual.binding import Binding, BindingType

from mnist_tui.control.commands import command_keys
from mnist_tui.ui.screens import SCREENS

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
    "ctrl+z": "Ctrl+Z",
    "f1": "F1",
    "f2": "F2",
    "delete": "Del",
    "backspace": "⌫",
    "ctrl+p": "Ctrl+P",
    "ctrl+e": "Ctrl+E",
    "ctrl+l": "Ctrl+L",
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


FOLLOW_IMAGE = Key("app.follow_image", "V", "Layers", "Follow this image through the layers", footer=False)


def _steering_keys() -> list[Key]:
    return [
        Key(
            f"steer('{name}')",
            key.key,
            key.label,
            key.help or command.help,
            footer=key.footer,
            rank=key.rank,
        )
        for name, (command, key) in command_keys().items()
    ]


DRAW_ON_IMAGE = Key("app.draw_on_image", "B", "Draw on it", "Draw on a copy of this image", footer=False)
KEYMAP: dict[str, tuple[Key, ...]] = {
    "everywhere": (
        Key("app.quit", "q", "Quit", "Quit, as Ctrl+C; ask first while a run is live", rank=-1, typing="ctrl+q,ctrl+c"),
        Key("app.help", "question_mark", "Help", "Show this page", rank=-1, typing="f1"),
        Key("app.open_why", "Y", "Why", "Explain what is in front: layers, optimizers, losses", footer=False),
        Key("app.command_palette", "ctrl+p", "Commands", "Search all commands", footer=False),
        Key("app.toggle_dark", "d", "Dark/light", "Switch between the dark and the light theme", footer=False),
        Key("app.save_screen", "ctrl+s", "Save screen", "Save a picture of the screen as SVG", footer=False),
        Key("app.redraw", "ctrl+l", "Redraw", "Redraw the whole screen", footer=False),
        Key("app.suspend_process", "ctrl+z", "Suspend", "Go to the shell; `fg` comes back", footer=False),
    ),
    "moves": (
        Key("app.press('down')", "j", "Down", "Move down, as ↓ does", footer=False),
        Key("app.press('up')", "k", "Up", "Move up, as ↑ does", footer=False),
        Key("app.press('home')", "g", "Start", "Move to the start, as Home does", footer=False),
        Key("app.press('end')", "G", "End", "Move to the end, as End does", footer=False),
    ),
    "home": (
        Key("start", "enter", "Start", "Start a run with the settings shown"),
        Key("next_field", "down", "Next setting", "Go to the setting below", footer=False),
        Key("previous_field", "up", "Previous setting", "Go to the setting above", footer=False),
        Key("screen.other_side", "tab,shift+tab", "Runs", "Switch between the settings and the runs"),
    ),
    "opened": (Key("app.go_back", "escape", "Back", "Go back to the opened run"),),
    "data_field": (
        Key("browse", "ctrl+o", "Files", "Choose the data: a file or a folder", rank=-1),
        Key("cursor_right", "right", "Accept", "Accept the suggested path", footer=False),
    ),
    "choose_data": (
        Key("complete", "tab", "Complete", "Complete the path"),
        Key("move('up')", "up", "Previous", "Go to the entry above", footer=False),
        Key("move('down')", "down", "Next", "Go to the entry below", footer=False),
        Key("close", "escape", "Cancel", "Keep the data"),
    ),
    "look": (Key("look_at_data", "D", "Data", "Look at the data before training", rank=2, typing="f2"),),
    "data": (
        Key("app.go_back", "escape", "Back", "Go back to the home screen"),
        Key("scroll_details(1)", "pagedown", "More images", "Scroll the images down", rank=1),
        Key("scroll_details(-1)", "pageup", "Previous images", "Scroll the images up", footer=False),
    ),
    "data_items": (
        Key("cursor_down", "down", "Next", "Show the finding or class below", footer=False),
        Key("cursor_up", "up", "Previous", "Show the finding or class above", footer=False),
        Key("first", "home", "First", "Go to the start of the list", footer=False),
        Key("last", "end", "Last", "Go to the end of the list", footer=False),
    ),
    "setting": (Key("submit", "enter", "Start", "Start a run with the settings shown"),),
    "runs": (
        Key("select_cursor", "enter", "Open", "Open the run under the cursor"),
        Key("screen.other_side", "tab,shift+tab", "Settings", "Go back to the settings of the next run"),
        Key("mark", "space", "Mark", "Mark the run for a comparison"),
        Key("compare", "c", "Compare", "Compare the marked runs"),
        Key("resume", "r", "Resume", "Resume after a stop, a crash or a failure"),
        Key("manage('filter')", "slash", "Filter", "List runs by name, tag, setting or result", rank=1),
        Key("manage('edit')", "T", "Tags", "Change the name, the tags and the note of the run", rank=1),
        Key("manage('pin')", "asterisk", "Pin", "List the run first, or no longer", footer=False),
        Key("manage('remove')", "delete", "Remove", "Move the run to the trash; asks first", rank=2),
        Key("app.export_run", "e", "Export", "Export the run under the cursor", footer=False),
        Key("scroll_top", "home,g", "Start", "Go to the first run", footer=False),
        Key("scroll_bottom", "end,G", "End", "Go to the last run", footer=False),
    ),
    "run_filter": (Key("submit", "enter", "Keep", "Keep this filter"), Key("give_up", "escape", "Cancel", "List all")),
    "edit_run": (Key("close", "escape", "Cancel", "Leave the run as it is"),),
    "remove_run": (
        Key("choose('remove')", "delete", "Remove", "Move the run to the trash"),
        Key("choose('cancel')", "escape", "Cancel", "Keep the run"),
    ),
    "choice": (
        Key("turn(1)", "right,space", "Next", "Take the next choice"),
        Key("turn(-1)", "left", "Previous", "Take the previous choice", footer=False),
    ),
    "leave": (
        Key("choose('stop')", "s", "Stop", "Stop after this batch, evaluate and save, then quit"),
        Key("choose('leave')", "q", "Quit", "Quit and leave the training running"),
        Key("choose('cancel')", "escape", "Cancel", "Stay here"),
    ),
    "kill": (Key("choose('cancel')", "escape", "Cancel", "Let the training go on"),),
    "rollback": (
        Key("choose('rollback')", "b", "Roll back", "Go back to the newest checkpoint"),
        Key("choose('cancel')", "escape", "Cancel", "Let the training go on"),
    ),
    "resume": (
        Key("choose('train')", "r", "Resume", "Train on from the newest checkpoint"),
        Key("choose('cancel')", "escape", "Cancel", "Leave the run as it is"),
    ),
    "add_epoch": (
        Key("choose('train')", "plus", "Add epoch", "Train another epoch, then test again"),
        Key("choose('cancel')", "escape", "Cancel", "Leave the run as it is"),
    ),
    "cross_check": (
        Key("choose('check')", "X", "Cross-check", "Start the cross-check"),
        Key("choose('cancel')", "escape", "Cancel", "Start nothing"),
    ),
    "diverged": (
        Key("choose('rollback')", "b", "Roll back", "Go back to the last checkpoint, halve the learning rate"),
        Key("choose('continue')", "p", "Continue", "Continue in spite of the alert"),
        Key("choose('stop')", "s", "Stop", "Stop the run, evaluate and save"),
        Key("choose('cancel')", "escape", "Later", "Close this without a decision"),
    ),
    "learning_rate": (
        Key("scale(2)", "up", "Double", "Double the learning rate"),
        Key("scale(0.5)", "down", "Halve", "Halve the learning rate"),
        Key("close", "escape", "Cancel", "Keep the learning rate"),
    ),
    "early_stopping": (
        Key("other_field", "up,down", "Other field", "Switch between the two fields"),
        Key("submit", "enter", "Set", "Set the rule shown"),
        Key("close", "escape", "Cancel", "Keep the rule"),
    ),
    "help": (
        Key("dismiss", "escape,question_mark,f1,q,enter", "Close", "Close this page"),
        Key("app.open_why", "Y", "Why", "Explain what is in front: layers, optimizers, losses"),
    ),
    "why": (
        Key("screen.turn(1)", "right", "Next page", "Show the next page of the textbook"),
        Key("screen.turn(-1)", "left", "Previous page", "Show the previous page", rank=2),
        Key("app.go_back", "escape", "Back", "Go back to where the page was opened"),
    ),
    "exhibit": (
        Key("compute", "enter", "Compute", "Compute the exhibit with the model of this run", rank=-1),
        Key("change(1)", "shift+right", "Change", "Show the next layer, or raise the temperature"),
        Key(
            "change(-1)", "shift+left", "Change back", "Show the previous layer, or lower the temperature", footer=False
        ),
    ),
    "model": (Key("select", "enter", "Why", "Explain the layer under the cursor"),),
    "pages": (
        Key("turn_page(1)", "tab", "Page", "Show the next panel", rank=-1),
        Key("turn_page(-1)", "shift+tab", "Previous page", "Show the previous panel", footer=False),
        Key("app.focus_next", "tab", "Next panel", "Go to the next panel, if all are shown", footer=False),
        Key("app.focus_previous", "shift+tab", "Previous panel", "Go to the previous panel", footer=False),
    ),
    "run": (
        Key("dismiss_alert", "escape", "Hide alert", "Hide the line under the header", footer=False),
        Key("app.go_back", "escape", "Back", "Go back to the previous screen", footer=False),
        Key("app.predict_files", "i", "Image files", "Predict image files; again: type their path", footer=False),
    ),
    "steering": (
        Key("steer('resume')", "r", "Resume", "Resume after a stop, a crash or a failure", rank=2),
        *_steering_keys(),
    ),
    "training": (
        Key("plots('log')", "y", "Log y", "Switch between a logarithmic and a linear y axis", rank=5),
        Key("plots('axis')", "x", "X axis", "Switch the x axis: steps, epochs, work, wall clock", rank=5),
        Key("plots('closer')", "z", "Zoom", "Zoom in around the cursor or the newest step", rank=6),
        Key("plots('farther')", "Z", "Zoom out", "Zoom out", footer=False),
        Key("plots('recent')", "N", "Newest steps", "Show the last tenth of the run, or all of it", footer=False),
        Key("plots('smoothing')", "S", "Smoothing", "Smooth the line: light, strong, none", footer=False),
        Key("plots('validation')", "v", "Validation", "Show validation alone, or with training", footer=False, rank=5),
        Key("choose_runs", "c", "Compare", "Draw other runs into the curves", rank=5),
        Key("compare_tables", "C", "Tables", "Compare settings and results of these runs", rank=5),
        Key("plots('one')", "m", "One plot", "Maximize one plot; Tab shows the next", rank=6),
        Key("plots('all')", "f", "Fit", "Fit all steps into the plots", footer=False),
        Key("plots('back')", "escape", "Close", "Remove the cursor, or restore the maximized plot", rank=1),
    ),
    "plots": (
        Key("plots('left')", "left", "Cursor left", "Move the cursor a step back", footer=False),
        Key("plots('right')", "right", "Cursor right", "Move the cursor a step ahead", footer=False),
        Key("plots('first')", "home", "First step", "Move the cursor to the first step", footer=False),
        Key("plots('last')", "end", "Newest step", "Move the cursor to the newest step", footer=False),
        Key("plots('pan_left')", "shift+left", "Pan left", "Show earlier steps when zoomed; or drag", footer=False),
        Key("plots('pan_right')", "shift+right", "Pan right", "Show later steps when zoomed; or drag", footer=False),
        Key("plots('next')", "tab", "Next plot", "Show the next plot while one is maximized", rank=1),
        Key("plots('previous')", "shift+tab", "Previous plot", "Show the previous plot", footer=False),
    ),
    "compare": (
        Key("choose_runs", "c", "Compare", "Choose which runs to compare", rank=5),
        Key("plots('axis')", "x", "X axis", "Switch the x axis: steps, epochs, work, wall clock", rank=5),
        Key("plots('validation')", "v", "Validation", "Show validation alone, or with training", rank=5),
        Key("plots('log')", "y", "Log y", "Switch between a logarithmic and a linear y axis", rank=5),
        Key("plots('closer')", "z", "Zoom", "Zoom in around the cursor or the newest step", rank=6),
        Key("plots('farther')", "Z", "Zoom out", "Zoom out", footer=False),
        Key("plots('smoothing')", "S", "Smoothing", "Smooth the lines: light, strong, none", footer=False),
        Key("plots('one')", "m", "One plot", "Maximize one plot; Tab shows the next", rank=6),
        Key("plots('all')", "f", "Fit", "Fit all steps into the plots", footer=False),
        Key("plots('back')", "escape", "Close", "Remove the cursor, or restore the maximized plot", rank=1),
        Key("app.go_back", "escape", "Back", "Go back to the previous screen"),
    ),
    "compared": (
        Key("select_cursor", "enter", "Open", "Open the run under the cursor"),
        Key("hide", "space", "Mark", "Hide the run's curves, or show them"),
        Key("remove", "delete", "Remove", "Remove the run from the comparison", rank=1),
        Key("scroll_top", "g", "Start", "Go to the first run", footer=False),
        Key("scroll_bottom", "G", "End", "Go to the last run", footer=False),
        Key("plots('next')", "tab", "Next plot", "Show the next plot while one is maximized", rank=1),
        Key("plots('previous')", "shift+tab", "Previous plot", "Show the previous plot", footer=False),
        Key("turn(1)", "tab", "More columns", "Show the next columns of the table"),
        Key("turn(-1)", "shift+tab", "Previous columns", "Show the previous columns", footer=False),
        Key("plots('left')", "left", "Cursor", "Move the cursor a step back", rank=7),
        Key("plots('right')", "right", "Cursor right", "Move the cursor a step ahead", footer=False),
        Key("plots('first')", "home", "First step", "Move the cursor to the first step", footer=False),
        Key("plots('last')", "end", "Newest step", "Move the cursor to the newest step", footer=False),
        Key("plots('pan_left')", "shift+left", "Pan left", "Show earlier steps when zoomed; or drag", footer=False),
        Key("plots('pan_right')", "shift+right", "Pan right", "Show later steps when zoomed; or drag", footer=False),
    ),
    "choose_runs": (
        Key("mark", "space", "Mark", "Mark the run, or remove the mark"),
        Key("move('down')", "down", "Next", "Go to the run below", footer=False),
        Key("move('up')", "up", "Previous", "Go to the run above", footer=False),
        Key("done", "enter", "Show", "Compare with the marked runs"),
        Key("close", "escape", "Cancel", "Keep the comparison"),
    ),
    "travel": (
        Key("travel(-1)", "left_square_bracket", "Previous epoch", "Show the previous evaluation", rank=5),
        Key("travel(1)", "right_square_bracket", "Next epoch", "Show the next evaluation", rank=5),
        Key("travel_far(-1)", "left_curly_bracket", "First epoch", "Show the first evaluation", footer=False),
        Key("travel_far(1)", "right_curly_bracket", "Newest epoch", "Follow the newest epoch", rank=3),
        Key("play", "P", "Play", "Play all epochs in sequence", rank=3),
        Key("stop_playing", "P", "Stop playing", "Stay at this epoch", rank=1),
    ),
    "confusion": (
        Key("open_cell", "enter", "Open", "Browse the images of the cell"),
        Key("next_numbers", "n", "Numbers", "Show counts, percent of the row, or of the column"),
        Key("next_worst", "W", "Next worst", "Go to the next largest confusion", rank=5),
        Key("group_classes", "o", "Order", "Group similar classes, or sort them by number", rank=6),
        Key("compare", "c", "Compare", "Compare with the previous epoch; again: choose"),
        Key("leave_comparison", "escape", "Close", "Close the comparison"),
    ),
    "digits": (
        Key("open_listed", "enter", "Open", "Open the image under the cursor"),
        Key("filter", "slash", "Filter", "Type which images to show"),
        Key("lists", "F", "Lists", "Choose a list: mistakes, learned late, forgotten…"),
        Key("next_order", "o", "Order", "Sort by confidence, margin, loss, difficulty, index", rank=1),
        Key("reverse_order", "O", "Reverse", "Reverse the order", footer=False),
        Key("select", "space", "Mark", "Mark the image, or remove the mark", rank=1),
        Key("export", "e", "Export", "Export the marked or all listed images", rank=1),
        Key("all_mistakes", "M", "All mistakes", "Show all misclassified images", rank=1),
        FOLLOW_IMAGE,
        DRAW_ON_IMAGE,
    ),
    "filter": (
        Key("complete", "tab", "Complete", "Complete the word at the cursor"),
        Key("submit", "enter", "Keep", "Keep this filter"),
        Key("give_up", "escape", "Cancel", "Go back to the previous filter"),
    ),
    "lists": (Key("close", "escape", "Cancel", "Keep the list"),),
    "export": (Key("app.export_run", "e", "Export", "Export the run: report, model, history, labels…", footer=False),),
    "formats": (Key("close", "escape", "Cancel", "Export nothing"),),
    "reference": (Key("close", "escape", "Cancel", "Keep the comparison"),),
    "digit": (
        Key("previous", "left,up", "Previous", "Show the previous image"),
        Key("next", "right,down", "Next", "Show the next image"),
        Key("next_overlay", "h", "Heat map", "Show the pixels for and against a class"),
        Key("choose_heat_map", "at", "Method", "Choose the heat map's method, class and layer", rank=1),
        Key("smallest_change", "Q", "Smallest change", "Find the smallest change that turns the prediction", rank=1),
        Key("load_model", "L", "Load model", "Load the model to explain this image"),
        FOLLOW_IMAGE,
        DRAW_ON_IMAGE,
    ),
    "layers": (
        Key("go_to_layer(-1)", "up", "Previous layer", "Go to the layer above", footer=False),
        Key("go_to_layer(1)", "down", "Next layer", "Go to the layer below"),
        Key("go_to_channel(-1)", "left", "Previous channel", "Go to the previous channel or unit", footer=False),
        Key("go_to_channel(1)", "right", "Next channel", "Go to the next channel or unit"),
        Key("turn_channels(-1)", "pageup", "Page up", "Go a page of channels back", footer=False),
        Key("turn_channels(1)", "pagedown", "Page down", "Go a page of channels ahead", footer=False),
        Key("end_of_channels(0)", "home", "First channel", "Go to the first channel or unit", footer=False),
        Key("end_of_channels(-1)", "end", "Last channel", "Go to the last channel or unit", footer=False),
        Key("turn_view(1)", "tab", "View", "Show maps, kernels, or the images that excite a channel"),
        Key("turn_view(-1)", "shift+tab", "Previous view", "Show the previous view of the layer", footer=False),
        Key("next_scale", "equals_sign", "Scale", "Compare colours in a channel, a layer, or all layers", rank=1),
        Key("zoom(1)", "z", "Zoom", "Enlarge the pictures", footer=False),
        Key("zoom(-1)", "Z", "Zoom out", "Reduce the pictures", footer=False),
        Key("history", "H", "History", "Show weights, gradients and activations over time", rank=1),
        Key("next_member", "J", "Next member", "Show the next model of the ensemble", rank=3),
        Key("compare", "c", "Compare", "Compare with the previous epoch; again: choose"),
        Key("leave_comparison", "escape", "Close", "Close the comparison"),
        Key("open_arithmetic", "enter", "Arithmetic", "Show the numbers behind a cell of the channel"),
        Key("load_model", "L", "Load model", "Load the model to look into it"),
    ),
    "history": (
        Key("go_to_layer(-1)", "up", "Previous layer", "Go to the layer above", footer=False),
        Key("go_to_layer(1)", "down", "Next layer", "Go to the layer below"),
        Key("next_quantity(1)", "tab", "Quantity", "Show weights, gradients, or activations"),
        Key("next_quantity(-1)", "shift+tab", "Previous quantity", "Show the previous quantity", footer=False),
    ),
    "map": (
        Key("open_area", "enter", "Open", "Browse the images of the rectangle or under the cursor"),
        Key("mark_corner", "space", "Mark", "Mark a corner of a rectangle; the cursor is the other"),
        Key("next_method", "comma", "UMAP", "Switch between principal components and UMAP", rank=1),
        Key("clear_mark", "escape", "Close", "Remove the mark"),
        FOLLOW_IMAGE,
        Key("load_model", "L", "Load model", "Load the model to map the images"),
    ),
    "arithmetic": (
        Key("move('left')", "left", "Left", "Move a column to the left, or a unit back", footer=False),
        Key("move('right')", "right", "Right", "Move a column to the right, or a unit ahead"),
        Key("move('up')", "up", "Up", "Move a row up; over units: raise the temperature", footer=False),
        Key("move('down')", "down", "Down", "Move a row down; over units: lower the temperature"),
        Key("turn_channel(1)", "pagedown", "Next channel", "Show this cell of the next output channel"),
        Key("turn_channel(-1)", "pageup", "Previous channel", "Show it of the previous output channel", footer=False),
        Key("turn_source(1)", "tab", "Next input", "Choose the next input channel, input or product"),
        Key("turn_source(-1)", "shift+tab", "Previous input", "Choose the previous one", footer=False),
        Key("go_back_in", "enter", "Layer before", "Go to the input that counts most, in the layer before"),
        Key("scroll_on", "space", "Scroll", "Scroll the calculation down; from the end, to its start", rank=1),
    ),
    "heat_map": (
        Key("close", "escape", "Cancel", "Keep the heat map"),
        Key("app.focus_next", "tab", "Next list", "Go to the next list", footer=False),
        Key("app.focus_previous", "shift+tab", "Previous list", "Go to the previous list", footer=False),
    ),
    "change": (
        Key("turn_target(-1)", "left,up", "Previous class", "Turn it into the previous class", footer=False),
        Key("turn_target(1)", "right,down", "Next class", "Turn it into the next class"),
        Key("load_model", "L", "Load model", "Load the model to change the image"),
    ),
    "files": (
        Key("select_cursor", "enter", "Open", "Open or close the folder"),
        Key("cursor_down", "down", "Next file", "Predict the file below", footer=False),
        Key("cursor_up", "up", "Previous file", "Predict the file above", footer=False),
        Key("page_down", "pagedown", "Page down", "Move a page down", footer=False),
        Key("page_up", "pageup", "Page up", "Move a page up", footer=False),
        Key("scroll_home", "home", "Start", "Go to the first file", footer=False),
        Key("scroll_end", "end", "End", "Go to the last file", footer=False),
        Key("screen.previous", "left", "Previous", "Show the previous digit of the picture"),
        Key("screen.next", "right", "Next", "Show the next digit of the picture"),
    ),
    "canvas": (
        Key("toggle_pen", "space", "Pen", "Put the pen down, or lift it"),
        Key("move('left')", "left,h", "Left", "Move the pen a pixel to the left", footer=False),
        Key("move('down')", "down,j", "Down", "Move the pen down", footer=False),
        Key("move('up')", "up,k", "Up", "Move the pen up", footer=False),
        Key("move('right')", "right,l", "Right", "Move the pen to the right", footer=False),
        Key("move('home')", "home", "Left edge", "Move the pen to the left edge", footer=False),
        Key("move('end')", "end", "Right edge", "Move the pen to the right edge", footer=False),
        Key("move('pageup')", "pageup", "Top", "Move the pen to the top", footer=False),
        Key("move('pagedown')", "pagedown", "Bottom", "Move the pen to the bottom", footer=False),
    ),
    "draw": (
        Key("edit('undo')", "u,backspace", "Undo", "Undo the last stroke"),
        Key("edit('redo')", "ctrl+r", "Redo", "Redo what was undone", rank=2),
        Key("edit('clear')", "delete", "Clear", "Clear the drawing; u brings it back"),
        Key("load_image", "number_sign", "Load image", "Draw on a copy of a validation or test image"),
        Key("add_to_mine", "a", "Add to mine", "Add the drawing to your own data set, with a label"),
        Key("erase", "ctrl+e", "Eraser", "Erase with the pen; the right button always does", rank=2),
        Key("width(-1)", "less_than_sign", "Thinner", "Make the pen thinner", rank=3),
        Key("width(1)", "greater_than_sign", "Thicker", "Make the pen thicker", rank=3),
        Key("edit('invert')", "I", "Invert", "Swap ink and background", rank=2),
        Key("save", "e", "Export", "Save the drawing as PNG and .npy", rank=2),
        Key("load_model", "L", "Load model", "Load the model to predict the drawing"),
        FOLLOW_IMAGE,
    ),
    "load_image": (Key("close", "escape", "Cancel", "Keep the drawing"),),
    "save_drawing": (Key("close", "escape", "Cancel", "Save nothing"),),
    "predict": (Key("load_model", "L", "Load model", "Load the model to predict the files"),),
    "labels": (
        Key("relabel", "R", "Relabel", "Choose the correct class: a digit, or from a list"),
        Key("review('right')", "A", "Label is correct", "Accept the label"),
        Key("review('unreadable')", "U", "Unreadable", "Mark the image as unreadable"),
        Key("undo", "u,backspace", "Undo", "Undo the last review", rank=1),
        Key("view_check", "t", "All labels", "Show the label issues of all training images", rank=2),
        Key("view_epoch", "t", "Validation", "Show the label issues of the validation images", rank=1),
        Key("cross_check", "X", "Cross-check", "Predict all training images out of sample; asks first", rank=1),
        Key("export_reviews", "e", "Export", "Export all label reviews as CSV", rank=3),
        Key("open_digit", "enter", "Open", "Open the image under the cursor", rank=4),
    ),
    "relabel": (
        Key("close", "escape", "Cancel", "Keep the label"),
        Key("move('up')", "up", "Previous", "Go to the class above", footer=False),
        Key("move('down')", "down", "Next", "Go to the class below", footer=False),
    ),
    "calibration": (
        Key("abstain('less')", "left", "Abstain less", "Lower the abstention threshold"),
        Key("abstain('more')", "right", "Abstain more", "Raise the abstention threshold"),
        Key("abstain('much_less')", "pagedown,down", "Much less", "Lower it by ten steps", footer=False),
        Key("abstain('much_more')", "pageup,up", "Much more", "Raise it by ten steps", footer=False),
        Key("abstain('nothing')", "home", "Never abstain", "Set the threshold to its minimum", footer=False),
        Key("abstain('most')", "end", "Abstain most", "Set the threshold to its maximum", footer=False),
    ),
    "cursor": (
        Key("move('left')", "left", "Left", "Move left", footer=False),
        Key("move('right')", "right", "Right", "Move right", footer=False),
        Key("move('up')", "up", "Up", "Move up", footer=False),
        Key("move('down')", "down", "Down", "Move down", footer=False),
        Key("move('home')", "home", "Start", "Move to the start", footer=False),
        Key("move('end')", "end", "End", "Move to the end", footer=False),
        Key("move('pageup')", "pageup", "Page up", "Move a page up", footer=False),
        Key("move('pagedown')", "pagedown", "Page down", "Move a page down", footer=False),
    ),
}


def key_name(key: str) -> str:
    """Return the name of a key on screens, from Textual's name."""
    return NAMES.get(key, key)


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
