"""The run under the cursor at a glance: its result and settings, curves, confusion matrix and worst mistakes."""

import contextlib
from collections.abc import Callable

from textual import work
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.worker import get_current_worker

from mnist_tui.config import RunConfig
from mnist_tui.inspection.figures import class_names
from mnist_tui.inspection.predictions import EvaluationPoint
from mnist_tui.metrics import METRICS
from mnist_tui.render.text import clip_parts
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.history import History
from mnist_tui.runs.summary import RunSummary
from mnist_tui.ui.confusion.thumbnail import MatrixThumbnail
from mnist_tui.ui.digits.image_grid import ImageGrid
from mnist_tui.ui.digits.mistakes import Mistakes
from mnist_tui.ui.digits.words import split_words
from mnist_tui.ui.home.glance_facts import GlanceFacts
from mnist_tui.ui.home.glance_run import GlanceRun, evaluated_point
from mnist_tui.ui.plots.panel import PlotPanel

REST_SECONDS = 0.15
"""Time for which the cursor rests on a run before it is read."""
PART_SECONDS = 0.02
"""Between two parts that are drawn, so that a key need not wait for all of them."""
WIDE = 110
"""Columns from which on there are three panels in a row, not two."""
LARGE, MEDIUM = 44, 28
"""Lines from which on there is a second row, and from which on narrow ones have both plots."""
LEAST = 13
"""Lines from which on there are panels."""
NOT_YET = "shown after the first evaluation"


class Glance(Vertical):
    """Facts above a grid of panels; as many panels as fit. A click opens the run."""

    DEFAULT_CSS = """
    Glance { height: 1fr; }
    Glance #panels { height: 1fr; layout: grid; grid-size: 2 1; grid-columns: 1fr 40; }
    Glance ImageGrid { border: round $frame; border-title-color: $foreground; padding: 0 1; }
    Glance #loss, Glance ImageGrid { display: none; }

    Glance.-wide #panels { grid-size: 3 1; grid-columns: 1fr 40 1fr; }
    Glance.-wide ImageGrid { display: block; }

    Glance.-medium #panels { grid-size: 2 2; grid-rows: 1fr 10; }
    Glance.-medium ImageGrid { display: block; column-span: 2; }
    Glance.-wide.-medium #panels { grid-size: 3 2; grid-columns: 1fr 1fr 50; }
    Glance.-wide.-medium #loss { display: block; }
    Glance.-wide.-medium ImageGrid { column-span: 3; }

    Glance.-large #panels { grid-size: 2 2; grid-rows: 1fr 1fr; grid-columns: 1fr 1fr; }
    Glance.-large #loss, Glance.-large ImageGrid { display: block; }

    Glance.-short GlanceFacts { border: none; height: 3; padding: 0 2; }
    Glance #panels.-curves-only { grid-size: 2 1; grid-columns: 1fr 1fr; grid-rows: 1fr; }
    Glance #panels.-curves-only #loss { display: block; }
    Glance #panels.-curves-only MatrixThumbnail, Glance #panels.-curves-only ImageGrid { display: none; }
    Glance #panels.-no-steps, Glance.-facts #panels { display: none; }
    """

    class Opened(Message):
        """The user clicked on the glance."""

        def __init__(self, run: RunDirectory) -> None:
            super().__init__()
            self.run = run

    def __init__(self, clock: Callable[[], float]) -> None:
        """Take the clock of the app: seconds since 1970."""
        super().__init__()
        self._clock = clock
        self._summary: RunSummary | None = None
        self._run: GlanceRun | None = None
        """The run whose panels are shown, as far as it was read."""
        self._rest: Timer | None = None
        self._parts: list[Callable[[], None]] = []
        """Parts that are still to be drawn."""

    def compose(self) -> ComposeResult:
        yield GlanceFacts()
        with Container(id="panels"):
            yield PlotPanel(METRICS["accuracy"], id="accuracy")
            yield PlotPanel(METRICS["loss"], id="loss")
            yield MatrixThumbnail()
            yield ImageGrid("mistakes")

    def on_resize(self) -> None:
        width, height = self.size
        is_wide = width >= WIDE
        self.set_class(is_wide, "-wide")
        self.set_class(height >= LARGE and not is_wide, "-large")
        self.set_class(height >= MEDIUM and (is_wide or height < LARGE), "-medium")
        self.set_class(height < MEDIUM, "-short")
        self.set_class(height < LEAST, "-facts")
        self.call_after_refresh(self._show_run)  # titles that fit

    def on_click(self) -> None:
        if self._summary is not None:
            self.post_message(self.Opened(self._summary.run))

    def show(self, summary: RunSummary | None, form: RunConfig | None) -> None:
        """Show a run, or what is new of it; `form` has the settings of the next run, None if they cannot be used."""
        if summary is None:
            return
        is_other = self._summary is None or summary.run.path != self._summary.run.path
        self._summary = summary
        self.query_one(GlanceFacts).show(summary, form)
        if is_other:
            self._read_soon()
            return
        run = self._run if self.display else None
        if run is None or run.run.path != summary.run.path:
            return
        if run.poll() or summary.status.is_live:  # the last events of a run are read when it is no longer live
            self._show_run()

    def on_show(self) -> None:
        self._read_soon()

    def _read_soon(self) -> None:
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(REST_SECONDS, self._read_if_shown)

    def _read_if_shown(self) -> None:
        run, summary = self._run, self._summary
        if self.display and summary is not None and (run is None or run.run.path != summary.run.path):
            self._read()

    @work(thread=True, exclusive=True, group="glance")
    def _read(self) -> None:
        """Read the run under the cursor; another one cancels it."""
        summary, worker = self._summary, get_current_worker()
        if summary is None:
            return
        run = GlanceRun(summary.run)
        with contextlib.suppress(RunError):  # which the list says of this run
            run.load(lambda: worker.is_cancelled)
        if not worker.is_cancelled:
            self.app.call_from_thread(self._take, run)

    def _take(self, run: GlanceRun) -> None:
        if self._summary is not None and run.run.path == self._summary.run.path and self.is_attached:
            self._run = run
            self._show_run()

    @work(thread=True, exclusive=True, group="mistakes")
    def _read_mistakes(self, run: GlanceRun) -> None:
        """Read the mistakes of a newer evaluation of the run that is shown."""
        if run.history is not None:
            run.mistakes = run.read_mistakes(run.history)
            self.app.call_from_thread(self._take, run)

    def _show_run(self) -> None:
        """Draw what has changed, one panel after the other."""
        run, summary = self._run, self._summary
        if run is None or summary is None:
            return
        history = run.history
        panels = self.query_one("#panels")
        panels.set_class(history is None or not history.steps.count, "-no-steps")
        if history is None:
            return
        point = evaluated_point(history)
        panels.set_class(point is None and not summary.status.is_live, "-curves-only")
        if point != run.mistakes.point:
            self._read_mistakes(run)
        now = self._clock()
        were_pending = bool(self._parts)
        self._parts = [
            lambda: self.query_one("#accuracy", PlotPanel).show(history, now),
            lambda: self.query_one("#loss", PlotPanel).show(history, now),
            lambda: self._show_matrix(history),
            lambda: self._show_mistakes(run.mistakes),
        ]
        if not were_pending:
            self._show_next()

    def _show_next(self) -> None:
        if self._parts and self.is_attached:
            self._parts.pop(0)()
            self.set_timer(PART_SECONDS, self._show_next)

    def _show_matrix(self, history: History) -> None:
        thumbnail, newest, point = self.query_one(MatrixThumbnail), history.newest_validation, evaluated_point(history)
        thumbnail.set_title(_title("Confusion", point, thumbnail.size.width))
        if newest is None or point is None:
            thumbnail.show(NOT_YET)
        else:
            thumbnail.show((newest.confusion, class_names(history, len(newest.confusion))))

    def _show_mistakes(self, mistakes: Mistakes) -> None:
        grid = self.query_one(ImageGrid)
        grid.set_title(_title(mistakes.kind, mistakes.point, grid.size.width))
        grid.show(mistakes.images or NOT_YET, mistakes.shape, mistakes.margin)


def _title(words: str, point: EvaluationPoint | None, width: int) -> Content:
    """Return a panel's title with as much of the name of an evaluation as fits."""
    if point is None:
        return Content(words)
    named = f"{point.words}, {split_words(point)}" if point.step is None else point.words
    return Content.from_markup(
        "$words  [$quiet]$named[/]", words=words, named=clip_parts(named, width - len(words) - 4, ", ")
    )
