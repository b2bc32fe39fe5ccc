"""The exhibit below a page's text, with numbers of the opened run."""

import threading
from collections.abc import Callable

import msgspec
import numpy as np
from rich.text import Text
from textual.events import Resize
from textual.message import Message
from textual.widgets import Static

from mnist_tui.control.client import do_job
from mnist_tui.render.text import sanitize
from mnist_tui.runs.directory import RunError
from mnist_tui.runs.exhibits import TRAINED, Exhibit, read_exhibit
from mnist_tui.ui.session import RunSession
from mnist_tui.ui.shared.paint import palette_of
from mnist_tui.ui.why.charts import chart_lines, image_lines, softmax_lines

EXHIBIT_OF = {
    "adam": "optimizers",
    "augmentation": "augmentation",
    "batch-normalization": "batch-normalization",
    "gradient": "gradient",
    "relu": "relu",
    "sgd": "optimizers",
    "tanh": "gradient",
}
"""Pages and the exhibits that a job computes for them."""
SOFTMAX = "softmax"
"""Page whose exhibit needs no job."""
TEMPERATURES = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)


class ExhibitJob:
    """A job in a thread of its own; its result is kept in the run directory."""

    def __init__(self, session: RunSession, name: str, notify: Callable[["ExhibitJob"], object]) -> None:
        self.name, self.words, self.problem = name, "starting", ""
        self.is_over = False
        self._is_cancelled = False
        self._run, self._step, self._notify = session.run, session.view.history.last_step, notify
        # not one of Textual's workers: that would delay the program's exit until the next report
        threading.Thread(target=self._work, name="exhibit", daemon=True).start()

    def cancel(self) -> None:
        """End the job's process after its next report."""
        self._is_cancelled = True

    def _work(self) -> None:
        try:
            reports = do_job(self._run, "exhibit", f"{self.name}:{self._step}")
            for report in reports:
                if self._is_cancelled:
                    reports.close()  # type: ignore[attr-defined]
                    return
                self.words = report.message
                self._notify(self)
        except RunError as error:
            self.problem = str(error)
        except msgspec.DecodeError as error:
            self.problem = f"the job sent an unknown message ({error}): see {self._run.log_path}"
        self.is_over = True
        if not self._is_cancelled:
            self._notify(self)


class ExhibitView(Static):
    """Draws the exhibit of a page; without an opened run, it names what is missing."""

    DEFAULT_CSS = """
    ExhibitView { height: auto; max-width: 140; padding: 0 1; margin: 0 0 1 0; border: round $frame; }
    ExhibitView { border-title-color: $foreground; border-subtitle-color: $quiet; }
    """

    class Reported(Message):
        """The job has reported progress, or is over."""

    def __init__(self, session: RunSession | None) -> None:
        super().__init__(markup=False)
        self._session = session
        self._page = ""
        self._place = 0
        """Chart of a histogram, or temperature, that is shown."""
        self._exhibit: Exhibit | None = None
        self._job: ExhibitJob | None = None
        self._drawn_width = 0
        self.border_title = "Exhibit"

    @property
    def name_of_job(self) -> str:
        """Name of the page's exhibit, if a job can compute it for the opened run; else empty."""
        return EXHIBIT_OF.get(self._page, "") if self._session is not None else ""

    @property
    def choices(self) -> int:
        """Number of layers or temperatures to choose from."""
        if self._page == SOFTMAX:
            return len(TEMPERATURES) if self._session is not None else 0
        charts = self._exhibit.charts if self._exhibit is not None else ()
        return sum(chart.edges is not None for chart in charts)

    def show_page(self, page: str, layer: str) -> None:
        """Show the exhibit of a page, of the layer that it was opened for."""
        self.cancel()
        self._page, self._place = page, TEMPERATURES.index(1.0) if page == SOFTMAX else 0
        self.display = page == SOFTMAX or page in EXHIBIT_OF
        self._read()
        charts = self._exhibit.charts if self._exhibit is not None else ()
        titles = [chart.title.partition(":")[0] for chart in charts]
        if page != SOFTMAX and layer in titles:
            self._place = titles.index(layer)
        self.draw()
        self.call_after_refresh(self.draw)  # a widget that was hidden has no width yet

    def change(self, step: int) -> None:
        """Show the next or the previous layer or temperature."""
        self._place = min(max(0, self._place + step), self.choices - 1)
        self.draw()

    def compute(self) -> None:
        """Start the job, unless it runs."""
        if self._session is not None and self.name_of_job and self._job is None:
            self._job = ExhibitJob(self._session, self.name_of_job, lambda _: self.post_message(self.Reported()))
            self.draw()

    def cancel(self) -> None:
        """End a job that runs."""
        if self._job is not None:
            self._job.cancel()
            self._job = None

    def on_unmount(self) -> None:
        self.cancel()

    def on_exhibit_view_reported(self) -> None:
        if self._job is None:
            return
        problem = self._job.problem
        if self._job.is_over:
            self._job = None
            self._read()
            self.call_after_refresh(self.scroll_visible, top=True, animate=False)
        self.draw(problem)

    def on_resize(self, event: Resize) -> None:
        if event.size.width != self._drawn_width:
            self._drawn_width = event.size.width
            self.call_after_refresh(self.draw)  # at once, Textual would keep the old height

    def draw(self, problem: str = "") -> None:
        """Draw the exhibit, or how to get it."""
        self.border_subtitle = ""
        if self._session is None:
            self.update("Open a run, and come back: an exhibit shows numbers of your own model.")
        elif self._page == SOFTMAX:
            self.update(Text("\n").join(self._softmax(self._session)))
        elif self._page in EXHIBIT_OF:
            self.update(Text("\n").join([*self._state(problem), *self._drawn()]))

    def _state(self, problem: str) -> list[Text]:
        quiet = self.app.theme_variables["quiet"]
        if self._job is not None:
            return [
                Text(f"Computing in a process of its own: {sanitize(self._job.words)}. Leaving this page cancels it.")
            ]
        if problem:
            return [Text(sanitize(problem), self.app.theme_variables["error"])]
        if self._exhibit is None:
            trains = self.name_of_job in TRAINED
            words = (
                "trains copies of the model for up to 60 steps, at most about 30 s" if trains else "takes about 10 s"
            )
            return [Text(f"Enter: compute with the model of this run. It {words}, in a process of its own.")]
        self.border_subtitle = (
            f"computed at step {self._exhibit.step:,} in {self._exhibit.seconds:.0f} s · Enter: again"
        )
        return [Text(sanitize(self._exhibit.note), quiet)]

    def _drawn(self) -> list[Text]:
        exhibit, session = self._exhibit, self._session
        width = self.content_size.width
        if exhibit is None or session is None or width < 20:
            return []
        colours = palette_of(self)
        if exhibit.images is not None:
            return [Text(), *image_lines(exhibit.images, self._class_names(session), colours, width)]
        charts = exhibit.charts
        if self.choices:
            place = min(self._place, self.choices - 1)
            charts = charts[place : place + 1]
            self.border_title = f"Exhibit: layer {place + 1} of {self.choices}, Shift+← Shift+→"
        else:
            self.border_title = "Exhibit"
        shown = colours.train, colours.validation, colours.true_class
        return [line for chart in charts for line in (Text(), *chart_lines(chart, colours, shown, width))]

    def _softmax(self, session: RunSession) -> list[Text]:
        epochs = session.view.history.epochs
        temperature = TEMPERATURES[self._place]
        self.border_title = f"Exhibit: temperature T = {temperature:g}, Shift+← Shift+→"
        if not epochs:
            return [Text("Shown once the first epoch is validated.")]
        try:
            predictions = session.predictions(epochs[-1].epoch)
        except RunError as error:
            return [Text(sanitize(str(error)))]
        probabilities = predictions.probabilities.astype(np.float64)
        row = int(np.sort(probabilities, axis=1)[:, -2].argmax())  # the least decided image
        names = self._class_names(session)
        words = f"Validation image {predictions.indices[row]:,}, a {names[predictions.labels[row]]}, after epoch"
        note = Text(f"{words} {epochs[-1].epoch}: the one that the model finds hardest to decide.")
        return [note, Text(), *softmax_lines(probabilities[row], names, temperature, self.content_size.width)]

    def _class_names(self, session: RunSession) -> list[str]:
        started = session.view.history.started
        return [sanitize(name) for name in started.class_names] if started is not None else []

    def _read(self) -> None:
        known = self._session is not None and self.name_of_job
        self._exhibit = read_exhibit(self._session.run, self.name_of_job) if self._session and known else None
