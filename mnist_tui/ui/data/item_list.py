"""The list of the data screen: problems and other findings, then the whole data set and each of its classes."""

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.text import Text
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from mnist_tui.analysis.data_report import Finding
from mnist_tui.render.text import sanitize
from mnist_tui.ui.keymap import bindings

OVERVIEW = "overview"
"""Id of the item of the whole data set."""
NUMBER_WIDTHS = (9, 8)
"""Columns of the numbers of training and of test images."""


class ItemList(OptionList, inherit_bindings=False):
    """An item for each finding and each class."""

    BINDINGS = bindings("data_items")
    DEFAULT_CSS = """
    ItemList { border: round $frame; border-title-color: $foreground; padding: 0 1; background: transparent; }
    ItemList { scrollbar-size-vertical: 1; scrollbar-gutter: stable; }
    ItemList:focus { border: round $accent; background-tint: transparent; }
    """

    def __init__(self) -> None:
        super().__init__(markup=False)
        self._findings: Sequence[Finding] = ()
        self._class_cells: Sequence[tuple[str, str, str]] = ()
        self._filled_for: tuple[int, str] | None = None

    def show(self, findings: Sequence[Finding], classes: Sequence[tuple[str, str, str]]) -> None:
        """List the findings, and for each class its name and its numbers of training and test images."""
        self._findings, self._class_cells, self._filled_for = findings, classes, None
        self._fill()

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self._fill())

    def on_resize(self) -> None:
        self._fill()

    def _fill(self) -> None:
        surroundings = (self.scrollable_content_region.width, self.app.theme)
        if surroundings == self._filled_for or not self._class_cells:
            return
        self._filled_for, highlighted = surroundings, self.highlighted
        width, variables = surroundings[0], self.app.theme_variables
        problems = [finding for finding in self._findings if finding.is_problem]
        count = f"{len(problems):,} problem{'' if len(problems) == 1 else 's'}" if problems else "No problems found"
        options = [Option(Text(count, variables["quiet"]), disabled=True)]
        for place, finding in enumerate(self._findings):
            mark = ("! ", f"bold {variables['error']}") if finding.is_problem else "· "
            words = Text.assemble(mark, sanitize(finding.title), no_wrap=True, overflow="ellipsis")
            options.append(Option(words, id=f"finding-{place}"))
        name_width = width - sum(NUMBER_WIDTHS)
        heading = _cells(("", "training", "test"), name_width)
        options += [Option(Text(heading, variables["quiet"]), disabled=True), Option("All classes", id=OVERVIEW)]
        for label, cells in enumerate(self._class_cells):
            options.append(Option(Text(_cells(cells, name_width)), id=f"class-{label}"))
        self.clear_options()
        self.add_options(options)
        first = 1 if problems else self.get_option_index(OVERVIEW)
        self.highlighted = first if highlighted is None else highlighted


def _cells(cells: tuple[str, str, str], name_width: int) -> str:
    name, *numbers = cells
    if cell_len(name) > name_width:
        name = set_cell_size(name, name_width - 1) + "…"
    return set_cell_size(name, name_width) + "".join(
        number.rjust(width) for number, width in zip(numbers, NUMBER_WIDTHS, strict=True)
    )
