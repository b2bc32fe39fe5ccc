"""A page of the textbook as Markdown, in the palette's colours."""

from textual.content import Content
from textual.widgets import Markdown
from textual.widgets.markdown import MarkdownFence


class Formula(MarkdownFence):
    """An indented block. Textual would guess a programming language and colour it with colours of its own."""

    @classmethod
    def highlight(cls, code: str, language: str, ansi: bool = False, dark: bool = False) -> Content:  # noqa: ARG003
        return Content(code)


class PageText(Markdown):
    """The text of a page. Links to other pages arrive as LinkClicked."""

    BLOCKS = Markdown.BLOCKS | {"fence": Formula, "code_block": Formula}
    DEFAULT_CSS = """
    PageText { max-width: 96; padding: 0 1; }
    PageText MarkdownH1, PageText MarkdownH2 { content-align: left middle; background: transparent; margin: 0 0 1 0; }
    PageText MarkdownH1 { color: $foreground; text-style: bold; }
    PageText MarkdownH2 { color: $accent; text-style: bold; margin: 0; }
    PageText MarkdownParagraph { margin: 0 0 1 0; }
    PageText MarkdownFence { margin: 0 0 1 0; background: $panel; color: $foreground; }
    PageText MarkdownFence > Label { padding: 0 1; }
    PageText MarkdownBlock:dark > .code_inline, PageText MarkdownBlock:light > .code_inline {
        background: transparent; color: $secondary;
    }
    """

    def __init__(self) -> None:
        super().__init__(open_links=False)
