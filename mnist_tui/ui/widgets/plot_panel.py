"""A framed plot of one metric: its training steps as a line over their envelope, its validation epochs as points."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from rich.style import Style
from rich.text import Text
from textual.color import Color
from textual.events import Click, MouseDown, MouseMove, MouseScrollDown, MouseScrollUp, MouseUp
from textual.message import Message

from mnist_tui.metrics import Metric
from mnist_tui.render.plot import AXIS_ROWS, Axes, Series, Sign, draw, place_signs
from mnist_tui.render.ticks import tick_words
from mnist_tui.runs.history import History
from mnist_tui.ui.paint import paint
from mnist_tui.ui.plot_data import Drawn, Sampled, Scale, drawn, reading, scale_of
from mnist_tui.ui.plot_view import PlotView
from mnist_tui.ui.theme import Palette, palette
from mnist_tui.ui.widgets.line_widget import LineWidget

FRAME_SECONDS = 0.7
"""Least time between two drawings while steps come; a plot costs 5 to 20 ms."""
MARKS: dict[str, tuple[str, str, int]] = {
    "pause": ("‖", "foreground", 0),
    "setting": ("▾", "accent", 1),
    "resume": ("↻", "success", 2),
    "broken": ("×", "error", 3),
    "alert": ("!", "warning", 4),
}
"""Kind of a mark -> its sign on the x axis, the theme variable of its colour, and its weight."""
TRAIN_SIGN, VALIDATION_SIGN, BEST_SIGN = "━", "●", "★"
FAINT = 0.38


@dataclass(frozen=True)
class Canvas:
    """Where the last drawing put its points."""

    left: int
    """Column of the content at which the canvas begins."""
    columns: int
    scale: Scale

    def step_at(self, history: History, column: float) -> float:
        """The step under a column of the content."""
        share = min(1.0, max(0.0, (column - self.left) / max(1, self.columns - 1)))
        first, last = self.scale.limits
        return self.scale.step_at(history, first + share * (last - first))


class PlotPanel(LineWidget):
    """Draws anew when there are new steps, but not more often than it may; at once when it is looked at differently."""

    DEFAULT_CSS = """
    PlotPanel {
        border: round $frame;
        border-title-color: $foreground;
        border-subtitle-color: $quiet;
        height: 1fr;
        min-width: 14;
    }
    """
    BORDER_SUBTITLE = "steps"

    class Zoomed(Message):
        """Somebody turned the wheel over a step: `factor` above 1 is closer."""

        def __init__(self, factor: float, step: float) -> None:
            super().__init__()
            self.factor, self.step = factor, step

    class Pointed(Message):
        """Somebody clicked at a step."""

        def __init__(self, step: float) -> None:
            super().__init__()
            self.step = step

    class Dragged(Message):
        """Somebody drags the curves by so many steps to the left."""

        def __init__(self, steps: float) -> None:
            super().__init__()
            self.steps = steps

    def __init__(self, metric: Metric, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.metric = metric
        self.builds = 0
        """How many drawings were made."""
        self.set_title(metric.label)
        self._history: History | None = None
        self._view = PlotView()
        self._drawn_state: tuple[object, ...] = (0,)
        self._drawn_at = 0.0
        self._sampled = Sampled()
        self._canvas: Canvas | None = None
        self._grabbed: float | None = None
        self._dragged = False

    def show(self, history: History, now: float, view: PlotView | None = None, spacing: float = FRAME_SECONDS) -> None:
        """Take in a run at the time `now` (seconds since the epoch), drawn at most every `spacing` seconds."""
        view = view or self._view
        self._history = history
        newest = history.marks[-1] if history.marks else None
        samples = {"steps": 0, "layers": len(history.layer_stats), "hardware": len(history.hardware_samples)}
        counts = (history.steps.count, samples[self.metric.source])
        state = (counts, view, len(history.epochs), history.epochs_planned, newest)
        soon = 0 <= now - self._drawn_at < spacing and state[1:] == self._drawn_state[1:]
        if state == self._drawn_state or (soon and not history.is_over):
            return
        self._view = view
        self._drawn_state, self._drawn_at = state, now
        self.redraw()

    def draw(self) -> list[Text]:
        """The plot; its legend is the frame's title, what the x axis counts its subtitle."""
        history, width, height = self._history, self.size.width, self.size.height
        self._canvas = None
        if history is None or not history.steps.count or not width or not height:
            return []
        self.builds += 1
        colours, scale = palette(self.app.theme_variables), scale_of(history, self._view)
        data = drawn(history, self.metric, self._view, scale, width, self._sampled)
        self.set_title(self._legend(history, data))
        self._set_subtitle(scale)
        axes = self._axes(scale, colours)
        ansi = draw(self._series(history, data, scale, colours), axes, width, height)
        lines = [Text.from_ansi(line) for line in ansi.splitlines()]
        if len(lines) > AXIS_ROWS:
            axis = lines[-AXIS_ROWS]
            left = axis.plain.find("└") + 1
            self._canvas = Canvas(left, len(axis.plain.rstrip()) - left, scale)
            self._mark(axis, history, data, scale)
            self._point(lines[: -AXIS_ROWS + 1], history, scale, colours)
        return lines

    def _mark(self, line: Text, history: History, data: Drawn | None, scale: Scale) -> None:
        """Put what happened onto the axis line, where it happened."""
        places = scale.places(history, np.array([float(mark.step) for mark in history.marks]))
        found = [(float(place), mark.kind) for place, mark in zip(places, history.marks, strict=True)]
        kinds: list[tuple[float, str]] = [*found]
        if data is not None:
            kinds += [(float(place), "broken") for place in data.broken]
        if not kinds:
            return
        variables, letters = self.app.theme_variables, list(line.plain)
        colours = {kind: Color.parse(variables[colour]).rgb for kind, (_, colour, _) in MARKS.items()}
        signs = (Sign(place, MARKS[kind][0], colours[kind], MARKS[kind][2]) for place, kind in kinds)
        placed = place_signs(signs, scale.limits, line.plain)
        for column, sign in placed.items():
            letters[column] = sign.letter
        line.plain = "".join(letters)
        for column, sign in placed.items():
            line.stylize(paint(Color(*sign.colour), bold=True), column, column + 1)

    def _point(self, lines: list[Text], history: History, scale: Scale, colours: Palette) -> None:
        """Draw the value cursor through the canvas and the axis."""
        if self._view.cursor is None or self._canvas is None:
            return
        (place,) = scale.places(history, np.array([float(self._view.cursor)]))
        ruler = "└".rjust(self._canvas.left) + "─" * self._canvas.columns
        for column in place_signs([Sign(float(place), "┃", colours.accent.rgb)], scale.limits, ruler):
            style = paint(colours.accent, colours.background.blend(colours.accent, 0.22))
            for line in lines[:-1]:
                line.pad_right(max(0, column + 1 - len(line.plain)))
                if line.plain[column] in (" ", "\u2800"):
                    line.plain = line.plain[:column] + "┃" + line.plain[column + 1 :]
                    line.stylize(style, column, column + 1)
                else:
                    line.stylize(Style(bgcolor=style.bgcolor, bold=True), column, column + 1)
            lines[-1].stylize(Style(bgcolor=style.bgcolor, bold=True), column, column + 1)

    def _series(self, history: History, data: Drawn | None, scale: Scale, colours: Palette) -> list[Series]:
        metric = self.metric
        if data is None:
            return []
        x = np.repeat(data.x, 2)
        y = np.column_stack([data.low, data.high]).ravel()
        if metric.higher_is_better is None:
            return [Series(x, y, colours.train.rgb)]
        worst: Literal["high", "low"] = "low" if metric.higher_is_better else "high"
        if self._view.smoothing == "off":
            series = [Series(x, y, colours.train.rgb, worst=worst)]
        else:
            faint = colours.background.blend(colours.train, FAINT)
            line = Series(data.x, data.smoothed, colours.train.rgb, worst=worst)
            series = [Series(x, y, faint.rgb, worst=worst), line]
        if metric.validation_key is not None:
            steps, values = history.validation(metric.validation_key)
            inside = (steps >= scale.window[0]) & (steps <= scale.window[1])
            chosen = np.array([epoch is history.best_epoch for epoch in history.epochs], dtype=bool)
            x, y = scale.places(history, steps), values * metric.scale
            points = Series(x[inside], y[inside], colours.validation.rgb, VALIDATION_SIGN)
            best = inside & chosen
            series += [points, replace(points, x=x[best], y=y[best], marker=BEST_SIGN)]
        return series

    def _axes(self, scale: Scale, colours: Palette) -> Axes:
        unit = " %" if self.metric.unit == "%" else ""
        return Axes(
            format_x=tick_words,
            format_y=lambda value, decimals: tick_words(value, decimals) + unit,
            ticks=colours.quiet.rgb,
            background=colours.background.rgb,
            x_limits=scale.limits,
            y_bounds=self.metric.bounds,
            log=self._view.log,
        )

    def _set_subtitle(self, scale: Scale) -> None:
        """What the x axis counts, and what is not as at first."""
        view = self._view
        parts = [scale.unit]
        if view.log:
            parts.insert(0, "log y")
        if view.window is not None:
            parts.insert(0, "zoomed")
        elif view.recent:
            parts.insert(0, "newest steps")
        if view.smoothing != "light":
            parts.insert(0, "not smoothed" if view.smoothing == "off" else "smoothed strongly")
        words = " · ".join(parts)
        while len(words) > self.size.width - 4 and len(parts) > 1:
            parts.pop(0)
            words = " · ".join(parts)
        if words != self.border_subtitle:
            self.border_subtitle = words

    def _left_out(self, data: Drawn | None) -> list[tuple[str, str, str, str]]:
        """What the curve cannot show, as parts of the legend."""
        parts = []
        if data is not None and data.all_broken:
            parts.append(("error", "×", "not finite", f"{data.all_broken:,}"))
        if data is not None and self._view.log and (data.low <= 0).any():
            parts.append(("warning", "≤ 0", "left out", ""))
        return parts

    def _legend(self, history: History, data: Drawn | None) -> str:
        """Each curve with its sign and newest value, or the cursor's; names and the best epoch where there is room."""
        metric, best, cursor = self.metric, history.best_epoch, self._view.cursor
        missing = self._left_out(data)
        last = history.epochs[-1] if history.epochs else None
        if cursor is None and metric.source == "steps":
            value: float | None = history.recent(metric.key)
            epoch = last.epoch if last else None
            validation = getattr(last, metric.validation_key) if last and metric.validation_key else None
        else:
            read = reading(history, metric, history.last_step if cursor is None else cursor, self._sampled)
            value, validation, epoch = read.value, read.validation, read.epoch
        curves = [("train", TRAIN_SIGN if metric.validation_key else "", "train", metric.format(value))]
        if metric.validation_key is not None and epoch is not None:
            curves.append(("validation", VALIDATION_SIGN, "val", metric.format(validation)))
        best_part = []
        if metric.validation_key is not None and best is not None:
            best_part = [("validation", BEST_SIGN, "best", f"epoch {best.epoch}")]
        room = self.size.width - 4
        for named, parts in (
            (True, curves + best_part + missing),
            (True, curves + missing),
            (False, curves + missing),
            (False, curves),
        ):
            words = [
                (colour, " ".join(part for part in ((sign, name, value) if named and sign else (sign, value)) if part))
                for colour, sign, name, value in parts
            ]
            if len(metric.label) + sum(2 + len(each) for _, each in words) <= room:
                break
        return metric.label + "".join(f"  [${colour}]{each}[/]" for colour, each in words)

    def _step_under(self, event: MouseDown | MouseMove | MouseUp | MouseScrollUp | MouseScrollDown | Click) -> float:
        assert self._canvas is not None
        assert self._history is not None
        return self._canvas.step_at(self._history, event.x - self.content_offset.x)

    def _on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Closer."""
        self._turn(event, 1.5)

    def _on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Farther away."""
        self._turn(event, 1 / 1.5)

    def _turn(self, event: MouseScrollUp | MouseScrollDown, factor: float) -> None:
        if self._canvas is not None:
            event.stop()
            event.prevent_default()
            self.post_message(self.Zoomed(factor, self._step_under(event)))

    def on_mouse_down(self, event: MouseDown) -> None:
        """Take hold of the curves."""
        if self._canvas is not None and event.button == 1:
            self._grabbed, self._dragged = float(event.x), False
            self.capture_mouse()

    def on_mouse_move(self, event: MouseMove) -> None:
        """Drag them along."""
        if self._grabbed is None or self._canvas is None or event.x == self._grabbed:
            return
        first, last = self._canvas.scale.window
        self._dragged = True
        self.post_message(self.Dragged((self._grabbed - event.x) / max(1, self._canvas.columns - 1) * (last - first)))
        self._grabbed = float(event.x)

    def on_mouse_up(self, event: MouseUp) -> None:
        """Let go; a click that dragged nothing points at a step."""
        if self._grabbed is None:
            return
        self.release_mouse()
        self._grabbed = None
        if not self._dragged and self._canvas is not None:
            self.post_message(self.Pointed(self._step_under(event)))
