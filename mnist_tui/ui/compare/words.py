"""Compared runs in words: the line on top, and what there is to say of the run under the cursor."""

from rich.text import Text

from mnist_tui.analysis.comparison import TARGETS, RunResult
from mnist_tui.render.text import percent
from mnist_tui.ui.compare.columns import target_words
from mnist_tui.ui.compare.compared_runs import ComparedRun, ComparedRuns


def heading(compared: ComparedRuns, variables: dict[str, str]) -> Text:
    """The program, how many runs, and how many of them are hidden or still being read."""
    parts = [f"comparing {len(compared.runs)} run" + ("" if len(compared.runs) == 1 else "s")]
    hidden = sum(not run.is_shown for run in compared.runs)
    unread = sum(not run.is_read for run in compared.runs)
    if hidden:
        parts.append(f"{hidden} hidden")
    if unread:
        parts.append(f"reading {unread} …")
    return Text.assemble(
        (" mnist-tui ", f"bold {variables['primary']}"),
        "  ",
        (parts[0], "bold"),
        ("".join(f" · {part}" for part in parts[1:]), variables["quiet"]),
    )


def about(run: ComparedRun) -> Text:
    """What is wrong with it, or its results with the digits that they are of."""
    words = run.remark
    if not words:
        words = " · ".join(results(run.result, _test_count(run)))
    return Text.assemble((f"{run.sign.marker} {run.name}", "bold"), f"  {words}", "" if run.is_shown else " · hidden")


def _test_count(run: ComparedRun) -> int:
    started = run.history.started if run.history is not None else None
    return started.test_count if started is not None else 0


def results(result: RunResult, test_count: int) -> list[str]:
    """Validation and test, told apart, and which of TARGETS the test accuracy reaches."""
    best = result.best
    if best is None:
        return ["no validated epoch yet"]
    parts = [f"best validation {percent(best.validation_accuracy)} in epoch {best.epoch}"]
    if result.test_accuracy is None:
        parts.append("not tested" if result.is_over else "tested at the end")
        return parts
    digits = f" of {test_count:,} digits" if test_count else ""
    reached = [target_words(target) for target in TARGETS if result.test_accuracy >= target]
    mark = f"reaches {reached[-1]}" if reached else f"below {target_words(TARGETS[0])}"
    parts.append(f"test {percent(result.test_accuracy)}{digits} with its weights: {mark}")
    return parts
