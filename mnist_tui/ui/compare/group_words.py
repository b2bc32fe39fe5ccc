"""The line that compares the runs of the compare screen as one."""

from collections.abc import Sequence

from mnist_tui.analysis.comparison import RunResult
from mnist_tui.analysis.groups import Effect, effects, spread
from mnist_tui.analysis.significance import LEVEL, p_words
from mnist_tui.render.text import percent

FEWEST_RUNS = 3
"""Runs with a result that are compared as one."""


def group_words(runs: Sequence[RunResult]) -> str:
    """Return mean and spread of the validation accuracies, the best run and the setting that mattered most.

    The parts are separated by middle dots; the text is empty for fewer than three runs with a result.
    """
    known = [(run, run.best.validation_accuracy) for run in runs if run.best is not None]
    found = spread([accuracy for _, accuracy in known])
    if found is None or found.deviation is None or found.count < FEWEST_RUNS:
        return ""
    best, accuracy = max(known, key=lambda each: each[1])
    parts = [
        f"{found.count:,} runs: mean validation {percent(found.mean)}, deviation {found.deviation * 100:.2f} points",
        _largest(effects([run.settings for run, _ in known], [accuracy for _, accuracy in known])),
        f"best {best.name}, {percent(accuracy)}",
    ]
    return " · ".join(filter(None, parts))


def _largest(found: Sequence[Effect]) -> str:
    known = [effect for effect in found if effect.share is not None and effect.p is not None]
    if not known:
        return ""
    effect = known[0]
    if effect.share is None or effect.p is None or effect.p >= LEVEL:
        return "no setting stands out"
    return f"{' and '.join(effect.settings)}: {effect.share:.0%} of the variance, {p_words(effect.p)}".replace(
        "%", " %"
    )
