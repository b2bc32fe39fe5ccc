"""Dialog that chooses the method, the class and the convolution of a heat map."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from mnist_tui.analysis.attribution import METHODS
from mnist_tui.render.text import percent
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.shared.dialog import Dialog


@dataclass(frozen=True)
class HeatMapChoice:
    """A method, a class, and a convolution for the methods that need one (empty: the last one)."""

    method: str
    target: int
    layer: str


class ChooseHeatMap(Dialog[HeatMapChoice | None]):
    """Returns the choice, or None. Enter accepts what is highlighted in all lists."""

    BINDINGS = bindings("heat_map")
    TITLE_WORDS = "Heat map"
    DEFAULT_CSS = """
    ChooseHeatMap Horizontal { height: auto; }
    ChooseHeatMap Horizontal > Vertical { width: 1fr; height: auto; }
    ChooseHeatMap #methods { width: 26; }
    ChooseHeatMap OptionList { max-height: 12; margin: 0 1 0 0; }
    ChooseHeatMap #shows { height: 3; margin-top: 1; color: $quiet; }
    ChooseHeatMap Horizontal Static { text-style: bold; }
    """

    def __init__(
        self, choice: HeatMapChoice, names: Sequence[str], probabilities: Sequence[float], layers: Sequence[str]
    ) -> None:
        super().__init__()
        self._choice = choice
        self._names = names
        self._probabilities = probabilities
        self._layers = layers

    def compose_box(self) -> ComposeResult:
        width = max(map(len, self._names))
        classes = [
            f"{name:<{min(width, 12)}.12}  {percent(share, 1):>7}"
            for name, share in zip(self._names, self._probabilities, strict=True)
        ]
        with Horizontal():
            yield from _column("methods", "Method", [each.title for each in METHODS.values()], self._place_of_method)
            yield from _column("classes", "Class", classes, self._choice.target)
            if self._layers:
                layers = [*reversed(self._layers)]
                place = layers.index(self._choice.layer) if self._choice.layer in layers else 0
                yield from _column("layers", "Layer of Grad-CAM", layers, place)
        yield Static(id="shows")

    @property
    def _place_of_method(self) -> int:
        return list(METHODS).index(self._choice.method)

    def on_option_list_option_highlighted(self) -> None:
        method = METHODS[self._chosen_method]
        self.query_one("#shows", Static).update(Text(f"{method.shows}.\n{method.source}. Enter: show, Tab: next list"))

    def on_option_list_option_selected(self) -> None:
        layers = [*reversed(self._layers)]
        layer = layers[self._place("layers")] if layers else ""
        self.dismiss(HeatMapChoice(self._chosen_method, self._place("classes"), layer))

    @property
    def _chosen_method(self) -> str:
        return list(METHODS)[self._place("methods")]

    def _place(self, name: str) -> int:
        return self.query_one(f"#{name} OptionList", OptionList).highlighted or 0


def _column(name: str, title: str, lines: Sequence[str], highlighted: int) -> ComposeResult:
    with Vertical(id=name):
        yield Static(title)
        options = OptionList(*(Option(Text(line, no_wrap=True)) for line in lines))
        options.highlighted = highlighted
        yield options
