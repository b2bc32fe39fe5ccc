"""The base of all screens of an opened run: header, footer, keys and new views."""

from textual.actions import parse
from textual.app import ComposeResult
from textual.events import Resize

from mnist_tui.render.text import sanitize
from mnist_tui.ui.keymap import bindings, keys_of
from mnist_tui.ui.run.alert_banner import AlertBanner, dismissible
from mnist_tui.ui.run.header import RunHeader
from mnist_tui.ui.session import RunSession, RunView
from mnist_tui.ui.shared.key_footer import KeyFooter
from mnist_tui.ui.steering.steering import SteeredScreen


class RunScreen(SteeredScreen):
    """Base of the run's screens. The app calls `update_view` on the screen in front whenever the run changed."""

    BINDINGS = bindings("pages", "run", "steering")

    def __init__(self, session: RunSession) -> None:
        super().__init__(session)
        self._key_states: list[bool | None] = []

    def compose(self) -> ComposeResult:
        yield RunHeader()
        yield AlertBanner()
        yield from self.compose_body()
        yield KeyFooter()

    def compose_body(self) -> ComposeResult:
        raise NotImplementedError

    @property
    def is_narrow(self) -> bool:
        """True below the width of `-normal`; known before Textual sets that class."""
        return self.app.size.width < self.HORIZONTAL_BREAKPOINTS[1][0]

    def on_screen_resume(self) -> None:
        self.catch_up()

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        if self.has_widgets and self.is_active:
            self.call_after_refresh(self.catch_up)

    def action_turn_page(self, step: int) -> None:
        super().action_turn_page(step)
        self.call_after_refresh(self.catch_up)

    def catch_up(self) -> None:
        """Show the session's newest view."""
        self.update_view(self.session.view)

    def update_view(self, view: RunView) -> None:
        """Show a view of the run."""
        if not self.has_widgets:
            return  # it will catch up when it has
        self.query_one(AlertBanner).show(view, self.session.dismissed)
        self.query_one(RunHeader).update_view(view, self.subject(view))
        self.show(view)
        self.refresh_keys()
        self.ask_for_decision(view)

    def refresh_keys(self) -> None:
        """Redraw the footer if `check_action` decides otherwise for any key."""
        actions = [parse(key.action) for group in self.KEY_GROUPS for key in keys_of(group)]
        states = [self.check_action(name, parameters) for namespace, name, parameters in actions if namespace != "app"]
        if states != self._key_states:
            self._key_states = states
            self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "dismiss_alert":
            return bool(dismissible(self.session.view, self.session.dismissed))
        return super().check_action(action, parameters)

    def action_dismiss_alert(self) -> None:
        """Hide the line under the header until the next alert."""
        self.session.dismissed.add(dismissible(self.session.view, self.session.dismissed))
        self.catch_up()

    def subject(self, view: RunView) -> str:
        """Return the screen's subject for the header; the default is the run's settings."""
        config, origin = view.history.record.config, view.history.record.imported_from
        if origin is not None:
            return f"imported from {origin}"
        started = view.history.started
        digits = f" {started.train_count:,} + {started.validation_count:,}" if started else ""
        return sanitize(
            f"{config.networks} · {config.data}{digits} · {config.optimizer} {config.learning_rate:g}"
            f" · batch {config.batch_size} · seed {config.seed}"
        )

    def show(self, view: RunView) -> None:
        """Hand the view to the screen's widgets."""
        raise NotImplementedError
