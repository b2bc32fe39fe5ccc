"""The list of the textbook's pages, by chapter."""

from rich.text import Text
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from mnist_tui.textbook import pages


class PageList(OptionList):
    """An item for each page; its id is the page's name."""

    DEFAULT_CSS = """
    PageList { border: round $frame; border-title-color: $foreground; padding: 0 1; background: transparent; }
    PageList { scrollbar-size-vertical: 1; scrollbar-gutter: stable; }
    PageList > .option-list--option-disabled { color: $secondary; text-style: bold; }
    PageList:focus { border: round $accent; background-tint: transparent; }
    """

    def __init__(self) -> None:
        super().__init__(markup=False)
        self.border_title = "Why"
        chapter = ""
        for page in pages():
            if page.chapter != chapter:
                chapter = page.chapter
                self.add_option(Option(Text(chapter), disabled=True))
            indent = "  " if chapter else ""
            self.add_option(Option(Text(indent + page.title, no_wrap=True, overflow="ellipsis"), id=page.name))

    def select(self, name: str) -> None:
        """Move the cursor to a page."""
        self.highlighted = self.get_option_index(name)
