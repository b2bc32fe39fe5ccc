"""The data screen: the problems of a data set before it is trained on, its figures, and the images of its classes."""

from collections.abc import Callable
from pathlib import Path

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import OptionList, Static

from mnist_tui.analysis.data_report import DataReport, findings
from mnist_tui.config import ConfigError
from mnist_tui.inspection import data_view
from mnist_tui.render.text import sanitize
from mnist_tui.ui.data.details import Details, DetailView
from mnist_tui.ui.data.item_list import OVERVIEW, ItemList
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.shared.key_footer import KeyFooter
from mnist_tui.ui.shared.paint import title_text
from mnist_tui.ui.shared.sized_screen import SizedScreen

LookAtData = Callable[[str, Callable[[str], None]], DataReport]
"""Function (spec, progress) -> report, which takes seconds; it calls progress with what begins."""


class DataScreen(SizedScreen):
    """Reads the data in a thread; then the details follow the cursor of the list."""

    BINDINGS = bindings("pages", "data")
    CSS_PATH = "screen.tcss"
    KEY_GROUPS = ("data_items", "data", "pages", "everywhere")
    PAGES = ("ItemList", "DetailView")

    class Progressed(Message):
        """A part of the work begins, or the data cannot be read."""

        def __init__(self, words: str, *, is_error: bool = False) -> None:
            super().__init__()
            self.words = words
            self.is_error = is_error

    class Read(Message):
        """The data were read."""

        def __init__(self, report: DataReport) -> None:
            super().__init__()
            self.report = report

    def __init__(self, spec: str, look: LookAtData) -> None:
        super().__init__()
        self._spec = spec
        self._look = look
        self._report: DataReport | None = None

    def compose(self) -> ComposeResult:
        yield Static(self._title(), id="title")
        yield Static("", id="progress", markup=False)
        with Horizontal():
            yield ItemList()
            yield DetailView()
        yield KeyFooter()

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(ItemList).border_title = "Data"
        self._read()

    @work(thread=True, exclusive=True, group="data")
    def _read(self) -> None:
        try:
            report = self._look(self._spec, self._report_progress)
        except ConfigError as error:
            self.post_message(self.Progressed(str(error), is_error=True))
        else:
            self.post_message(self.Read(report))

    def _report_progress(self, words: str) -> None:
        self.post_message(self.Progressed(f"{words} …"))

    def on_data_screen_progressed(self, event: Progressed) -> None:
        progress = self.query_one("#progress", Static)
        progress.update(sanitize(event.words))
        progress.set_class(event.is_error, "-refused")

    def on_data_screen_read(self, event: Read) -> None:
        self._report = event.report
        self.add_class("-read")
        self.query_one("#title", Static).update(self._title())
        items = self.query_one(ItemList)
        items.show(
            findings(event.report),
            [(name, training, test) for name, training, _, test, _ in data_view.class_rows(event.report)],
        )
        items.focus()
        self.refresh_bindings()

    def _title(self) -> Text:
        details = f"  {data_view.subject(self._report)}" if self._report is not None else ""
        return title_text(self.app.theme_variables, sanitize(Path(self._spec).name), details)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        if self._report is not None and event.option_id is not None:
            self.query_one(DetailView).show(self._details(self._report, event.option_id))

    def _details(self, report: DataReport, item: str) -> Details:
        variables = self.app.theme_variables
        kind, _, number = item.partition("-")
        if item == OVERVIEW:
            figures = [("data", sanitize(self._spec)), *data_view.facts(report)]
            return Details("All classes", (), data_view.mean_tiles(report), figures)
        if kind == "class":
            name, training, training_share, test, test_share = data_view.class_rows(report)[int(number)]
            words = f"{training} training images ({training_share}), {test} test images ({test_share})"
            return Details(name, [Text(words)], data_view.class_tiles(report, int(number)))
        finding = findings(report)[int(number)]
        paragraphs = [Text(sanitize(finding.meaning))]
        if finding.is_problem:
            paragraphs.append(Text.assemble((sanitize(finding.fix), f"bold {variables['accent']}")))
        return Details(finding.title, paragraphs, data_view.finding_tiles(report, finding), in_pairs=finding.in_pairs)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "scroll_details":
            return self._report is not None
        return super().check_action(action, parameters)

    def action_scroll_details(self, pages: int) -> None:
        """Scroll the details by nearly a page."""
        view = self.query_one(DetailView)
        view.scroll_relative(y=pages * max(1, view.size.height - 1), animate=False)
