"""Layers screen: an image on its way through the model."""

from textual.app import ComposeResult
from textual.widgets import Static

from mnist_tui.ui.run.model_screen import ModelScreen
from mnist_tui.ui.session import RunView


class LayersScreen(ModelScreen):
    """Loads the model of an ended run by itself."""

    KEY_GROUPS = ("run", "steering", "screens", "everywhere")
    CSS_PATH = "screen.tcss"

    def compose_body(self) -> ComposeResult:
        yield Static(id="body")

    def show(self, view: RunView) -> None:
        self.query_one("#body", Static).update(self.missing_model(view))
