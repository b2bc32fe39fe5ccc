"""Keys of the app, of the home screen and of what several screens share."""

from mnist_tui.ui.keymap.key import Key

APP_KEYS: dict[str, tuple[Key, ...]] = {
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
    "why": (
        Key("screen.turn(1)", "right", "Next page", "Show the next page of the textbook"),
        Key("screen.turn(-1)", "left", "Previous page", "Show the previous page", rank=2),
        Key("app.go_back", "escape", "Back", "Go back to where the page was opened"),
    ),
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
