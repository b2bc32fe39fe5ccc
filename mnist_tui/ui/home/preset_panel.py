"""The panel that explains the chosen preset, layer by layer."""

from collections.abc import Mapping

from rich.text import Text
from textual.app import RenderResult
from textual.reactive import reactive
from textual.widget import Widget

from mnist_tui.config import Recipe
from mnist_tui.explanations import preset_explanation

OTHERS = "The other presets"
OWN_MODEL = """\
It replaces the preset's layers. The preset still sets epochs, batch size, learning rate and optimizer.

FILE.py:FUNCTION names a function (input_shape, classes) that returns a Keras model. FILE.keras is a saved model.

The model is tried before the run starts. `mnist-tui new-model FILE.py` writes a file to begin with."""


class PresetPanel(Widget):
    """Shows the preset's summary and the explanations of its layers."""

    DEFAULT_CSS = """
    PresetPanel { border: round $frame; border-title-color: $foreground; height: 1fr; padding: 0 1; }
    """

    preset: reactive[str] = reactive("")

    def __init__(self, recipes: Mapping[str, Recipe]) -> None:
        """Take all presets, of which the others are listed where there is room."""
        super().__init__()
        self._recipes = recipes

    def watch_preset(self, preset: str) -> None:
        if not preset:
            self.border_title = "Your own model"
            return
        self.border_title = f"Why {preset} looks as it does" if preset_explanation(preset).summary else "Preset"

    def render(self) -> RenderResult:
        if not self.preset:
            return OWN_MODEL
        words = preset_explanation(self.preset)
        variables = self.app.theme_variables
        others = {recipe.name: recipe.summary for recipe in self._recipes.values() if recipe.name != self.preset}
        text = Text(words.summary + "\n")
        for heading, lines in (("", words.layers), (OTHERS, others)):
            longer = text.copy().append(f"\n\n{heading}" if heading else "")
            for name, line in lines.items():
                longer.append(f"\n{name}  ", f"bold {variables['primary']}").append(line, variables["quiet"])
                if len(longer.wrap(self.app.console, max(1, self.size.width))) > self.size.height:
                    return text  # rather no sentence than half of one
                text = longer.copy()
        return text
