"""The textbook: a list of its pages and the chosen one, with the exhibit of the opened run below the text."""

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Markdown, OptionList, Static

from mnist_tui.render.text import sanitize
from mnist_tui.textbook import INDEX, page_text, pages
from mnist_tui.ui.keymap import bindings
from mnist_tui.ui.session import RunSession
from mnist_tui.ui.shared.key_footer import KeyFooter
from mnist_tui.ui.shared.paint import title_text
from mnist_tui.ui.shared.sized_screen import SizedScreen
from mnist_tui.ui.why.exhibit import ExhibitView
from mnist_tui.ui.why.page_list import PageList
from mnist_tui.ui.why.page_text import PageText

NARROW = 100
"""Columns below which the list and the text take turns."""


class Reader(VerticalScroll):
    """The text. The arrows turn pages: it never scrolls sideways, which they do by default."""

    BINDINGS = bindings("why")


class WhyScreen(SizedScreen):
    """Shows a page; the opened run and a layer's name, if given, are what its exhibit is about."""

    BINDINGS = bindings("pages", "why", "exhibit")
    CSS_PATH = "screen.tcss"
    KEY_GROUPS = ("why", "exhibit", "pages", "screens", "everywhere")
    PAGES = ("#page", "PageList")
    AUTO_FOCUS = "#page"

    def __init__(self, page: str = INDEX, layer: str = "", session: RunSession | None = None) -> None:
        super().__init__()
        self.shown = page
        """Name of the page."""
        self.layer_name = layer
        """Name of the layer from which the page was opened; empty if there is none."""
        self._session = session

    def compose(self) -> ComposeResult:
        yield Static(id="title")
        with Horizontal():
            yield PageList()
            with Reader(id="page"):
                yield PageText()
                yield ExhibitView(self._session)
        yield KeyFooter()

    def on_mount(self) -> None:
        super().on_mount()
        self.call_later(self.show_page_of, self.shown)

    @property
    def pages(self) -> tuple[str, ...]:
        return self.PAGES if self.is_small or self.app.size.width < NARROW else ()

    async def show_page_of(self, name: str, layer: str = "") -> None:
        """Show another page of the textbook, from its start."""
        self.shown, self.layer_name = name, layer or self.layer_name
        number = next(place for place, page in enumerate(pages()) if page.name == name)
        details = f"  {number} of {len(pages()) - 1}" if number else ""
        details += f"  {sanitize(self._session.record.name)}" if self._session else ""
        title = title_text(self.app.theme_variables, f"Why: {pages()[number].title}", details)
        self.query_one("#title", Static).update(title)
        self.query_one(PageList).select(name)
        await self.query_one(PageText).update(page_text(name))
        self.query_one(ExhibitView).show_page(name, self.layer_name)
        self.refresh_bindings()
        self.query_one("#page", VerticalScroll).scroll_home(animate=False)

    async def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        if event.option_id is not None and event.option_id != self.shown:
            await self.show_page_of(event.option_id)

    def on_option_list_option_selected(self) -> None:
        self.focus_text()

    async def on_markdown_link_clicked(self, event: Markdown.LinkClicked) -> None:
        await self.show_page_of(event.href.removesuffix(".md"))

    def action_compute(self) -> None:
        """Compute the page's exhibit, again if there is one."""
        self.query_one(ExhibitView).compute()
        self.query_one("#page", VerticalScroll).scroll_end(animate=False)

    def action_change(self, step: int) -> None:
        """Show the exhibit's next (1) or previous (-1) layer or temperature."""
        self.query_one(ExhibitView).change(step)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("compute", "change"):
            exhibit = self.query_one(ExhibitView) if self.has_widgets else None
            return exhibit is not None and bool(exhibit.name_of_job if action == "compute" else exhibit.choices)
        return super().check_action(action, parameters)

    def on_exhibit_view_reported(self) -> None:
        self.refresh_bindings()

    async def action_turn(self, step: int) -> None:
        """Show the next page (1) or the previous one (-1)."""
        names = [page.name for page in pages()]
        await self.show_page_of(names[(names.index(self.shown) + step) % len(names)])

    def action_turn_page(self, step: int) -> None:
        super().action_turn_page(step)
        self.query_one(self.page).focus()

    def focus_text(self) -> None:
        """Go from the list to the text, also where only one of them is shown."""
        if self.pages:
            self._page = self.PAGES[0]
            self.show_page()
        self.query_one("#page").focus()
