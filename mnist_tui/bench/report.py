"""What `mnist-tui bench` shows: how far it is, on stderr, and at the end a table on stdout."""

import contextlib
import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from mnist_tui.bench.results import Measured
from mnist_tui.bench.words import conclusion, machine_lines, mark_line, speed_line
from mnist_tui.render.text import duration, sanitize

NARROWEST = 100
"""Columns where stdout is no terminal."""
REPAINTS = 4
"""A second: what is painted is not measured."""


class ProgressReport:
    """A progress bar on stderr where that is a terminal, else a line for each thing that begins and each result."""

    def __init__(self) -> None:
        self._name = ""
        self._task: TaskID | None = None
        self._progress = (
            Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TextColumn("{task.fields[words]}", markup=False),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
                refresh_per_second=REPAINTS,
                redirect_stdout=False,
            )
            if sys.stderr.isatty()
            else None
        )

    def __enter__(self) -> Self:
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            with contextlib.suppress(OSError):  # the terminal may be gone
                self._progress.stop()

    def tell(self, name: str, words: str, share: float | None) -> None:
        """What is under way, and how much of it is done, 0..1 (None: that is not known)."""
        if self._progress is None:
            if name != self._name:
                print(f"{sanitize(name)}: {sanitize(words)}", file=sys.stderr, flush=True)
            self._name = name
            return
        if name != self._name or self._task is None:
            self._name = name
            if self._task is not None:
                self._progress.remove_task(self._task)
            self._task = self._progress.add_task(sanitize(name), total=None, words=words)
        self._progress.update(self._task, total=None if share is None else 1.0, completed=share or 0.0, words=words)

    def say(self, line: str) -> None:
        """What came of it."""
        if self._progress is None:
            print(sanitize(line), file=sys.stderr, flush=True)
        else:
            self._progress.console.print(Text(sanitize(line)), highlight=False)


def print_measured(measured: Measured) -> None:
    """The whole result, for people."""
    console = Console() if sys.stdout.isatty() else Console(width=NARROWEST)

    def say(line: str, style: str = "") -> None:
        console.print(Text(sanitize(line), style=style), highlight=False, soft_wrap=True)

    for line in machine_lines(measured.machine):
        say(line, "dim")
    console.print()
    console.print(_speeds(measured))
    for speed in measured.presets:
        if speed.error is not None:
            say(speed_line(speed))
    if measured.mark is not None:
        console.print()
        say(conclusion(measured.mark), "bold")
        for run in measured.mark.runs:
            say(mark_line(measured.mark.preset, run))


def _speeds(measured: Measured) -> Table:
    """A line a preset."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("preset", no_wrap=True)
    for heading in ("batch", "images/s", "slowest", "fastest", "n", "an epoch", "start-up"):
        table.add_column(heading, justify="right", no_wrap=True)
    for speed in measured.presets:
        figures = [speed.images_per_second, speed.lowest, speed.highest]
        start_up = speed.start_up_seconds
        table.add_row(
            Text(sanitize(speed.preset)),
            f"{speed.batch_size:,}",
            *("–" if figure is None else f"{figure:,.0f}" for figure in figures),
            f"{speed.n}",
            duration(speed.epoch_seconds),
            "–" if start_up is None else f"{start_up:.1f} s",
        )
    return table
