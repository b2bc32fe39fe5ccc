"""Findings: examples of an evaluation with their learning history, label issues and reviews."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from mnist_tui.analysis.label_issues import label_issues
from mnist_tui.analysis.reviews import LabelReview, ReviewOutcome
from mnist_tui.events import ResumeReason, RunResumed
from mnist_tui.inspection.inspector import Inspector
from mnist_tui.inspection.predictions import TEST, TRAIN, VALIDATION, EvaluationPoint
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.history import History
from mnist_tui.runs.log import LogFollower
from tests.kit.recorded import Recording, make_recorded_run, plausible_probabilities

SECOND = EvaluationPoint(VALIDATION, 2)


class Reader:
    """An inspector of a run, and its history so far."""

    def __init__(self, run: RunDirectory) -> None:
        self.inspector = Inspector(run, run.record())
        self.history = History(run.record())
        self._follower = LogFollower(run.events_path)
        self.read()

    def read(self) -> None:
        """Apply new events."""
        self.history.apply_all(self._follower.read())


@pytest.fixture
def recording(home: Path) -> Recording:
    return Recording.begin(home, planned=4, n=60)


def test_evaluations_are_the_epochs_then_the_test_then_other_sets(home: Path) -> None:
    run = make_recorded_run(home, epochs=2, n=40)
    run.save_arrays(run.predictions_path(TRAIN), **run.load_arrays(run.predictions_path(1)))
    reader = Reader(run)
    expected = [EvaluationPoint(VALIDATION, 1), SECOND, EvaluationPoint(TEST), EvaluationPoint(TRAIN)]
    assert reader.inspector.points(reader.history) == expected


def test_rolling_evaluations_that_are_kept_are_between_the_epochs(recording: Recording) -> None:
    recording.end_epoch()
    kept, thinned = recording.roll(9, 3, 25), recording.roll(5, 2, 20)
    recording.end_epoch()
    recording.run.rolling_path(thinned.step).unlink()
    reader = Reader(recording.run)
    point = EvaluationPoint(step=kept.step)
    points = reader.inspector.points(reader.history)
    assert points == [EvaluationPoint(VALIDATION, 1), point, SECOND]
    assert reader.inspector.full_points(reader.history) == [points[0], SECOND]
    for part in ("rolling", "25 of 60", f"{kept.first_step} to {kept.step}"):
        assert part in points[1].words
    found = reader.inspector.findings(point, reader.history)
    assert (found.predictions.images == recording.images[:25]).all()
    assert found.predictions.steps is not None
    assert (found.table.index == recording.indices[:25]).all()
    assert found.learning_history is None


def test_a_run_without_a_final_test_has_no_such_evaluation(recording: Recording) -> None:
    recording.end_epoch()
    reader = Reader(recording.run)
    assert reader.inspector.points(reader.history) == [EvaluationPoint(VALIDATION, 1)]


def test_every_row_of_the_findings_is_the_same_example(recording: Recording) -> None:
    for _ in range(2):
        recording.end_epoch()
    reader = Reader(recording.run)
    found = reader.inspector.findings(SECOND, reader.history)
    assert (found.table.index == recording.indices).all()
    assert (found.table.true == recording.labels).all()
    assert (found.table.predicted == found.predictions.probabilities.argmax(axis=1)).all()
    rows = found.label_issues.rows
    assert sorted(rows.tolist()) == np.flatnonzero(~found.table.correct).tolist()
    expected = label_issues(recording.labels, found.predictions.probabilities)
    assert (found.table.flagged == expected.mask(len(recording.labels))).all()


def test_the_learning_history_ends_at_the_epoch_of_the_evaluation(recording: Recording) -> None:
    for _ in range(3):
        recording.end_epoch()
    reader = Reader(recording.run)
    newest = reader.inspector.findings(EvaluationPoint(VALIDATION, 3), reader.history)
    second = reader.inspector.findings(SECOND, reader.history)
    assert newest.learning_history is not None
    assert second.learning_history is not None
    assert (newest.learning_history.epochs, second.learning_history.epochs) == ((1, 2, 3), (1, 2))


def test_a_new_epoch_is_appended_to_the_learning_history(recording: Recording) -> None:
    recording.end_epoch()
    reader = Reader(recording.run)
    reader.inspector.findings(EvaluationPoint(VALIDATION, 1), reader.history)
    recording.end_epoch()
    reader.read()
    found = reader.inspector.findings(SECOND, reader.history)
    assert found.learning_history is not None
    assert found.learning_history.epochs == (1, 2)
    expected = [found.predictions.probabilities[np.arange(60), recording.labels]]
    assert found.learning_history.true_probability[1:] == pytest.approx(np.array(expected, dtype=np.float32))


def test_an_epoch_without_its_file_is_missing_and_the_others_remain(recording: Recording) -> None:
    recording.end_epoch()
    recording.end_epoch(with_predictions=False)
    recording.end_epoch()
    reader = Reader(recording.run)
    found = reader.inspector.findings(EvaluationPoint(VALIDATION, 3), reader.history)
    assert found.learning_history is not None
    assert found.learning_history.epochs == (1, 3)
    assert reader.inspector.missing_epochs == {2}
    with pytest.raises(RunError, match=r"epoch-0002\.npz cannot be read"):
        reader.inspector.findings(SECOND, reader.history)


def test_the_learning_history_begins_with_the_first_recorded_epoch(recording: Recording) -> None:
    recording.end_epoch(with_predictions=False)
    recording.end_epoch()
    reader = Reader(recording.run)
    found = reader.inspector.findings(SECOND, reader.history)
    assert found.learning_history is not None
    assert found.learning_history.epochs == (2,)


def test_a_damaged_epoch_and_one_of_other_examples_are_missing(recording: Recording) -> None:
    for _ in range(3):
        recording.end_epoch()
    run = recording.run
    run.predictions_path(1).write_bytes(b"rubbish")
    arrays = run.load_arrays(run.predictions_path(2))
    run.save_arrays(run.predictions_path(2), **(arrays | {"indices": arrays["indices"] + 1}))
    reader = Reader(run)
    found = reader.inspector.findings(EvaluationPoint(VALIDATION, 3), reader.history)
    assert found.learning_history is not None
    assert found.learning_history.epochs == (3,)
    assert reader.inspector.missing_epochs == {1, 2}


def test_a_file_that_appears_or_is_repaired_is_read(recording: Recording) -> None:
    for _ in range(4):
        recording.end_epoch()
    run, kept = recording.run, {}
    for epoch in (1, 2):
        kept[epoch] = run.predictions_path(epoch).read_bytes()
    run.predictions_path(1).write_bytes(b"rubbish")
    run.predictions_path(2).unlink()
    reader, newest = Reader(run), EvaluationPoint(VALIDATION, 4)
    before = reader.inspector.findings(newest, reader.history)
    assert before.learning_history is not None
    assert before.learning_history.epochs == (3, 4)
    assert reader.inspector.missing_epochs == {1, 2}
    run.predictions_path(2).write_bytes(kept[2])
    after = reader.inspector.findings(newest, reader.history)
    assert after.learning_history is not None
    assert after.learning_history.epochs == (2, 3, 4)
    assert reader.inspector.missing_epochs == {1}
    run.predictions_path(1).write_bytes(kept[1])
    whole = reader.inspector.findings(newest, reader.history)
    assert whole.learning_history is not None
    assert whole.learning_history.epochs == (1, 2, 3, 4)
    assert reader.inspector.missing_epochs == frozenset()


def test_after_a_roll_back_the_same_epochs_are_read_again(recording: Recording) -> None:
    recording.end_epoch()
    recording.end_epoch(with_predictions=False)
    reader = Reader(recording.run)
    before = reader.inspector.findings(EvaluationPoint(VALIDATION, 1), reader.history)
    assert reader.inspector.missing_epochs == {2}
    recording._write(
        RunResumed(time=recording.time, reason=ResumeReason.ROLLED_BACK, step=0, epoch=0, by="ada, command line")
    )
    recording.epoch = 0
    other = plausible_probabilities(recording.images, recording.labels, 12)
    recording.end_epoch(other)
    recording.end_epoch()
    reader.read()
    after = reader.inspector.findings(SECOND, reader.history)
    assert reader.inspector.missing_epochs == frozenset()
    assert before.learning_history is not None
    assert after.learning_history is not None
    assert after.learning_history.epochs == (1, 2)
    expected = other[np.arange(60), recording.labels].astype(np.float32)
    assert after.learning_history.true_probability[0] == pytest.approx(expected)
    assert not np.allclose(before.learning_history.true_probability[0], expected)


@pytest.mark.parametrize("split", [TEST, "set-mine"])
def test_examples_that_were_evaluated_once_have_no_learning_history(home: Path, split: str) -> None:
    run = make_recorded_run(home, epochs=1, n=30)
    for path in (run.predictions_path, run.digits_path):
        run.save_arrays(path("set-mine"), **run.load_arrays(path(TEST)))
    reader = Reader(run)
    found = reader.inspector.findings(EvaluationPoint(split), reader.history)
    assert (found.learning_history, found.learning_summary) == (None, None)
    assert len(found.table) == 100
    assert (found.table.never_learned == ~found.table.correct).all()


def test_reviews_appear_in_the_table_at_once(recording: Recording) -> None:
    recording.end_epoch()
    reader = Reader(recording.run)
    point = EvaluationPoint(VALIDATION, 1)
    assert not reader.inspector.findings(point, reader.history).table.review.any()
    review = LabelReview(
        split=VALIDATION,
        index=int(recording.indices[5]),
        label=int(recording.labels[5]),
        outcome="unreadable",
        time=1.0,
    )
    reader.inspector.add_reviews(review)
    reviewed = reader.inspector.findings(point, reader.history).table.review
    assert (reviewed[5], (reviewed != ReviewOutcome.UNREVIEWED).sum()) == (ReviewOutcome.UNREADABLE, 1)
    reader.inspector.add_reviews(msgspec.structs.replace(review, outcome="withdrawn", time=2.0))
    assert not reader.inspector.findings(point, reader.history).table.review.any()


def test_a_diverged_epoch_has_findings_too(recording: Recording) -> None:
    recording.end_epoch(np.full((60, 10), np.nan, dtype=np.float16))
    reader = Reader(recording.run)
    found = reader.inspector.findings(EvaluationPoint(VALIDATION, 1), reader.history)
    assert len(found.label_issues.rows) == 0
    assert np.isnan(found.table.confidence).all()
