"""The table of label issues: label, suspected class, margin and review."""

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mnist_tui.render.text import padded, percent, widest
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.labels.queue import LabelIssue, LabelQueue, review_words
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette

CONFIDENT = "●"
"""Marks issues that confident learning selects."""
LONGEST_NAME, NAME_SHARE = 10, 1 / 5
"""Columns of a class name at most: these, or this share of the width."""
WIDE = 56
"""Columns besides the classes from which the index and the confidence have room."""
HEADING = 1


class IssueList(ScrollView, can_focus=True):
    """A fixed heading and a line for each issue. Only visible lines are drawn."""

    BINDINGS = bindings("cursor")
    DEFAULT_CSS = "IssueList { overflow-x: hidden; }"

    cursor: reactive[int] = reactive(0, repaint=False)
    """Position of the selected issue."""

    class Moved(Message):
        """The cursor moved to another issue."""

    class Opened(Message):
        """The user clicked the issue under the cursor."""

    def __init__(self) -> None:
        super().__init__()
        self._queue: LabelQueue | None = None
        self._names: tuple[str, ...] = ()

    def show(self, queue: LabelQueue, names: tuple[str, ...], cursor: int) -> None:
        """Show a queue with the cursor at a position."""
        self._queue, self._names = queue, names
        self._lay_out()
        self.cursor = cursor
        self._reveal()
        self.refresh()

    def action_move(self, where: str) -> None:
        """Move the cursor by a line, by the lines of a screen, or to an end."""
        page = max(1, self.size.height - HEADING)
        steps = {"up": -1, "down": 1, "pageup": -page, "pagedown": page, "home": -self._count, "end": self._count}
        self.cursor += steps.get(where, 0)

    def validate_cursor(self, position: int) -> int:
        return min(max(0, position), max(0, self._count - 1))

    def watch_cursor(self, old: int, new: int) -> None:
        for position in (old, new):
            self.refresh(Region(0, position + HEADING - self.scroll_offset.y, self.size.width, 1))
        self._reveal()
        self.post_message(self.Moved())

    def on_resize(self) -> None:
        self._lay_out()
        self._reveal()

    def on_click(self, event: events.Click) -> None:
        position = event.y - self.gutter.top + self.scroll_offset.y - HEADING
        if event.y - self.gutter.top < HEADING or not 0 <= position < self._count:
            return
        if position == self.cursor:
            self.post_message(self.Opened())
        self.cursor = position

    def render_line(self, y: int) -> Strip:
        width, colours = self.size.width, palette_of(self)
        room = self.scrollable_content_region.width - 1  # beside the mark
        position = y + self.scroll_offset.y - HEADING
        if self._queue is None or (y and position >= self._count):
            return Strip.blank(width, paint(behind=colours.background))
        if y < HEADING:
            line, chosen = heading(self._names, self._count, colours, room), False
        else:
            chosen = position == self.cursor
            line = issue_line(self._queue.issue(position), position, self._count, self._names, colours, room)
        behind = paint(behind=colours.surface if chosen else colours.background, bold=chosen)
        line.truncate(width)
        line.end = ""
        strip = Strip(line.render(self.app.console))
        mark = Strip([Segment("▌" if chosen and self.has_focus else " ", paint(colours.accent))])
        return Strip.join((mark, strip)).apply_style(behind).adjust_cell_length(width, behind)

    @property
    def _count(self) -> int:
        return len(self._queue) if self._queue is not None else 0

    def _lay_out(self) -> None:
        self.virtual_size = Size(self.size.width, self._count + HEADING)

    def _reveal(self) -> None:
        """Scroll so that the line under the cursor is below the heading and on the screen."""
        shown = max(1, self.scrollable_content_region.height - HEADING)
        top = min(max(self.scroll_offset.y, self.cursor - shown + 1), self.cursor)
        if top != self.scroll_offset.y:
            self.scroll_to(y=top, animate=False, force=True)


def _columns(names: tuple[str, ...], count: int, width: int) -> tuple[int, int, int]:
    """Return the widths of rank, label and suspected class."""
    name = min(max(LONGEST_NAME, int(width * NAME_SHARE)), widest(names) or 1)
    return max(2, len(f"{count:,}")), max(len("label"), name), max(len("seems"), name)


def heading(names: tuple[str, ...], count: int, colours: Palette, width: int) -> Text:
    """Return the names of the columns."""
    rank, label, seems = _columns(names, count, width)
    words = f"{'#':>{rank}}  {'label':>{label}}   {'seems':<{seems}}  {'margin':>6}  {CONFIDENT}  "
    if width >= WIDE + label + seems:
        words += f"{'predicted':>9}  {'index':>7}  "
    return Text.assemble((words + ("review" if len(words) + len("review") <= width else ""), paint(colours.quiet)))


def issue_line(
    issue: LabelIssue, position: int, count: int, names: tuple[str, ...], colours: Palette, width: int
) -> Text:
    """Return one issue under the heading."""
    rank, label, seems = _columns(names, count, width)
    quiet, plain = paint(colours.quiet), paint(colours.foreground)
    margin = f"{issue.margin:.3f}".replace("-", "−")
    line = Text.assemble(
        (f"{position + 1:>{rank},}  ", quiet),
        (padded(names[issue.label], label, "right"), paint(colours.true_class, bold=True)),
        (" → ", quiet),
        (padded(names[issue.suspected], seems), paint(colours.predicted_class, bold=True)),
        (f"  {margin:>6}  ", plain),
        (f"{CONFIDENT if issue.confident else ' '}  ", paint(colours.wrong)),
    )
    if width >= WIDE + label + seems:
        line.append(f"{percent(issue.confidence, 1):>9}  ", plain).append(f"{issue.index:>7,}  ", quiet)
    return line.append(review_words(issue, names), _review_style(issue, colours))


def _review_style(issue: LabelIssue, colours: Palette) -> Style:
    return paint(colours.foreground if issue.correct is None else colours.predicted_class)
