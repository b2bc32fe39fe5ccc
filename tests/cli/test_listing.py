"""Output of `runs` and `show` for users and programs."""

import io
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mnist_tui.cli import listing, plain
from mnist_tui.event_lines import encode
from mnist_tui.events import AnyEvent, EndReason, Phase, RunFailed
from mnist_tui.inspection.label_tables import label_issues_document
from mnist_tui.render.text import data_size
from mnist_tui.runs.directory import HOME_VARIABLE, RunDirectory, create_run
from mnist_tui.runs.liveness import Endpoint, write_endpoint
from mnist_tui.runs.status import Status
from mnist_tui.runs.summary import summarize
from tests.kit import samples
from tests.kit.fake_engine import FakeEngine
from tests.kit.recorded import Recording
from tests.kit.recording import Replay, record, recorded_run, time_zone

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
"""Fields that README promises."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    return tmp_path


def test_a_rolling_evaluation_after_the_newest_epoch_is_named_as_one(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = Recording.begin(home, planned=2, n=60)
    recording.end_epoch()
    assert summarize(recording.run).as_json()["rolling"] is None
    event = recording.roll(9, 3, 25)
    summary = summarize(recording.run)
    rolling: Any = summary.as_json()["rolling"]
    assert (rolling["step"], rolling["count"], rolling["validation"]) == (event.step, 25, event.validation)
    assert summary.as_json()["best_epoch"] == 1
    listing.print_run(summary)
    assert f"rolling, 25 of 60 images, steps {event.first_step} to {event.step}" in capsys.readouterr().out
    recording.end_epoch()
    assert summarize(recording.run).as_json()["rolling"] is None


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
    assert document["validation_accuracy"] == pytest.approx(0.9946)
    assert document["test_accuracy"] == pytest.approx(0.9957)
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
        "imported_from",
        "learning_rate",
        "early_stopping",
        "until",
        "on_end",
        "commands",
        "alerts",
        "checkpoint",
        "unsaved",
        "versions",
        "data_checksum",
        "data_changed_at",
        "test_loss",
        "test_interval",
        "validation_interval",
        "confusion",
        "per_class",
        "figures",
    }


def test_a_finished_run_has_the_figures_of_its_best_epoch_and_of_its_test() -> None:
    document = listing.run_document(summarize(recorded_run()))
    validation = document["figures"][0]
    assert (validation["split"], validation["epoch"], validation["digits"]) == ("validation", 3, 5_000)
    assert validation["confusion"] == [list(row) for row in document["confusion"]]
    assert validation["accuracy"] == pytest.approx(document["validation_accuracy"])
    assert validation["per_class"] == document["per_class"]
    counted = sum(bin_["correct"] + bin_["wrong"] for bin_ in validation["calibration"]["bins"])
    assert counted == 5_000
    assert validation["mistakes"] == 5_000 - sum(validation["confusion"][true][true] for true in range(10))
    assert validation["top_confusions"][0]["words"].endswith(f"of {validation['top_confusions'][0]['support']}")
    assert validation["learning"].keys() == {"learned_late", "forgotten", "never_learned", "confidently_wrong"}
    assert validation["labels"]["reviewed"]["unreviewed"] == 5_000
    (test,) = document["figures"][1:]
    # the recording ships without its test predictions
    assert test["split"] == "test"
    assert "unavailable" in test or test["accuracy"] == pytest.approx(document["test_accuracy"])


def test_what_does_not_exist_yet_is_null() -> None:
    replay = Replay()
    replay.to_step(10)
    with FakeEngine(replay.run):
        document = listing.run_document(summarize(replay.run))
    assert document["status"] == "training"
    assert isinstance(document["pid"], int)
    assert document["steps_done"] == 10
    for key in ("best_epoch", "validation_accuracy", "test_accuracy", "test_loss", "confusion", "error", "checkpoint"):
        assert document[key] is None
    assert document["per_class"] == document["alerts"] == []
    assert list(document["unsaved"]) == []


def run_with(*events: AnyEvent, **settings: Any) -> RunDirectory:
    run = create_run(samples.config(**settings))
    run.events_path.write_bytes(b"".join(map(encode, events)))
    return run


def shown(run: RunDirectory, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the output of `show` in one line."""
    listing.print_run(summarize(run))
    return " ".join(capsys.readouterr().out.split())


def test_the_current_settings_of_a_steered_run_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    run = run_with(
        samples.run_started(),
        samples.step_ended(1),
        samples.setting_changed("epochs", "12"),
        samples.setting_changed("learning_rate", "0.005"),
        samples.setting_changed("early_stopping", "loss:3"),
        samples.phase_changed(Phase.PAUSED, 60),
    )
    with FakeEngine(run):
        document = listing.run_document(summarize(run))
        words = shown(run, capsys)
    assert (document["status"], document["epochs_planned"]) == ("paused", 12)
    assert (document["learning_rate"], document["early_stopping"]) == (0.005, "loss:3")
    assert (document["settings"]["epochs"], document["settings"]["learning_rate"]) == (3, 0.01)
    for fact in (
        "status paused, engine process",
        "learning rate 0.005 (planned: 0.01)",
        "early stopping loss:3",
        "done 0 of 12 epochs, 1 step ",
        f"to continue mnist-tui continue {run.id}",
    ):
        assert fact in words + " "


def test_the_newest_alerts_are_shown_and_the_earlier_ones_counted(capsys: pytest.CaptureFixture[str]) -> None:
    alerts = [samples.alert_raised(step, text=f"it spiked at {step}") for step in (10, 20, 30, 40, 1_500)]
    run = run_with(samples.run_started(), *alerts, samples.run_resumed(5))
    words = shown(run, capsys)
    assert "alerts (2 earlier) step 30: it spiked at 30 step 40: it spiked at 40 step 1,500: it spiked" in words
    assert "spiked at 20" not in words
    document = listing.run_document(summarize(run))
    assert [alert["step"] for alert in document["alerts"]] == [10, 20, 30, 40, 1_500]
    assert document["alerts"][0] == {
        "time": alerts[0].time,
        "kind": "not finite",
        "text": "it spiked at 10",
        "step": 10,
        "epoch": 1,
    }


@pytest.mark.parametrize(
    ("last", "is_shown"),
    [
        (samples.step_ended(9), True),
        (samples.run_ended(EndReason.STOPPED), True),
        (RunFailed(time=9, error="x"), True),
        (samples.run_ended(), False),
    ],
)
def test_a_resumable_run_shows_the_command(last: AnyEvent, is_shown: bool, capsys: pytest.CaptureFixture[str]) -> None:
    run = run_with(samples.run_started(), last)
    assert (f"mnist-tui resume {run.id}, from the beginning" in shown(run, capsys)) == is_shown
    for step in (0, 1_075):
        run.checkpoint_path(step).parent.mkdir(exist_ok=True)
        run.checkpoint_path(step).touch()
    assert (f"mnist-tui resume {run.id}, from the checkpoint of step 1,075" in shown(run, capsys)) == is_shown
    assert listing.run_document(summarize(run))["checkpoint"] == str(run.checkpoint_path(1_075))


def test_accuracies_of_zero_are_figures(capsys: pytest.CaptureFixture[str]) -> None:
    epoch = samples.epoch_ended(validation_accuracy=0.0)
    run = run_with(samples.run_started(class_names=("a", "b")), epoch, samples.run_ended(test_accuracy=0.0))
    words = shown(run, capsys)
    assert "validation loss 0.1000, accuracy 0.00 %" in words
    assert "test 0.00 % accuracy" in words
    listing.print_runs([summarize(run)])
    assert capsys.readouterr().out.count("0.00 %") == 2


def test_a_change_of_the_data_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    run = run_with(samples.run_started(), samples.setting_changed("data", "changed content accepted", step=7))
    assert "data mnist, seed 0, other content since step 7" in shown(run, capsys)
    assert listing.run_document(summarize(run))["data_changed_at"] == 7


def test_both_test_results_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    first = samples.run_ended(best_epoch=3, test_accuracy=0.994, test_loss=0.03)
    newest = samples.run_ended(best_epoch=4, test_accuracy=0.9949, test_loss=0.02)
    run = run_with(samples.run_started(), first, samples.run_resumed(1_650), newest)
    assert "test 99.40 % accuracy, epoch 3; again 99.49 % accuracy, epoch 4, no longer unseen" in shown(run, capsys)
    listing.print_runs([summarize(run)])
    assert "99.40 %, again 99.49 %" in capsys.readouterr().out
    document = listing.run_document(summarize(run))
    assert (document["test_accuracy"], document["test_loss"]) == (0.994, 0.03)
    tests = [(test["accuracy"], test["epoch"], test["unseen"]) for test in document["tests"]]
    assert tests == [(0.994, 3, True), (0.9949, 4, False)]
    assert [(each["split"], each["again"]) for each in document["figures"]] == [("test", False), ("test", True)]


def test_unsaved_files_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    run = run_with(samples.run_started(), samples.run_ended(unsaved=("model.keras", "predictions/test.npz")))
    assert "not saved model.keras, predictions/test.npz" in shown(run, capsys)
    assert list(listing.run_document(summarize(run))["unsaved"]) == ["model.keras", "predictions/test.npz"]


def test_the_current_number_of_epochs_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    listing.print_runs([summarize(run_with(samples.setting_changed("epochs", "12")))])
    assert "0 of 12" in capsys.readouterr().out


def test_control_characters_are_sanitized(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "\x1b]0;evil\x07\x9b2J\u202e\r\n"
    run = run_with(
        samples.run_started(),
        samples.alert_raised(text=evil),
        samples.setting_changed("early_stopping", evil),
        samples.run_ended(unsaved=(evil,)),
        RunFailed(time=9, error=evil),
    )
    record = run.record()
    config = msgspec.structs.replace(record.config, preset=evil, optimizer=evil, data=evil)
    run.write_record(msgspec.structs.replace(record, name=evil, config=config))
    summary = summarize(run)
    listing.print_run(summary)
    listing.print_runs([summary])
    out = capsys.readouterr().out
    assert out.count("evil") >= 8
    for line in out.split("\n"):
        assert line.isprintable(), repr(line)


def test_a_run_without_events_shows_its_plan(capsys: pytest.CaptureFixture[str]) -> None:
    run = run_with(early_stopping="loss:3")
    run.events_path.unlink()
    words = shown(run, capsys)
    assert "early stopping loss:3 done 0 of 3 epochs, 0 steps" in words
    assert "learning rate 0.01, batch" in words


def test_without_runs_the_command_to_start_one_is_shown(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    listing.print_runs([])
    out = capsys.readouterr().out
    assert str(tmp_path) in out
    assert "`mnist-tui train`" in out


def test_runs_has_a_row_per_run(capsys: pytest.CaptureFixture[str]) -> None:
    finished = summarize(recorded_run())
    fresh = summarize(create_run(samples.config(name="a-b-c", epochs=5)))
    listing.print_runs([fresh, finished])
    heading, first, second = capsys.readouterr().out.splitlines()
    assert heading.split() == ["run", "name", "status", "preset", "epochs", "steps", "validation", "test", "size"]
    assert first.split() == [
        fresh.record.id,
        "a-b-c",
        "crashed",
        "fast",
        "0",
        "of",
        "5",
        "0",
        "–",
        "–",
        *data_size(fresh.size).split(),
    ]
    assert second.split() == [
        *(record().id, "brave-otter", "finished", "fast", "3", "of", "3", "2,580"),
        *("99.46", "%", "99.57", "%", *data_size(finished.size).split()),
    ]


@pytest.mark.parametrize("is_live", [True, False])
def test_what_an_engine_cannot_save_is_shown_also_after_its_exit(
    is_live: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    run = create_run(samples.config(name="a-b-c"))
    lock = run.lock.acquire()
    write_endpoint(lock, Endpoint(4711 if is_live else 0, save_error="not saved: model.keras (disk [full])"))
    if not is_live:
        os.close(lock)
    summary = summarize(run)
    assert summary.status is (Status.STARTING if is_live else Status.CRASHED)
    assert summary.as_json()["save_error"] == "not saved: model.keras (disk [full])"
    listing.print_runs([summary])
    assert capsys.readouterr().out.splitlines()[-1] == "a-b-c: not saved: model.keras (disk [full])"
    assert "not saved model.keras (disk [full])" in shown(run, capsys)
    if is_live:
        os.close(lock)
    os.close(run.lock.acquire())  # by an engine that resumes
    assert summarize(run).save_error == ""


def test_show_has_settings_results_and_classes(capsys: pytest.CaptureFixture[str]) -> None:
    with time_zone("UTC"):
        listing.print_run(summarize(recorded_run()))
    out = capsys.readouterr().out
    words = " ".join(out.split())
    for fact in (
        f"run brave-otter ({record().id})",
        "status finished",
        "started 2026-11-23 22:14:18",
        "preset fast",
        "optimizer adamw, learning rate 0.01, batch size 64",
        "data mnist, seed 7",
        "done 3 of 3 epochs, 2,580 steps",
        "best epoch 3: validation loss",
        "accuracy 99.46 %",
        "test 99.57 % accuracy",
        "took 00:22",
        "validation, epoch 3",
        "class precision recall F1 support",
    ):
        assert fact in words
    assert max(map(len, out.splitlines())) <= listing.PIPE_WIDTH


def test_a_failed_run_shows_its_error(capsys: pytest.CaptureFixture[str]) -> None:
    replay = Replay()
    replay.to_step(5)
    replay.write(RunFailed(time=replay.clock.now, error="no [memory] left"))
    listing.print_run(summarize(replay.run))
    words = " ".join(capsys.readouterr().out.split())
    assert "status failed" in words
    assert "error no [memory] left" in words
    assert "best epoch – test – took –" in words


def test_a_live_run_shows_its_process(capsys: pytest.CaptureFixture[str]) -> None:
    replay = Replay()
    replay.to_step(5)
    with FakeEngine(replay.run):
        summary = summarize(replay.run)
    listing.print_run(summary)
    assert f"training, engine process {summary.pid}" in capsys.readouterr().out


def test_old_json_keys_stay_beside_the_new_ones() -> None:
    document = label_issues_document(recorded_run())
    assert document["label_issues"] == document["disputes"]
    assert document["label_issues"][0]["review"] is document["label_issues"][0]["verdict"] is None
    assert document["reviewed"]["unreviewed"] == document["judged"]["unjudged"] == document["digits"]


@pytest.mark.parametrize("width", [20, 40, 50, 60, 70, 80, 90, 100, 200])
def test_a_narrow_terminal_loses_columns_before_a_text_is_cut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(width))
    listing.print_runs([summary := summarize(recorded_run())])
    heading, line = re.sub(r"\x1b\[\d+m", "", capsys.readouterr().out).splitlines()
    cells = [record().id, "brave-otter", "finished", "fast", "3 of 3", "2,580", "99.46 %", "99.57 %"]
    cells.append(data_size(summary.size))
    headings = ["run", "name", "status", "preset", "epochs", "steps", "validation", "test", "size"]
    assert [cell in line for cell in cells] == [each in heading.split() for each in headings]
    assert len(line) <= width
    assert "brave-otter" in line
    assert ("99.46 %" in line) == (width >= 33)
    assert ("2,580" in line) == (width >= 82)


def test_a_pipe_gets_whole_rows_of_any_length(capsys: pytest.CaptureFixture[str]) -> None:
    run = create_run(samples.config(name=40 * "n", ensemble="reference,lenet5,best"))
    listing.print_runs([summarize(run)])
    _, line = capsys.readouterr().out.splitlines()
    assert line.split()[:2] == [run.id, 40 * "n"]
    assert "reference + lenet5 + best" in line
    assert "…" not in line


def test_names_that_look_like_markup_are_printed_as_they_are(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    run = recorded_run()
    run.path.rename(home / "[x:smile:]")
    summary = summarize(RunDirectory(home / "[x:smile:]"))
    listing.print_runs([summary])
    listing.print_run(summary)
    assert capsys.readouterr().out.count("[x:smile:]") >= 2


def test_json_is_utf_8_in_any_locale_and_whatever_a_path_holds(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    run = RunDirectory(recorded_run().path.rename(home / os.fsdecode(b"caf\xe9")))
    out = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stdout", out)
    listing.print_json([summarize(run).as_json(), "–"])
    assert isinstance(out.buffer, io.BytesIO)
    summary, dash = json.loads(out.buffer.getvalue().decode("utf-8"))
    assert (summary["id"], dash) == ("caf?", "–")


def test_classes_without_recorded_names_are_numbers() -> None:
    run = run_with(samples.run_started(class_names=("a",)), samples.epoch_ended(), samples.run_ended())
    document = listing.run_document(summarize(run))
    assert [row["class"] for row in document["per_class"]] == [str(n) for n in range(len(document["confusion"]))]


def test_lines_that_cannot_be_read_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    run = run_with(samples.run_started(), samples.run_ended())
    with run.events_path.open("ab") as events:
        events.write(b"nonsense\n" + encode(samples.epoch_ended()).replace(b'"epoch":', b'"epoch":-'))
    summary = summarize(run)
    assert summary.as_json()["unreadable_lines"] == 2
    listing.print_runs([summary])
    listing.print_run(summary)
    assert capsys.readouterr().out.count("2 lines of events.jsonl") == 2


@pytest.mark.parametrize("value", [1e300, -1e300, -5.0, 0.0, None])
@pytest.mark.parametrize("key", ["loss", "accuracy"])
def test_absurd_and_missing_results_are_short(
    capsys: pytest.CaptureFixture[str], key: str, value: float | None
) -> None:
    figures = {"loss": 0.1, "accuracy": 0.9, key: value}
    results: dict[str, Any] = {"test_" + key: value, "seconds": 9e9}
    ended = samples.run_ended(**results)
    run = run_with(samples.run_started(), samples.epoch_ended(validation=figures, train=figures), ended)
    listing.print_runs([summarize(run)])
    listing.print_run(summarize(run))
    listing.print_json(listing.run_document(summarize(run)))
    plain.follow(run, wait=lambda _: None)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 300
