"""The palette and cached styles for widgets that draw cell by cell."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.color import Color
from textual.widget import Widget

from mnist_tui.ui.theme import Palette, palette


def palette_of(widget: Widget) -> Palette:
    """Return the colours of the app's theme; palettes of one theme are equal."""
    return palette(widget.app.theme_variables)


@lru_cache(maxsize=8192)
def paint(colour: Color | None = None, behind: Color | None = None, bold: bool = False) -> Style:
    """Return a cached style: Rich caches on each Style what it renders to."""
    return Style(color=_rich(colour), bgcolor=_rich(behind), bold=bold or None)


def _rich(colour: Color | None) -> RichColor | None:
    return None if colour is None else RichColor.from_rgb(*colour.rgb)


def title_text(variables: Mapping[str, str], subject: str, details: str = "") -> Text:
    """Return the title line of a screen that is not about one run."""
    return Text.assemble(
        (" mnist-tui ", f"bold {variables['primary']}"), "  ", (subject, "bold"), (details, variables["quiet"])
    )


def text_of(line: Iterable[Segment]) -> Text:
    """Return a drawn line as text."""
    return Text.assemble(*((segment.text, segment.style or "") for segment in line))
