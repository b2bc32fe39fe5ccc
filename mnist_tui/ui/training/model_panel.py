"""The model panel: every layer with its shape, parameters, compute, statistics and the reason for it."""

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.events import Resize
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from mnist_tui.config import IMPORTED
from mnist_tui.diagnosis.layer_health import LayerWarning, layer_warnings
from mnist_tui.events import LayerStat, LayerStats, RunStarted
from mnist_tui.explanations import layer_explanation, layer_explanations, preset_explanation
from mnist_tui.render.text import sanitize
from mnist_tui.textbook import INDEX, page_of
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.messages import OpenWhy
from mnist_tui.ui.training.layer_table import (
    ColumnLayout,
    heading,
    layer_row,
    legend,
    plan_columns,
    samples_by_layer,
    sparkline_details,
    thin_samples,
)

TITLE_FRAME = len("╭─ Model   ─╮")
"""Columns of the title's line that the model's size cannot use."""


class LayerList(OptionList):
    """The rows of the layers."""

    BINDINGS = bindings("model")


class ModelPanel(Vertical):
    """A list of layers; below it the sparklines and the reason of the highlighted layer."""

    DEFAULT_CSS = """
    ModelPanel { border: round $frame; border-title-color: $foreground; height: 1fr; }
    ModelPanel { border-subtitle-color: $error; border-subtitle-style: bold; }
    ModelPanel:focus-within { border: round $accent; }
    ModelPanel #columns { height: 1; padding: 0 1; color: $quiet; }
    ModelPanel OptionList { height: 1fr; border: none; padding: 0; background: transparent; }
    ModelPanel OptionList { scrollbar-size-vertical: 1; }
    ModelPanel OptionList:focus { border: none; background-tint: transparent; }
    ModelPanel OptionList > .option-list--option { padding: 0 1; }
    ModelPanel OptionList > .option-list--option-highlighted {
        background: transparent; color: $foreground; text-style: none;
    }
    ModelPanel OptionList:focus > .option-list--option-highlighted { background: $focus; }
    ModelPanel #reason { height: 4; padding: 0 1; color: $foreground 80%; border-top: solid $frame; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._started: RunStarted | None = None
        self._preset = ""
        self._newest: LayerStats | None = None
        self._samples: dict[str, list[LayerStat]] = {}
        self._warnings: dict[str, LayerWarning] = {}
        self._rows: list[Text] = []
        self._explanation = ""
        self.border_title = "Model"

    def compose(self) -> ComposeResult:
        yield Static(id="columns")
        yield LayerList(id="layers")
        yield Static(id="reason")

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self._fill())

    def show(self, started: RunStarted | None, preset: str, samples: list[LayerStats]) -> None:
        """Show the model once it is built, with the samples of its layers, oldest first."""
        if started is None:
            missing = "unknown: the run was imported" if preset == IMPORTED else "shown once the model is built"
            self.query_one("#columns", Static).update(missing)
            self._explain_with(preset_explanation(preset).summary)
            return
        newest = samples[-1] if samples else None
        if started is self._started and newest is self._newest:
            return
        if started is not self._started:
            self._started, self._preset = started, preset
        self._newest = newest
        kept = thin_samples(samples)
        self._samples, self._warnings = samples_by_layer(kept), layer_warnings(kept)
        self._fill()

    def on_resize(self, event: Resize) -> None:  # noqa: ARG002
        self._fill()

    @property
    def _column_layout(self) -> ColumnLayout:
        padding_and_scroll_bar = 3
        return plan_columns(max(0, self.content_size.width - padding_and_scroll_bar), sampled=bool(self._samples))

    def _fill(self) -> None:
        if self._started is None:
            return
        self.border_title = f"Model  [$quiet]{size_text(self._started, self.outer_size.width - TITLE_FRAME)}[/]"
        layers, layout = self.query_one(OptionList), self._column_layout
        warning = Content(warning_text(self._warnings)).markup
        self.border_subtitle = warning or f"[not bold $quiet]{legend(layout, self.outer_size.width - TITLE_FRAME)}[/]"
        columns = self.query_one("#columns", Static)
        if str(columns.content) != heading(layout):
            columns.update(heading(layout))
        before, self._rows = self._rows, self._layer_rows(self._started, layout)
        if len(before) != len(self._rows) or layers.option_count != len(self._rows):
            highlighted = layers.highlighted or 0
            layers.clear_options()
            layers.add_options([Option(each) for each in self._rows])
            layers.highlighted = min(highlighted, len(self._rows) - 1)
        else:
            for index, (old, new) in enumerate(zip(before, self._rows, strict=True)):
                if old != new or old.spans != new.spans:
                    layers.replace_option_prompt_at_index(index, new)
        self._explain(layers.highlighted or 0)

    def _layer_rows(self, started: RunStarted, layout: ColumnLayout) -> list[Text]:
        variables = self.app.theme_variables
        total = sum(layer.multiply_adds for layer in started.layers)
        reasons = layer_explanations(self._preset, started.layers, started.image_shape)
        return [
            layer_row(
                layer,
                total,
                layout,
                variables,
                samples=self._samples.get(layer.name, ()),
                reason=reason,
                has_warning=layer.name in self._warnings,
            )
            for layer, reason in zip(started.layers, reasons, strict=True)
        ]

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        self._explain(event.option_index)

    def on_option_list_option_selected(self) -> None:
        """Open the textbook's page on the layer under the cursor."""
        self.post_message(OpenWhy(*self.why()))

    def why(self) -> tuple[str, str]:
        """Return the textbook's page on the layer under the cursor, and the layer's name."""
        index = self.query_one(OptionList).highlighted
        if self._started is None or index is None:
            return INDEX, ""
        layer = self._started.layers[index]
        return page_of("layers", layer.kind), layer.name

    def _explain(self, index: int) -> None:
        if self._started is None or index >= len(self._started.layers):
            return
        layer = self._started.layers[index]
        reason = layer_explanation(self._preset, layer, self._started.image_shape)
        if not self.query_one(OptionList).has_focus and index == 0:
            reason = preset_explanation(self._preset).summary or reason
        width = max(0, self.content_size.width - 2)
        curves = sparkline_details(self._column_layout, self._samples.get(layer.name, ()), width)
        self._explain_with("\n".join(filter(None, (curves, reason))))

    def _explain_with(self, text: str) -> None:
        if text != self._explanation:
            self._explanation = text
            self.query_one("#reason", Static).update(Text(text))


def size_text(started: RunStarted, width: int) -> str:
    """Return the size of the model, shortened to `width` columns if that is possible."""
    parameters = f"{sum(layer.parameters for layer in started.layers):,} parameters"
    work = f"{sum(layer.multiply_adds for layer in started.layers) / 1e6:,.1f} M multiply-adds"
    choices = (f"{parameters} · {work}/image", f"{parameters} · {work}")
    return next((text for text in choices if len(text) <= width), parameters)


def warning_text(warnings: dict[str, LayerWarning]) -> str:
    """Return the first warning, and the number of others."""
    if not warnings:
        return ""
    first = next(iter(warnings.values()))
    more = f" (and {len(warnings) - 1} more)" if len(warnings) > 1 else ""
    return sanitize(f"! {first.layer}{more} {first.text}")
