"""History builds arrays and totals from events."""

import math

import numpy as np
import pytest

from mnist_tui.event_lines import decode, encode
from mnist_tui.events import (
    AnyEvent,
    CheckpointSaved,
    EndReason,
    HardwareSampled,
    LayerHistograms,
    Phase,
    PhaseChanged,
    RunEnded,
    RunFailed,
    SettingChanged,
)
from mnist_tui.runs.history import MOST_HISTOGRAMS, MOST_ROLLING, NOTED_EVENTS, RECENT_STEPS, History
from mnist_tui.runs.notes import describe
from mnist_tui.runs.steps import FIRST_ROWS, StepTable
from tests.kit import samples


def history(*events: AnyEvent) -> History:
    result = History(samples.record())
    result.apply_all(events)
    return result


def test_a_step_table_grows_and_keeps_every_value() -> None:
    table = StepTable()
    steps = [samples.step_ended(step, loss=1 / step) for step in range(1, 2_501)]
    for begin in range(0, 2_500, 700):
        table.extend(steps[begin : begin + 700], samples.CREATED)
    assert table.count == 2_500
    np.testing.assert_array_equal(table.column("step"), np.arange(1, 2_501))
    np.testing.assert_allclose(table.column("loss"), 1 / np.arange(1, 2_501))
    np.testing.assert_allclose(table.column("worked"), 8 + np.arange(1, 2_501) / 10)


def test_a_metric_has_a_column_from_its_first_step_on() -> None:
    table = StepTable()
    for step, metrics in enumerate(({"loss": 1.0}, {"top_2": 0.9}, {"loss": 2.0, "top_2": None}), 1):
        table.extend([samples.step_ended(step, metrics=metrics)], 0.0)
    np.testing.assert_array_equal(table.column("loss"), [1.0, np.nan, 2.0])
    np.testing.assert_array_equal(table.column("top_2"), [np.nan, 0.9, np.nan])
    assert [key in table for key in ("loss", "top_2", "accuracy")] == [True, True, False]
    assert np.isnan(table.column("accuracy")).all()


def test_a_returned_column_does_not_change_when_the_table_grows() -> None:
    table = StepTable()
    table.extend([samples.step_ended(step) for step in range(1, FIRST_ROWS + 1)], 0.0)
    column = table.column("step")
    table.extend([samples.step_ended(FIRST_ROWS + 1)], 0.0)
    np.testing.assert_array_equal(column, np.arange(1, FIRST_ROWS + 1))


@pytest.mark.parametrize(("step", "left"), [(0, 0), (1, 1), (7, 7), (10, 10), (99, 10)])
def test_a_rewound_table_keeps_the_earlier_steps(step: int, left: int) -> None:
    table = StepTable()
    table.extend([samples.step_ended(number, loss=1.0) for number in range(1, 11)], 0.0)
    table.rewind(step)
    assert table.count == left
    table.extend([samples.step_ended(left + 1, loss=2.0)], 0.0)
    assert table.column("step").tolist() == list(range(1, left + 2))
    assert table.column("loss").tolist() == [1.0] * left + [2.0]


def test_a_nonfinite_loss_is_nan() -> None:
    event = decode(encode(samples.step_ended(1, loss=math.nan, accuracy=math.inf)))
    epoch = decode(encode(samples.epoch_ended(1, validation_loss=math.nan)))
    assert event is not None
    assert epoch is not None
    run = history(event, epoch)
    assert np.isnan(run.steps.column("loss")).tolist() == [True]
    assert np.isnan(run.steps.column("accuracy")).tolist() == [True]
    steps, values = run.validation("loss")
    assert steps.tolist() == [550]
    assert np.isnan(values).tolist() == [True]


def test_the_validation_curve_is_at_the_ends_of_the_epochs() -> None:
    run = history(samples.epoch_ended(1, validation_accuracy=0.97), samples.epoch_ended(2, validation_accuracy=0.98))
    steps, values = run.validation("accuracy")
    assert (steps.tolist(), values.tolist()) == ([550, 1100], [0.97, 0.98])


def test_there_is_no_validation_curve_before_the_first_epoch() -> None:
    steps, values = history(samples.step_ended()).validation("loss")
    assert steps.shape == values.shape == (0,)


def test_the_best_epoch_is_the_last_whose_weights_were_kept() -> None:
    assert history().best_epoch is None
    kept = (True, True, False, False)
    best = history(*(samples.epoch_ended(n, is_best=is_best) for n, is_best in enumerate(kept, 1))).best_epoch
    assert best is not None
    assert best.epoch == 2


def test_a_recent_mean_is_of_the_last_finite_values() -> None:
    run = history(*(samples.step_ended(step, loss=100.0) for step in range(1, 100)))
    run.apply_all(samples.step_ended(100 + n, loss=None if n % 2 else 2.0) for n in range(RECENT_STEPS))
    assert run.recent("loss") == 2.0


def test_a_recent_mean_of_nothing_is_nan() -> None:
    assert math.isnan(history().recent("loss"))
    assert math.isnan(history(samples.step_ended(loss=None)).recent("loss"))


def test_the_revision_grows_with_every_event() -> None:
    run = history()
    revisions = []
    for event in (samples.run_started(), samples.step_ended(), samples.epoch_ended(), RunFailed(time=1, error="x")):
        run.apply(event)
        revisions.append(run.revision)
    assert revisions == [1, 2, 3, 4]


def test_phases_are_timed_and_summed() -> None:
    phases = [
        (0, Phase.LOADING),
        (3, Phase.TRAINING),
        (10, Phase.VALIDATING),
        (12, Phase.TRAINING),
        (20, Phase.TESTING),
    ]
    run = history(*(PhaseChanged(time=samples.CREATED + at, phase=phase) for at, phase in phases))
    assert (run.phase, run.phase_since) == (Phase.TESTING, samples.CREATED + 20)
    run.apply(RunEnded(time=samples.CREATED + 21, reason=EndReason.COMPLETED))
    assert run.phase_seconds == {Phase.LOADING: 3, Phase.TRAINING: 15, Phase.VALIDATING: 2, Phase.TESTING: 1}


def test_the_newest_sample_and_checkpoint_are_kept() -> None:
    samples_of_hardware = [
        HardwareSampled(time=t, engine_cpu=t, engine_memory=1, machine_cpu=1, machine_memory=1) for t in (1.0, 2.0)
    ]
    run = history(*samples_of_hardware, CheckpointSaved(time=3, path="model.keras", epoch=1, step=550))
    assert run.hardware is samples_of_hardware[1]
    assert run.checkpoint is not None
    assert run.checkpoint.step == 550
    assert (run.first_time, run.last_time) == (1.0, 3)


@pytest.mark.parametrize(
    "last",
    [RunEnded(time=9, reason=EndReason.STOPPED), RunFailed(time=9, error="out of memory")],
    ids=["ended", "failed"],
)
def test_a_run_is_over_after_its_last_event(last: AnyEvent) -> None:
    run = history(samples.run_started(), samples.step_ended())
    assert not run.is_over
    run.apply(last)
    assert run.is_over


def test_only_the_last_notes_are_kept_and_steps_are_not_noted() -> None:
    run = history(samples.step_ended(), *(samples.epoch_ended(epoch) for epoch in range(1, NOTED_EVENTS + 11)))
    assert len(run.notes) == NOTED_EVENTS
    assert run.notes[-1].text.startswith(f"epoch {NOTED_EVENTS + 10}: ")


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (samples.run_started(), "1 layers on CPU"),
        (samples.run_started(data_notes=("a", "b")), "1 layers on CPU; a; b"),
        (samples.epoch_ended(2, is_best=False), "epoch 2: validation 97.00 %"),
        (samples.epoch_ended(2), "epoch 2: validation 97.00 %, best so far"),
        (CheckpointSaved(time=1, path="model.keras", epoch=2, step=3), "model.keras saved, epoch 2"),
        (CheckpointSaved(time=1, path="checkpoints/x.npz", epoch=2, step=3_000), "checkpoint saved, step 3,000"),
        (samples.alert_raised(), "the loss is not a number"),
        (samples.setting_changed("learning_rate", "0.005"), "learning rate: 0.005, by ada"),
        (samples.run_resumed(1_100), "resumed at step 1,100, by ada"),
        (SettingChanged(time=1, setting="stop", value="now", by="keys"), "stop: now, by keys"),
        (RunEnded(time=1, reason=EndReason.COMPLETED, test_accuracy=0.9929), "run completed: test 99.29 %"),
        (RunEnded(time=1, reason=EndReason.TARGET, test_accuracy=0.9929), "run ended, target met: test 99.29 %"),
        (RunEnded(time=1, reason=EndReason.KILLED), "run killed, not tested"),
        (RunFailed(time=1, error="out of memory"), "run failed: out of memory"),
    ],
)
def test_events_in_words(event: AnyEvent, text: str) -> None:
    assert describe(event) == text
    assert history(event).notes[-1].text == text


def test_the_shape_of_images_is_recorded_and_that_of_mnist_for_older_runs() -> None:
    recorded = encode(samples.run_started(image_shape=(96, 8, 3)))
    newer, older = decode(recorded), decode(recorded.replace(b',"image_shape":[96,8,3]', b""))
    assert newer is not None
    assert older is not None
    assert history(newer).image_shape == (96, 8, 3)
    assert history(older).image_shape == history().image_shape == (28, 28, 1)


def test_old_histograms_are_thinned_evenly_and_later_ones_go_with_a_roll_back() -> None:
    run = history(*(LayerHistograms(time=1.0, step=step, layers=()) for step in range(0, 1_000_000, 250)))
    steps = [sample.step for sample in run.layer_histograms]
    assert len(steps) <= MOST_HISTOGRAMS
    assert steps == sorted(steps)
    assert steps[-1] == 999_750
    assert max(np.diff(steps)) <= 2 * 1_000_000 / (MOST_HISTOGRAMS // 2)
    run.apply(samples.run_resumed(500_000))
    assert run.layer_histograms[-1].step == max(step for step in steps if step <= 500_000)


def test_rolling_evaluations_are_bounded_keep_the_newest_and_rewind() -> None:
    run = history(*(samples.rolling_evaluated(step) for step in range(1, 2_001)))
    assert MOST_ROLLING // 4 <= len(run.rolling) <= MOST_ROLLING
    assert run.rolling[-1].step == 2_000
    run.apply(samples.run_resumed(550))
    assert 540 < run.rolling[-1].step <= 550
