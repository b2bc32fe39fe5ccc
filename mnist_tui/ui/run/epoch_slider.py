"""The slider under the header: a tick for each evaluation, and the one that is shown."""

from dataclasses import dataclass

from rich.text import Text
from textual import events
from textual.color import Color
from textual.message import Message

from mnist_tui.inspection.predictions import EvaluationPoint
from mnist_tui.render.text import clip
from mnist_tui.ui.shared.line_widget import LineWidget
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette

TICK, BEST, MISSING, OTHER = "○", "★", "✗", "◇"
WIDEST = 8
"""Maximum columns between neighbouring ticks."""
LEGEND = ((BEST, "best"), (MISSING, "not recorded"), (OTHER, "test or evaluated set"))


@dataclass(frozen=True)
class Slide:
    """The evaluations, and the one that is shown."""

    points: tuple[EvaluationPoint, ...]
    place: EvaluationPoint
    planned: int
    """Planned epochs."""
    best: EvaluationPoint | None = None
    unavailable: frozenset[EvaluationPoint] = frozenset()
    """Evaluations whose predictions are missing or damaged."""
    follows: bool = True
    """True if the newest epoch is shown, also after the next one."""
    live: bool = False
    playing: bool = False

    def sign(self, point: EvaluationPoint) -> str:
        """Return the tick of an evaluation."""
        if point in self.unavailable:
            return MISSING
        return BEST if point == self.best else TICK if point.epoch is not None else OTHER

    @property
    def state(self) -> str:
        """Label on the right: how the shown evaluation changes."""
        if self.playing:
            return "▶ playing"
        if not self.follows:
            return "} to the newest"
        return "● live" if self.live else "newest"


@dataclass(frozen=True)
class DrawnSlide:
    """A drawn line, and what a click hits: columns to evaluations, and the columns of arrows and state."""

    line: Text
    ticks: dict[int, EvaluationPoint]
    earlier: int
    later: int
    state: int


def draw_slide(slide: Slide, colours: Palette, width: int) -> DrawnSlide:
    """Draw `[ ◀ epoch 2 of 12 ▶ ]  ○──[○]──★──✗   newest` in `width` cells.

    The outer brackets are the keys. If not all ticks fit, those around the shown one are drawn.
    """
    place = slide.place
    digits = len(str(slide.planned))
    words = f"epoch {place.epoch:>{digits}} of {slide.planned}" if place.epoch is not None else clip(place.words, 24)
    widest = max(len(words), len("epoch  of ") + 2 * digits)
    line = Text.assemble(
        (" [ ◀ ", paint(colours.accent, bold=True)),
        (words.center(widest), paint(colours.foreground, bold=True)),
        (" ▶ ] ", paint(colours.accent, bold=True)),
        " ",
    )
    later = line.cell_len - 5
    state = slide.state if line.cell_len + len(slide.state) + 2 <= width else ""
    room = max(0, width - line.cell_len - len(state) - 4)
    ticks = _draw_ticks(line, slide, colours, room)
    shown = {slide.sign(point) for point in ticks.values()}
    legend = [(sign, name) for sign, name in LEGEND if sign in shown]
    free = width - line.cell_len - len(state) - 4
    for sign, name in legend:
        if len(name) + 5 <= free:
            line.append(f"   {sign} ", paint(_colour(sign, colours))).append(name, paint(colours.quiet))
            free -= len(name) + 5
    gap = max(1, width - line.cell_len - len(state) - 1)
    line.append(" " * gap)
    start = line.cell_len
    accented = slide.playing or (slide.follows and slide.live) or not slide.follows
    line.append(state, paint(colours.accent if accented else colours.quiet))
    line.truncate(width)
    return DrawnSlide(line, ticks, 4, later, start)


def _draw_ticks(line: Text, slide: Slide, colours: Palette, room: int) -> dict[int, EvaluationPoint]:
    """Append the ticks; return the evaluation of each of their columns."""
    points, ticks = slide.points, {}
    if room < 3 or slide.place not in points:
        return {}
    place = points.index(slide.place)
    step = max(1, min(WIDEST, (room - 2) // len(points)))
    count = min(len(points), (room - 2) // step)
    first = min(max(0, place - count // 2), len(points) - count)
    if step == 1:
        line.append("…" if first else " ", paint(colours.quiet))
    for position in range(first, first + count):
        point, chosen = points[position], position == place
        sign, start = slide.sign(point), line.cell_len
        ink = paint(_colour(sign, colours))
        if step < 3:
            marked = paint(colours.background, colours.accent, bold=True) if chosen else ink
            line.append("●" if chosen and sign == TICK else sign, marked).append(" " * (step - 1))
        else:
            rule = paint(colours.faint)
            left, right = ("[", "]") if chosen else (" ", " ")
            accent = paint(colours.accent, bold=True)
            line.append(left, accent)
            line.append(sign, accent if chosen and sign == TICK else ink).append(right, accent)
            line.append("─" * (step - 3) if position < len(points) - 1 else "", rule)
        ticks.update(dict.fromkeys(range(start, start + max(1, min(step, 3))), point))
    if step == 1:
        line.append("…" if first + count < len(points) else " ", paint(colours.quiet))
    return ticks


def _colour(sign: str, colours: Palette) -> Color:
    return {BEST: colours.validation, MISSING: colours.wrong, OTHER: colours.foreground}.get(sign, colours.quiet)


class EpochSlider(LineWidget):
    """One line; a click on a tick, an arrow or the state goes there."""

    DEFAULT_CSS = "EpochSlider { height: 1; background: $surface; display: none; }"

    class Chosen(Message):
        """The user clicked a tick; None: follow the newest epoch."""

        def __init__(self, point: EvaluationPoint | None) -> None:
            super().__init__()
            self.point = point

    class Stepped(Message):
        """The user clicked an arrow: to the previous (-1) or next (1) evaluation."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    def __init__(self) -> None:
        super().__init__()
        self._slide: Slide | None = None
        self._drawn: DrawnSlide | None = None

    @property
    def slide(self) -> Slide | None:
        return self._slide

    def show(self, slide: Slide | None) -> None:
        """Show another state; None hides the slider."""
        if slide == self._slide:
            return
        self._slide = slide
        self.display = slide is not None
        self.redraw()

    def draw(self) -> list[Text]:
        if self._slide is None:
            return []
        self._drawn = draw_slide(self._slide, palette_of(self), self.size.width)
        return [self._drawn.line]

    def on_click(self, event: events.Click) -> None:
        if self._drawn is None:
            return
        if event.x <= self._drawn.earlier:
            self.post_message(self.Stepped(-1))
        elif 0 <= event.x - self._drawn.later <= 3:
            self.post_message(self.Stepped(1))
        elif event.x in self._drawn.ticks:
            self.post_message(self.Chosen(self._drawn.ticks[event.x]))
        elif event.x >= self._drawn.state:
            self.post_message(self.Chosen(None))
