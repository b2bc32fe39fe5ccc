"""The architecture: every layer with its shape, parameters and compute, how it learns, and why it is there."""

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.events import Resize
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from mnist_tui.diagnosis.layer_health import LayerWarning, layer_warnings
from mnist_tui.events import LayerStat, LayerStats, RunStarted
from mnist_tui.explanations import layer_explanation, layer_explanations, preset_explanation
from mnist_tui.render.text import sanitize
from mnist_tui.ui.training.layer_table import (
    Colours,
    ColumnLayout,
    detail,
    heading,
    plan,
    row,
    series_by_layer,
    thinned,
)

TITLE_FRAME = len("╭─ Model   ─╮")
"""Columns of the title's line that the size of the network cannot have."""


class ModelPanel(Vertical):
    """A list of layers with a cursor; under it the curves of the chosen layer, and in words why it is there."""

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
    ModelPanel OptionList:focus > .option-list--option-highlighted { background: $accent 25%; }
    ModelPanel #why { height: 4; padding: 0 1; color: $foreground 80%; border-top: solid $frame; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._started: RunStarted | None = None
        self._preset = ""
        self._newest: LayerStats | None = None
        self._series: dict[str, list[LayerStat]] = {}
        self._warnings: dict[str, LayerWarning] = {}
        self._rows: list[Text] = []
        self._explained = ""
        self.border_title = "Model"

    def compose(self) -> ComposeResult:
        yield Static(id="columns")
        yield OptionList(id="layers")
        yield Static(id="why")

    def on_mount(self) -> None:
        """Rows carry colours of their own: another theme, other rows."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self._fill())

    def show(self, started: RunStarted | None, preset: str, samples: list[LayerStats]) -> None:
        """Take in the network once it is known, and how its layers do, oldest first."""
        if started is None:
            self.query_one("#columns", Static).update("shown once it is built")
            self._explain_with(preset_explanation(preset).summary)
            return
        newest = samples[-1] if samples else None
        if started is self._started and newest is self._newest:
            return
        if started is not self._started:
            self._started, self._preset = started, preset
        self._newest = newest
        kept = thinned(samples)
        self._series, self._warnings = series_by_layer(kept), layer_warnings(kept)
        self.border_subtitle = Content(said(self._warnings)).markup
        self._fill()

    def on_resize(self, event: Resize) -> None:  # noqa: ARG002
        """Rows are made for a width."""
        self._fill()

    def _plan(self) -> ColumnLayout:
        return plan(max(0, self.content_size.width - 3), sampled=bool(self._series))  # padding and scroll bar

    def _fill(self) -> None:
        if self._started is None:
            return
        self.border_title = f"Model  [$quiet]{size_words(self._started, self.outer_size.width - TITLE_FRAME)}[/]"
        layers, layout = self.query_one(OptionList), self._plan()
        columns = self.query_one("#columns", Static)
        if str(columns.content) != heading(layout):
            columns.update(heading(layout))
        before, self._rows = self._rows, self._made(self._started, layout)
        if len(before) != len(self._rows) or layers.option_count != len(self._rows):
            chosen = layers.highlighted or 0
            layers.clear_options()
            layers.add_options([Option(each) for each in self._rows])
            layers.highlighted = min(chosen, len(self._rows) - 1)
        else:
            for place, (old, new) in enumerate(zip(before, self._rows, strict=True)):
                if old != new or old.spans != new.spans:
                    layers.replace_option_prompt_at_index(place, new)
        self._explain(layers.highlighted or 0)

    def _made(self, started: RunStarted, layout: ColumnLayout) -> list[Text]:
        variables = self.app.theme_variables
        colours = Colours(variables["primary"], variables["quiet"], variables["error"])
        total = sum(layer.multiply_adds for layer in started.layers)
        return [
            row(
                layer,
                total,
                layout,
                colours,
                series=self._series.get(layer.name, ()),
                why=why,
                ill=layer.name in self._warnings,
            )
            for layer, why in zip(started.layers, layer_explanations(self._preset, started.layers), strict=True)
        ]

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Say why the chosen layer is there."""
        self._explain(event.option_index)

    def _explain(self, index: int) -> None:
        if self._started is None or index >= len(self._started.layers):
            return
        layer = self._started.layers[index]
        words = layer_explanation(self._preset, layer)
        if not self.query_one(OptionList).has_focus and index == 0:
            words = preset_explanation(self._preset).summary or words
        curves = detail(self._plan(), self._series.get(layer.name, ()), max(0, self.content_size.width - 2))
        self._explain_with("\n".join(filter(None, (curves, words))))

    def _explain_with(self, words: str) -> None:
        if words != self._explained:
            self._explained = words
            self.query_one("#why", Static).update(Text(words))


def size_words(started: RunStarted, room: int) -> str:
    """How large the network is, in as many words as so many columns hold."""
    parameters = f"{sum(layer.parameters for layer in started.layers):,} parameters"
    work = f"{sum(layer.multiply_adds for layer in started.layers) / 1e6:,.1f} M multiply-adds"
    choices = (f"{parameters} · {work} a digit", f"{parameters} · {work}")
    return next((words for words in choices if len(words) <= room), parameters)


def said(warnings: dict[str, LayerWarning]) -> str:
    """The first of them in words, and how many others there are."""
    if not warnings:
        return ""
    first = next(iter(warnings.values()))
    more = f" (and {len(warnings) - 1} more)" if len(warnings) > 1 else ""
    return sanitize(f"! {first.layer}{more} {first.text}")
