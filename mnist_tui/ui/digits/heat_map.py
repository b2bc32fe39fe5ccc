"""The legend of a heat map: method, class, the scale with its numbers, and the meaning of the signs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.text import Text
from textual.color import Color

from mnist_tui.analysis.attribution import METHODS
from mnist_tui.render.images import TINT_EXPONENT
from mnist_tui.render.text import clip
from mnist_tui.ui.shared.line_widget import LineWidget
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette

DEFAULT_METHOD = next(iter(METHODS))
LONGEST_SCALE = 40
"""Columns of the scale."""


@dataclass(frozen=True)
class Legend:
    """Contents of the legend."""

    method: str
    layer: str
    """Convolution that it is of; empty for methods without one."""
    name: str
    """Name of the class."""
    strongest: float
    """Largest absolute value."""


def quantized(values: NDArray[np.float32]) -> bytes:
    """Return a map `(height, width)` as signed bytes, 127 (or -127) where it is strongest."""
    strongest = float(np.abs(values).max())
    scaled = np.zeros_like(values) if not strongest > 0 else values * (127 / strongest)
    return np.rint(scaled).astype(np.int8).tobytes()


def legend_lines(legend: Legend, colours: Palette, width: int) -> list[Text]:
    """Return title, scale, unit and signs in `width` columns."""
    method = METHODS[legend.method]
    where = f", {legend.layer}" if legend.layer else ""
    title = Text(clip(f"{method.title} for {legend.name}{where}", width), paint(colours.foreground, bold=True))
    unit = Text(clip(method.unit, width), paint(colours.quiet))
    if not legend.strongest > 0:
        return [title, Text(clip("0 everywhere: no pixel counts", width), paint(colours.quiet)), unit]
    signs = Text(no_wrap=True)
    plus, minus = ("+", "-") if colours.needs_signs else ("■", "■")
    signs.append(f"{plus} {method.plus}", paint(colours.success))
    if method.minus:
        signs.append(f"  {minus} {method.minus}", paint(colours.wrong))
    return [title, _scale(legend.strongest, bool(method.minus), colours, width), unit, signs]


def _scale(strongest: float, is_signed: bool, colours: Palette, width: int) -> Text:
    """Return the colours between the strongest negative value and the strongest positive one."""
    low, high = (f"-{strongest:.2g} " if is_signed else "0 "), f" +{strongest:.2g}"
    room = max(2, min(LONGEST_SCALE, width - len(low) - len(high)))
    line = Text(low, paint(colours.quiet))
    for share in np.linspace(-1 if is_signed else 0, 1, room):
        if colours.needs_signs:
            line.append("·" if abs(share) < 0.25 else "+" if share > 0 else "-", paint(colours.foreground))
            continue
        tint: Color = colours.success if share > 0 else colours.wrong
        line.append("█", paint(colours.background.blend(tint, float(abs(share) ** TINT_EXPONENT))))
    return line.append(high, paint(colours.quiet))


class HeatMapLegend(LineWidget):
    """The legend, or a sentence instead; hidden without either."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._legend: Legend | str | None = None

    def show(self, legend: Legend | str | None) -> None:
        """Show a legend, a sentence, or nothing."""
        if legend != self._legend:
            self._legend = legend
            self.set_class(legend is not None, "-shown")
            self.redraw()

    def draw(self) -> list[Text]:
        colours, width = palette_of(self), self.size.width
        if isinstance(self._legend, Legend):
            return legend_lines(self._legend, colours, width)
        words = Text(self._legend or "", style=paint(colours.quiet))
        return list(words.wrap(self.app.console, max(1, width)))
