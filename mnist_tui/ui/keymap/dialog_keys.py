"""Keys of dialogs and of fields that the user types into."""

from mnist_tui.ui.keymap.key import Key

DIALOG_KEYS: dict[str, tuple[Key, ...]] = {
    "choose_data": (
        Key("complete", "tab", "Complete", "Complete the path"),
        Key("move('up')", "up", "Previous", "Go to the entry above", footer=False),
        Key("move('down')", "down", "Next", "Go to the entry below", footer=False),
        Key("close", "escape", "Cancel", "Keep the data"),
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
    "own_line": (Key("close", "escape", "Cancel", "Keep the reference line"),),
    "early_stopping": (
        Key("other_field", "up,down", "Other field", "Switch between the two fields"),
        Key("submit", "enter", "Set", "Set the rule shown"),
        Key("close", "escape", "Cancel", "Keep the rule"),
    ),
    "help": (
        Key("dismiss", "escape,question_mark,f1,q,enter", "Close", "Close this page"),
        Key("app.open_why", "Y", "Why", "Explain what is in front: layers, optimizers, losses"),
    ),
    "choose_runs": (
        Key("mark", "space", "Mark", "Mark the run, or remove the mark"),
        Key("move('down')", "down", "Next", "Go to the run below", footer=False),
        Key("move('up')", "up", "Previous", "Go to the run above", footer=False),
        Key("done", "enter", "Show", "Compare with the marked runs"),
        Key("close", "escape", "Cancel", "Keep the comparison"),
    ),
    "filter": (
        Key("complete", "tab", "Complete", "Complete the word at the cursor"),
        Key("submit", "enter", "Keep", "Keep this filter"),
        Key("give_up", "escape", "Cancel", "Go back to the previous filter"),
    ),
    "lists": (Key("close", "escape", "Cancel", "Keep the list"),),
    "formats": (Key("close", "escape", "Cancel", "Export nothing"),),
    "reference": (Key("close", "escape", "Cancel", "Keep the comparison"),),
    "heat_map": (
        Key("close", "escape", "Cancel", "Keep the heat map"),
        Key("app.focus_next", "tab", "Next list", "Go to the next list", footer=False),
        Key("app.focus_previous", "shift+tab", "Previous list", "Go to the previous list", footer=False),
    ),
    "load_image": (Key("close", "escape", "Cancel", "Keep the drawing"),),
    "save_drawing": (Key("close", "escape", "Cancel", "Save nothing"),),
    "relabel": (
        Key("close", "escape", "Cancel", "Keep the label"),
        Key("move('up')", "up", "Previous", "Go to the class above", footer=False),
        Key("move('down')", "down", "Next", "Go to the class below", footer=False),
    ),
}
