"""What all screens of an opened run share: the header, the footer, the keys, and being told of a new view."""

from textual.app import ComposeResult
from textual.events import Resize
from textual.widgets import Footer

from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.screens.sized_screen import SizedScreen
from mnist_tui.ui.session import RunSession, RunView
from mnist_tui.ui.widgets.run_header import RunHeader


class RunScreen(SizedScreen):
    """Base of the run's screens. The app calls `update_view` on the screen in front whenever the run changed."""

    BINDINGS = bindings("run")
    KEY_GROUPS: tuple[str, ...] = ("run", "everywhere")
    """Groups of the keymap that the help page lists."""

    def __init__(self, session: RunSession) -> None:
        super().__init__()
        self.session = session
        self._offered: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        yield RunHeader()
        yield from self.compose_body()
        yield Footer(compact=True)

    def compose_body(self) -> ComposeResult:
        """The widgets between header and footer."""
        raise NotImplementedError

    @property
    def is_narrow(self) -> bool:
        """Whether the terminal has less than the columns of `-normal`: says the same as the class, and sooner."""
        return self.app.size.width < self.HORIZONTAL_BREAKPOINTS[1][0]

    def on_screen_resume(self) -> None:
        """Catch up with what happened while another screen was in front."""
        self.update_view(self.session.view)

    def on_resize(self, event: Resize) -> None:
        """Another size has room for other words and panels."""
        super().on_resize(event)
        if self.is_mounted and self.is_active:
            self.call_after_refresh(self.update_view, self.session.view)

    def update_view(self, view: RunView) -> None:
        """Take in a new moment of the run."""
        self.query_one(RunHeader).update_view(view, self.subject(view))
        self.show(view)
        if self.offered() != self._offered:
            self._offered = self.offered()
            self.refresh_bindings()

    def offered(self) -> tuple[object, ...]:
        """What decides which keys work now: the footer is made anew when it changes, and not with every view."""
        return (self.session.view.status, bool(self.session.view.history.epochs))

    def subject(self, view: RunView) -> str:
        """What the header says this screen is about; the default is the run's settings."""
        config = view.history.record.config
        started = view.history.started
        digits = f" {started.train_count:,} + {started.validation_count:,}" if started else ""
        return (
            f"{config.preset} · {config.data}{digits} · {config.optimizer} {config.learning_rate:g}"
            f" · batch {config.batch_size} · seed {config.seed}"
        )

    def show(self, view: RunView) -> None:
        """Hand the view to the screen's widgets."""
        raise NotImplementedError
