"""Runs side by side: what differs, who is best, and what each needed."""

import math

from mnist_tui.analysis.comparison import TARGETS, EpochResult, RunResult, best_runs, differing_settings


def run(
    name: str, *accuracies: float, images: int = 1_000, seconds: float = 10.0, test: float | None = None
) -> RunResult:
    epochs = [EpochResult(place, place * images, place * seconds, each) for place, each in enumerate(accuracies, 1)]
    return RunResult(name, {"seed": "0"}, tuple(epochs), () if test is None else (test,))


def test_only_settings_that_differ_are_listed_in_their_order() -> None:
    first = {"preset": "fast", "epochs": "3", "seed": "0", "limit": "all"}
    assert differing_settings([first, first]) == []
    assert differing_settings([first]) == []
    assert differing_settings([first, first | {"seed": "7", "epochs": "4"}]) == ["epochs", "seed"]


def test_a_setting_that_a_run_does_not_have_is_a_difference() -> None:
    assert differing_settings([{"preset": "fast"}, {"preset": "fast", "early stopping": "off"}]) == ["early stopping"]


def test_the_first_epoch_that_reached_an_accuracy_counts_even_if_later_ones_fell_below() -> None:
    one = run("one", 0.98, 0.9929, 0.99, 0.994)
    reached = [one.first_reaching(target) for target in TARGETS]
    assert [epoch.epoch if epoch else None for epoch in reached] == [2, 2, None]
    assert reached[1] == EpochResult(2, 2_000, 20.0, 0.9929)


def test_exactly_the_accuracy_is_enough_and_nan_never_is() -> None:
    assert run("exact", 0.995).first_reaching(0.995) is not None
    assert run("lost", math.nan, math.nan).first_reaching(0.99) is None


def test_the_best_are_named_for_each_figure_and_equals_share_it() -> None:
    slow = run("slow", 0.985, 0.991, images=500, seconds=60.0, test=0.9929)
    quick = run("quick", 0.991, images=2_000, seconds=10.0, test=0.9929)
    best = best_runs([slow, quick, run("empty")])
    assert best.validation == {0, 1}
    assert best.test == {0, 1}
    assert best.images[0] == {0}
    assert best.seconds[0] == {1}
    assert best.images[2] == frozenset()


def test_a_lone_run_has_beaten_nobody() -> None:
    best = best_runs([run("one", 0.993, test=0.99), run("none")])
    assert best.validation == best.test == best.images[0] == frozenset()


def test_the_first_of_equal_epochs_is_the_best() -> None:
    found = run("one", 0.98, 0.99, 0.99).best
    assert found is not None
    assert found.epoch == 2
    assert run("none").best is None
