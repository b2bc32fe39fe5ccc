"""Label reviews on disk: with the run, beside all runs of the same data, and in damaged or old files."""

import os
from pathlib import Path

import msgspec
import pytest

from mnist_tui.analysis.reviews import LabelReview
from mnist_tui.inspection.review_store import ReviewStore
from mnist_tui.runs.directory import RunDirectory, RunError, create_run
from tests.kit.samples import config

CHECKSUM = "06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16"
OTHER = "f" * 64
RIGHT = LabelReview(split="validation", index=7, label=4, outcome="right", time=1.0, by="ada")
WRONG = LabelReview(split="validation", index=9, label=4, outcome="wrong", correct=1, time=2.0)


@pytest.fixture
def run() -> RunDirectory:
    return create_run(config())


@pytest.fixture
def other() -> RunDirectory:
    return create_run(config())


def test_a_run_without_reviews_has_none_and_no_file(home: Path, run: RunDirectory) -> None:
    assert ReviewStore(run, CHECKSUM).read() == []
    assert not (home / "reviews").exists()


def test_reviews_are_saved_with_the_run_and_read_by_another_store(run: RunDirectory) -> None:
    ReviewStore(run, None).add(RIGHT, WRONG)
    assert ReviewStore(run, None).read() == [RIGHT, WRONG]
    assert len((run.path / "reviews.jsonl").read_bytes().splitlines()) == 2


def test_runs_of_the_same_data_share_their_reviews_and_others_do_not(run: RunDirectory, other: RunDirectory) -> None:
    first, second = ReviewStore(run, CHECKSUM), ReviewStore(other, CHECKSUM)
    first.add(RIGHT)
    assert second.read() == [RIGHT]
    second.add(WRONG)
    assert first.read() == [RIGHT, WRONG]
    assert ReviewStore(create_run(config()), OTHER).read() == []


def test_reviews_move_with_the_run_to_another_home(
    tmp_path: Path, run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    ReviewStore(run, CHECKSUM).add(RIGHT)
    monkeypatch.setenv("MNIST_TUI_HOME", str(tmp_path / "elsewhere"))
    assert ReviewStore(run, CHECKSUM).read() == [RIGHT]


def test_a_run_shares_its_reviews_as_soon_as_its_data_is_known(run: RunDirectory, other: RunDirectory) -> None:
    store = ReviewStore(run, None)
    store.add(RIGHT)
    assert ReviewStore(other, CHECKSUM).read() == []
    run.write_record(msgspec.structs.replace(run.record(), data_checksum=CHECKSUM))
    store.add(WRONG)
    assert ReviewStore(other, CHECKSUM).read() == [WRONG]
    assert store.read() == [RIGHT, WRONG]


def test_a_checksum_that_is_a_path_names_no_file(home: Path, run: RunDirectory) -> None:
    ReviewStore(run, "../../../etc/pa").add(RIGHT)
    assert not (home / "reviews").exists()


def test_the_newest_review_of_an_example_holds_in_all_runs(run: RunDirectory, other: RunDirectory) -> None:
    newer = msgspec.structs.replace(RIGHT, outcome="unreadable", time=5.0)
    ReviewStore(run, CHECKSUM).add(newer, WRONG)
    ReviewStore(other, CHECKSUM).add(RIGHT)
    assert ReviewStore(run, CHECKSUM).read() == ReviewStore(other, CHECKSUM).read() == [newer, WRONG]
    ReviewStore(other, CHECKSUM).add(msgspec.structs.replace(RIGHT, outcome="withdrawn", time=6.0))
    assert ReviewStore(run, CHECKSUM).read() == [WRONG]


def test_files_of_version_0_1_are_read_and_not_written(home: Path, run: RunDirectory, other: RunDirectory) -> None:
    """They had other names; each line is the same."""
    kept, shared = run.path / "verdicts.jsonl", home / "verdicts" / f"{CHECKSUM[:16]}.jsonl"
    shared.parent.mkdir()
    kept.write_bytes(
        b'{"split":"validation","index":7,"label":4,"verdict":"right","correct":null,"time":1.0,"by":"ada"}\n'
    )
    shared.write_bytes(b'{"split":"validation","index":9,"label":4,"verdict":"wrong","correct":1,"time":2.0,"by":""}\n')
    before = kept.read_bytes(), shared.read_bytes()
    store = ReviewStore(run, CHECKSUM)
    assert store.read() == [RIGHT, WRONG]
    assert ReviewStore(other, CHECKSUM).read() == [WRONG]
    newer = msgspec.structs.replace(WRONG, outcome="unreadable", correct=None, time=5.0)
    store.add(newer)
    assert store.read() == [RIGHT, newer]
    assert (kept.read_bytes(), shared.read_bytes()) == before


def test_damaged_lines_are_skipped(run: RunDirectory) -> None:
    ReviewStore(run, None).add(RIGHT, WRONG)
    path = run.path / "reviews.jsonl"
    right, wrong = path.read_bytes().splitlines()
    damaged = [b"", b"\xff\x00", b"{}", b"[1]", right[:20], right.replace(b'"right"', b'"maybe"'), b'{"index": -1}']
    path.write_bytes(b"\n".join([*damaged, right, *damaged, wrong]))
    assert ReviewStore(run, None).read() == [RIGHT, WRONG]


def test_a_review_after_a_torn_line_is_not_lost_with_it(run: RunDirectory) -> None:
    path = run.path / "reviews.jsonl"
    ReviewStore(run, None).add(RIGHT, WRONG)
    path.write_bytes(path.read_bytes()[:-15])  # as a full disk leaves it
    later = msgspec.structs.replace(WRONG, time=9.0)
    ReviewStore(run, None).add(later)
    assert ReviewStore(run, None).read() == [RIGHT, later]


def test_the_revision_grows_with_new_reviews_and_only_then(run: RunDirectory, other: RunDirectory) -> None:
    store = ReviewStore(run, CHECKSUM)
    store.read()
    before = store.revision
    store.read()
    assert store.revision == before
    ReviewStore(other, CHECKSUM).add(RIGHT)
    store.read()
    assert store.revision == before + 1


def block(path: Path) -> None:
    """Put a folder where a file should be written: not even root can append to it."""
    path.mkdir(parents=True)


def test_a_review_is_saved_if_one_of_the_files_can_be_written(
    home: Path, run: RunDirectory, other: RunDirectory
) -> None:
    block(run.path / "reviews.jsonl")
    ReviewStore(run, CHECKSUM).add(RIGHT)
    assert ReviewStore(run, CHECKSUM).read() == ReviewStore(other, CHECKSUM).read() == [RIGHT]
    block(home / "reviews" / f"{OTHER[:16]}.jsonl")
    store = ReviewStore(other, OTHER)
    store.add(WRONG)
    assert store.read() == [WRONG]


def test_a_review_that_no_file_takes_is_an_error(home: Path, run: RunDirectory) -> None:
    block(run.path / "reviews.jsonl")
    block(home / "reviews" / f"{CHECKSUM[:16]}.jsonl")
    with pytest.raises(RunError, match=r"reviews\.jsonl cannot be written"):
        ReviewStore(run, CHECKSUM).add(RIGHT)


def test_a_pipe_in_place_of_the_reviews_is_not_waited_for(run: RunDirectory) -> None:
    os.mkfifo(run.path / "reviews.jsonl")
    store = ReviewStore(run, None)
    assert store.read() == []
    with pytest.raises(RunError, match="the review is not saved"):
        store.add(RIGHT)
    assert (run.path / "reviews.jsonl").is_fifo()
