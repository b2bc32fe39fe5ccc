"""Output that contains only cells that differ from what the terminal shows.

Textual sends a panel's line from its edge to the last changed cell, with both colours and a reset for every segment:
of 10 KB a second while training, 7.5 were colours. The encoder sits between Textual and its driver and remembers the
terminal's cells. It passes on sequences that it does not know, and regards the terminal's cells as unknown afterwards.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from rich.cells import cell_len
from textual.driver import Driver

from mnist_tui.ui.terminal.pens import PLAIN, Pen, change, for_blank, on_blank, pen_of

Cell = tuple[str, Pen]
TOKENS = re.compile(r"\x1b\[(\d+);(\d+)H|\x1b\[([\d;]*)m|(\n)|([^\x00-\x1f\x7f-\x9f]+)")
SYNC_START, SYNC_END = "\x1b[?2026h", "\x1b[?2026l"
SILENT = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1bPtmux;[^\x18\x1a]*\x1b\\|\x07")
"""Clipboard, pointer shape, notification and bell: they change no cell."""
STEP_BYTES = 4
"""Bytes to move the cursor over cells; rewriting them may take fewer."""


class DiffEncoder:
    """Remembers what the terminal shows. `encode` takes all output in its order."""

    def __init__(self) -> None:
        self._rows: dict[int, list[Cell | None]] = {}
        self._pen = PLAIN
        self._cursor: tuple[int, int] | None = None
        self._held = ""
        """The start of a frame, until the frame has something to write."""

    def forget(self) -> None:
        """Regard all cells as unknown."""
        self._rows.clear()
        self._cursor = None

    def encode(self, data: str, rows: int) -> str:
        """Return what to write instead of `data` to a terminal of `rows` rows; empty if nothing changes."""
        if data == SYNC_START:
            self._held = data
            return ""
        if data == SYNC_END:
            held, self._held = self._held, ""
            return "" if held else data
        out = self._drawn(data, rows)
        if out:
            out, self._held = self._held + out, ""
        return out

    def _drawn(self, data: str, rows: int) -> str:
        tokens = TOKENS.findall(data)
        if sum(_length(*token) for token in tokens) != len(data):
            return self._as_it_came(data)
        if data.count(";1H") >= rows:
            self.forget()  # a full repaint: the terminal was resized, or the user asked for it
        out: list[str] = []
        cells: list[Cell] = []
        pen: Pen | None = PLAIN
        place: tuple[int, int] | None = None
        for row, column, parameters, newline, text in tokens:
            if row or newline:
                self._put(out, place, cells)
                cells = []
                place = (int(row), int(column)) if row else None
            elif text:
                if pen is None or place is None:
                    return self._as_it_came(data)
                blank = (" ", on_blank(pen))
                cells += [blank if letter == " " else (letter, pen) for letter in text]
            else:
                pen = pen_of(parameters)
        self._put(out, place, cells)
        out.append(change(self._pen, PLAIN))
        self._pen = PLAIN
        if place is not None and not cells and place != self._cursor:  # where the cursor is to wait
            out.append("\x1b[H" if place == (1, 1) else f"\x1b[{place[0]};{place[1]}H")
            self._cursor = place
        return "".join(out)

    def _as_it_came(self, data: str) -> str:
        if not SILENT.fullmatch(data):
            self.forget()
        self._pen = PLAIN  # every frame leaves it so
        return data

    def _put(self, out: list[str], place: tuple[int, int] | None, cells: list[Cell]) -> None:
        """Write the cells that differ from those shown."""
        if place is None or not cells:
            return
        row, column = place
        shown = self._rows.setdefault(row, [])
        first, end = column - 1, column - 1 + len(cells)
        if not _is_narrow("".join(letter for letter, _ in cells)):
            self._write(out, row, first, cells)
            self._cursor = None
            shown.clear()  # terminals differ in the width of its characters
            return
        if len(shown) < end:
            shown += [None] * (end - len(shown))
        before = shown[first:end]
        if before == cells:
            return
        shown[first:end] = cells
        changed = [at for at, (old, new) in enumerate(zip(before, cells, strict=True)) if old != new]
        begins = before_it = changed[0]
        for at in changed[1:]:
            if at - before_it > 1 and not self._worth(cells, before_it, at):
                self._write(out, row, first + begins, cells[begins : before_it + 1])
                begins = at
            before_it = at
        self._write(out, row, first + begins, cells[begins : before_it + 1])

    @staticmethod
    def _worth(cells: list[Cell], at: int, following: int) -> bool:
        """Return True if it is shorter to rewrite the cells between two than to move the cursor."""
        if following - at > STEP_BYTES:
            return False
        between, pen = cells[at + 1 : following], cells[at][1]
        alike = all(one == pen or (letter == " " and one.behind == pen.behind) for letter, one in between)
        return alike and len("".join(letter for letter, _ in between).encode()) <= STEP_BYTES

    def _write(self, out: list[str], row: int, column: int, cells: list[Cell]) -> None:
        """Write cells from a column on (counted from 0)."""
        if self._cursor is not None and self._cursor[0] == row and column + 1 > self._cursor[1]:
            steps = column + 1 - self._cursor[1]
            out.append(f"\x1b[{steps if steps > 1 else ''}C")
        elif self._cursor != (row, column + 1):
            out.append(f"\x1b[{row};{column + 1}H")
        for letter, pen in cells:
            wanted = for_blank(self._pen, pen) if letter == " " else pen
            if wanted is not self._pen:
                out.append(change(self._pen, wanted))
                self._pen = wanted
            out.append(letter)
        self._cursor = (row, column + 1 + len(cells))


def _length(row: str, column: str, parameters: str, newline: str, text: str) -> int:
    """Return the length of a token in the input."""
    if row:
        return len(row) + len(column) + 4
    return len(text or newline) or len(parameters) + 3


@lru_cache(maxsize=1024)
def _is_narrow(text: str) -> bool:
    """Return True if every character takes one cell."""
    return text.isascii() or all(cell_len(letter) == 1 for letter in set(text))


def diff_driver(driver: type[Driver], is_gone: Callable[[], bool], recoloured: Callable[[str], str]) -> type[Driver]:
    """Return a subclass of a driver that writes only changed cells, and nothing once the terminal `is_gone`.

    Args:
        driver: Writes to the terminal.
        is_gone: Returns True once the terminal has closed.
        recoloured: Returns output in the terminal's colours.
    """

    class DiffDriver(driver):  # type: ignore[misc, valid-type]
        def __init__(self, *args: Any, **keywords: Any) -> None:
            self._encoder = DiffEncoder()
            super().__init__(*args, **keywords)

        def write(self, data: str) -> None:
            if is_gone():
                return  # Textual would queue it for a thread that has ended, and wait for that thread
            out = self._encoder.encode(recoloured(data), self._app.size.height)
            if out:
                super().write(out)

    return DiffDriver
