"""Drawings of the calibration screen, from confidences that are counted by hand."""

import numpy as np
import pytest
from rich.text import Text

from mnist_tui.render.text import percent
from mnist_tui.ui.calibration.abstention_panel import CURSOR, abstention_lines, abstention_plot, abstention_words
from mnist_tui.ui.calibration.confidences import THRESHOLDS, Confidences
from mnist_tui.ui.calibration.histograms import histogram_lines
from mnist_tui.ui.calibration.reliability_panel import reliability_lines
from mnist_tui.ui.theme import DARK, palette

COLOURS = palette(DARK.variables)
NAN = float("nan")


def confidences(*pairs: tuple[float, bool]) -> Confidences:
    return Confidences(np.array([one for one, _ in pairs], dtype=np.float32), np.array([good for _, good in pairs]))


SOME = confidences(*[(0.95, True)] * 90, *[(0.95, False)] * 1, *[(0.6, True)] * 6, *[(0.6, False)] * 2, (0.3, False))
"""100 predictions, 96 of them correct."""


def texts(lines: list[Text]) -> list[str]:
    return [line.plain for line in lines]


def test_thresholds_rise_from_0_to_1() -> None:
    assert THRESHOLDS[0] == 0
    assert THRESHOLDS[-1] == 1
    assert list(THRESHOLDS) == sorted(set(THRESHOLDS))


@pytest.mark.parametrize(
    ("threshold", "answered", "correct"), [(0, 100, 96), (0.31, 99, 96), (0.6, 99, 96), (0.7, 91, 90), (1, 0, 0)]
)
def test_abstaining_counts_the_answered_predictions(threshold: float, answered: int, correct: int) -> None:
    left = SOME.abstaining(threshold)
    assert (left.answered, left.correct, left.total) == (answered, correct, 100)


def test_targets_are_above_the_plain_accuracy_and_reachable() -> None:
    assert [target for target, _ in SOME.targets] == []  # 90 of 91 is the best there is
    better = confidences(*[(0.95, True)] * 90, *[(0.6, False)] * 2)
    assert [(target, round(abstention.threshold, 2)) for target, abstention in better.targets] == [
        (target, 0.95) for target in (0.99, 0.995, 0.999, 0.9995, 1.0)
    ]
    assert confidences((0.9, True)).targets == ()


def test_the_curve_begins_at_full_coverage() -> None:
    assert SOME.curve.answered[0] == 1
    assert SOME.curve.accuracy[0] == pytest.approx(0.96)
    assert np.nanmax(SOME.curve.accuracy) == pytest.approx(90 / 91)


def test_nan_confidences_are_below_every_threshold() -> None:
    lost = confidences((NAN, False), (NAN, False))
    assert lost.abstaining(0.0).answered == 0
    assert lost.targets == ()
    for width, height in ((32, 9), (116, 13)):
        assert "answered 0 of 2" in "\n".join(texts(abstention_lines(lost, 0.5, COLOURS, width, height)))
    assert "2 predictions" in "\n".join(texts(reliability_lines(lost.reliability, COLOURS, 40, 19)))
    assert texts(histogram_lines(lost.reliability, COLOURS, 32, 8))[0].split()[1:] == ["0"]


def test_the_diagram_has_one_line_per_bin_the_most_confident_first() -> None:
    lines = texts(reliability_lines(SOME.reliability, COLOURS, 40, 19))
    assert len(lines) == 19
    assert lines[0].split()[-2:] == ["correct", "wrong"]
    assert lines[1].startswith("0.93–1.00")
    assert lines[1].split()[-4:] == ["98.9", "%", "90", "1"]
    assert lines[15].split()[-3:] == ["–", "0", "0"]


def test_gaps_show_overconfidence_and_underconfidence() -> None:
    over = reliability_lines(confidences((0.95, True), (0.95, False)).reliability, COLOURS, 52, 19)[1].plain
    assert "▌░" in over
    assert over.rindex("░") < over.index("┃")
    under = reliability_lines(confidences((0.5, True)).reliability, COLOURS, 52, 19)[8].plain
    assert "█┃▒" in under
    assert "░" not in under


def test_the_calibration_errors_are_below_the_diagram() -> None:
    two = confidences((0.95, True), (0.95, False))
    words = texts(reliability_lines(two.reliability, COLOURS, 70, 19))
    assert any(line.startswith("ECE 0.4500 ") for line in words)
    assert any(line.startswith("MCE 0.4500 ") for line in words)


@pytest.mark.parametrize("width", [40, 66, 96])
@pytest.mark.parametrize("height", [19, 20, 34])
def test_the_diagram_fits_its_frame(width: int, height: int) -> None:
    many = confidences(*[(0.95, True)] * 55_000, *[(0.5, False)] * 300)
    lines = reliability_lines(many.reliability, COLOURS, width, height)
    assert len(lines) <= height
    assert max(line.cell_len for line in lines) <= width


@pytest.mark.parametrize(("width", "height"), [(32, 7), (46, 20), (96, 34), (10, 3)])
def test_few_wrong_predictions_are_visible_beside_many_correct_ones(width: int, height: int) -> None:
    many = confidences(*[(0.95, True)] * 55_000, (0.5, False))
    lines = texts(histogram_lines(many.reliability, COLOURS, width, height))
    correct, wrong = lines.index("correct 55,000"), lines.index("wrong 1")
    assert "█" in "".join(lines[correct:wrong])
    assert set("".join(lines[wrong + 1 : -1])) & set("▁▂▃▄▅▆▇█")
    assert len(lines) <= max(height, 5)


def test_the_words_give_coverage_and_accuracy_at_the_threshold() -> None:
    words = texts(abstention_words(SOME, 0.7, COLOURS, 50, 12))
    assert "below 0.700" in words[0]
    assert words[1].split()[1:] == ["91", "of", "100", "91.00", "%"]
    assert words[2].split()[1:] == ["90", "of", "91", *percent(90 / 91).split()]


def test_the_cursor_is_on_the_curve_and_moves_with_the_threshold() -> None:
    def at(threshold: float) -> tuple[int, int]:
        lines = texts(abstention_plot(SOME, threshold, COLOURS, 60, 8))
        found = [(line.index(CURSOR), row) for row, line in enumerate(lines) if CURSOR in line]
        assert len(found) == 1
        return found[0]

    everything, fewer = at(0.0), at(0.7)
    assert everything[0] > fewer[0]
    assert everything[1] > fewer[1]


@pytest.mark.parametrize(("width", "height"), [(32, 10), (116, 13), (196, 19), (60, 12)])
def test_plot_and_words_fit_their_frame(width: int, height: int) -> None:
    for threshold in (0.0, 0.7, 0.99, 1.0):
        lines = abstention_lines(SOME, threshold, COLOURS, width, height)
        assert len(lines) <= height
        assert max(line.cell_len for line in lines) <= width
