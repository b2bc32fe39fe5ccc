"""The terminal shows what Textual draws, after fewer bytes."""

from typing import Any

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.app import App
from textual.driver import Driver
from textual.drivers.headless_driver import HeadlessDriver

from mnist_tui.ui.terminal.differences import SYNC_END, SYNC_START, DiffEncoder, diff_driver
from mnist_tui.ui.terminal.pens import PLAIN, change, pen_of

COLUMNS, ROWS = 30, 6
ALL_ROWS = 99
"""More rows than a frame has, which would otherwise count as a full repaint."""
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
def test_any_frames_look_the_same(frames: list[list[tuple[int, int, list[tuple[str, str]]]]]) -> None:
    encoder, plain, thin = DiffEncoder(), Terminal(), Terminal()
    for spans in frames:
        data = frame(spans)
        plain.write(data.replace("\n", ""))
        thin.write(encoder.encode(data, ROWS))
        assert thin.seen() == plain.seen()


@given(st.lists(SPANS, min_size=1, max_size=4, unique_by=lambda span: span[0]))
def test_a_repeated_frame_writes_nothing(spans: list[tuple[int, int, list[tuple[str, str]]]]) -> None:
    encoder, data = DiffEncoder(), frame(spans)
    assert encoder.encode(data, ALL_ROWS) != ""
    assert encoder.encode(data, ALL_ROWS) == ""


def test_only_changed_cells_are_written() -> None:
    encoder = DiffEncoder()
    before, after = (span(3, 1, ("1;31", f"step {step} of 900")) + "\x1b[1;1H" for step in (100, 109))
    encoder.encode(before, ROWS)
    assert encoder.encode(after, ROWS) == "\x1b[3;8H\x1b[1;31m9\x1b[m\x1b[H"
    assert encoder.encode(after, ROWS) == ""


def test_an_unchanged_frame_is_not_started() -> None:
    encoder = DiffEncoder()
    words = span(2, 5, ("31", "same"))
    first = [encoder.encode(data, ROWS) for data in (SYNC_START, words, SYNC_END)]
    again = [encoder.encode(data, ROWS) for data in (SYNC_START, words, SYNC_END)]
    assert "".join(first) == f"{SYNC_START}\x1b[2;5H\x1b[31msame\x1b[m{SYNC_END}"
    assert again == ["", "", ""]


def test_a_full_repaint_is_written_in_full() -> None:
    encoder = DiffEncoder()
    whole = "\n".join(span(row, 1, ("", "x" * COLUMNS)) for row in range(1, ROWS + 1)) + "\x1b[1;1H"
    encoder.encode(whole, ROWS)
    terminal = Terminal()
    terminal.write(encoder.encode(whole, ROWS))
    assert all(cell.data == "x" for row in terminal.seen() for cell in row)


@pytest.mark.parametrize("strange", ["\x1b[?1049h", "\x1b[2J", "\x1b[?1000h", "a\rb", span(1, 1, ("58;5;3", "u"))])
def test_unknown_sequences_pass_unchanged_and_make_all_cells_unknown(strange: str) -> None:
    encoder = DiffEncoder()
    words = span(2, 5, ("31", "same"))
    encoder.encode(words, ROWS)
    assert encoder.encode(strange, ROWS) == strange
    assert "same" in encoder.encode(words, ROWS)


@pytest.mark.parametrize("silent", ["\x07", "\x1b]52;c;YQ==\x07", "\x1b]22;pointer\x1b\\"])
def test_bell_clipboard_and_pointer_change_no_cell(silent: str) -> None:
    encoder = DiffEncoder()
    words = span(2, 5, ("31", "same"))
    encoder.encode(words, ROWS)
    assert encoder.encode(silent, ROWS) == silent
    assert encoder.encode(words, ROWS) == ""


def test_a_line_with_wide_characters_is_always_written_in_full() -> None:
    encoder = DiffEncoder()
    words = span(2, 5, ("31", "数字 0"))
    assert encoder.encode(words, ROWS) == encoder.encode(words, ROWS) != ""


@given(st.sampled_from(STYLES), st.sampled_from(STYLES))
def test_a_change_of_pen_equals_a_reset_and_the_new_pen(held: str, wanted: str) -> None:
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


async def test_a_driver_writes_only_changes_and_nothing_to_a_closed_terminal() -> None:
    async with App[None]().run_test(size=(COLUMNS, ROWS)) as pilot:
        gone = False
        kind: type[Driver] = diff_driver(Recording, lambda: gone, str)
        driver = kind(pilot.app, size=(COLUMNS, ROWS))
        assert isinstance(driver, Recording)
        for _ in range(3):
            driver.write(span(2, 5, ("31", "same")))
        assert driver.written == ["\x1b[2;5H\x1b[31msame\x1b[m"]
        gone = True
        driver.write(span(2, 5, ("31", "other")))
        assert len(driver.written) == 1
