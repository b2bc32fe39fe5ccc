"""Findings: one moment's digits with their past, their disputes and what people said of them."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from mnist_tui.analysis.disputes import disputes
from mnist_tui.analysis.verdicts import Judged, Verdict
from mnist_tui.events import ResumeReason, RunResumed
from mnist_tui.evidence.evidence import Evidence
from mnist_tui.evidence.predictions import TEST, TRAIN, VALIDATION, Moment
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.history import History
from mnist_tui.runs.log import LogFollower
from tests.recorded import Recording, make_recorded_run, plausible_probabilities

SECOND = Moment(VALIDATION, 2)


class Reader:
    """A run's evidence, and its history as far as it was read."""

    def __init__(self, run: RunDirectory) -> None:
        self.evidence = Evidence(run, run.record())
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
    expected = [Moment(VALIDATION, 1), SECOND, Moment(TEST), Moment(TRAIN)]
    assert reader.evidence.moments(reader.history) == expected


def test_a_run_without_a_final_test_has_no_such_moment(recording: Recording) -> None:
    recording.end_epoch()
    reader = Reader(recording.run)
    assert reader.evidence.moments(reader.history) == [Moment(VALIDATION, 1)]


def test_every_row_of_the_findings_is_the_same_digit(recording: Recording) -> None:
    for _ in range(2):
        recording.end_epoch()
    reader = Reader(recording.run)
    found = reader.evidence.findings(SECOND, reader.history)
    assert (found.table.index == recording.indices).all()
    assert (found.table.true == recording.labels).all()
    assert (found.table.predicted == found.predictions.probabilities.argmax(axis=1)).all()
    rows = found.disputes.rows
    assert sorted(rows.tolist()) == np.flatnonzero(~found.table.right).tolist()
    expected = disputes(recording.labels, found.predictions.probabilities)
    assert (found.table.disputed == expected.mask(len(recording.labels))).all()


def test_an_epoch_knows_what_came_before_it_and_nothing_of_what_came_after(recording: Recording) -> None:
    for _ in range(3):
        recording.end_epoch()
    reader = Reader(recording.run)
    newest = reader.evidence.findings(Moment(VALIDATION, 3), reader.history)
    second = reader.evidence.findings(SECOND, reader.history)
    assert newest.trajectories is not None
    assert second.trajectories is not None
    assert (newest.trajectories.epochs, second.trajectories.epochs) == ((1, 2, 3), (1, 2))


def test_an_epoch_that_ends_is_added_to_the_trajectories(recording: Recording) -> None:
    recording.end_epoch()
    reader = Reader(recording.run)
    reader.evidence.findings(Moment(VALIDATION, 1), reader.history)
    recording.end_epoch()
    reader.read()
    found = reader.evidence.findings(SECOND, reader.history)
    assert found.trajectories is not None
    assert found.trajectories.epochs == (1, 2)
    expected = [found.predictions.probabilities[np.arange(60), recording.labels]]
    assert found.trajectories.p_true[1:] == pytest.approx(np.array(expected, dtype=np.float32))


def test_an_epoch_without_its_file_is_marked_and_the_others_tell_the_story(recording: Recording) -> None:
    recording.end_epoch()
    recording.end_epoch(with_predictions=False)
    recording.end_epoch()
    reader = Reader(recording.run)
    found = reader.evidence.findings(Moment(VALIDATION, 3), reader.history)
    assert found.trajectories is not None
    assert found.trajectories.epochs == (1, 3)
    assert reader.evidence.missing_epochs == {2}
    with pytest.raises(RunError, match=r"epoch-0002\.npz cannot be read"):
        reader.evidence.findings(SECOND, reader.history)


def test_before_the_first_recording_there_is_no_past(recording: Recording) -> None:
    recording.end_epoch(with_predictions=False)
    recording.end_epoch()
    reader = Reader(recording.run)
    found = reader.evidence.findings(SECOND, reader.history)
    assert found.trajectories is not None
    assert found.trajectories.epochs == (2,)


def test_a_damaged_epoch_and_one_of_other_digits_are_marked(recording: Recording) -> None:
    for _ in range(3):
        recording.end_epoch()
    run = recording.run
    run.predictions_path(1).write_bytes(b"rubbish")
    arrays = run.load_arrays(run.predictions_path(2))
    run.save_arrays(run.predictions_path(2), **(arrays | {"indices": arrays["indices"] + 1}))
    reader = Reader(run)
    found = reader.evidence.findings(Moment(VALIDATION, 3), reader.history)
    assert found.trajectories is not None
    assert found.trajectories.epochs == (3,)
    assert reader.evidence.missing_epochs == {1, 2}


def test_a_file_that_comes_later_or_is_mended_tells_its_part_of_the_story(recording: Recording) -> None:
    for _ in range(4):
        recording.end_epoch()
    run, kept = recording.run, {}
    for epoch in (1, 2):
        kept[epoch] = run.predictions_path(epoch).read_bytes()
    run.predictions_path(1).write_bytes(b"rubbish")
    run.predictions_path(2).unlink()
    reader, newest = Reader(run), Moment(VALIDATION, 4)
    before = reader.evidence.findings(newest, reader.history)
    assert before.trajectories is not None
    assert before.trajectories.epochs == (3, 4)
    assert reader.evidence.missing_epochs == {1, 2}
    run.predictions_path(2).write_bytes(kept[2])
    after = reader.evidence.findings(newest, reader.history)
    assert after.trajectories is not None
    assert after.trajectories.epochs == (2, 3, 4)
    assert reader.evidence.missing_epochs == {1}
    run.predictions_path(1).write_bytes(kept[1])
    whole = reader.evidence.findings(newest, reader.history)
    assert whole.trajectories is not None
    assert whole.trajectories.epochs == (1, 2, 3, 4)
    assert reader.evidence.missing_epochs == frozenset()


def test_after_a_roll_back_epochs_of_the_same_numbers_are_read_anew(recording: Recording) -> None:
    recording.end_epoch()
    recording.end_epoch(with_predictions=False)
    reader = Reader(recording.run)
    before = reader.evidence.findings(Moment(VALIDATION, 1), reader.history)
    assert reader.evidence.missing_epochs == {2}
    recording._write(
        RunResumed(time=recording.time, reason=ResumeReason.ROLLED_BACK, step=0, epoch=0, by="ada, command line")
    )
    recording.epoch = 0
    other = plausible_probabilities(recording.images, recording.labels, 12)
    recording.end_epoch(other)
    recording.end_epoch()
    reader.read()
    after = reader.evidence.findings(SECOND, reader.history)
    assert reader.evidence.missing_epochs == frozenset()
    assert before.trajectories is not None
    assert after.trajectories is not None
    assert after.trajectories.epochs == (1, 2)
    expected = other[np.arange(60), recording.labels].astype(np.float32)
    assert after.trajectories.p_true[0] == pytest.approx(expected)
    assert not np.allclose(before.trajectories.p_true[0], expected)


@pytest.mark.parametrize("split", [TEST, "set-mine"])
def test_digits_that_were_read_once_have_no_past(home: Path, split: str) -> None:
    run = make_recorded_run(home, epochs=1, n=30)
    for path in (run.predictions_path, run.digits_path):
        run.save_arrays(path("set-mine"), **run.load_arrays(path(TEST)))
    reader = Reader(run)
    found = reader.evidence.findings(Moment(split), reader.history)
    assert (found.trajectories, found.fates) == (None, None)
    assert len(found.table) == 100
    assert (found.table.never_learned == ~found.table.right).all()


def test_verdicts_stand_beside_the_digits_as_soon_as_they_are_given(recording: Recording) -> None:
    recording.end_epoch()
    reader = Reader(recording.run)
    moment = Moment(VALIDATION, 1)
    assert not reader.evidence.findings(moment, reader.history).table.verdict.any()
    verdict = Verdict(
        split=VALIDATION,
        index=int(recording.indices[5]),
        label=int(recording.labels[5]),
        verdict="unreadable",
        time=1.0,
    )
    reader.evidence.judge(verdict)
    judged = reader.evidence.findings(moment, reader.history).table.verdict
    assert (judged[5], (judged != Judged.UNJUDGED).sum()) == (Judged.UNREADABLE, 1)
    reader.evidence.judge(msgspec.structs.replace(verdict, verdict="withdrawn", time=2.0))
    assert not reader.evidence.findings(moment, reader.history).table.verdict.any()


def test_a_diverged_epoch_has_findings_too(recording: Recording) -> None:
    recording.end_epoch(np.full((60, 10), np.nan, dtype=np.float16))
    reader = Reader(recording.run)
    found = reader.evidence.findings(Moment(VALIDATION, 1), reader.history)
    assert len(found.disputes.rows) == 0
    assert np.isnan(found.table.confidence).all()
