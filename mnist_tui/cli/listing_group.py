"""A group of runs on stdout."""

from mnist_tui.analysis.groups import Effect, Spread
from mnist_tui.cli.listing import LONGEST_TEXT, console, print_table
from mnist_tui.inspection.run_group import RunGroup
from mnist_tui.render.columns import Column
from mnist_tui.render.text import clip, percent, run_count, sanitize

SHOWN_VALUES = 8
"""Values of a setting that are listed."""
COLUMNS = (
    Column("value", 1),
    Column("runs", 3, is_number=True),
    Column("mean validation", 2, is_number=True),
)


def print_group(group: RunGroup) -> None:
    """Print mean and spread of the results, the best run, and the part of each setting."""
    out = console()
    done = group.validation.count if group.validation is not None else 0
    out.print(sanitize(f"{group.name}: {run_count(len(group.runs))}, {done:,} with a result"))
    for split, found in (("validation", group.validation), ("test", group.test)):
        if found is not None:
            out.print(f"{split:<11} {spread_words(found)}", soft_wrap=True)
    best = group.best
    if best is not None:
        results = f"validation {percent(best.validation_accuracy)}, test {percent(best.test_accuracy)}"
        settings = group.differing(best)
        out.print(sanitize(f"{'best':<11} {best.record.name}: {results}; {settings}"), soft_wrap=True)
    for effect in group.effects:
        out.print()
        out.print(sanitize(f"{_labels(effect)}: {effect.words}"), soft_wrap=True)
        print_table(COLUMNS, _rows(effect))


def spread_words(found: Spread) -> str:
    """Return mean, standard deviation, extremes and the interval of the mean in words."""
    parts = [f"mean {percent(found.mean)}"]
    if found.deviation is not None and found.interval is not None:
        low, high = found.interval
        parts.append(f"standard deviation {found.deviation * 100:.2f} points")
        parts.append(f"{percent(found.lowest)} to {percent(found.highest)}")
        parts.append(f"95 % interval of the mean {low * 100:.2f} to {high * 100:.2f} %")
    return ", ".join(parts)


def _labels(effect: Effect) -> str:
    return clip(" and ".join(effect.settings), LONGEST_TEXT)


def _rows(effect: Effect) -> list[tuple[str, str, str]]:
    ranked = sorted(effect.values, key=lambda each: -each.mean) if len(effect.values) > SHOWN_VALUES else effect.values
    rows = [
        (clip(sanitize(each.value), LONGEST_TEXT), f"{each.count:,}", percent(each.mean))
        for each in ranked[:SHOWN_VALUES]
    ]
    more = len(effect.values) - SHOWN_VALUES
    return [*rows, (f"{more:,} lower ones", "", "")] if more > 0 else rows
