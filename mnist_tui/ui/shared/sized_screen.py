"""A screen whose breakpoints also hold after a resize behind another screen."""

from textual.events import Resize
from textual.geometry import Size
from textual.screen import Screen


class SizedScreen(Screen[None]):
    """Textual updates the breakpoints of the screen in front only. This class updates them when a screen comes back."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (160, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (34, "-tall"), (50, "-very-tall")]  # noqa: RUF012

    _resized_to: Size | None = None

    def __init__(self) -> None:
        super().__init__()
        # Textual sets them with the first Resize, and then styles every widget a second time
        for breakpoints, length in (
            (self.HORIZONTAL_BREAKPOINTS, self.app.size.width),
            (self.VERTICAL_BREAKPOINTS, self.app.size.height),
        ):
            self.add_class([name for start, name in breakpoints if start <= length][-1])

    @property
    def has_widgets(self) -> bool:
        """True once it is mounted; False if the program exits before."""
        return self.is_mounted and self.is_attached

    def on_resize(self, event: Resize) -> None:
        self._resized_to = event.size

    def on_screen_resume(self) -> None:
        if self._resized_to not in (None, self.app.size):
            self.post_message(Resize(self.app.size, self.app.size))
