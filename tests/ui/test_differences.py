"""What reaches the terminal is what Textual meant, in fewer bytes."""

from typing import Any

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.app import App
from textual.driver import Driver
from textual.drivers.headless_driver import HeadlessDriver

from mnist_tui.ui.terminal.differences import SYNC_END, SYNC_START, Wire, thrifty
from mnist_tui.ui.terminal.pens import PLAIN, change, pen_of

COLUMNS, ROWS = 30, 6
STYLES = ("", "1", "38;2;1;2;3", "48;2;9;9;9", "1;38;2;1;2;3;48;2;9;9;9", "38;5;7", "31;44", "4", "7;31", "2;3")
PIECES = st.tuples(st.sampled_from(STYLES), st.text("ab ─⣿", min_size=1, max_size=6))
SPANS = st.tuples(st.integers(1, ROWS), st.integers(1, COLUMNS), st.lists(PIECES, min_size=1, max_size=4))
FRAMES = st.lists(st.lists(SPANS, min_size=1, max_size=4), min_size=1, max_size=6)


class Terminal:
    """A screen that is written to."""

    def __init__(self) -> None:
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.Stream(self._screen)

    def write(self, data: str) -> None:
        self._stream.feed(data)

    def seen(self) -> list[list[Any]]:
        """All cells as they look: the colour of letters does not show on a blank."""
        cells = [[self._screen.buffer[row][column] for column in range(COLUMNS)] for row in range(ROWS)]
        return [
            [
                each._replace(fg="default", bold=False, italics=False)
                if each.data == " " and not (each.reverse or each.underscore)
                else each
                for each in row
            ]
            for row in cells
        ]


def span(row: int, column: int, *pieces: tuple[str, str]) -> str:
    """A piece of a line as Textual writes it."""
    text = "".join(f"\x1b[{style}m{letters}\x1b[0m" if style else letters for style, letters in pieces)
    return f"\x1b[{row};{column}H{text}"


def frame(spans: list[tuple[int, int, list[tuple[str, str]]]]) -> str:
    """A frame as Textual writes it, its last line without an end."""
    drawn = []
    for row, column, pieces in spans:
        room, fitting = COLUMNS - column + 1, []
        for style, letters in pieces:
            fitting.append((style, letters[:room]))
            room -= len(letters[:room])
        drawn.append(span(row, column, *(piece for piece in fitting if piece[1])))
    return "\n".join(drawn) + "\x1b[1;1H"


@settings(max_examples=300, deadline=None)
@given(FRAMES)
def test_any_frames_look_the_same_and_are_no_longer(frames: list[list[tuple[int, int, list[tuple[str, str]]]]]) -> None:
    wire, plain, thin = Wire(), Terminal(), Terminal()
    for spans in frames:
        data = frame(spans)
        plain.write(data.replace("\n", ""))
        thin.write(wire.encode(data, ROWS))
        assert thin.seen() == plain.seen()
        assert wire.encode(data, 99) == "" or len(spans) > 1  # spans of a frame may lie over one another


def test_only_the_letters_that_changed_are_written() -> None:
    wire = Wire()
    wire.encode(span(3, 1, ("1;31", "step 100 of 900")) + "\x1b[1;1H", ROWS)
    assert (
        wire.encode(span(3, 1, ("1;31", "step 109 of 900")) + "\x1b[1;1H", ROWS) == "\x1b[3;8H\x1b[1;31m9\x1b[m\x1b[H"
    )
    assert wire.encode(span(3, 1, ("1;31", "step 109 of 900")) + "\x1b[1;1H", ROWS) == ""


def test_a_frame_without_a_change_is_not_even_begun() -> None:
    wire = Wire()
    words = span(2, 5, ("31", "same"))
    first = [wire.encode(data, ROWS) for data in (SYNC_START, words, SYNC_END)]
    again = [wire.encode(data, ROWS) for data in (SYNC_START, words, SYNC_END)]
    assert "".join(first) == f"{SYNC_START}\x1b[2;5H\x1b[31msame\x1b[m{SYNC_END}"
    assert again == ["", "", ""]


def test_a_whole_screen_is_written_whole_so_that_a_garbled_terminal_is_mended() -> None:
    wire = Wire()
    whole = "\n".join(span(row, 1, ("", "x" * COLUMNS)) for row in range(1, ROWS + 1)) + "\x1b[1;1H"
    wire.encode(whole, ROWS)
    terminal = Terminal()
    terminal.write(wire.encode(whole, ROWS))
    assert all(cell.data == "x" for row in terminal.seen() for cell in row)


@pytest.mark.parametrize("strange", ["\x1b[?1049h", "\x1b[2J", "\x1b[?1000h", "a\rb", span(1, 1, ("58;5;3", "u"))])
def test_what_is_not_understood_goes_out_as_it_is_and_what_is_shown_counts_as_unknown(strange: str) -> None:
    wire = Wire()
    words = span(2, 5, ("31", "same"))
    wire.encode(words, ROWS)
    assert wire.encode(strange, ROWS) == strange
    assert "same" in wire.encode(words, ROWS)


@pytest.mark.parametrize("silent", ["\x07", "\x1b]52;c;YQ==\x07", "\x1b]22;pointer\x1b\\"])
def test_bell_clipboard_and_pointer_change_no_cell(silent: str) -> None:
    wire = Wire()
    words = span(2, 5, ("31", "same"))
    wire.encode(words, ROWS)
    assert wire.encode(silent, ROWS) == silent
    assert wire.encode(words, ROWS) == ""


def test_a_line_with_wide_letters_is_always_written_whole() -> None:
    wire = Wire()
    words = span(2, 5, ("31", "数字 0"))
    assert wire.encode(words, ROWS) == wire.encode(words, ROWS) != ""


@given(st.sampled_from(STYLES), st.sampled_from(STYLES))
def test_a_change_of_pen_leads_where_a_reset_would_lead(held: str, wanted: str) -> None:
    old, new = pen_of(held), pen_of(wanted)
    assert old is not None
    assert new is not None
    short, plain = Terminal(), Terminal()
    short.write(change(PLAIN, old) + change(old, new) + "x")
    plain.write(f"\x1b[{wanted}mx")
    assert short.seen() == plain.seen()


class Recording(HeadlessDriver):
    """Keeps what is written."""

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.written: list[str] = []

    def write(self, data: str) -> None:
        self.written.append(data)


async def test_a_driver_gets_what_is_left() -> None:
    async with App[None]().run_test(size=(COLUMNS, ROWS)) as pilot:
        gone = False
        kind: type[Driver] = thrifty(Recording, lambda: gone)
        driver = kind(pilot.app, size=(COLUMNS, ROWS))
        assert isinstance(driver, Recording)
        for _ in range(3):
            driver.write(span(2, 5, ("31", "same")))
        assert driver.written == ["\x1b[2;5H\x1b[31msame\x1b[m"]
        gone = True
        driver.write(span(2, 5, ("31", "other")))
        assert len(driver.written) == 1
