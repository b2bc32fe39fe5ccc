"""The colours; each has one meaning on every screen.

Widgets name them as theme variables (`$train`, `$validation`, ...) or through `Palette`, never as hex. Terminals with
few colours have colours of their own: the most similar ones would make grey bars blue and red cells purple.
"""

from dataclasses import dataclass
from functools import lru_cache

from textual.color import Color
from textual.theme import Theme

from mnist_tui.render.heatmap import Heat
from mnist_tui.render.images import RGB, RgbMode
from mnist_tui.runs.status import Status
from mnist_tui.ui.terminal.colours import ColourDepth
from mnist_tui.ui.terminal.recolour import rgb_of

COLUMNS = {depth: 2 * position for position, depth in enumerate(ColourDepth)}
"""The first column of each depth in the tables below: the dark theme, followed by the light one."""
Choice = tuple[str, str, int, int, int, int, int]
COLOURS: dict[str, Choice] = {
    # truecolor, of 256, of 16 (dark and light each), monochrome
    "background": ("#0e1117", "#fbfbf9", 233, 231, 0, 7, 0),
    "surface": ("#141924", "#f1f2f0", 234, 255, 0, 7, 0),
    "panel": ("#1b2230", "#e6e8e6", 235, 254, 0, 7, 0),
    "foreground": ("#d6dbe5", "#1d2430", 253, 235, 15, 0, 15),
    "quiet": ("#7b8496", "#667085", 245, 241, 7, 0, 15),
    "faint": ("#454b57", "#b1b6bf", 240, 248, 8, 8, 15),
    "frame": ("#2f3a4d", "#c3c8d0", 238, 250, 8, 8, 15),
    "accent": ("#5aa9ff", "#0b63c5", 75, 26, 6, 4, 15),
    "secondary": ("#8fb8de", "#3d6f9e", 110, 60, 6, 4, 15),
    "focus": ("#5aa9ff40", "#0b63c540", 24, 153, 4, 6, 15),
    "faint-focus": ("#5aa9ff1f", "#0b63c51f", 236, 254, 0, 7, 0),
    "warning-behind": ("#ffb45438", "#b35c0038", 58, 223, 0, 3, 15),
    "error-behind": ("#ff5f6d4d", "#c628284d", 52, 224, 1, 3, 15),
    "input-cursor-background": ("#d6dbe5", "#1d2430", 253, 235, 15, 0, 0),
    "train": ("#5aa9ff", "#0b63c5", 75, 26, 6, 4, 15),
    "envelope": ("#2b4b6f", "#a0c1e5", 24, 153, 4, 6, 15),
    "plot-cursor": ("#1f324a", "#c6d9ee", 236, 254, 0, 7, 0),
    "validation": ("#ffb454", "#b35c00", 215, 130, 3, 5, 15),
    "true-class": ("#7bd88f", "#1b7f3b", 114, 28, 2, 4, 15),
    "predicted-class": ("#ff7a90", "#c2185b", 211, 161, 13, 5, 15),
    "wrong": ("#ff5f6d", "#c62828", 203, 160, 9, 1, 15),
    "run-0": ("#7bd88f", "#1b7f3b", 114, 28, 2, 4, 15),
    "run-1": ("#ff7a90", "#c2185b", 211, 161, 13, 5, 15),
    "run-2": ("#c49bff", "#7b3fd1", 141, 92, 12, 1, 15),
    "run-3": ("#3fd8d0", "#00777d", 80, 30, 6, 0, 15),
    "run-4": ("#f0e05a", "#857000", 227, 100, 11, 4, 15),
    "run-5": ("#ff8fe0", "#a81f9b", 212, 127, 5, 5, 15),
    "run-6": ("#a9c94a", "#4f7300", 149, 64, 10, 1, 15),
    "run-7": ("#e0a070", "#8a4b1f", 173, 94, 3, 0, 15),
    "run-8": ("#8ea2ff", "#3949ab", 105, 61, 14, 4, 15),
    "run-9": ("#c9ced8", "#4a5160", 252, 240, 15, 5, 15),
}
"""Bright colours of 16 are never behind letters, which not all terminals can show. Monochrome: black and white."""
STATUS_COLOURS = {
    Status.PAUSED: "warning",
    Status.UNRESPONSIVE: "error",
    Status.FINISHED: "success",
    Status.STOPPED: "warning",
    Status.CRASHED: "error",
    Status.FAILED: "error",
}
"""Status of a run -> theme variable; see `status_colour`."""
Shades = tuple[int, ...]
RAMPS: dict[str, tuple[tuple[str, str], tuple[str, str], Shades, Shades, Shades, Shades, Shades]] = {
    "greys": (
        ("#0e1117", "#d6dbe5"),
        ("#fbfbf9", "#1d2430"),
        tuple(range(233, 254)),
        (231, *range(255, 234, -1)),
        (0, 8, 7, 15),
        (7, 8, 0),
        (0, 15, 15),
    ),
    "right": (
        ("#1d2129", "#2f333d"),
        ("#e6e8e9", "#ced1d6"),
        (235, 236, 237),
        (254, 253, 252),
        (0,),
        (7,),
        (0,),
    ),
    "glow": (
        ("#2b1a21", "#ff5f6d"),
        ("#f5e2e0", "#c62828"),
        (52, 88, 124, 160, 203),
        (224, 217, 210, 203, 160),
        (0, 1),
        (7, 1),
        (0, 15),
    ),
    "better": (
        ("#1b2925", "#7bd88f"),
        ("#e0ece2", "#1b7f3b"),
        (22, 28, 34, 77, 114),
        (194, 157, 114, 71, 28),
        (0, 2),
        (7, 2),
        (0, 15),
    ),
    "positive": (
        ("#0e1117", "#6cb6ff"),
        ("#fbfbf9", "#0b4fa8"),
        (233, 17, 18, 24, 25, 31, 68, 74, 75, 117),
        (231, 195, 153, 117, 75, 33, 26, 25, 18),
        (0, 4, 6, 14),
        (7, 6, 4),
        (0, 15, 15),
    ),
    "negative": (
        ("#0e1117", "#ff9d5c"),
        ("#fbfbf9", "#b3400a"),
        (233, 52, 94, 130, 166, 172, 208, 215),
        (231, 230, 223, 216, 209, 202, 166, 130),
        (0, 1, 3, 11),
        (7, 3, 1),
        (0, 15, 15),
    ),
}
"""Shades from weak to strong, in truecolor the first and the last: of images, of the cells of a heat map, and of values
that have a sign.

In monochrome, a quarter of the ink counts as ink, so that thin strokes stay whole.
"""
TINTS = frozenset({65, 71, 95, 108, 131, 138, 151, 167, 174, 181})
"""More of 256 colours, for images tinted by a saliency map."""
RGB_MODES = {ColourDepth.TRUECOLOR: RgbMode.EXACT, ColourDepth.COLOURS_256: RgbMode.NUMBERED}
"""Colour depths that show RGB images in colour, and their mode."""
TRUECOLOR_SHADES = 64
"""A step of a truecolor ramp (4 of 255) is invisible, and almost equal pixels become one Segment: fewer bytes."""


@lru_cache(maxsize=8)
def colour_numbers(depth: ColourDepth) -> frozenset[int]:
    """Return the numbers of the colours of both themes; truecolor has none."""
    if depth is ColourDepth.TRUECOLOR:
        return frozenset()
    columns = {_column(depth, dark) for dark in (True, False)}
    chosen = {int(choice[column]) for choice in COLOURS.values() for column in columns}
    shades = {int(shade) for ramp in RAMPS.values() for column in columns for shade in ramp[column]}
    return frozenset(chosen | shades | (TINTS if depth is ColourDepth.COLOURS_256 else set()))


def themes(depth: ColourDepth) -> tuple[Theme, Theme]:
    """Return the dark and the light theme for a terminal; without colours they are alike."""
    return _theme("mnist-night", depth, True), _theme("mnist-day", depth, False)


def _theme(name: str, depth: ColourDepth, dark: bool) -> Theme:
    column = _column(depth, dark)
    colours = {role: _css(choice[column]) for role, choice in COLOURS.items()}
    ramps = {role: " ".join(_shades(ramp[column])) for role, ramp in RAMPS.items()}
    needs_signs = depth in (ColourDepth.COLOURS_16, ColourDepth.MONOCHROME)
    return Theme(
        name=name,
        dark=column in COLUMNS.values(),
        primary=colours["accent"],
        secondary=colours["secondary"],
        accent=colours["accent"],
        warning=colours["validation"],
        error=colours["wrong"],
        success=colours["true-class"],
        foreground=colours["foreground"],
        background=colours["background"],
        surface=colours["surface"],
        panel=colours["panel"],
        variables={
            **colours,
            **ramps,
            "needs-signs": str(needs_signs).lower(),
            "rgb-mode": RGB_MODES.get(depth, RgbMode.LUMINANCE).value,
            "block-cursor-background": colours["focus"],
            "block-cursor-foreground": colours["foreground"],
            "block-cursor-blurred-background": colours["focus"],
            "input-selection-background": colours["faint"],
            "footer-background": colours["surface"],
            "footer-key-foreground": colours["accent"],
        },
    )


def _column(depth: ColourDepth, dark: bool) -> int:
    return COLUMNS[depth] + (not dark and depth is not ColourDepth.MONOCHROME)


def _css(colour: str | int) -> str:
    return colour if isinstance(colour, str) else Color(*rgb_of(colour)).hex


def _shades(ramp: tuple[str, str] | Shades) -> list[str]:
    """Return the shades of a ramp; those between the first and the last in truecolor are blends."""
    if not isinstance(ramp[0], str):
        return list(map(_css, ramp))
    start, end = Color.parse(ramp[0]), Color.parse(str(ramp[-1]))
    return [start.blend(end, step / (TRUECOLOR_SHADES - 1)).hex for step in range(TRUECOLOR_SHADES)]


DARK, LIGHT = themes(ColourDepth.TRUECOLOR)


@dataclass(frozen=True)
class Palette:
    """The theme's colours as values, for widgets that draw cell by cell."""

    train: Color
    envelope: Color
    """Envelope of the training curve; the curve's own colour if there are no others."""
    validation: Color
    true_class: Color
    predicted_class: Color
    wrong: Color
    success: Color
    """Better, or evidence for a class."""
    quiet: Color
    faint: Color
    """Lines and dots that only guide the eye."""
    accent: Color
    foreground: Color
    background: Color
    surface: Color
    plot_cursor: Color
    """Background of what the value cursor crosses."""
    greys: tuple[RGB, ...]
    """Shades of an image, from background to ink."""
    positive: tuple[RGB, ...]
    """Shades of values above 0 where others are below, from background to the largest."""
    negative: tuple[RGB, ...]
    rgb_mode: RgbMode
    """Mode in which RGB images are drawn."""
    heat: Heat
    needs_signs: bool
    """True if there are too few colours to tell right from wrong."""


def status_colour(status: Status) -> str:
    """Return the theme variable of a run's status; a live run has the primary colour."""
    return STATUS_COLOURS.get(status, "primary")


def palette(variables: dict[str, str]) -> Palette:
    """Read the palette from `app.theme_variables`; missing colours are those of the dark theme."""

    def colour(name: str) -> Color:
        return Color.parse(variables.get(name) or DARK.variables.get(name, "#808080"))

    def ramp(name: str) -> tuple[RGB, ...]:
        return _ramp(variables.get(name) or DARK.variables[name])

    background = colour("background")
    return Palette(
        train=colour("train"),
        envelope=colour("envelope"),
        validation=colour("validation"),
        true_class=colour("true-class"),
        predicted_class=colour("predicted-class"),
        wrong=colour("wrong"),
        success=colour("true-class"),
        quiet=colour("quiet"),
        faint=colour("faint"),
        accent=colour("accent"),
        foreground=colour("foreground"),
        background=background,
        surface=colour("surface"),
        plot_cursor=colour("plot-cursor"),
        greys=ramp("greys"),
        positive=ramp("positive"),
        negative=ramp("negative"),
        rgb_mode=RgbMode(variables.get("rgb-mode", RgbMode.EXACT.value)),
        heat=Heat(background.rgb, ramp("right"), ramp("glow"), ramp("better")),
        needs_signs=variables.get("needs-signs") == "true",
    )


@lru_cache(maxsize=32)
def _ramp(css: str) -> tuple[RGB, ...]:
    return tuple(Color.parse(shade).rgb for shade in css.split())
