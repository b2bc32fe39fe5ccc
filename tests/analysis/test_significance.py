"""Intervals and tests, with SciPy as the referee."""

import numpy as np
import pytest

from mnist_tui.analysis.significance import Paired, common, interval_words, paired, wilson

PAIRS = [
    (0, 0),
    (0, 1),
    (1, 0),
    (0, 6),
    (12, 9),
    (9, 12),
    (5, 5),
    (30, 4),
    (200, 260),
    (4_000, 3_500),
    (30_000, 30_400),
]


@pytest.mark.parametrize(("won", "lost"), PAIRS)
def test_mcnemar_is_the_exact_binomial_test(won: int, lost: int) -> None:
    from scipy.stats import binomtest

    expected = binomtest(won, won + lost).pvalue if won + lost else 1.0
    assert Paired(won, lost, 70_000).p == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(("right", "total"), [(0, 1), (1, 1), (0, 10_000), (10_000, 10_000), (9_907, 10_000), (3, 7)])
def test_wilson_is_that_of_scipy(right: int, total: int) -> None:
    from scipy.stats import binomtest

    expected = binomtest(right, total).proportion_ci(method="wilson")
    assert wilson(right, total) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_nothing_has_no_interval() -> None:
    assert wilson(0, 0) is None
    assert (Paired(0, 0, 0).interval, Paired(0, 0, 0).difference) == (None, None)
    assert "no images" in Paired(0, 0, 0).words
    assert interval_words(None, 100) == interval_words(0.5, 0) == interval_words(float("nan"), 10) == "–"


def test_the_paired_interval_is_the_published_one() -> None:
    """Airway hyper-responsiveness before and after a transplantation, in Fagerland et al. (2014): n = 21."""
    assert Paired(won=1, lost=7, total=21).interval == pytest.approx((-0.508, -0.013), abs=1e-3)


@pytest.mark.parametrize(("won", "lost"), [(0.02, 0.02), (0.05, 0.01), (0.1, 0.2)])
def test_the_paired_interval_holds_the_true_difference_in_95_percent(won: float, lost: float) -> None:
    """All outcomes of 100 images, weighted by their probabilities."""
    from scipy.stats import multinomial

    wins, losses = (each.ravel() for each in np.mgrid[:51, :51])
    chances = multinomial.pmf(
        np.column_stack([wins, losses, 100 - wins - losses]).clip(0), 100, (won, lost, 1 - won - lost)
    )
    likely = chances > 1e-9
    covered = 0.0
    for win, loss, chance in zip(wins[likely].tolist(), losses[likely].tolist(), chances[likely], strict=True):
        interval = Paired(win, loss, 100).interval
        assert interval is not None
        covered += chance * (interval[0] <= won - lost <= interval[1])
    assert 0.94 <= covered <= 1


def test_only_images_that_one_gets_right_count() -> None:
    first, second = np.array([True, True, False, False, True]), np.array([True, False, True, True, False])
    assert paired(first, second) == Paired(won=2, lost=2, total=5)


def test_images_are_matched_by_index() -> None:
    rows, others = common(np.array([5, 9, 2]), np.array([2, 7, 5]))
    assert (rows.tolist(), others.tolist()) == ([2, 0], [0, 2])


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        (Paired(12, 9, 10_000), "12 won, 9 lost: could be chance, p = 0.66"),
        (Paired(40, 9, 10_000), "40 won, 9 lost: unlikely to be chance, p < 0.001"),
        (Paired(14, 4, 10_000), "14 won, 4 lost: unlikely to be chance, p = 0.031"),
        (Paired(0, 0, 10_000), "none won, none lost: no difference"),
    ],
    ids=lambda value: "" if isinstance(value, str) else f"{value.won}-{value.lost}",
)
def test_a_difference_in_words(pair: Paired, words: str) -> None:
    assert pair.verdict == words
    assert pair.words.startswith(words)
    assert "points, 95 % interval" in pair.words
