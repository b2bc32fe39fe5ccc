"""The guard raises each alert when it should and once, and nothing for runs that learn."""

import math
import subprocess
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_tui.diagnosis import guard
from mnist_tui.diagnosis.guard import EpochFigures, Finding, Guard
from mnist_tui.event_lines import decode
from mnist_tui.events import AlertKind, EndReason, EpochEnded, StepEnded
from mnist_tui.metrics import lowest_loss
from tests.kit import samples
from tests.kit.recording import RECORDING

SPIKE, DEAD, NOT_FINITE = AlertKind.SPIKE, AlertKind.DEAD, AlertKind.NOT_FINITE
OVERFITTING, PLATEAU = AlertKind.OVERFITTING, AlertKind.PLATEAU
NAN, INF = math.nan, math.inf
USUAL = 0.5
"""Usual loss of a run that learns; a spike must exceed four times as much, 2."""
HALF = 0.001 + math.log(10) / 2
"""Half of the loss at chance above a usual loss of 0.001."""
REFERENCE_ACCURACIES = (0.9810, 0.9822, 0.9898, 0.9900, 0.9921, 0.9943, 0.9930, 0.9924)
"""Eight epochs of the reference network at a constant learning rate."""
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
"""Measured with two dense layers, Adam at 0.001, batch size 128 and 20,000 digits."""
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
"""Measured with the network of `fast` at a constant learning rate (Adam, 0.003): losses fluctuate and still improve."""

Raised = list[tuple[int, AlertKind]]


def train(watcher: Guard, losses: Iterable[float], accuracy: float = 0.9, *, first: int = 1) -> Raised:
    """Return the alerts of steps from `first` on as (step, kind)."""
    found = ((step, watcher.step(step, loss, accuracy)) for step, loss in enumerate(losses, first))
    return [(step, finding.kind) for step, finding in found if finding]


def learn(watcher: Guard, accuracies: Iterable[float], *, first: int = 1) -> Raised:
    """Return the alerts of steps with the usual loss as (step, kind)."""
    found = ((step, watcher.step(step, USUAL, accuracy)) for step, accuracy in enumerate(accuracies, first))
    return [(step, finding.kind) for step, finding in found if finding]


def validate(watcher: Guard, epochs: Iterable[tuple[int, float | None, float | None, float]]) -> Raised:
    """Return the alerts of epochs as (epoch, kind)."""
    found = ((epoch[0], watcher.epoch(EpochFigures(*epoch))) for epoch in epochs)
    return [(epoch, finding.kind) for epoch, finding in found if finding]


def by_validation_loss(*losses: float | None) -> Iterator[tuple[int, float, float | None, float]]:
    """Epochs with falling training loss and rising accuracy."""
    return ((epoch, 1 / epoch, loss, 0.9 + epoch / 1000) for epoch, loss in enumerate(losses, 1))


def by_accuracy(*accuracies: float) -> list[tuple[int, float, float, float]]:
    """Epochs with falling losses."""
    return [(epoch, 1 / epoch, 1 / epoch, accuracy) for epoch, accuracy in enumerate(accuracies, 1)]


def text(finding: Finding | None) -> str:
    assert finding is not None
    return finding.text


@pytest.mark.parametrize(
    ("losses", "accuracy", "raised"),
    [
        ([NAN], 0.9, [1]),
        ([INF], 0.9, [1]),
        ([-INF], 0.9, [1]),
        ([USUAL, NAN, INF, NAN, USUAL, NAN], 0.9, [2, 6]),  # again only after a finite step
        ([NAN] * 500, 0.1, [1]),  # and not called dead as well
        ([USUAL, 5e3, 1e6], 0.9, [3]),  # on its way to infinity
    ],
)
def test_a_loss_that_is_not_finite_is_raised_at_once(losses: list[float], accuracy: float, raised: list[int]) -> None:
    assert train(Guard(10), losses, accuracy) == [(step, NOT_FINITE) for step in raised]


@pytest.mark.parametrize(
    ("loss", "words"),
    [(NAN, "is NaN (not a number) since step 1,200"), (INF, "is infinite since"), (1.08e5, "exploded to 108k at")],
)
def test_a_loss_that_is_not_finite_is_described(loss: float, words: str) -> None:
    assert words in text(Guard(10).step(1_200, loss, 0.1))


@pytest.mark.parametrize(
    ("losses", "raised"),
    [
        pytest.param([USUAL] * 50 + [5.0] * 3, [53], id="three steps"),
        pytest.param([USUAL] * 49 + [5.0] * 3, [], id="too few steps before"),
        pytest.param([0.036] * 60 + [0.04, 1.74, 0.19, 0.10, 0.16, 0.04], [], id="measured: one hard batch of 8"),
        pytest.param([*[0.05] * 60, 9.0] * 5, [], id="a small last batch in each epoch"),
        pytest.param([0.651] * 50 + [5.28, 3.12, 2.68], [53], id="measured: fast, learning rate times 30"),
        pytest.param([0.143] * 50 + [6.94, 11.45, 9.80], [53], id="measured: no label smoothing, times 100"),
        pytest.param([0.120] * 50 + [52.03, 89.33, 77.15], [53], id="measured: two dense layers, times 100"),
        pytest.param([USUAL] * 50 + [4 * USUAL] * 3, [], id="four times"),
        pytest.param([USUAL] * 50 + [4 * USUAL + 0.001] * 3, [53], id="more than four times"),
        pytest.param([0.001] * 50 + [HALF - 0.001] * 3, [], id="below half the loss at chance"),
        pytest.param([0.001] * 50 + [HALF + 0.001] * 3, [53], id="above half the loss at chance"),
        pytest.param([-9.0] * 50 + [1.0] * 3, [], id="negative losses"),
        pytest.param([USUAL] * 50 + [5.0] * 300, [53], id="stays high"),
        pytest.param([2141.0, 900.0, 30.0, 5.0] + [2.3] * 100, [], id="starts high"),
    ],
)
def test_a_spike_is_three_high_steps_after_fifty_usual_ones(losses: list[float], raised: list[int]) -> None:
    assert train(Guard(10), losses) == [(step, SPIKE) for step in raised]


def test_the_loss_at_chance_depends_on_the_number_of_classes() -> None:
    losses = [0.001] * 50 + [1.0] * 3
    assert train(Guard(10), losses) == []
    assert train(Guard(2), losses) == [(53, SPIKE)]


@pytest.mark.parametrize("classes", [2, 3, 10, 100])
def test_falling_back_to_chance_is_a_spike_and_then_dead(classes: int) -> None:
    watcher, usual = Guard(classes), 1.1 * lowest_loss(0.1, classes)
    assert train(watcher, [usual] * 300, 0.99) == []
    assert train(watcher, [math.log(classes)] * 40, 1 / classes, first=301) == [(303, SPIKE)]
    assert learn(watcher, [1 / classes] * 200, first=341)[0][1] is DEAD


def test_a_spike_is_not_raised_again_within_fifty_steps() -> None:
    watcher = Guard(10)
    assert train(watcher, [USUAL] * 50 + [5.0] * 3) == [(53, SPIKE)]
    assert train(watcher, [USUAL] * 47 + [5.0] * 3, first=54) == []  # up to step 103
    assert train(watcher, [5.0], first=104) == [(104, SPIKE)]


def test_steps_on_both_sides_of_a_nan_are_not_consecutive() -> None:
    assert train(Guard(10), [USUAL] * 50 + [5.0, 5.0, NAN, 5.0, USUAL]) == [(53, NOT_FINITE)]


@pytest.mark.parametrize(
    ("usual", "peak", "words"),
    [
        (0.651, 5.28, "spiked to 5.28 at step 51, 8.1 times the usual 0.651"),
        (0.12, 6862.68, "spiked to 6,863 at step 51, 57,189 times the usual 0.120"),
        (0.0, 2.5, "spiked to 2.50 at step 51, more than a million times the usual 0.00"),
        (0.0001, 12_345.6, "spiked to 12,346 at step 51, more than a million times the usual 0.000100"),
        (1.0, 99.96, "spiked to 100 at step 51, 100 times the usual 1.00"),
        (0.59, 14.2, "spiked to 14.2 at step 51, 24 times the usual 0.590"),
    ],
)
def test_a_spike_tells_its_maximum_and_the_usual_loss(usual: float, peak: float, words: str) -> None:
    watcher = Guard(10)
    train(watcher, [usual] * 50 + [peak] + [0.9 * peak])
    assert words in text(watcher.step(53, 0.9 * peak, 0.2))


@pytest.mark.parametrize(
    ("classes", "accuracies", "raised"),
    [
        (10, [0.1] * 1_000, [300]),  # never learns
        (10, [0.9] * 400 + [0.1] * 200, [588]),  # 12 good steps left in the window: 14.8 %
        (10, [0.15] * 300, [300]),
        (10, [0.151] * 300, []),
        (10, [0.0] * 300, [300]),
        (2, [0.70] * 300, []),
        (2, [0.55] * 300, [300]),
        (47, [0.0316] * 300, [300]),
        (47, [0.0322] * 300, []),
        (1, [1.0] * 300, []),
        (10, [*[0.10] * 200, *[0.19] * 200] * 5, [300]),  # wavers around the bound
        (10, [0.1] * 300 + [0.5] * 200 + [0.1] * 200, [300, 675]),  # recovered; then 25 good ones left: 15.0 %
        *((10, [0.1] * 199 + [invalid] * 200 + [0.1], [400]) for invalid in (NAN, INF, -1.0, 2.0)),
    ],
)
def test_a_model_is_dead_when_two_hundred_steps_are_at_chance(
    classes: int, accuracies: list[float], raised: list[int]
) -> None:
    assert learn(Guard(classes), accuracies) == [(step, DEAD) for step in raised]


@pytest.mark.parametrize(
    ("losses", "accuracy", "raised"),
    [
        ([13.7] * 500, 0.1, [50]),  # once
        ([4.7] * 50, 0.15, [50]),
        ([4.5] * 299, 0.1, []),  # below twice the loss at chance
        ([13.7] * 299, 0.16, []),
        ([13.7] * 49, 0.1, []),
        ([2141.0, 900.0, 30.0, 5.0] + [2.3] * 100, 0.1, []),  # starts high
    ],
)
def test_a_model_with_an_exploded_loss_is_dead_after_fifty_steps_at_chance(
    losses: list[float], accuracy: float, raised: list[int]
) -> None:
    assert train(Guard(10), losses, accuracy) == [(step, DEAD) for step in raised]


@pytest.mark.parametrize(
    ("kind", "accuracy", "reason", "at_chance"),
    [
        (DEAD, 0.1135, EndReason.COMPLETED, True),
        (NOT_FINITE, 0.0980, EndReason.EARLY, True),
        (DEAD, 0.1135, EndReason.STOPPED, False),  # a user saw it
        (DEAD, 0.9, EndReason.COMPLETED, False),
        (DEAD, None, EndReason.COMPLETED, False),
        (PLATEAU, 0.1135, EndReason.COMPLETED, False),  # too short to learn
    ],
)
def test_a_run_ended_at_chance_if_it_never_recovered(
    kind: AlertKind, accuracy: float | None, reason: EndReason, at_chance: bool
) -> None:
    end = samples.run_ended(reason, test_accuracy=accuracy)
    assert guard.ended_at_chance([samples.alert_raised(7, kind=kind)], end, 10) is at_chance
    assert not guard.ended_at_chance([], end, 10)


def test_after_a_resume_two_hundred_steps_are_awaited_again() -> None:
    assert learn(Guard(10), [0.1] * 250, first=5_000) == [(5_199, DEAD)]


@pytest.mark.parametrize(
    ("first", "advice"), [(2141.0, "a lower"), (NAN, "a lower"), (INF, "a lower"), (2.3, "another")]
)
def test_a_dead_model_needs_a_lower_learning_rate_only_after_an_explosion(first: float, advice: str) -> None:
    watcher = Guard(10)
    train(watcher, [first, *[2.3] * 298], 0.109)
    found = text(watcher.step(300, 2.3, 0.109))
    assert "for 200 steps (accuracy 10.9 %)" in found
    assert f"try {advice} learning rate" in found


RISEN = [0.05] * 5


@pytest.mark.parametrize(
    ("losses", "raised"),
    [
        ((0.05, 0.03, 0.033, 0.034, 0.035, 0.036, 0.04), [5]),
        ((0.05, 0.03, *[0.0329] * 9), []),  # less than ten percent
        ((0.03, 0.09, 0.09, 0.031, 0.09, 0.09), []),  # a low epoch restarts the count
        ((0.03, *RISEN, 0.029, *RISEN), [4, 10]),  # again only after a new minimum
        ((None, NAN, 0.03, 0.05, None, 0.05, INF, 0.05), [8]),
    ],
)
def test_three_epochs_well_above_the_lowest_validation_loss_are_overfitting(
    losses: tuple[float | None, ...], raised: list[int]
) -> None:
    assert validate(Guard(10), by_validation_loss(*losses)) == [(epoch, OVERFITTING) for epoch in raised]


def test_it_is_not_overfitting_while_training_loss_rises_too() -> None:
    epochs = [(epoch, 0.1 * epoch, 0.03 * epoch, 0.9 + epoch / 1000) for epoch in range(1, 10)]
    assert validate(Guard(10), epochs) == []


def test_overfitting_tells_the_rise() -> None:
    watcher = Guard(10, [EpochFigures(*each) for each in by_validation_loss(0.0312, 0.0401, 0.0440)])
    assert "for 3 epochs, from 0.0312 to 0.0455" in text(watcher.epoch(EpochFigures(4, 0.2, 0.0455, 0.95)))


def test_measured_runs_are_judged_correctly() -> None:
    assert validate(Guard(10), MEMORISED) == [(9, OVERFITTING), (10, PLATEAU)]
    assert validate(Guard(10), NOISY) == []
    assert validate(Guard(10), by_accuracy(*REFERENCE_ACCURACIES)) == []


@pytest.mark.parametrize(
    ("accuracies", "raised"),
    [
        ((0.98, *[0.97] * 20), [6]),
        (tuple(0.98 + epoch * 0.0001 for epoch in range(30)), []),
        ((0.97, *[0.96] * 7, 0.98, *[0.96] * 7), [6, 14]),
        ((NAN, 0.98, *[0.97] * 5), [7]),
        ((INF, 0.98, *[0.97] * 5), [7]),
        ((1.0,) * 20, []),  # no better accuracy is possible
        ((0.9999,) * 20, []),
    ],
)
def test_five_epochs_without_an_improvement_are_a_plateau(accuracies: tuple[float, ...], raised: list[int]) -> None:
    assert validate(Guard(10), by_accuracy(*accuracies)) == [(epoch, PLATEAU) for epoch in raised]


def test_one_digit_of_5000_is_no_improvement_and_two_are() -> None:
    for right in range(4_500, 4_990, 7):
        before, one, two = (count / 5_000 for count in (right, right + 1, right + 2))
        assert validate(Guard(10), by_accuracy(before, *[one] * 5)) == [(6, PLATEAU)]
        assert validate(Guard(10), by_accuracy(before, *[two] * 5)) == []


def test_a_plateau_waits_for_an_epoch_without_overfitting() -> None:
    epochs = [(epoch, 1 / epoch, loss, 0.98) for epoch, loss in enumerate([0.03] * 3 + [0.05] * 6, 1)]
    assert validate(Guard(10), epochs) == [(6, OVERFITTING), (7, PLATEAU)]


def test_a_plateau_names_the_best_epoch() -> None:
    watcher = Guard(10, [EpochFigures(*each) for each in by_accuracy(0.98, 0.9943, *[0.99] * 4)])
    assert "99.43 % of epoch 2 for 5 epochs" in text(watcher.epoch(EpochFigures(7, 0.1, 0.1, 0.9912)))


def test_earlier_epochs_count_and_raise_nothing_again() -> None:
    epochs = by_accuracy(0.98, *[0.97] * 9)
    figures = [EpochFigures(*each) for each in epochs]
    assert validate(Guard(10, figures[:4]), epochs[4:]) == [(6, PLATEAU)]
    assert validate(Guard(10, figures[:6]), epochs[6:]) == []


def test_epochs_undone_by_a_roll_back_do_not_count() -> None:
    watcher = Guard(10, [EpochFigures(*each) for each in by_accuracy(*REFERENCE_ACCURACIES)][:5])
    assert validate(watcher, [(epoch, 0.1, 0.1, 0.9920) for epoch in range(6, 10)]) == []
    assert validate(watcher, [(10, 0.1, 0.1, 0.9920)]) == [(10, PLATEAU)]


def test_an_execution_counts_as_its_steps() -> None:
    watcher = Guard(10)
    found = [watcher.steps(step, 16, USUAL, 0.1) for step in range(16, 641, 16)]
    assert [finding.kind for finding in found if finding] == [DEAD]
    assert "since step 17," in text(Guard(10).steps(32, 16, NAN, 0.1))


@given(st.integers(0, 100), st.lists(st.tuples(st.floats(), st.floats()), max_size=400))
def test_any_steps_are_accepted(classes: int, steps: list[tuple[float, float]]) -> None:
    watcher = Guard(classes)
    assert_readable(watcher.step(number, loss, accuracy) for number, (loss, accuracy) in enumerate(steps, 1))


@given(
    st.sampled_from([1, 2, 10]),
    st.lists(st.tuples(st.floats() | st.sampled_from([0.0, 0.1, 3.0, 1e9]), st.integers(1, 120)), max_size=12),
    st.floats(),
)
def test_an_alert_is_raised_once_an_episode(classes: int, stretches: list[tuple[float, int]], accuracy: float) -> None:
    losses = [loss for loss, length in stretches for _ in range(length)]
    raised = train(Guard(classes), losses, accuracy)
    limit = guard.LOST_RATIO * math.log(max(2, classes))
    episodes = [finite for finite, _ in groupby(math.isfinite(loss) and loss <= limit for loss in losses)].count(False)
    assert sum(kind is NOT_FINITE for _, kind in raised) == episodes
    spikes = [step for step, kind in raised if kind is SPIKE]
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
def test_any_epochs_are_accepted(epochs: list[EpochFigures]) -> None:
    watcher = Guard(10, epochs[:5])
    assert_readable(watcher.epoch(figures) for figures in epochs[5:])


def assert_readable(found: Iterable[Finding | None]) -> None:
    for finding in filter(None, found):
        assert finding.text.isprintable()
        assert "nan" not in finding.text.split()


def test_the_recorded_run_raises_nothing() -> None:
    watcher, found, steps, epochs = Guard(10), list[Finding | None](), 0, 0
    for line in RECORDING.events_path.read_bytes().splitlines():
        match decode(line):
            case StepEnded(step=step, metrics={"loss": float(loss), "accuracy": float(accuracy)}):
                found.append(watcher.step(step, loss, accuracy))
                steps += 1
            case EpochEnded() as ended:
                figures = (ended.train["loss"], ended.validation["loss"], ended.validation_accuracy)
                found.append(watcher.epoch(EpochFigures(ended.epoch, *figures)))
                epochs += 1
    assert (steps, epochs) == (2_580, 3)
    assert not any(found)


def test_nothing_heavy_is_imported() -> None:
    code = "import sys, mnist_tui.diagnosis.guard; print({'keras', 'tensorflow', 'numpy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
