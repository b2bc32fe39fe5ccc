"""The divergence guard: every rule speaks when it should, once, and is silent on what learns."""

import math
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby, pairwise, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_tui.diagnosis import guard
from mnist_tui.diagnosis.guard import EpochFigures, Finding, Guard
from mnist_tui.events import AlertKind, EpochEnded, StepEnded, decode
from tests.kit.recording import RECORDING

USUAL = 0.5
"""A loss that learning networks have; a spike on it must exceed four times as much, 2."""
REFERENCE_ACCURACIES = (0.9810, 0.9822, 0.9898, 0.9900, 0.9921, 0.9943, 0.9930, 0.9924)
"""The reference network's eight epochs with its plain recipe."""
MEMORISED = (
    (1, 0.5010, 0.2509, 0.9283),
    (2, 0.1926, 0.1876, 0.9456),
    (3, 0.1281, 0.1593, 0.9546),
    (4, 0.0900, 0.1449, 0.9590),
    (5, 0.0653, 0.1433, 0.9629),
    (6, 0.0489, 0.1562, 0.9577),
    (7, 0.0368, 0.1636, 0.9564),
    (8, 0.0286, 0.1784, 0.9555),
    (9, 0.0232, 0.1727, 0.9572),
    (10, 0.0166, 0.1500, 0.9629),
)
"""Measured: two dense layers, Adam at 0.001, batches of 128 of 20,000 digits."""
NOISY = (
    (1, 0.2233, 0.1385, 0.9589),
    (2, 0.0663, 0.0873, 0.9727),
    (3, 0.0372, 0.0988, 0.9713),
    (4, 0.0274, 0.0758, 0.9791),
    (5, 0.0220, 0.0686, 0.9816),
    (6, 0.0158, 0.0543, 0.9823),
    (7, 0.0168, 0.0613, 0.9851),
    (8, 0.0112, 0.0909, 0.9766),
    (9, 0.0053, 0.0578, 0.9823),
    (10, 0.0025, 0.0477, 0.9880),
)
"""Measured: the network of `fast` without its cycle, Adam at 0.003: the losses jump about and still become better."""

Told = list[tuple[int, AlertKind]]


def trained(watcher: Guard, losses: Iterable[float], accuracy: float = 0.9, *, first: int = 1) -> Told:
    """What is found in steps from `first` on, as (step, kind)."""
    found = ((step, watcher.step(step, 1, loss, accuracy)) for step, loss in enumerate(losses, first))
    return [(step, finding.kind) for step, finding in found if finding]


def read(watcher: Guard, accuracies: Iterable[float], *, first: int = 1) -> Told:
    """What is found in steps of a usual loss from `first` on, as (step, kind)."""
    found = ((step, watcher.step(step, 1, USUAL, accuracy)) for step, accuracy in enumerate(accuracies, first))
    return [(step, finding.kind) for step, finding in found if finding]


def validated(watcher: Guard, epochs: Iterable[tuple[int, float | None, float | None, float]]) -> Told:
    """What is found in epochs, as (epoch, kind)."""
    found = ((epoch[0], watcher.epoch(EpochFigures(*epoch))) for epoch in epochs)
    return [(epoch, finding.kind) for epoch, finding in found if finding]


def by_validation_loss(*losses: float | None) -> Iterator[tuple[int, float, float | None, float]]:
    """Epochs whose train loss falls and whose accuracy rises."""
    return ((epoch, 1 / epoch, loss, 0.9 + epoch / 1000) for epoch, loss in enumerate(losses, 1))


def by_accuracy(*accuracies: float) -> Iterator[tuple[int, float, float, float]]:
    """Epochs whose losses fall."""
    return ((epoch, 1 / epoch, 1 / epoch, accuracy) for epoch, accuracy in enumerate(accuracies, 1))


def last_text(finding: Finding | None) -> str:
    assert finding is not None
    return finding.text


class TestNotFinite:
    @pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
    def test_is_told_at_once(self, loss: float) -> None:
        assert trained(Guard(10), [loss]) == [(1, AlertKind.NOT_FINITE)]

    def test_is_told_once_until_a_finite_step_came_between(self) -> None:
        losses = [USUAL, math.nan, math.inf, math.nan, USUAL, math.nan]
        assert trained(Guard(10), losses) == [(2, AlertKind.NOT_FINITE), (6, AlertKind.NOT_FINITE)]

    def test_a_lost_network_is_not_called_dead_as_well(self) -> None:
        assert trained(Guard(10), [math.nan] * 500, 0.1) == [(1, AlertKind.NOT_FINITE)]

    def test_says_since_when(self) -> None:
        text = last_text(Guard(10).step(1_200, 2, math.nan, 0.1))
        assert text == "the loss is no longer a number since step 1,200: try a lower learning rate"

    def test_a_loss_on_its_way_to_infinity_is_as_lost(self) -> None:
        assert trained(Guard(10), [USUAL, 5e3, 1e6]) == [(3, AlertKind.NOT_FINITE)]
        assert "the loss exploded to 1e+06 at step 3" in last_text(Guard(10).step(3, 1, 1e6, 0.1))

    def test_tells_infinite_from_not_a_number(self) -> None:
        assert "is infinite since step 12" in last_text(Guard(10).step(12, 1, math.inf, 0.1))


class TestSpike:
    def test_is_told_when_three_steps_in_a_row_are_high(self) -> None:
        assert trained(Guard(10), [USUAL] * 50 + [5.0] * 3) == [(53, AlertKind.SPIKE)]

    def test_needs_fifty_steps_to_know_what_is_usual(self) -> None:
        assert trained(Guard(10), [USUAL] * 49 + [5.0] * 3) == []

    def test_one_hard_batch_is_none(self) -> None:
        # measured: batches of 8, a single digit read wrong
        assert trained(Guard(10), [0.036] * 60 + [0.04, 1.74, 0.19, 0.10, 0.16, 0.04]) == []

    def test_a_small_last_batch_at_every_epochs_end_is_none(self) -> None:
        assert trained(Guard(10), ([*[0.05] * 60, 9.0] * 5)) == []

    @pytest.mark.parametrize(
        ("usual", "row"),
        [
            (0.651, (5.28, 3.12, 2.68)),  # fast, its learning rate raised 30 times
            (0.143, (6.94, 11.45, 9.80)),  # the same network without label smoothing, 100 times
            (0.120, (52.03, 89.33, 77.15)),  # two dense layers, 100 times
        ],
    )
    def test_a_measured_collapse_is_one(self, usual: float, row: tuple[float, ...]) -> None:
        assert trained(Guard(10), [usual] * 50 + [*row]) == [(53, AlertKind.SPIKE)]

    def test_four_times_the_usual_is_still_none(self) -> None:
        assert trained(Guard(10), [USUAL] * 50 + [4 * USUAL] * 3) == []
        assert trained(Guard(10), [USUAL] * 50 + [4 * USUAL + 0.001] * 3) == [(53, AlertKind.SPIKE)]

    def test_many_times_next_to_nothing_is_none_below_half_the_loss_of_guessing(self) -> None:
        half = 0.001 + math.log(10) / 2
        assert trained(Guard(10), [0.001] * 50 + [half - 0.001] * 3) == []
        assert trained(Guard(10), [0.001] * 50 + [half + 0.001] * 3) == [(53, AlertKind.SPIKE)]

    def test_the_loss_of_guessing_is_that_of_the_classes(self) -> None:
        losses = [0.001] * 50 + [1.0] * 3
        assert trained(Guard(10), losses) == []
        assert trained(Guard(2), losses) == [(53, AlertKind.SPIKE)]

    def test_is_not_told_again_within_fifty_steps(self) -> None:
        watcher = Guard(10)
        assert trained(watcher, [USUAL] * 50 + [5.0] * 3) == [(53, AlertKind.SPIKE)]
        assert trained(watcher, [USUAL] * 47 + [5.0] * 3, first=54) == []  # up to step 103
        assert trained(watcher, [5.0], first=104) == [(104, AlertKind.SPIKE)]

    def test_a_negative_loss_is_taken_for_none(self) -> None:
        assert trained(Guard(10), [-9.0] * 50 + [1.0] * 3) == []

    def test_staying_high_is_told_once(self) -> None:
        assert trained(Guard(10), [USUAL] * 50 + [5.0] * 300) == [(53, AlertKind.SPIKE)]

    def test_a_network_that_only_begins_high_has_none(self) -> None:
        assert trained(Guard(10), [2141.0, 900.0, 30.0, 5.0] + [2.3] * 100) == []

    def test_steps_on_both_sides_of_a_nan_are_not_in_a_row(self) -> None:
        losses = [USUAL] * 50 + [5.0, 5.0, math.nan, 5.0, USUAL]
        assert trained(Guard(10), losses) == [(53, AlertKind.NOT_FINITE)]

    def test_says_how_high_when_and_how_many_times_the_usual(self) -> None:
        watcher = Guard(10)
        trained(watcher, [0.59] * 310 + [7.0, 14.2])
        text = last_text(watcher.step(313, 1, 9.0, 0.2))
        assert text == "loss spiked to 14.2 at step 312, 24 times the usual 0.590"

    @pytest.mark.parametrize(
        ("usual", "peak", "words"),
        [
            (0.651, 5.28, "spiked to 5.28 at step 51, 8.1 times the usual 0.651"),
            (0.12, 6862.68, "spiked to 6,863 at step 51, 57,189 times the usual 0.120"),
            (0.0, 2.5, "spiked to 2.50 at step 51, more than a million times the usual 0.00"),
            (0.0001, 12_345.6, "spiked to 12,346 at step 51, more than a million times the usual 0.000100"),
            (1.0, 99.96, "spiked to 100 at step 51, 100 times the usual 1.00"),
        ],
    )
    def test_its_figures_can_be_read(self, usual: float, peak: float, words: str) -> None:
        watcher = Guard(10)
        trained(watcher, [usual] * 50 + [peak] * 2)
        assert words in last_text(watcher.step(53, 1, peak, 0.2))


class TestDead:
    def test_is_told_at_step_300_of_a_network_that_never_learns(self) -> None:
        assert read(Guard(10), [0.1] * 1_000) == [(300, AlertKind.DEAD)]

    def test_is_told_when_the_last_200_steps_are_at_chance(self) -> None:
        assert read(Guard(10), [0.9] * 400 + [0.1] * 200) == [(588, AlertKind.DEAD)]  # 12 good ones left: 14.8 %

    def test_one_and_a_half_times_chance_is_dead_and_more_is_not(self) -> None:
        assert read(Guard(10), [0.15] * 300) == [(300, AlertKind.DEAD)]
        assert read(Guard(10), [0.151] * 300) == []

    def test_worse_than_chance_is_dead(self) -> None:
        assert read(Guard(10), [0.0] * 300) == [(300, AlertKind.DEAD)]

    def test_70_percent_of_two_classes_is_alive(self) -> None:
        assert read(Guard(2), [0.70] * 300) == []
        assert read(Guard(2), [0.55] * 300) == [(300, AlertKind.DEAD)]

    def test_one_and_a_half_times_chance_counts_for_many_classes(self) -> None:
        assert read(Guard(47), [0.0316] * 300) == [(300, AlertKind.DEAD)]
        assert read(Guard(47), [0.0322] * 300) == []

    def test_a_single_class_is_never_dead(self) -> None:
        assert read(Guard(1), [1.0] * 300) == []

    def test_is_not_told_again_while_accuracy_wavers_around_the_bound(self) -> None:
        assert read(Guard(10), chain(*repeat([*[0.10] * 200, *[0.19] * 200], 5))) == [(300, AlertKind.DEAD)]

    def test_is_told_again_after_it_recovered(self) -> None:
        watcher = Guard(10)
        assert read(watcher, [0.1] * 300) == [(300, AlertKind.DEAD)]
        assert read(watcher, [0.5] * 200, first=301) == []
        assert read(watcher, [0.1] * 200, first=501) == [(675, AlertKind.DEAD)]  # 25 good ones left: 15.0 %

    def test_after_a_resume_200_steps_are_awaited_anew(self) -> None:
        assert read(Guard(10), [0.1] * 250, first=5_000) == [(5_199, AlertKind.DEAD)]

    def test_says_how_accurate_and_what_to_do_after_an_explosion(self) -> None:
        watcher = Guard(10)
        watcher.step(1, 1, 2141.0, 0.109)
        trained(watcher, [2.3] * 298, 0.109, first=2)
        assert last_text(watcher.step(300, 1, 2.3, 0.109)) == (
            "accuracy has been at chance (10.9 %) for 200 steps: the network learns nothing; try a lower learning rate"
        )

    def test_advises_no_lower_learning_rate_where_none_was_too_high(self) -> None:
        watcher = Guard(10)
        trained(watcher, [2.3] * 299, 0.1)
        assert "try another learning rate" in last_text(watcher.step(300, 1, 2.3, 0.1))

    @pytest.mark.parametrize("loss", [math.nan, math.inf])
    def test_a_loss_that_was_not_finite_is_an_explosion_too(self, loss: float) -> None:
        watcher = Guard(10)
        trained(watcher, [loss, *[2.3] * 298], 0.1)
        assert "try a lower learning rate" in last_text(watcher.step(300, 1, 2.3, 0.1))

    @pytest.mark.parametrize("accuracy", [math.nan, math.inf, -1.0, 2.0])
    def test_what_is_no_accuracy_does_not_count(self, accuracy: float) -> None:
        assert read(Guard(10), chain([0.1] * 199, [accuracy] * 200, [0.1])) == [(400, AlertKind.DEAD)]


class TestOverfitting:
    def test_is_told_after_three_epochs_well_above_the_lowest(self) -> None:
        epochs = by_validation_loss(0.05, 0.03, 0.033, 0.034, 0.035, 0.036, 0.04)
        assert validated(Guard(10), epochs) == [(5, AlertKind.OVERFITTING)]

    def test_less_than_ten_percent_is_none(self) -> None:
        assert validated(Guard(10), by_validation_loss(0.05, 0.03, *[0.0329] * 9)) == []

    def test_one_wild_epoch_is_none_and_starts_the_count_again(self) -> None:
        assert validated(Guard(10), by_validation_loss(0.03, 0.09, 0.09, 0.031, 0.09, 0.09)) == []

    def test_is_none_while_training_loss_rises_too(self) -> None:
        epochs = [(epoch, 0.1 * epoch, 0.03 * epoch, 0.9 + epoch / 1000) for epoch in range(1, 10)]
        assert validated(Guard(10), epochs) == []

    def test_is_told_again_only_after_a_new_low(self) -> None:
        risen = [0.05, 0.05, 0.05, 0.05, 0.05]
        epochs = by_validation_loss(0.03, *risen, 0.029, *risen)
        assert validated(Guard(10), epochs) == [(4, AlertKind.OVERFITTING), (10, AlertKind.OVERFITTING)]

    def test_epochs_without_a_loss_are_passed_over(self) -> None:
        epochs = by_validation_loss(None, math.nan, 0.03, 0.05, None, 0.05, math.inf, 0.05)
        assert validated(Guard(10), epochs) == [(8, AlertKind.OVERFITTING)]

    def test_says_from_where_to_where(self) -> None:
        watcher = Guard(10, [EpochFigures(*each) for each in by_validation_loss(0.0312, 0.0401, 0.0440)])
        assert last_text(watcher.epoch(EpochFigures(4, 0.2, 0.0455, 0.95))) == (
            "validation loss has risen for 3 epochs, from 0.0312 to 0.0455, while training loss fell:"
            " the network learns its digits by heart"
        )

    def test_a_measured_network_that_memorises_is_found_out(self) -> None:
        assert validated(Guard(10), MEMORISED) == [(9, AlertKind.OVERFITTING), (10, AlertKind.PLATEAU)]

    def test_a_measured_network_that_wavers_and_gets_better_is_left_in_peace(self) -> None:
        assert validated(Guard(10), NOISY) == []


class TestPlateau:
    def test_is_told_after_five_epochs_without_a_better_one(self) -> None:
        assert validated(Guard(10), by_accuracy(0.98, *[0.97] * 20)) == [(6, AlertKind.PLATEAU)]

    @pytest.mark.parametrize("right", range(4_500, 4_990, 7))
    def test_one_digit_of_5000_is_not_better_and_two_are(self, right: int) -> None:
        before, one, two = (count / 5_000 for count in (right, right + 1, right + 2))
        assert validated(Guard(10), by_accuracy(before, *[one] * 5)) == [(6, AlertKind.PLATEAU)]
        assert validated(Guard(10), by_accuracy(before, *[two] * 5)) == []

    def test_creeping_upwards_is_none(self) -> None:
        assert validated(Guard(10), by_accuracy(*(0.98 + epoch * 0.0001 for epoch in range(30)))) == []

    def test_is_told_again_only_after_a_better_epoch(self) -> None:
        epochs = by_accuracy(0.97, *[0.96] * 7, 0.98, *[0.96] * 7)
        assert validated(Guard(10), epochs) == [(6, AlertKind.PLATEAU), (14, AlertKind.PLATEAU)]

    @pytest.mark.parametrize("accuracy", [math.nan, math.inf])
    def test_what_is_no_accuracy_is_not_the_best(self, accuracy: float) -> None:
        assert validated(Guard(10), by_accuracy(accuracy, 0.98, *[0.97] * 5)) == [(7, AlertKind.PLATEAU)]

    def test_all_digits_right_cannot_be_bettered(self) -> None:
        assert validated(Guard(10), by_accuracy(*[1.0] * 20)) == []
        assert validated(Guard(10), by_accuracy(*[0.9999] * 20)) == []

    def test_waits_for_an_epoch_in_which_no_overfitting_is_told(self) -> None:
        epochs = [(epoch, 1 / epoch, loss, 0.98) for epoch, loss in enumerate([0.03] * 3 + [0.05] * 6, 1)]
        assert validated(Guard(10), epochs) == [(6, AlertKind.OVERFITTING), (7, AlertKind.PLATEAU)]

    def test_says_which_epoch_was_best(self) -> None:
        watcher = Guard(10, [EpochFigures(*each) for each in by_accuracy(0.98, 0.9943, *[0.99] * 4)])
        assert last_text(watcher.epoch(EpochFigures(7, 0.1, 0.1, 0.9912))) == (
            "validation accuracy has not got better than the 99.43 % of epoch 2 for 5 epochs: stop here, or try a lower"
            " learning rate"
        )

    def test_the_reference_network_has_none(self) -> None:
        assert validated(Guard(10), by_accuracy(*REFERENCE_ACCURACIES)) == []


class TestEarlierEpochs:
    def test_go_on_where_they_ended(self) -> None:
        epochs = [EpochFigures(*each) for each in by_accuracy(0.98, *[0.97] * 9)]
        watcher = Guard(10, epochs[:4])
        assert [finding.kind for figures in epochs[4:] if (finding := watcher.epoch(figures))] == [AlertKind.PLATEAU]

    def test_are_not_told_again(self) -> None:
        epochs = [EpochFigures(*each) for each in by_accuracy(0.98, *[0.97] * 9)]
        watcher = Guard(10, epochs[:6])
        assert [watcher.epoch(figures) for figures in epochs[6:]] == [None] * 4

    def test_undone_by_a_roll_back_do_not_count(self) -> None:
        watcher = Guard(10, [EpochFigures(*each) for each in by_accuracy(*REFERENCE_ACCURACIES)][:5])
        assert validated(watcher, [(epoch, 0.1, 0.1, 0.9920) for epoch in range(6, 10)]) == []
        assert validated(watcher, [(10, 0.1, 0.1, 0.9920)]) == [(10, AlertKind.PLATEAU)]


class TestAnything:
    @given(st.integers(0, 100), st.lists(st.tuples(st.floats(), st.floats()), max_size=400))
    def test_no_steps_upset_it(self, classes: int, steps: list[tuple[float, float]]) -> None:
        watcher = Guard(classes)
        found = [watcher.step(number, 1, loss, accuracy) for number, (loss, accuracy) in enumerate(steps, 1)]
        assert_readable(found)

    @given(
        st.sampled_from([1, 2, 10]),
        st.lists(st.tuples(st.floats() | st.sampled_from([0.0, 0.1, 3.0, 1e9]), st.integers(1, 120)), max_size=12),
        st.floats(),
    )
    def test_no_long_stretches_upset_it(
        self, classes: int, stretches: list[tuple[float, int]], accuracy: float
    ) -> None:
        losses = [loss for loss, length in stretches for _ in range(length)]
        watcher = Guard(classes)
        found = [watcher.step(number, 1, loss, accuracy) for number, loss in enumerate(losses, 1)]
        assert_readable(found)
        told = [(step, finding.kind) for step, finding in enumerate(found, 1) if finding]
        most = guard.LOST_RATIO * math.log(max(2, classes))
        episodes = [kept for kept, _ in groupby(math.isfinite(loss) and loss <= most for loss in losses)].count(False)
        assert sum(kind is AlertKind.NOT_FINITE for _, kind in told) == episodes
        spikes = [step for step, kind in told if kind is AlertKind.SPIKE]
        assert all(later - earlier > guard.SPIKE_WINDOW for earlier, later in pairwise(spikes))

    @given(
        st.lists(
            st.builds(
                EpochFigures,
                epoch=st.integers(),
                train_loss=st.none() | st.floats(),
                validation_loss=st.none() | st.floats(),
                validation_accuracy=st.floats(),
            ),
            max_size=40,
        )
    )
    def test_no_epochs_upset_it(self, epochs: list[EpochFigures]) -> None:
        watcher = Guard(10, epochs[:5])
        assert_readable([watcher.epoch(figures) for figures in epochs[5:]])


def assert_readable(found: Sequence[Finding | None]) -> None:
    for finding in found:
        assert finding is None or (finding.text.isprintable() and "nan" not in finding.text.split())


def test_the_recorded_run_raises_nothing() -> None:
    watcher, found, steps, epochs = Guard(10), list[Finding | None](), 0, 0
    for line in RECORDING.events_path.read_bytes().splitlines():
        match decode(line):
            case StepEnded(step=step, epoch=epoch, loss=float(loss), accuracy=float(accuracy)):
                found.append(watcher.step(step, epoch, loss, accuracy))
                steps += 1
            case EpochEnded() as ended:
                figures = (ended.train_loss, ended.validation_loss, ended.validation_accuracy)
                found.append(watcher.epoch(EpochFigures(ended.epoch, *figures)))
                epochs += 1
    assert (steps, epochs) == (2_580, 3)
    assert [finding for finding in found if finding] == []


def test_neither_keras_nor_tensorflow_is_imported() -> None:
    code = "import sys, mnist_tui.diagnosis.guard; print({'keras', 'tensorflow', 'numpy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


class TestSteps:
    """Taken at once, with one mean for all of them."""

    def test_count_as_so_many(self) -> None:
        watcher = Guard(10)
        told = [watcher.steps(step, 16, 1, USUAL, 0.1) for step in range(16, 641, 16)]
        assert [finding.kind for finding in told if finding] == [AlertKind.DEAD]

    def test_are_lost_together(self) -> None:
        finding = Guard(10).steps(32, 16, 1, float("nan"), 0.1)
        assert finding is not None
        assert finding.kind is AlertKind.NOT_FINITE
        assert "since step 17:" in finding.text
