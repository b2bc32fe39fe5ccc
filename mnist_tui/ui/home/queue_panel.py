"""The queue on the home screen: the runs that train, and those that wait for a free device."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from mnist_tui.config import ConfigError
from mnist_tui.render.text import clip, padded, sanitize, widest
from mnist_tui.runs.directory import RunError
from mnist_tui.runs.queue import Queue, QueueState
from mnist_tui.runs.queue_entry import Entry, State
from mnist_tui.runs.summary import summarize
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.messages import OpenRun

if TYPE_CHECKING:
    from textual.timer import Timer

REFRESH_SECONDS = 1.0
MOST_LISTED = 200
"""Waiting entries that are listed; the title counts all."""
NUMBER_WIDTH = 4
MORE = "more"
"""Option that counts the entries that are not listed."""


class QueueList(OptionList):
    """The entries, with their keys."""

    BINDINGS = bindings("queue")

    class Wanted(Message):
        """Move or remove the entry under the cursor, or pause or continue the queue."""

        def __init__(self, action: str) -> None:
            super().__init__()
            self.action = action

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        panel = self.parent
        if action != "queue" or not isinstance(panel, QueuePanel):
            return super().check_action(action, parameters)
        return panel.can(str(parameters[0]))

    def action_queue(self, action: str) -> None:
        self.post_message(self.Wanted(action))


class QueuePanel(Vertical):
    """Running and waiting entries; hidden while there are none. Enter opens a run. It starts the runner if need be."""

    DEFAULT_CSS = """
    QueuePanel { border: round $frame; border-title-color: $foreground; border-subtitle-color: $quiet; height: auto; }
    QueuePanel:focus-within { border: round $accent; }
    QueuePanel.-stopped { border-subtitle-color: $warning; }
    QueuePanel OptionList { height: auto; max-height: 6; border: none; padding: 0; background: transparent; }
    QueuePanel OptionList { scrollbar-size: 1 1; overflow-x: hidden; text-wrap: nowrap; text-overflow: ellipsis; }
    QueuePanel OptionList:focus { border: none; background-tint: $foreground 0%; }
    QueuePanel OptionList > .option-list--option { padding: 0 1; }
    QueuePanel OptionList > .option-list--option-highlighted {
        background: $faint-focus; color: $foreground; text-style: none;
    }
    QueuePanel OptionList:focus > .option-list--option-highlighted { background: $focus; }
    """

    class Read(Message):
        """The queue was read."""

        def __init__(self, state: QueueState, rows: dict[str, tuple[str, str]]) -> None:
            super().__init__()
            self.state = state
            self.rows = rows

    class Changed(Message):
        """Posted when the number of listed entries, and with it the height, has changed."""

    def __init__(self) -> None:
        super().__init__()
        self._queue = Queue()
        self._state: QueueState | None = None
        self._rows: dict[str, tuple[str, str]] = {}
        """Name or settings, and state, of each listed entry by number."""
        self._timer: Timer | None = None
        self.display = False

    def compose(self) -> ComposeResult:
        yield QueueList()

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self._fill())
        self._timer = self.set_interval(REFRESH_SECONDS, self.poll)
        self.poll()

    def on_resize(self) -> None:
        self._fill()

    @property
    def has_entries(self) -> bool:
        """True if a run of the queue trains or waits."""
        return bool(self._rows)

    def focus_list(self) -> None:
        """Focus the entries."""
        self.query_one(QueueList).focus()

    def poll(self) -> None:
        """Read the queue, if the screen is in front."""
        if self.screen.is_active:
            self._read()

    @work(thread=True, exclusive=True, group="queue")
    def _read(self) -> None:
        try:
            state = self._queue.state()
            if state.needs_runner and not state.is_interrupted:
                self._start_runner()
        except RunError:
            return  # `mnist-tui queue` and the next change report it
        listed = [*state.running, *state.waiting[:MOST_LISTED]]
        self.post_message(self.Read(state, {str(entry.number): _row(entry) for entry in listed}))

    def _start_runner(self) -> None:
        from mnist_tui.control.queue_runner import start_runner

        start_runner(self._queue)

    def on_queue_panel_read(self, event: Read) -> None:
        event.stop()
        is_new = self._state is None or (event.state, event.rows) != (self._state, self._rows)
        if not is_new:
            return
        before = len(self._rows)
        self._state, self._rows = event.state, event.rows
        self.display = self.has_entries
        self._fill()
        self.screen.refresh_bindings()
        if before != len(self._rows):
            self.post_message(self.Changed())

    def _fill(self) -> None:
        """Fill the list; the cursor stays on its entry."""
        state, entries = self._state, self.query_one(QueueList)
        if state is None:
            return
        chosen, width = self._chosen_number, self.content_size.width - 3
        entries.clear_options()
        states = widest([state for _, state in self._rows.values()])
        entries.add_options([Option(self._line(number, states, width), id=number) for number in self._rows])
        unlisted = len(state.waiting) - MOST_LISTED
        if unlisted > 0:
            entries.add_option(Option(Text(f"and {unlisted:,} more", "dim"), id=MORE, disabled=True))
        if self._rows:
            entries.highlighted = list(self._rows).index(chosen) if chosen in self._rows else 0
        counts = f"{len(state.running):,} running · {len(state.waiting):,} waiting"
        self.border_title = f"Queue  [$quiet]{counts}[/]"
        stopped = _stopped_words(state)
        self.set_class(bool(stopped), "-stopped")
        self.border_subtitle = Content(clip(stopped, max(1, self.size.width - 6)))

    def _line(self, number: str, state_width: int, width: int) -> Text:
        what, state = self._rows[number]
        variables, is_waiting = self.app.theme_variables, state == str(State.WAITING)
        return Text.assemble(
            (number.rjust(NUMBER_WIDTH), variables["quiet"]),
            "  ",
            (padded(state, state_width), variables["quiet" if is_waiting else "primary"]),
            "  ",
            (clip(what, max(1, width - NUMBER_WIDTH - state_width - 4)), "" if is_waiting else "bold"),
        )

    @property
    def _chosen_number(self) -> str:
        entries = self.query_one(QueueList)
        place = entries.highlighted
        return str(entries.get_option_at_index(place).id) if place is not None else ""

    @property
    def _chosen(self) -> Entry | None:
        number, state = self._chosen_number, self._state
        entries = state.contents.entries if state is not None else ()
        return next((entry for entry in entries if str(entry.number) == number), None)

    def can(self, action: str) -> bool:
        """Return True if an action of QueueList is possible now."""
        state, chosen = self._state, self._chosen
        if state is None:
            return False
        if action in ("pause", "continue"):
            return (action == "continue") == (state.is_paused or state.is_interrupted)
        return chosen is not None and chosen.state is State.WAITING

    def on_option_list_option_highlighted(self) -> None:
        self.screen.refresh_bindings()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        chosen = self._chosen
        if chosen is not None and chosen.directory is not None:
            self.post_message(OpenRun(chosen.directory))
        else:
            self.app.notify("This run has not started yet.")

    def on_queue_list_wanted(self, message: QueueList.Wanted) -> None:
        message.stop()
        chosen, queue = self._chosen, self._queue
        number = chosen.number if chosen is not None else 0
        actions: dict[str, Callable[[], object]] = {
            "up": lambda: queue.move(number, lambda place, _: place - 1),
            "down": lambda: queue.move(number, lambda place, _: place + 1),
            "remove": lambda: queue.remove([number]),
            "pause": queue.pause,
            "continue": self._continue,
        }
        self._change(actions[message.action])

    def _continue(self) -> None:
        self._queue.unpause()
        self._start_runner()

    def add(self, settings: Mapping[str, str]) -> None:
        """Add a run with these settings behind all others, and start it once a device is free."""

        def add() -> None:
            (entry,) = self._queue.add([settings])
            self._start_runner()
            self.app.notify(f"Queued as entry {entry.number}: {entry.words}", markup=False)

        self._change(add)

    @work(thread=True, group="queue-change")
    def _change(self, action: Callable[[], object]) -> None:
        """Change the queue in a thread: another process may be changing it, and the disk may be slow."""
        try:
            action()
        except (ConfigError, RunError) as error:
            self.app.notify(sanitize(str(error)), severity="error", markup=False)
        self.app.call_from_thread(self._read)


def _row(entry: Entry) -> tuple[str, str]:
    """Return what an entry is, and how far it is."""
    group = f"  {sanitize(entry.group)}" if entry.group else ""
    if entry.directory is None:
        return f"{entry.words}{group}", entry.state_words
    try:
        summary = summarize(entry.directory)
    except RunError:  # deleted, or not yet complete
        return f"{entry.words}{group}", entry.state_words
    share = f" {summary.share_done:.0%}" if summary.share_done is not None else ""
    return f"{sanitize(summary.record.name)}  {entry.words}{group}", f"{summary.status_in_words}{share}"


def _stopped_words(state: QueueState) -> str:
    """Return why no further run starts, and the key for it; empty if they start."""
    if state.is_interrupted:
        return "the machine was restarted: p goes on"
    if state.is_paused:
        return "paused: p goes on"
    return state.hindrance or (state.contents.troubles[0] if state.contents.troubles else "")
