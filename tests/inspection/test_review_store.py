"""Verdicts on disk: with the run, beside all runs of the same data, and what becomes of damaged lines."""

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


def runs(count: int = 2) -> list[RunDirectory]:
    return [create_run(config()) for _ in range(count)]


def test_a_run_without_verdicts_has_none_and_no_file(home: Path) -> None:
    (run,) = runs(1)
    assert ReviewStore(run, CHECKSUM).read() == []
    assert not (home / "verdicts").exists()


def test_verdicts_are_kept_with_the_run_and_read_back_by_another_book() -> None:
    (run,) = runs(1)
    ReviewStore(run, None).add(RIGHT, WRONG)
    assert ReviewStore(run, None).read() == [RIGHT, WRONG]
    assert len((run.path / "verdicts.jsonl").read_bytes().splitlines()) == 2


def test_runs_of_the_same_data_share_their_verdicts_both_ways() -> None:
    one, other = runs()
    first, second = ReviewStore(one, CHECKSUM), ReviewStore(other, CHECKSUM)
    first.add(RIGHT)
    assert second.read() == [RIGHT]
    second.add(WRONG)
    assert first.read() == [RIGHT, WRONG]


def test_runs_of_other_data_do_not() -> None:
    one, other = runs()
    ReviewStore(one, CHECKSUM).add(RIGHT)
    assert ReviewStore(other, OTHER).read() == []


def test_verdicts_stay_with_a_run_that_is_moved_to_another_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run,) = runs(1)
    ReviewStore(run, CHECKSUM).add(RIGHT)
    monkeypatch.setenv("MNIST_TUI_HOME", str(tmp_path / "elsewhere"))
    assert ReviewStore(run, CHECKSUM).read() == [RIGHT]


def test_a_run_that_has_not_read_its_data_shares_its_verdicts_as_soon_as_it_has() -> None:
    one, other = runs()
    book = ReviewStore(one, None)
    book.add(RIGHT)
    assert ReviewStore(other, CHECKSUM).read() == []
    one.write_record(msgspec.structs.replace(one.record(), data_checksum=CHECKSUM))
    book.add(WRONG)
    assert ReviewStore(other, CHECKSUM).read() == [WRONG]
    assert book.read() == [RIGHT, WRONG]


def test_a_checksum_that_is_none_leads_to_no_file_elsewhere(home: Path) -> None:
    (run,) = runs(1)
    ReviewStore(run, "../../../etc/pa").add(RIGHT)
    assert not (home / "verdicts").exists()


def test_the_newest_verdict_on_a_digit_holds_whichever_file_it_is_in() -> None:
    one, other = runs()
    newer = msgspec.structs.replace(RIGHT, outcome="unreadable", time=5.0)
    ReviewStore(one, CHECKSUM).add(newer)
    ReviewStore(other, CHECKSUM).add(RIGHT)
    assert ReviewStore(one, CHECKSUM).read() == ReviewStore(other, CHECKSUM).read() == [newer]


def test_a_withdrawn_verdict_is_gone_from_all_runs() -> None:
    one, other = runs()
    ReviewStore(one, CHECKSUM).add(RIGHT, WRONG)
    ReviewStore(other, CHECKSUM).add(msgspec.structs.replace(RIGHT, outcome="withdrawn", time=5.0))
    assert ReviewStore(one, CHECKSUM).read() == [WRONG]


def test_damaged_lines_are_passed_over() -> None:
    (run,) = runs(1)
    ReviewStore(run, None).add(RIGHT, WRONG)
    path = run.path / "verdicts.jsonl"
    right, wrong = path.read_bytes().splitlines()
    rubbish = [b"", b"\xff\x00", b"{}", b"[1]", right[:20], right.replace(b'"right"', b'"maybe"'), b'{"index": -1}']
    path.write_bytes(b"\n".join([*rubbish, right, *rubbish, wrong]))
    assert ReviewStore(run, None).read() == [RIGHT, WRONG]


def test_a_verdict_after_a_torn_line_is_not_lost_with_it() -> None:
    (run,) = runs(1)
    path = run.path / "verdicts.jsonl"
    ReviewStore(run, None).add(RIGHT, WRONG)
    path.write_bytes(path.read_bytes()[:-15])  # as a full disk leaves it
    later = msgspec.structs.replace(WRONG, time=9.0)
    ReviewStore(run, None).add(later)
    assert ReviewStore(run, None).read() == [RIGHT, later]


def test_the_revision_grows_with_other_verdicts_and_only_then() -> None:
    one, other = runs()
    book = ReviewStore(one, CHECKSUM)
    book.read()
    before = book.revision
    book.read()
    assert book.revision == before
    ReviewStore(other, CHECKSUM).add(RIGHT)
    book.read()
    assert book.revision == before + 1


def block(path: Path) -> None:
    """Put a folder where a file should be written: not even root can append to it."""
    path.mkdir(parents=True)


def test_a_verdict_that_one_of_the_files_takes_is_kept(home: Path) -> None:
    one, other = runs()
    block(one.path / "verdicts.jsonl")
    ReviewStore(one, CHECKSUM).add(RIGHT)
    assert ReviewStore(one, CHECKSUM).read() == ReviewStore(other, CHECKSUM).read() == [RIGHT]
    block(home / "verdicts" / f"{OTHER[:16]}.jsonl")
    book = ReviewStore(other, OTHER)
    book.add(WRONG)
    assert book.read() == [WRONG]


def test_a_verdict_that_nothing_takes_is_a_sentence(home: Path) -> None:
    (run,) = runs(1)
    block(run.path / "verdicts.jsonl")
    block(home / "verdicts" / f"{CHECKSUM[:16]}.jsonl")
    with pytest.raises(RunError, match=r"verdicts\.jsonl cannot be written .*: the verdict is not kept; make room"):
        ReviewStore(run, CHECKSUM).add(RIGHT)
