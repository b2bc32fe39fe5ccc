"""A screen with breakpoints that hold however it comes to the front."""

from textual.events import Resize
from textual.geometry import Size
from textual.screen import Screen


class SizedScreen(Screen[None]):
    """Textual sets the classes of the breakpoints on the screen in front alone when the terminal changes its size. One
    that was behind it is told when it comes back, or it would keep the layout of the old size."""

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
        """Not before it is mounted; and where the program is leaving, they may never be made."""
        return self.is_mounted and self.is_attached

    def on_resize(self, event: Resize) -> None:
        """Keep what was told last."""
        self._resized_to = event.size

    def on_screen_resume(self) -> None:
        """Catch up with a change of size."""
        if self._resized_to not in (None, self.app.size):
            self.post_message(Resize(self.app.size, self.app.size))
