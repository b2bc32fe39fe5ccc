"""The slider under the header: a tick for each evaluation, and the one that is shown."""

from dataclasses import dataclass, replace

from rich.text import Text
from textual import events
from textual.color import Color
from textual.message import Message

from mnist_tui.inspection.predictions import EvaluationPoint
from mnist_tui.render.text import clip
from mnist_tui.ui.shared.line_widget import LineWidget
from mnist_tui.ui.shared.paint import paint, palette_of
from mnist_tui.ui.theme import Palette

TICK, BEST, MISSING, OTHER, ROLLING, CHOSEN = "○", "★", "✗", "◇", "·", "●"
WIDEST = 8
"""Maximum columns of a tick and the rule after it, if there is no rolling evaluation."""
LONGEST_RULE = 31
"""Maximum columns between neighbouring ticks for the rolling evaluations of an epoch."""
FULL_WORDS_FROM = 110
"""Columns from which a rolling evaluation has its full name."""
LEGEND = ((BEST, "best"), (ROLLING, "rolling"), (MISSING, "not recorded"), (OTHER, "test or evaluated set"))


@dataclass(frozen=True)
class Slide:
    """The evaluations, and the one that is shown."""

    points: tuple[EvaluationPoint, ...]
    place: EvaluationPoint
    planned: int
    """Planned epochs."""
    steps_per_epoch: int = 0
    """Steps per epoch; 0 if unknown."""
    best: EvaluationPoint | None = None
    unavailable: frozenset[EvaluationPoint] = frozenset()
    """Evaluations whose predictions are missing or damaged."""
    follows: bool = True
    """True if the newest evaluation is shown, also after the next one."""
    live: bool = False
    playing: bool = False

    def sign(self, point: EvaluationPoint) -> str:
        """Return the tick of an evaluation."""
        if point.step is not None:
            return ROLLING
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
    """Draw `[ ◀ epoch 2 of 12 ▶ ]  ○──[○]─··─★──✗   newest` in `width` cells.

    The outer brackets are the keys, and a dot is a rolling evaluation. If not all ticks fit, those around the shown one
    are drawn.
    """
    words = _words(slide, width)
    widest = max(len(words), len("epoch  of ") + 2 * len(str(slide.planned)))
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


def _words(slide: Slide, width: int) -> str:
    """Return the name of the shown evaluation. A rolling one's keeps its width while the numbers grow a little."""
    place, digits = slide.place, len(str(slide.planned))
    if place.step is not None:
        words = place.words if width >= FULL_WORDS_FROM else f"rolling, to step {place.step:,}"
        return words.ljust(-(-len(words) // 4) * 4)
    return f"epoch {place.epoch:>{digits}} of {slide.planned}" if place.epoch is not None else clip(place.words, 24)


def _draw_ticks(line: Text, slide: Slide, colours: Palette, room: int) -> dict[int, EvaluationPoint]:
    """Append the ticks; return the evaluation of each of their columns."""
    if room < 3 or slide.place not in slide.points:
        return {}
    stretches = _stretches(slide.points)
    rolled = sum(bool(rolling) for rolling, _ in stretches)
    spare = room - 2 - 3 * sum(tick is not None for _, tick in stretches)
    plain = min(WIDEST - 3, spare // len(stretches))
    rule = min(LONGEST_RULE, (spare - plain * (len(stretches) - rolled)) // max(1, rolled))
    if plain < 1 or not rolled:
        shown = tuple(point for point in slide.points if point.step is None or point == slide.place)
        return _draw_evenly(line, replace(slide, points=shown), colours, room)
    found: dict[int, EvaluationPoint] = {}
    for number, (rolling, tick) in enumerate(stretches):
        if rolling or number:
            found |= _draw_rule(line, slide, rolling, rule if rolling else plain, colours)
        if tick is not None:
            found |= _draw_tick(line, slide, tick, colours)
    return found


def _stretches(points: tuple[EvaluationPoint, ...]) -> list[tuple[list[EvaluationPoint], EvaluationPoint | None]]:
    """Return each full evaluation with the rolling ones before it; None for the evaluation that is still to come."""
    stretches: list[tuple[list[EvaluationPoint], EvaluationPoint | None]] = []
    rolling: list[EvaluationPoint] = []
    for point in points:
        if point.step is not None:
            rolling.append(point)
        else:
            stretches.append((rolling, point))
            rolling = []
    return [*stretches, (rolling, None)] if rolling else stretches


def _draw_rule(
    line: Text, slide: Slide, rolling: list[EvaluationPoint], width: int, colours: Palette
) -> dict[int, EvaluationPoint]:
    """Append a rule as long as an epoch, with its rolling evaluations; of several in a cell, the shown or newest."""
    place, per_epoch = slide.place, slide.steps_per_epoch
    start, cells = line.cell_len, dict[int, EvaluationPoint]()
    for number, point in enumerate(rolling):
        share = ((point.step or 1) - 1) % per_epoch / per_epoch if per_epoch else number / len(rolling)
        column = start + int(share * width)
        if cells.get(column) != place:
            cells[column] = point
    for column in range(start, start + width):
        if column not in cells:
            line.append("─", paint(colours.faint))
        elif cells[column] == place:
            line.append(CHOSEN, paint(colours.accent, bold=True))
        else:
            line.append(ROLLING, paint(colours.quiet))
    return cells


def _draw_evenly(line: Text, slide: Slide, colours: Palette, room: int) -> dict[int, EvaluationPoint]:
    points, ticks = slide.points, {}
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
            line.append(CHOSEN if chosen and sign in (TICK, ROLLING) else sign, marked).append(" " * (step - 1))
        else:
            _draw_tick(line, slide, point, colours)
            line.append("─" * (step - 3) if position < len(points) - 1 else "", paint(colours.faint))
        ticks.update(dict.fromkeys(range(start, start + max(1, min(step, 3))), point))
    if step == 1:
        line.append("…" if first + count < len(points) else " ", paint(colours.quiet))
    return ticks


def _draw_tick(line: Text, slide: Slide, point: EvaluationPoint, colours: Palette) -> dict[int, EvaluationPoint]:
    """Append a tick of three cells."""
    sign, start, chosen = slide.sign(point), line.cell_len, point == slide.place
    left, right = ("[", "]") if chosen else (" ", " ")
    accent = paint(colours.accent, bold=True)
    line.append(left, accent)
    line.append(sign, accent if chosen and sign == TICK else paint(_colour(sign, colours))).append(right, accent)
    return dict.fromkeys(range(start, start + 3), point)


def _colour(sign: str, colours: Palette) -> Color:
    return {BEST: colours.validation, MISSING: colours.wrong, OTHER: colours.foreground}.get(sign, colours.quiet)


class EpochSlider(LineWidget):
    """One line; a click on a tick, an arrow or the state goes there."""

    DEFAULT_CSS = "EpochSlider { height: 1; background: $surface; display: none; }"

    class Chosen(Message):
        """The user clicked a tick; None: follow the newest evaluation."""

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
