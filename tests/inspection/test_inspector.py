"""Findings: one moment's digits with their past, their disputes and what people said of them."""

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
    """A run's evidence, and its history as far as it was read."""

    def __init__(self, run: RunDirectory) -> None:
        self.inspector = Inspector(run, run.record())
        self.history = History(run.record())
        self._follower = LogFollower(run.events_path)
        self.read()

    def read(self) -> None:
        """Take in what was written since."""
        self.history.apply_all(self._follower.read())


@pytest.fixture
def recording(home: Path) -> Recording:
    return Recording.begin(home, planned=4, n=60)


def test_moments_are_the_epochs_then_the_test_then_other_sets(home: Path) -> None:
    run = make_recorded_run(home, epochs=2, n=40)
    run.save_arrays(run.predictions_path(TRAIN), **run.load_arrays(run.predictions_path(1)))
    reader = Reader(run)
    expected = [EvaluationPoint(VALIDATION, 1), SECOND, EvaluationPoint(TEST), EvaluationPoint(TRAIN)]
    assert reader.inspector.points(reader.history) == expected


def test_a_run_without_a_final_test_has_no_such_moment(recording: Recording) -> None:
    recording.end_epoch()
    reader = Reader(recording.run)
    assert reader.inspector.points(reader.history) == [EvaluationPoint(VALIDATION, 1)]


def test_every_row_of_the_findings_is_the_same_digit(recording: Recording) -> None:
    for _ in range(2):
        recording.end_epoch()
    reader = Reader(recording.run)
    found = reader.inspector.findings(SECOND, reader.history)
    assert (found.table.index == recording.indices).all()
    assert (found.table.true == recording.labels).all()
    assert (found.table.predicted == found.predictions.probabilities.argmax(axis=1)).all()
    rows = found.label_issues.rows
    assert sorted(rows.tolist()) == np.flatnonzero(~found.table.right).tolist()
    expected = label_issues(recording.labels, found.predictions.probabilities)
    assert (found.table.flagged == expected.mask(len(recording.labels))).all()


def test_an_epoch_knows_what_came_before_it_and_nothing_of_what_came_after(recording: Recording) -> None:
    for _ in range(3):
        recording.end_epoch()
    reader = Reader(recording.run)
    newest = reader.inspector.findings(EvaluationPoint(VALIDATION, 3), reader.history)
    second = reader.inspector.findings(SECOND, reader.history)
    assert newest.learning_history is not None
    assert second.learning_history is not None
    assert (newest.learning_history.epochs, second.learning_history.epochs) == ((1, 2, 3), (1, 2))


def test_an_epoch_that_ends_is_added_to_the_trajectories(recording: Recording) -> None:
    recording.end_epoch()
    reader = Reader(recording.run)
    reader.inspector.findings(EvaluationPoint(VALIDATION, 1), reader.history)
    recording.end_epoch()
    reader.read()
    found = reader.inspector.findings(SECOND, reader.history)
    assert found.learning_history is not None
    assert found.learning_history.epochs == (1, 2)
    expected = [found.predictions.probabilities[np.arange(60), recording.labels]]
    assert found.learning_history.p_true[1:] == pytest.approx(np.array(expected, dtype=np.float32))


def test_an_epoch_without_its_file_is_marked_and_the_others_tell_the_story(recording: Recording) -> None:
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


def test_before_the_first_recording_there_is_no_past(recording: Recording) -> None:
    recording.end_epoch(with_predictions=False)
    recording.end_epoch()
    reader = Reader(recording.run)
    found = reader.inspector.findings(SECOND, reader.history)
    assert found.learning_history is not None
    assert found.learning_history.epochs == (2,)


def test_a_damaged_epoch_and_one_of_other_digits_are_marked(recording: Recording) -> None:
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


def test_a_file_that_comes_later_or_is_mended_tells_its_part_of_the_story(recording: Recording) -> None:
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


def test_after_a_roll_back_epochs_of_the_same_numbers_are_read_anew(recording: Recording) -> None:
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
    assert after.learning_history.p_true[0] == pytest.approx(expected)
    assert not np.allclose(before.learning_history.p_true[0], expected)


@pytest.mark.parametrize("split", [TEST, "set-mine"])
def test_digits_that_were_read_once_have_no_past(home: Path, split: str) -> None:
    run = make_recorded_run(home, epochs=1, n=30)
    for path in (run.predictions_path, run.digits_path):
        run.save_arrays(path("set-mine"), **run.load_arrays(path(TEST)))
    reader = Reader(run)
    found = reader.inspector.findings(EvaluationPoint(split), reader.history)
    assert (found.learning_history, found.learning_summary) == (None, None)
    assert len(found.table) == 100
    assert (found.table.never_learned == ~found.table.right).all()


def test_verdicts_stand_beside_the_digits_as_soon_as_they_are_given(recording: Recording) -> None:
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
    reader.inspector.judge(review)
    reviewed = reader.inspector.findings(point, reader.history).table.review
    assert (reviewed[5], (reviewed != ReviewOutcome.UNJUDGED).sum()) == (ReviewOutcome.UNREADABLE, 1)
    reader.inspector.judge(msgspec.structs.replace(review, outcome="withdrawn", time=2.0))
    assert not reader.inspector.findings(point, reader.history).table.review.any()


def test_a_diverged_epoch_has_findings_too(recording: Recording) -> None:
    recording.end_epoch(np.full((60, 10), np.nan, dtype=np.float16))
    reader = Reader(recording.run)
    found = reader.inspector.findings(EvaluationPoint(VALIDATION, 1), reader.history)
    assert len(found.label_issues.rows) == 0
    assert np.isnan(found.table.confidence).all()
