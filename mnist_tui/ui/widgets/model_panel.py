"""The architecture: every layer with its output shape, parameters and share of the compute; why it is there."""

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Resize
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from mnist_tui.events import Layer, RunStarted
from mnist_tui.explanations import layer_reason, preset_summary
from mnist_tui.render.text import bar, clip, shape

WHY_BESIDE = 84
"""From so many columns on, each layer's reason stands beside it."""
BAR = 8


def heading(width: int) -> str:
    """What stands in the columns of `layer_row`."""
    words = f"{'layer':<20}{'output':>10}{'params':>9}  {'compute':<{BAR + 5}}"
    return clip(words + ("  why" if width >= WHY_BESIDE else ""), width)


def layer_row(layer: Layer, total: int, preset: str, width: int, accent: str, quiet: str) -> Text:
    """One layer as a line of `width` columns. `total` is the multiply-adds of all layers."""
    share = layer.multiply_adds / total if total else 0.0
    row = Text(no_wrap=True, end="")
    row.append(f"{clip(f'{layer.kind} {layer.detail}'.strip(), 20):<20}", "bold" if layer.multiply_adds else "")
    row.append(f"{shape(layer.output_shape):>10}", quiet)
    row.append(f"{layer.parameters:>9,}" if layer.parameters else f"{'–':>9}", "" if layer.parameters else quiet)
    if layer.multiply_adds:
        row.append("  " + bar(share, BAR), accent)
        row.append(f"{share:>5.0%}" if share >= 0.005 else "  <1%")
    elif width >= WHY_BESIDE:
        row.append(" " * (BAR + 7))
    if width >= WHY_BESIDE:
        row.append("  " + clip(layer_reason(preset, layer.name), width - row.cell_len - 2), quiet)
    return row


class ModelPanel(Vertical):
    """A list of layers with a cursor; under it, in words, why the chosen layer is there."""

    DEFAULT_CSS = """
    ModelPanel { border: round $frame; border-title-color: $foreground; height: 1fr; }
    ModelPanel:focus-within { border: round $accent; }
    ModelPanel #columns { height: 1; padding: 0 1; color: $quiet; }
    ModelPanel OptionList { height: 1fr; border: none; padding: 0; background: transparent; }
    ModelPanel OptionList { scrollbar-size-vertical: 1; }
    ModelPanel OptionList:focus { border: none; background-tint: transparent; }
    ModelPanel OptionList > .option-list--option { padding: 0 1; }
    ModelPanel OptionList > .option-list--option-highlighted {
        background: transparent; color: $foreground; text-style: none;
    }
    ModelPanel OptionList:focus > .option-list--option-highlighted { background: $accent 25%; }
    ModelPanel #why { height: auto; max-height: 4; padding: 0 1; color: $foreground 80%; border-top: solid $frame; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._started: RunStarted | None = None
        self._preset = ""
        self.border_title = "Model"

    def compose(self) -> ComposeResult:
        yield Static(id="columns")
        yield OptionList(id="layers")
        yield Static(id="why")

    def on_mount(self) -> None:
        """Rows carry colours of their own: another theme, other rows."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self._fill())

    def show(self, started: RunStarted | None, preset: str) -> None:
        """Take in the network once it is known; it does not change after."""
        if started is None:
            self.query_one("#columns", Static).update("shown once it is built")
            self.query_one("#why", Static).update(preset_summary(preset))
            return
        if started is self._started:
            return
        self._started, self._preset = started, preset
        total = sum(layer.parameters for layer in started.layers)
        cost = sum(layer.multiply_adds for layer in started.layers) / 1e6
        self.border_title = f"Model  [$quiet]{total:,} parameters · {cost:.1f} M multiply-adds a digit[/]"
        self._fill()

    def on_resize(self, event: Resize) -> None:  # noqa: ARG002
        """Rows are made for a width."""
        self._fill()

    def _fill(self) -> None:
        if self._started is None:
            return
        layers = self.query_one(OptionList)
        chosen = layers.highlighted or 0
        width = max(0, self.content_size.width - 3)  # padding and scroll bar
        variables = self.app.theme_variables
        total = sum(layer.multiply_adds for layer in self._started.layers)
        self.query_one("#columns", Static).update(heading(width))
        layers.clear_options()
        layers.add_options(
            [
                Option(layer_row(layer, total, self._preset, width, variables["primary"], variables["quiet"]))
                for layer in self._started.layers
            ]
        )
        layers.highlighted = chosen
        self._explain(chosen)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Say why the chosen layer is there."""
        self._explain(event.option_index)

    def _explain(self, index: int) -> None:
        if self._started is None:
            return
        words = layer_reason(self._preset, self._started.layers[index].name)
        if not self.query_one(OptionList).has_focus and index == 0:
            words = preset_summary(self._preset) or words
        self.query_one("#why", Static).update(words)
