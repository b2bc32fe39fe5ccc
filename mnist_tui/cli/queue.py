"""`mnist-tui queue`: runs that start in sequence, one a device at a time."""

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import click

from mnist_tui.cli.grid import combinations, count, grid_of, varied
from mnist_tui.cli.manage import YES, agreed
from mnist_tui.cli.options import UserPath, settings_options
from mnist_tui.cli.settings_files import settings_from, settings_like
from mnist_tui.cli.wiring import UsageError, catalogue
from mnist_tui.config import quoted
from mnist_tui.render.text import duration, sanitize
from mnist_tui.runs.about import TAG, read_about
from mnist_tui.runs.directory import list_runs, name_of
from mnist_tui.runs.queue import MAX_ENTRIES, Queue, QueueState
from mnist_tui.runs.queue_entry import Entry, State
from mnist_tui.settings import SETTINGS

MOST_UNASKED = 100
"""Runs that a grid may have without a question."""
RECENT_RUNS = 50
"""Newest runs among which one is looked for whose time a question names."""
PLACES: dict[str, Callable[[int, int], int]] = {
    "first": lambda _, __: 0,
    "last": lambda _, count: count - 1,
    "up": lambda place, _: place - 1,
    "down": lambda place, _: place + 1,
}
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group(invoke_without_command=True)
@AS_JSON
@click.pass_context
def queue(context: click.Context, as_json: bool) -> int | None:
    """Start runs in sequence, one a device at a time.

    Without a command, list the queue. Runs go on after a failure or a stop, and after the terminal is closed.
    """
    return _list(as_json) if context.invoked_subcommand is None else None


@queue.command()
@settings_options(SETTINGS, multiple=True)
@click.option("--config", "config_file", type=UserPath(), help="Settings from a TOML file; flags take precedence.")
@click.option("--like", metavar="RUN", help="Settings of an earlier run; --config and flags take precedence.")
@click.option("--group", metavar="NAME", help="Tag of the runs, for `compare --group`; a grid gets one of its own.")
@YES
def add(config_file: Path | None, like: str | None, group: str | None, yes: bool, **flags: tuple[str, ...]) -> int:
    """Add a run, or a grid of runs, with the flags of `train`.

    Several values make a grid, a run for each combination: --learning-rate 0.01,0.02,0.04 --seed 0..2 adds nine runs.
    A flag whose values may hold commas, as --data, is given several times instead.
    """
    given = settings_like(like) if like else {}
    given |= settings_from(config_file) if config_file else {}
    if not flags["preset"]:
        given = _without_defaults(given)
    grid = {key: [text] for key, text in given.items()}
    grid |= grid_of({key: texts for key, texts in flags.items() if texts}, MAX_ENTRIES)
    total = count(grid)
    if total > MAX_ENTRIES:
        raise UsageError(f"a grid of {total:,} runs is too large: give at most {MAX_ENTRIES:,}")
    if total > 1 and "name" in grid:
        raise UsageError(f"--name cannot name {total:,} runs: give --group NAME, which tags them")
    if group is not None and not re.fullmatch(TAG, group):
        raise UsageError(f"--group {quoted(group)} cannot be used: give 1 to 30 letters, digits, dots or dashes")
    if total > MOST_UNASKED and not agreed(f"Add {total:,} runs to the queue{_time_words(total)}?", yes):
        return 1
    queue, known = Queue(), catalogue()
    for name in grid.get("name", ()):
        if name in {name_of(run) for run in list_runs()} | {each.settings.get("name") for each in queue.read().entries}:
            raise UsageError(f"a run or an entry named {quoted(name)} exists already: choose another --name")
    runs = [known.given(each) for each in combinations(grid)]
    entries = queue.add(runs, group if group is not None else _free_group(queue) if total > 1 else "")
    first, last = entries[0], entries[-1]
    if total == 1:
        click.echo(f"entry {first.number} added: {first.words}")
    else:
        keys = ", ".join(key.replace("_", " ") for key in varied(grid))
        click.echo(f"entries {first.number} to {last.number} added, group {first.group}: {total:,} runs over {keys}")
        click.echo(f"`mnist-tui compare --group {first.group}` compares them", err=True)
    state = queue.state()
    _go_on(queue, state)
    if state.is_paused:
        click.echo("the queue is paused: `mnist-tui queue continue` starts runs again", err=True)
    return 0


@queue.command("list")
@AS_JSON
def list_entries(as_json: bool) -> int:
    """List the entries: what runs, what waits, and how the newest runs ended."""
    return _list(as_json)


@queue.command()
@click.argument("entry", type=click.IntRange(min=1))
@click.argument("place", metavar="first|last|up|down|PLACE")
def move(entry: int, place: str) -> int:
    """Move a waiting ENTRY to another place; 1 is the next one to start."""
    if place not in PLACES and not re.fullmatch(r"[1-9]\d{0,8}", place, re.ASCII):
        raise UsageError(f"place {quoted(place)} is not known: give first, last, up, down or a number from 1")
    queue = Queue()
    found = queue.move(entry, PLACES[place] if place in PLACES else lambda _, __: int(place) - 1)
    click.echo(f"entry {entry} is number {found + 1} of {len(queue.state().waiting)} that wait")
    return 0


@queue.command()
@click.argument("entries", metavar="ENTRY...", nargs=-1, required=True)
def remove(entries: tuple[str, ...]) -> int:
    """Remove entries that do not run.

    ENTRY is a number, several as 3..7, the name of a group, `ended` or `waiting`.
    """
    queue = Queue()
    present = queue.read().entries
    chosen = list(dict.fromkeys(number for each in entries for number in _chosen(each, present)))
    queue.remove(chosen)
    click.echo(f"{len(chosen):,} {'entry' if len(chosen) == 1 else 'entries'} removed")
    return 0


@queue.command()
def pause() -> int:
    """Start no further run; those that train go on."""
    Queue().pause()
    click.echo("the queue is paused: `mnist-tui queue continue` starts runs again")
    return 0


@queue.command("continue")
def continue_queue() -> int:
    """Start runs again after a pause or a restart of the machine."""
    queue = Queue()
    queue.unpause()
    state = queue.state()
    _go_on(queue, state)
    click.echo(f"the queue goes on: {_count_words(state)}")
    return 0


def _list(as_json: bool) -> int:
    from mnist_tui.cli import listing, listing_queue

    queue = Queue()
    state = queue.state()
    if state.needs_runner and not state.is_interrupted:
        _go_on(queue, state)
        state = queue.state()
    if as_json:
        listing.print_json(listing_queue.document(state))
        return 0
    listing_queue.print_queue(state)
    question = f"Go on with the queue ({_count_words(state)})?"
    can_ask = sys.stdin.isatty() and sys.stdout.isatty()
    if state.is_interrupted and can_ask and click.confirm(question, default=True):
        queue.unpause()
        _go_on(queue, queue.state())
    return 0


def _go_on(queue: Queue, state: QueueState) -> None:
    """Start the runner if there is work for it; raises RunError."""
    from mnist_tui.control.queue_runner import start_runner

    if state.needs_runner:
        start_runner(queue)


def _count_words(state: QueueState) -> str:
    return f"{len(state.running):,} running, {len(state.waiting):,} waiting"


def _chosen(words: str, present: Iterable[Entry]) -> list[int]:
    """Return the numbers of the entries that a word of the user names; raises UsageError if there are none."""
    found = re.fullmatch(r"(\d{1,9})(?:\.\.(\d{1,9}))?", words, re.ASCII)
    if found and not found[2]:
        return [int(words)]
    if found:
        numbers = [entry.number for entry in present if int(found[1]) <= entry.number <= int(found[2])]
    elif words == "ended":
        return [entry.number for entry in present if entry.state.is_over]
    elif words == "waiting":
        return [entry.number for entry in present if entry.state is State.WAITING]
    else:
        numbers = [entry.number for entry in present if entry.group == words and entry.state is not State.RUNNING]
    if not numbers:
        raise UsageError(f"the queue has no entry {quoted(words)}: `mnist-tui queue` lists them")
    return numbers


def _without_defaults(given: dict[str, str]) -> dict[str, str]:
    """Return the settings that differ from the preset's defaults, and the preset: a list of entries names them."""
    known = catalogue()
    preset = known.complete(given).preset
    return {key: text for key, text in given.items() if key == "preset" or text != str(known.default(key, preset))}


def _free_group(queue: Queue) -> str:
    """Return a group's name that no entry and no run has."""
    taken = {entry.group for entry in queue.read().entries} | {
        tag for run in list_runs() for tag in read_about(run.path).tags
    }
    return next(name for number in range(1, len(taken) + 2) if (name := f"grid-{number}") not in taken)


def _time_words(runs: int) -> str:
    """Return the time of a number of runs if each takes as long as the newest one; empty without one."""
    from mnist_tui.runs.summary import newest_summaries

    for summary in newest_summaries(RECENT_RUNS):
        if summary.ended is not None and summary.ended.seconds:
            seconds = summary.ended.seconds
            return f" ({duration(runs * seconds)} at {duration(seconds)} each, as {sanitize(summary.record.name)} took)"
    return ""
