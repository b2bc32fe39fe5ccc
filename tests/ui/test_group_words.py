"""The line of the compare screen that compares runs as one."""

from mnist_tui.analysis.comparison import EpochResult, RunResult
from mnist_tui.ui.compare.group_words import group_words


def results(*accuracies: float) -> list[RunResult]:
    """Return runs of two learning rates in turn."""
    return [
        RunResult(f"otter-{place}", {"learning rate": str(place % 2)}, (EpochResult(1, 1, 1.0, accuracy),))
        for place, accuracy in enumerate(accuracies)
    ]


def test_the_setting_that_matters_is_named() -> None:
    words = group_words(results(0.90, 0.98, 0.91, 0.99))
    assert "mean validation 94.50 %" in words
    assert "learning rate: 98 % of the variance" in words
    assert "best otter-3, 99.00 %" in words


def test_chance_names_no_setting() -> None:
    assert "no setting stands out" in group_words(results(0.90, 0.98, 0.98, 0.90))


def test_fewer_than_three_results_are_not_compared_as_one() -> None:
    assert group_words([*results(0.9, 0.98), RunResult("new-otter", {})]) == ""
