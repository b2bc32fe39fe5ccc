"""The colours; each has one meaning on every screen.

Widgets name them as theme variables (`$train`, `$validation`, ...) or through `Palette`, never as hex.
"""

from dataclasses import dataclass

from textual.color import Color
from textual.theme import Theme

_NIGHT = {
    "train": "#5aa9ff",
    "validation": "#ffb454",
    "true-class": "#7bd88f",
    "predicted-class": "#ff7a90",
    "wrong": "#ff5f6d",
    "quiet": "#7b8496",
    "run-0": "#7bd88f",
    "run-1": "#ff7a90",
    "run-2": "#c49bff",
    "run-3": "#3fd8d0",
    "run-4": "#f0e05a",
    "run-5": "#ff8fe0",
    "run-6": "#a9c94a",
    "run-7": "#e0a070",
    "run-8": "#8ea2ff",
    "run-9": "#c9ced8",
}
_DAY = {
    "train": "#0b63c5",
    "validation": "#b35c00",
    "true-class": "#1b7f3b",
    "predicted-class": "#c2185b",
    "wrong": "#c62828",
    "quiet": "#667085",
    "run-0": "#1b7f3b",
    "run-1": "#c2185b",
    "run-2": "#7b3fd1",
    "run-3": "#00777d",
    "run-4": "#857000",
    "run-5": "#a81f9b",
    "run-6": "#4f7300",
    "run-7": "#8a4b1f",
    "run-8": "#3949ab",
    "run-9": "#4a5160",
}
DARK = Theme(
    name="mnist-night",
    dark=True,
    primary="#5aa9ff",
    secondary="#8fb8de",
    accent="#5aa9ff",
    warning="#ffb454",
    error="#ff5f6d",
    success="#7bd88f",
    foreground="#d6dbe5",
    background="#0e1117",
    surface="#141924",
    panel="#1b2230",
    variables=_NIGHT | {"frame": "#2f3a4d", "footer-background": "#141924", "footer-key-foreground": "#5aa9ff"},
)
LIGHT = Theme(
    name="mnist-day",
    dark=False,
    primary="#0b63c5",
    secondary="#3d6f9e",
    accent="#0b63c5",
    warning="#b35c00",
    error="#c62828",
    success="#1b7f3b",
    foreground="#1d2430",
    background="#fbfbf9",
    surface="#f1f2f0",
    panel="#e6e8e6",
    variables=_DAY | {"frame": "#c3c8d0", "footer-background": "#f1f2f0", "footer-key-foreground": "#0b63c5"},
)


@dataclass(frozen=True)
class Palette:
    """The theme's colours as values, for widgets that draw cell by cell."""

    train: Color
    validation: Color
    true_class: Color
    predicted_class: Color
    wrong: Color
    success: Color
    """Better, or evidence for a class."""
    quiet: Color
    accent: Color
    foreground: Color
    background: Color
    surface: Color


def palette(variables: dict[str, str]) -> Palette:
    """Read the palette from `app.theme_variables`; missing colours are those of the dark theme."""

    def colour(name: str) -> Color:
        return Color.parse(variables.get(name) or _NIGHT.get(name, "#808080"))

    return Palette(
        train=colour("train"),
        validation=colour("validation"),
        true_class=colour("true-class"),
        predicted_class=colour("predicted-class"),
        wrong=colour("wrong"),
        success=colour("success"),
        quiet=colour("quiet"),
        accent=colour("accent"),
        foreground=colour("foreground"),
        background=colour("background"),
        surface=colour("surface"),
    )
