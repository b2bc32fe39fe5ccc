"""What `runs` and `show` print for people and for programs."""

import json
from pathlib import Path

import pytest

from mnist_tui import listing
from mnist_tui.events import RunFailed
from mnist_tui.runs.directory import HOME_VARIABLE, create_run
from mnist_tui.runs.summary import summarize
from tests import samples
from tests.fake_engine import FakeEngine
from tests.recording import Replay, record, recorded_run, time_zone

RUN_FIELDS = {
    "id",
    "name",
    "status",
    "pid",
    "directory",
    "preset",
    "epochs_planned",
    "epochs_done",
    "steps_done",
    "best_epoch",
    "validation_accuracy",
    "test_accuracy",
}
"""The fields that DESIGN promises."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))


def test_json_is_one_document_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    listing.print_json([{"a": None, "b": "×"}])
    out, err = capsys.readouterr()
    assert json.loads(out) == [{"a": None, "b": "×"}]
    assert out.endswith("]\n")
    assert err == ""


def test_a_finished_run_has_every_promised_field() -> None:
    run = recorded_run()
    document = listing.run_document(summarize(run))
    assert set(document) >= RUN_FIELDS | {"confusion", "per_class", "settings", "versions", "data_checksum"}
    assert document["id"] == record().id
    assert document["name"] == "brave-otter"
    assert document["status"] == "finished"
    assert document["pid"] is None
    assert document["directory"] == str(run.path)
    assert (document["epochs_planned"], document["epochs_done"], document["best_epoch"]) == (3, 3, 3)
    assert document["steps_done"] == 2_580
    assert document["validation_accuracy"] == pytest.approx(0.9942)
    assert document["test_accuracy"] == pytest.approx(0.9949)
    confusion = document["confusion"]
    assert [len(row) for row in confusion] == [10] * 10
    assert sum(map(sum, confusion)) == 5_000
    assert [one["class"] for one in document["per_class"]] == [str(digit) for digit in range(10)]
    assert [one["support"] for one in document["per_class"]] == [sum(row) for row in confusion]
    for true, one in enumerate(document["per_class"]):
        assert one["recall"] == pytest.approx(confusion[true][true] / sum(confusion[true]))
        assert one["precision"] == pytest.approx(confusion[true][true] / sum(row[true] for row in confusion))
        assert one["f1"] == pytest.approx(2 * one["precision"] * one["recall"] / (one["precision"] + one["recall"]))
    assert set(summarize(run).as_json()) == set(document) - {
        "settings",
        "versions",
        "data_checksum",
        "test_loss",
        "confusion",
        "per_class",
    }


def test_what_does_not_exist_yet_is_null() -> None:
    replay = Replay()
    replay.to_step(10)
    with FakeEngine(replay.run):
        document = listing.run_document(summarize(replay.run))
    assert document["status"] == "training"
    assert isinstance(document["pid"], int)
    assert document["steps_done"] == 10
    for key in ("best_epoch", "validation_accuracy", "test_accuracy", "test_loss", "confusion", "error"):
        assert document[key] is None
    assert document["per_class"] == []


def test_no_runs_is_a_sentence_with_what_to_do(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    listing.print_runs([])
    out = capsys.readouterr().out
    assert out == f"No runs in {tmp_path} yet. Start one with `mnist-tui train`.\n"


def test_runs_are_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    finished = summarize(recorded_run())
    fresh = summarize(create_run(samples.config(name="a-b-c", epochs=5)))
    listing.print_runs([fresh, finished])
    heading, first, second = capsys.readouterr().out.splitlines()
    assert heading.split() == ["run", "name", "status", "preset", "epochs", "steps", "validation", "test"]
    assert first.split() == [fresh.record.id, "a-b-c", "crashed", "fast", "0", "of", "5", "0", "–", "–"]
    assert second.split() == [
        *(record().id, "brave-otter", "finished", "fast", "3", "of", "3", "2,580"),
        *("99.42", "%", "99.49", "%"),
    ]


def test_one_run_is_told_with_its_settings_and_its_classes(capsys: pytest.CaptureFixture[str]) -> None:
    with time_zone("UTC"):
        listing.print_run(summarize(recorded_run()))
    out = capsys.readouterr().out
    words = " ".join(out.split())
    for fact in (
        f"run brave-otter ({record().id})",
        "status finished",
        "started 2026-11-23 22:14:18",
        "preset fast",
        "optimizer adamw, learning rate 0.01, batch 64",
        "data mnist, seed 7",
        "done 3 of 3 epochs, 2,580 steps",
        "best epoch 3: 99.42 % of the validation digits",
        "test 99.49 % of the test digits",
        "took 02:34",
        "validation digits, epoch 3",
        "class precision recall F1 support",
    ):
        assert fact in words
    assert max(map(len, out.splitlines())) <= listing.NARROWEST


def test_a_run_that_failed_is_told_with_its_error_and_dashes(capsys: pytest.CaptureFixture[str]) -> None:
    replay = Replay()
    replay.to_step(5)
    replay.write(RunFailed(time=replay.clock.now, error="no [memory] left"))
    listing.print_run(summarize(replay.run))
    words = " ".join(capsys.readouterr().out.split())
    assert "status failed" in words
    assert "error no [memory] left" in words
    assert "best epoch – test – took –" in words


def test_a_live_run_names_its_engine(capsys: pytest.CaptureFixture[str]) -> None:
    replay = Replay()
    replay.to_step(5)
    with FakeEngine(replay.run):
        summary = summarize(replay.run)
    listing.print_run(summary)
    assert f"training, engine is process {summary.pid}" in capsys.readouterr().out
