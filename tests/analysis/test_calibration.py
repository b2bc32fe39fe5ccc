"""Calibration figures, against sums over single predictions and scikit-learn."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve  # type: ignore[import-untyped]

from mnist_tui.analysis.calibration import coverage, reliability, threshold_for
from mnist_tui.analysis.errors import AnalysisError
from mnist_tui.analysis.predicted import predicted_classes
from tests.analysis.samples import EPOCHS, Epoch, diverged, epochs, made_up, recorded, same

CONFIDENCE = np.array([0.95, 0.9, 0.9, 0.6, 0.55], dtype=np.float32)
CORRECT = np.array([True, True, False, True, False])
NOTHING = np.zeros(0, dtype=np.float32), np.zeros(0, dtype=bool)


def columns(epoch: Epoch) -> tuple[np.ndarray, np.ndarray]:
    read = predicted_classes(epoch.labels, epoch.probabilities)
    return read.confidence, read.correct


def errors_one_by_one(confidence: np.ndarray, correct: np.ndarray, bins: int) -> tuple[float, float]:
    """Return the expected and the maximum calibration error by their definitions."""
    gaps, expected = [], 0.0
    for each in range(bins):
        low, high = each / bins, (each + 1) / bins
        members = [i for i, c in enumerate(confidence.tolist()) if (c > low or (each == 0 and c == 0)) and c <= high]
        if members:
            accuracy = sum(correct.tolist()[i] for i in members) / len(members)
            mean = sum(confidence.tolist()[i] for i in members) / len(members)
            gaps.append(abs(accuracy - mean))
            expected += len(members) / len(confidence) * gaps[-1]
    return expected, max(gaps)


def test_bins_count_correct_and_wrong_predictions_and_average_their_confidence() -> None:
    diagram = reliability(CONFIDENCE, CORRECT, bins=4)
    assert diagram.edges.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert diagram.correct.tolist() == [0, 0, 1, 2]
    assert diagram.wrong.tolist() == [0, 0, 1, 1]
    assert same(diagram.accuracy, [math.nan, math.nan, 1 / 2, 2 / 3])
    assert diagram.confidence[2:] == pytest.approx([0.575, 2.75 / 3], abs=1e-7)
    assert diagram.gaps[2:] == pytest.approx([-0.075, (2 - 2.75) / 3], abs=1e-7)
    assert diagram.expected_error == pytest.approx((2 * 0.075 + 0.75) / 5, abs=1e-7)
    assert diagram.maximum_error == pytest.approx(0.25, abs=1e-7)


def test_a_confidence_on_an_edge_belongs_to_the_bin_below_and_zero_to_the_first() -> None:
    edges = np.array([0.0, 0.5, 1.0], dtype=np.float32)
    assert reliability(edges, np.ones(3, dtype=bool), bins=2).counts.tolist() == [2, 1]


@pytest.mark.parametrize(("epoch", "bins"), [(1, 1), (2, 10), (3, 15)])
def test_the_errors_of_the_recorded_predictions_are_those_of_the_definition(epoch: int, bins: int) -> None:
    confidence, correct = columns(recorded(epoch))
    diagram = reliability(confidence, correct, bins)
    expected, maximum = errors_one_by_one(confidence, correct, bins)
    assert diagram.counts.sum() == len(correct)
    assert diagram.expected_error == pytest.approx(expected, abs=1e-12)
    assert diagram.maximum_error == pytest.approx(maximum, abs=1e-12)


@pytest.mark.parametrize("epoch", EPOCHS)
def test_the_diagram_of_the_recorded_predictions_agrees_with_scikit_learn(epoch: int) -> None:
    confidence, correct = columns(recorded(epoch))
    diagram = reliability(confidence, correct, bins=15)
    accuracy, mean = calibration_curve(correct, confidence.astype(np.float64), n_bins=15)
    filled = diagram.counts > 0
    assert same(diagram.accuracy[filled], accuracy)
    assert same(diagram.confidence[filled], mean)


@given(epochs(least=1), st.integers(1, 20))
def test_the_errors_of_random_predictions_are_those_of_the_definition(epoch: Epoch, bins: int) -> None:
    confidence, correct = columns(epoch)
    diagram = reliability(confidence, correct, bins)
    expected, maximum = errors_one_by_one(confidence, correct, bins)
    assert diagram.expected_error == pytest.approx(expected, abs=1e-9)
    assert diagram.maximum_error == pytest.approx(maximum, abs=1e-9)


def test_coverage_falls_as_the_threshold_rises() -> None:
    left = coverage(CONFIDENCE, CORRECT, [0, float(CONFIDENCE[1]), 0.92, 0.99])
    assert same(left.answered, [1, 3 / 5, 1 / 5, 0])
    assert same(left.accuracy, [3 / 5, 2 / 3, 1, math.nan])


@given(epochs())
def test_coverage_at_every_threshold_agrees_with_counting(epoch: Epoch) -> None:
    confidence, correct = columns(epoch)
    curve = coverage(confidence, correct)
    assert len(curve.thresholds) == 101
    for threshold, answered, accuracy in zip(curve.thresholds, curve.answered, curve.accuracy, strict=True):
        kept = confidence >= threshold
        assert same(answered, kept.mean() if len(kept) else math.nan)
        assert same(accuracy, correct[kept].mean() if kept.any() else math.nan)


def test_the_lowest_threshold_that_reaches_an_accuracy_is_chosen_and_ties_stay_together() -> None:
    abstention = threshold_for(CONFIDENCE, CORRECT, 0.7)
    assert abstention is not None
    assert (abstention.answered, abstention.correct, abstention.total) == (4, 3, 5)
    assert (abstention.share, abstention.accuracy) == (4 / 5, 3 / 4)
    assert abstention.threshold == pytest.approx(0.6)
    ties = threshold_for(CONFIDENCE, CORRECT, 0.8)
    assert ties is not None
    assert (ties.answered, ties.accuracy) == (1, 1.0)


def test_an_unreachable_accuracy_has_no_threshold() -> None:
    assert threshold_for(CONFIDENCE, ~CORRECT, 0.99) is None
    assert threshold_for(*NOTHING, 0.5) is None


@given(epochs(), st.floats(0, 1))
def test_a_threshold_reaches_the_accuracy_and_no_lower_one_does(epoch: Epoch, accuracy: float) -> None:
    confidence, correct = columns(epoch)
    abstention = threshold_for(confidence, correct, accuracy)
    reaching = [each for each in np.unique(confidence) if correct[confidence >= each].mean() >= accuracy]
    assert (abstention.threshold if abstention else None) == (min(reaching) if reaching else None)
    if abstention:
        kept = confidence >= abstention.threshold
        assert (abstention.answered, abstention.correct) == (kept.sum(), correct[kept].sum())
        assert abstention.accuracy >= accuracy


@pytest.mark.parametrize("accuracy", [-0.1, 1.1, math.nan])
def test_an_accuracy_outside_0_to_1_is_an_error(accuracy: float) -> None:
    with pytest.raises(AnalysisError, match="from 0 to 1"):
        threshold_for(CONFIDENCE, CORRECT, accuracy)


def test_no_bins_are_an_error() -> None:
    with pytest.raises(AnalysisError, match="0 bins"):
        reliability(CONFIDENCE, CORRECT, 0)


def test_without_errors_the_gap_is_one_minus_the_confidence() -> None:
    diagram = reliability(np.full(4, 0.75, dtype=np.float32), np.ones(4, dtype=bool))
    assert diagram.wrong.sum() == 0
    assert diagram.expected_error == 0.25


def test_a_diverged_epoch_is_in_no_bin_and_below_every_threshold() -> None:
    confidence, correct = columns(diverged(made_up(9, 3, seed=0)))
    diagram = reliability(confidence, correct)
    assert (diagram.left_out, diagram.counts.sum()) == (9, 0)
    assert math.isnan(diagram.expected_error)
    assert math.isnan(diagram.maximum_error)
    assert coverage(confidence, correct).answered.tolist() == [0.0] * 101
    assert threshold_for(confidence, correct, 0.0) is None


def test_without_examples_there_is_no_calibration() -> None:
    assert math.isnan(reliability(*NOTHING).expected_error)
    assert np.isnan(coverage(*NOTHING).answered).all()
