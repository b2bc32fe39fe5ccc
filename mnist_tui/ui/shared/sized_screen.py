"""A screen that knows its size: breakpoints that hold behind another screen, and pages on a small terminal."""

from textual.events import Resize
from textual.geometry import Size
from textual.screen import Screen
from textual.widget import Widget

from mnist_tui.textbook import INDEX

SMALL = (80, 24)
"""Columns and rows below which panels are shown one at a time."""


class SizedScreen(Screen[None]):
    """Textual updates the breakpoints of the screen in front only. This class updates them when a screen comes back."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-medium"), (120, "-normal"), (160, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (34, "-tall"), (50, "-very-tall")]  # noqa: RUF012
    PAGES: tuple[str, ...] = ()
    """Selectors of the panels that a small terminal shows in sequence, the most important first."""

    _resized_to: Size | None = None

    def __init__(self) -> None:
        super().__init__()
        self._page = ""
        """The page that was shown last."""
        self.set_class(self.is_small, "-small")
        # Textual sets them with the first Resize, and then styles every widget a second time
        for breakpoints, length in (
            (self.HORIZONTAL_BREAKPOINTS, self.app.size.width),
            (self.VERTICAL_BREAKPOINTS, self.app.size.height),
        ):
            self.add_class([name for start, name in breakpoints if start <= length][-1])

    def why(self) -> tuple[str, str]:
        """Return the textbook's page on what is in front, and the name of the layer that it is about, if any."""
        return INDEX, ""

    @property
    def has_widgets(self) -> bool:
        """True once it is mounted; False if the program exits."""
        return self.is_mounted and self.is_attached and self.app.is_running

    @property
    def is_small(self) -> bool:
        """True if the terminal shows one panel at a time."""
        return self.app.size.width < SMALL[0] or self.app.size.height < SMALL[1]

    @property
    def pages(self) -> tuple[str, ...]:
        """The pages that share the room at this size; empty if all fit."""
        return self.PAGES if self.is_small else ()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "turn_page":
            return len(self.pages) > 1
        return super().check_action(action, parameters)

    def action_turn_page(self, step: int) -> None:
        """Show the next page (1) or the previous one (-1)."""
        pages = self.pages
        self._page = pages[(pages.index(self.page) + step) % len(pages)]
        self.show_page()

    @property
    def page(self) -> str:
        """The current page; empty if all panels fit."""
        pages = self.pages
        return self._page if self._page in pages else pages[0] if pages else ""

    def show_page(self) -> None:
        """Show the current page only, or all panels if they fit."""
        shown = set(self.query(self.page)) if self.page else set()
        around = {each for widget in shown for each in widget.ancestors}
        for page in self.PAGES:
            for widget in self.query(page):
                containers = (each for each in widget.ancestors if isinstance(each, Widget) and each is not self)
                for each in (widget, *containers):
                    hide(each, bool(shown) and each not in shown and each not in around)

    def on_mount(self) -> None:
        self.show_page()

    def on_resize(self, event: Resize) -> None:
        self._resized_to = event.size
        self.set_class(self.is_small, "-small")
        if self.has_widgets:
            self.show_page()

    def on_screen_resume(self) -> None:
        if self._resized_to not in (None, self.app.size):
            self.post_message(Resize(self.app.size, self.app.size))


def hide(widget: Widget, is_hidden: bool) -> None:
    """Hide a widget whatever the style sheet says, or leave it to the style sheet."""
    if is_hidden:
        widget.styles.display = "none"
    else:
        widget.styles.clear_rule("display")
