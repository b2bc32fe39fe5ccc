"""Output of `mnist-tui bench`: progress on stderr, and the result on stdout."""

import contextlib
import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from mnist_tui.bench.results import BenchResult, MachineInfo, Speed, TimedRun, TimeToAccuracy
from mnist_tui.render.text import duration, joules, percent, sanitize, watt_hours

PIPE_WIDTH = 100
"""Columns of the tables if stdout is not a terminal."""
REFRESH_RATE = 4
"""Repaints per second. Few, because they slow the measurement."""


class ProgressReport:
    """A progress bar on stderr if that is a terminal, otherwise a line for each measurement and each result."""

    def __init__(self) -> None:
        self._name = ""
        self._task: TaskID | None = None
        self._progress = (
            Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TextColumn("{task.fields[text]}", markup=False),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
                refresh_per_second=REFRESH_RATE,
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

    def update(self, name: str, text: str, fraction: float | None) -> None:
        """Show the current measurement and the fraction done, 0..1; None if unknown."""
        if self._progress is None:
            if name != self._name:
                print(f"{sanitize(name)}: {sanitize(text)}", file=sys.stderr, flush=True)
            self._name = name
            return
        if name != self._name or self._task is None:
            self._name = name
            if self._task is not None:
                self._progress.remove_task(self._task)
            self._task = self._progress.add_task(sanitize(name), total=None, text=text)
        self._progress.update(self._task, total=None if fraction is None else 1.0, completed=fraction or 0.0, text=text)

    def log(self, line: str) -> None:
        """Print a result above the bar."""
        if self._progress is None:
            print(sanitize(line), file=sys.stderr, flush=True)
        else:
            self._progress.console.print(Text(sanitize(line)), highlight=False)


def print_result(result: BenchResult) -> None:
    """Print all results as tables and sentences."""
    console = Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH)

    def say(line: str, style: str = "") -> None:
        console.print(Text(sanitize(line), style=style), highlight=False, soft_wrap=True)

    for line in machine_lines(result.machine):
        say(line, "dim")
    console.print()
    console.print(_speed_table(result))
    for speed in result.presets:
        if speed.error is not None:
            say(speed_line(speed))
    if result.time_to_accuracy is not None:
        console.print()
        say(conclusion(result.time_to_accuracy), "bold")
        for run in result.time_to_accuracy.runs:
            say(run_line(result.time_to_accuracy.preset, run))


def _speed_table(result: BenchResult) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("preset", no_wrap=True)
    for heading in ("batch", "images/s", "slowest", "fastest", "n", "an epoch", "start-up", "energy an image"):
        table.add_column(heading, justify="right", no_wrap=True)
    for speed in result.presets:
        figures = [speed.images_per_second, speed.lowest, speed.highest]
        start_up = speed.start_up_seconds
        table.add_row(
            Text(sanitize(speed.preset)),
            f"{speed.batch_size:,}",
            *("–" if figure is None else f"{figure:,.0f}" for figure in figures),
            f"{speed.n}",
            duration(speed.epoch_seconds),
            "–" if start_up is None else f"{start_up:.1f} s",
            joules(speed.joules_per_image),
        )
    return table


def speed_line(speed: Speed) -> str:
    """Return one line about a preset's speed."""
    if speed.images_per_second is None:
        return f"{speed.preset}: not measured: {speed.error}"
    return (
        f"{speed.preset}: {speed.images_per_second:,.0f} images/s"
        f" ({speed.lowest:,.0f} to {speed.highest:,.0f}, n = {speed.n})"
    )


def run_line(preset: str, run: TimedRun) -> str:
    """Return one line about a complete run."""
    if run.test_accuracy is None or run.training_seconds is None:
        return f"{preset}, seed {run.seed}: not measured: {run.error}"
    epochs = f"{run.epochs} epoch{'' if run.epochs == 1 else 's'}"
    return (
        f"{preset}, seed {run.seed}: {epochs} in {run.training_seconds:.1f} s"
        f" (start-up {run.start_up_seconds or 0:.1f} s, test {run.test_seconds or 0:.1f} s):"
        f" validation {percent(run.validation_accuracy)}, test {percent(run.test_accuracy)},"
        f" energy {watt_hours(run.watt_hours)}"
    )


def conclusion(result: TimeToAccuracy) -> str:
    """Return one line that says if the target was reached, and after how many seconds."""
    target = f"{percent(result.target)} test accuracy with {result.preset}"
    if result.test_accuracy is None or result.training_seconds is None:
        return f"{target}: not measured"
    seconds = f"{result.training_seconds:.1f} s of training"
    if result.n > 1:
        seconds += f" ({result.lowest_seconds:.1f} to {result.highest_seconds:.1f}, n = {result.n})"
    if result.seconds is None:
        return f"{target}: not reached: {percent(result.test_accuracy)} after {seconds}"
    reached = "" if result.reached == result.n else f", in {result.reached} of {result.n} runs"
    return f"{target}: reached in {seconds}{reached}"


def machine_lines(machine: MachineInfo) -> list[str]:
    """Return one line about the machine, one about the versions, and a warning if the machine was busy."""
    device = machine.device or f"{machine.cpu_count} CPU cores"
    cores = [] if "CPU" in device else [f"{machine.cpu_count} CPU cores"]
    parts = [device, *cores, machine.processor, f"{machine.memory_bytes / 2**30:.1f} GiB of memory"]
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    lines = [", ".join(filter(None, parts)), versions]
    if machine.is_busy:
        lines.append(
            f"other programs were busy (load {machine.load_before:.1f} on {machine.cpu_count} cores):"
            " measure again when they are not"
        )
    return [line for line in lines if line]
