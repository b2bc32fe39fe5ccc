"""Colours on terminals with few of them: which are used, and how right and wrong differ."""

from collections.abc import Iterable

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.theme import Theme

from mnist_tui.analysis.change import change
from mnist_tui.analysis.confusion import report
from mnist_tui.cli.wiring import catalogue
from mnist_tui.render.matrix_layout import matrix_layout
from mnist_tui.ui.app import MnistTuiApp
from mnist_tui.ui.confusion.matrix_painter import CellValues, MatrixComparison, MatrixPainter
from mnist_tui.ui.terminal.colours import ColourDepth, colour_depth
from mnist_tui.ui.terminal.pens import Pen, pen_of
from mnist_tui.ui.terminal.recolour import SGR, recolour, rgb_of
from mnist_tui.ui.theme import colour_numbers, palette, themes
from tests.kit.recording import Clock, finishing_time, recorded_run
from tests.ui.program import no_launch, settled, strips

TRUECOLOR, OF_256, OF_16, MONOCHROME = ColourDepth
FEW = (OF_256, OF_16, MONOCHROME)
EVERY_THEME = [(depth, theme) for depth in ColourDepth for theme in themes(depth)]
theme_of_each_depth = pytest.mark.parametrize(("depth", "theme"), EVERY_THEME, ids=lambda value: str(value)[:30])


@pytest.mark.parametrize(
    ("environ", "depth"),
    [
        ("TERM=xterm-256color COLORTERM=truecolor", TRUECOLOR),
        ("TERM=xterm COLORTERM=24bit", TRUECOLOR),
        ("TERM=xterm-kitty", TRUECOLOR),
        ("TERM=alacritty", TRUECOLOR),
        ("TERM=xterm-direct", TRUECOLOR),
        ("TERM=xterm-256color", OF_256),
        ("TERM=xterm-256color SSH_CONNECTION=::1", OF_256),
        ("TERM=xterm-256color COLORTERM=", OF_256),
        ("TERM=xterm-256color NO_COLOR=", OF_256),
        ("TERM=tmux-256color TMUX=/tmp/tmux-0/default,1,0", OF_256),
        ("TERM=tmux-256color COLORTERM=truecolor", OF_256),
        ("TERM=screen.xterm-256color STY=1.pts-0 COLORTERM=truecolor", OF_256),
        ("TERM=xterm-256color STY=1.pts-0 COLORTERM=truecolor", OF_256),
        ("TERM=xterm-kitty STY=1.pts-0 COLORTERM=truecolor", OF_256),
        ("TERM=tmux-256color STY=1.pts-0 TMUX=/tmp/tmux-0/default,1,0 COLORTERM=truecolor", OF_256),
        ("TERM=screen.xterm-256color COLORTERM=truecolor", OF_256),
        ("TERM=xterm TEXTUAL_COLOR_SYSTEM=256", OF_256),
        ("TERM=screen STY=1.pts-0", OF_16),
        ("TERM=xterm", OF_16),
        ("TERM=rxvt-unicode", OF_16),
        ("TERM=linux", OF_16),
        ("TERM=linux COLORTERM=truecolor", OF_16),
        ("TERM=xterm-16color COLORTERM=truecolor", OF_16),
        ("TERM=xterm-256color TEXTUAL_COLOR_SYSTEM=standard", OF_16),
        ("TERM=xterm-256color COLORTERM=truecolor NO_COLOR=1", MONOCHROME),
        ("TERM=vt100", MONOCHROME),
        ("TERM=vt220 COLORTERM=truecolor", MONOCHROME),
        ("TERM=VT102", MONOCHROME),
        ("TERM=xterm-mono", MONOCHROME),
        ("TERM=dumb COLORTERM=truecolor", MONOCHROME),
        ("COLORTERM=truecolor", MONOCHROME),
        ("", MONOCHROME),
    ],
)
def test_the_environment_tells_how_many_colours_there_are(environ: str, depth: ColourDepth) -> None:
    assert colour_depth(dict(pair.split("=", 1) for pair in environ.split())) is depth


@pytest.mark.parametrize(
    ("variables", "features", "depth"),
    [
        ("COLORTERM=truecolor", "256,RGB,title", TRUECOLOR),
        ("COLORTERM=truecolor", "256,title", OF_256),
        ("COLORTERM=truecolor", "", OF_256),
        ("TERM=screen", "256,title", OF_16),
        ("STY=1.pts-0 COLORTERM=truecolor", "256,RGB", OF_256),
        ("COLORTERM=truecolor NO_COLOR=1", "256,RGB", MONOCHROME),
    ],
)
@pytest.mark.parametrize("term", ["tmux-256color", "screen-256color", "xterm-256color"])
def test_tmux_knows_what_its_terminal_shows(term: str, variables: str, features: str, depth: ColourDepth) -> None:
    environ = {"TERM": term, "TMUX": "/tmp/tmux-0/default,1,0"} | dict(pair.split("=") for pair in variables.split())
    assert colour_depth(environ, features.split(",")) is depth


@pytest.mark.parametrize(
    ("depth", "sent", "received"),
    [
        (TRUECOLOR, "\x1b[1;38;2;1;2;3;48;2;9;9;9ma\x1b[0m", "\x1b[1;38;2;1;2;3;48;2;9;9;9ma\x1b[0m"),
        (OF_256, "\x1b[1;38;2;95;175;255;48;2;19;18;18ma\x1b[0m", "\x1b[1;38;5;75;48;5;233ma\x1b[0m"),
        (OF_16, "\x1b[38;2;255;0;0;48;2;0;0;238ma\x1b[0m", "\x1b[91;44ma\x1b[0m"),
        (MONOCHROME, "\x1b[1;38;2;255;0;0;48;2;9;9;9ma\x1b[0m", "\x1b[1ma\x1b[0m"),
        (MONOCHROME, "\x1b[38;2;0;0;0;48;2;255;255;255ma\x1b[0m", "\x1b[7ma\x1b[0m"),
        (OF_16, "\x1b[2J\x1b[3;4H\x1b[?25l\x1b[4mé\x1b[0m", "\x1b[2J\x1b[3;4H\x1b[?25l\x1b[4mé\x1b[0m"),
    ],
)
def test_output_has_the_colours_of_the_terminal(depth: ColourDepth, sent: str, received: str) -> None:
    assert recolour(depth, colour_numbers(depth))(sent) == received


def pens(depth: ColourDepth, segments: Iterable[Segment]) -> list[tuple[str, Pen]]:
    """Return what the terminal gets for each segment: its text, and its colours and attributes."""
    recoloured, drawn = recolour(depth, colour_numbers(depth)), []
    for text, style, _ in segments:
        sgr = SGR.match(recoloured((style or Style()).render(text)))
        pen = pen_of(sgr[1] if sgr else "")
        assert pen is not None
        drawn.append((text, pen))
    return drawn


GREYS = {*range(232, 256), 231}
REDS, GREENS = {52, 88, 124, 160, 203, 210, 217, 224}, {22, 28, 34, 71, 77, 114, 157, 194}
BEHIND = {
    OF_256: {f"48;5;{number}" for number in GREYS | REDS | GREENS | {24, 26, 75, 153}},
    OF_16: {f"4{number}" for number in (0, 1, 2, 4, 6, 7)} | {"100", "107"},
    MONOCHROME: {""},
}
"""Colours behind the letters of all screens: no purple, and blue only where the cursor is."""


@pytest.mark.parametrize("depth", FEW)
async def test_screens_have_only_the_colours_chosen_for_the_terminal(depth: ColourDepth) -> None:
    app = MnistTuiApp(catalogue(), no_launch, recorded_run(), Clock(finishing_time()), depth)
    chosen = {rgb_of(number) for number in colour_numbers(depth)}
    async with app.run_test(size=(80, 24)) as pilot:
        for key in ("2", "3", "d", "1", "4", "5", "0"):
            await pilot.press(key)
            await settled(pilot)
            segments = [segment for strip in strips(app) for segment in strip]
            behind = {style.bgcolor.get_truecolor() for _, style, _ in segments if style and style.bgcolor}
            assert behind <= chosen, f"{key}: blends, for which a colour should be chosen"
            drawn = pens(depth, segments)
            assert {pen.behind for _, pen in drawn} <= BEHIND[depth], key
            if depth is MONOCHROME:
                assert {pen.colour for _, pen in drawn} == {""}
                assert key != "3" or any("7" in pen.switches for _, pen in drawn)


def rgb_behind(pen: Pen) -> tuple[int, ...]:
    """Return red, green and blue of a colour of 256 or of 24 bits behind a cell."""
    _, kind, *numbers = pen.behind.split(";")
    return rgb_of(int(numbers[0])) if kind == "5" else tuple(map(int, numbers))


RIGHT, WEAK, STRONG = "480", "1", "60"
COUNTS = ((480, 1, 60), (0, 480, 0), (0, 0, 480))


@theme_of_each_depth
@pytest.mark.parametrize("width", [30, 60])
def test_right_and_wrong_cells_differ(depth: ColourDepth, theme: Theme, width: int) -> None:
    layout = matrix_layout("abc", 480, width, 12)
    painter = MatrixPainter(
        COUNTS, tuple("abc"), report(COUNTS), layout, palette(theme.variables), (2, 1), CellValues.COUNTS
    )
    row = painter.line(layout.cells_top + (layout.cell_height - 1) // 2, 0, 0, width, 12)
    right, weak, strong = [
        next((text.strip(), pen) for text, pen in pens(depth, row) if text.strip("✗ ") == count)
        for count in (RIGHT, WEAK, STRONG)
    ]
    for wrong in (weak, strong):
        assert "1" in wrong[1].switches - right[1].switches
        if depth in (OF_16, MONOCHROME):
            assert wrong[0].startswith("✗")
        else:
            red, green, blue = rgb_behind(wrong[1])
            assert red - max(green, blue) >= 10
            assert max(rgb_behind(right[1])) - min(rgb_behind(right[1])) < 20
    assert right[0] == RIGHT
    assert (weak[1].behind, weak[1].switches) != (strong[1].behind, strong[1].switches)


@theme_of_each_depth
def test_better_and_worse_cells_differ(depth: ColourDepth, theme: Theme) -> None:
    before = ((480, 10, 10), (0, 480, 0), (0, 0, 480))
    now = ((470, 20, 9), (0, 480, 0), (0, 0, 480))
    layout = matrix_layout("abc", 480, 60, 12)
    comparison = MatrixComparison(change(now, before), report(before))
    colours = palette(theme.variables)
    painter = MatrixPainter(now, tuple("abc"), report(now), layout, colours, (2, 1), CellValues.ROW_PERCENT, comparison)
    row = painter.line(layout.cells_top + (layout.cell_height - 1) // 2, 0, 0, 60, 12)
    drawn = pens(depth, row)
    (worse,) = [pen for text, pen in drawn if "▼+" in text]
    (better,) = [pen for text, pen in drawn if "▲" in text]
    assert "1" in worse.switches - better.switches
    if depth is not MONOCHROME:
        assert (worse.colour, worse.behind) != (better.colour, better.behind)


@theme_of_each_depth
def test_text_can_be_read(depth: ColourDepth, theme: Theme) -> None:
    """WCAG asks for 4.5 for text, 3 for large or bold text; terminals differ in the 16 colours."""
    colours = palette(theme.variables)
    for role in ("foreground", "quiet", "accent", "true_class", "predicted_class", "wrong", "validation"):
        colour: Color = getattr(colours, role)
        for behind in (colours.background, colours.surface):
            least = 3.5 if depth is OF_16 or role != "foreground" else 4.5
            assert contrast(colour, behind) >= least, (role, contrast(colour, behind))
    if depth is not MONOCHROME:  # which has no colours of letters
        for role in ("focus", "faint-focus", "warning-behind", "error-behind"):
            behind = colours.surface + Color.parse(theme.variables[role])
            assert contrast(colours.foreground, behind) >= 4.5, (role, contrast(colours.foreground, behind))


def contrast(one: Color, other: Color) -> float:
    """Return the contrast ratio of WCAG 2."""

    def luminance(colour: Color) -> float:
        parts = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)
