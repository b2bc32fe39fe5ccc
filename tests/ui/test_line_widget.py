from rich.style import Style
from rich.text import Text
from textual.app import App, ComposeResult
from textual.geometry import Region

from mnist_tui.ui.shared.line_widget import LineWidget


class Lines(LineWidget):
    """Draws what a test gives it, and notes what it asks to be painted."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[Text] = []
        self.painted: list[tuple[Region, ...]] = []

    def draw(self) -> list[Text]:
        return self.texts

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> "Lines":
        if hasattr(self, "painted"):
            self.painted.append(regions)
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)


class Host(App[None]):
    def compose(self) -> ComposeResult:
        yield Lines()


def colour_of(style: Style | None) -> str:
    assert style is not None
    assert style.color is not None
    return style.color.name


async def test_a_lines_own_style_shows_with_and_without_spans() -> None:
    async with Host().run_test(size=(20, 5)) as pilot:
        widget = pilot.app.query_one(Lines)
        widget.texts = [Text("plain", style="#ff0000"), Text.assemble(("span", "#00ff00"), " rest", style="#ff0000")]
        widget.redraw()
        first, second = (next(iter(widget.render_line(y))).style for y in (0, 1))
        assert (colour_of(first), colour_of(second)) == ("#ff0000", "#00ff00")


async def test_only_the_cells_that_differ_are_painted() -> None:
    async with Host().run_test(size=(20, 5)) as pilot:
        widget = pilot.app.query_one(Lines)
        widget.texts = [Text("step 100 of 200"), Text("same")]
        widget.redraw()
        await pilot.pause()
        widget.painted.clear()
        widget.texts = [Text("step 109 of 200"), Text("same")]
        widget.redraw()
        assert widget.painted == [(Region(7, 0, 1, 1),)]
        widget.painted.clear()
        widget.redraw()
        assert widget.painted == []
