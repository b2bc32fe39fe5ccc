"""`mnist-tui export`: history, predictions, label issues, reviews and corrected labels."""

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mnist_tui.analysis.reviews import LabelReview
from mnist_tui.cli.main import run_command
from mnist_tui.cli.wiring import UsageError
from mnist_tui.engine.data.datasets import DataSet, Digits, load
from mnist_tui.export.formats import FORMATS, Format, format_of
from mnist_tui.export.source import Source
from mnist_tui.export.tables import epoch_frame, rolling_csv
from mnist_tui.inspection.review_store import ReviewStore
from mnist_tui.runs.directory import RunError, create_run
from tests.kit import samples
from tests.kit.recorded import Recording, make_recorded_run, mnist
from tests.kit.recording import Replay, recorded_run

Export = Callable[..., int]


@pytest.fixture
def export(monkeypatch: pytest.MonkeyPatch) -> Export:
    """Run `mnist-tui export` on the newest run."""

    def call(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["mnist-tui", "export", "last", *map(str, arguments)])
        return run_command()

    return call


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_the_history_has_a_row_for_each_step(suffix: str, export: Export, tmp_path: Path) -> None:
    recorded_run()
    path = tmp_path / f"steps.{suffix}"
    assert export("-o", path) == 0
    frame = pd.read_csv(path) if suffix == "csv" else pd.read_parquet(path)
    assert frame["step"].tolist() == list(range(1, 2_581))
    assert {"epoch", "time", "seconds", "loss", "accuracy", "learning_rate", "gradient_norm"} <= set(frame)
    assert frame["loss"].iloc[0] == 2.9266903400421143
    assert 0 < frame["gradient_norm"].notna().sum() < 100


def test_the_history_has_a_row_for_each_epoch(export: Export, tmp_path: Path) -> None:
    recorded_run()
    export("-o", tmp_path / "epochs.csv")
    frame = pd.read_csv(tmp_path / "epochs.csv")
    assert frame["epoch"].tolist() == [1, 2, 3]
    assert frame["validation_accuracy"].tolist()[:2] == [0.9884, 0.9922]
    assert "train_loss" in frame


def test_predictions_are_those_of_the_best_epoch_and_the_test(export: Export, tmp_path: Path) -> None:
    make_recorded_run(tmp_path / "home", epochs=2, n=200)
    export("--format", "predictions", "-o", tmp_path / "p.csv")
    frame = pd.read_csv(tmp_path / "p.csv")
    assert frame.groupby("evaluation").size().to_dict() == {"validation": 200, "test": 100}
    classes = frame[[f"p_{number}" for number in range(10)]].to_numpy()
    np.testing.assert_array_equal(classes.argmax(axis=1), frame["predicted"])
    np.testing.assert_allclose(classes.sum(axis=1), 1, atol=0.01)


def test_corrected_labels_are_a_data_set(
    export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run, arrays = recorded_run(), mnist()
    training, test = (
        Digits(arrays[f"x_{part}"][:count], arrays[f"y_{part}"][:count], np.arange(count, dtype=np.int32))
        for part, count in (("train", 600), ("test", 200))
    )
    data = DataSet(training, test, tuple("abcdefghij"), str(run.record().data_checksum))
    monkeypatch.setattr("mnist_tui.cli.export.load_data", lambda _: data)
    labels = training.labels
    wrong = (int(labels[5]) + 1) % 10
    ReviewStore(run, run.record().data_checksum).add(
        LabelReview(split="validation", index=5, label=int(labels[5]), outcome="wrong", correct=wrong, time=1.0),
        LabelReview(split="train", index=7, label=int(labels[7]), outcome="unreadable", time=1.0),
        LabelReview(split="test", index=9, label=int(data.test.labels[9]), outcome="wrong", time=1.0),
    )
    export("-o", tmp_path / "corrected.npz")
    assert "1 label corrected, 2 images left out" in capsys.readouterr().err
    corrected = load(str(tmp_path / "corrected.npz"))
    assert (len(corrected.training), len(corrected.test)) == (599, 199)
    assert corrected.training.labels[5] == wrong
    assert corrected.class_names == tuple("abcdefghij")
    np.testing.assert_array_equal(corrected.training.labels[7:], labels[8:])
    np.testing.assert_array_equal(corrected.training.images[5], data.training.images[5])


def test_rolling_evaluations_are_a_table_apart_from_the_epochs(home: Path, tmp_path: Path) -> None:
    recording = Recording.begin(home, planned=2, n=60)
    recording.end_epoch()
    event = recording.roll(9, 3, 25)
    recording.end_epoch()
    source = Source(recording.run, lambda _: None)
    rolling_csv(source, tmp_path / "rolling.csv")
    table = pd.read_csv(tmp_path / "rolling.csv")
    assert table[["step", "first_step", "epoch", "count"]].to_numpy().tolist() == [
        [event.step, event.first_step, 2, 25]
    ]
    assert table["validation_accuracy"].item() == pytest.approx(event.validation["accuracy"])
    assert epoch_frame(source.history)["step"].tolist() == [40, 80]


def test_label_issues_and_reviews_are_tables(export: Export, tmp_path: Path) -> None:
    recorded_run()
    export("-o", tmp_path / "label-issues.csv")
    issues = pd.read_csv(tmp_path / "label-issues.csv")
    assert (issues["label"] != issues["suspected"]).all()
    assert issues["margin"].is_monotonic_increasing
    export("-o", tmp_path / "reviews.csv")
    assert (tmp_path / "reviews.csv").read_text().startswith("index,split,label,review")


def test_without_a_path_it_goes_to_the_exports_of_the_run(export: Export) -> None:
    run = recorded_run()
    export("--format", "epochs-csv")
    assert (run.path / "exports" / "epochs.csv").is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--format or -o"),
        (("--format", "epoch-csv"), "did you mean epochs-csv"),
        (("--format", "xyz"), "choose one of csv, parquet"),
        (("-o", "results.csv"), "csv, epochs-csv, predictions"),
        (("-o", "results"), "give --format"),
        (("--format", "csv", "-o", "/nowhere/steps.csv"), "No such file or directory"),
        (("--format", "csv", "-o", "/dev/full"), "No space left on device"),
    ],
)
def test_bad_input_is_refused_in_one_line(arguments: tuple[str, ...], words: str, export: Export) -> None:
    recorded_run()
    with pytest.raises((UsageError, RunError)) as refused:
        export(*arguments)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("each", [each for each in FORMATS if each.name != "reviews"], ids=lambda each: each.name)
def test_a_run_before_its_first_step_is_refused(each: Format, export: Export, tmp_path: Path) -> None:
    create_run(samples.config())
    with pytest.raises(RunError):
        export("--format", each.name, "-o", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_live_run_is_exported_as_far_as_it_is(export: Export, tmp_path: Path) -> None:
    replay = Replay()
    replay.to_step(10)
    export("--format", "csv", "-o", tmp_path / "s.csv")
    assert len(pd.read_csv(tmp_path / "s.csv")) == 10


def test_the_help_lists_every_format(export: Export, capsys: pytest.CaptureFixture[str]) -> None:
    export("--help")
    lines = capsys.readouterr().out.splitlines()
    assert all(any(line.strip().startswith(f"{each.name} ") for line in lines) for each in FORMATS)


def test_a_missing_package_is_named_with_its_extra(export: Export, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded_run()
    monkeypatch.setattr("mnist_tui.export.formats.find_spec", lambda _: None)
    with pytest.raises(RunError, match=r"pyarrow: pip install 'mnist-tui\[parquet\]'"):
        export("--format", "parquet")


@pytest.mark.parametrize("each", FORMATS, ids=lambda each: each.name)
def test_the_default_name_tells_the_format(each: Format) -> None:
    assert format_of(Path(each.file)) is each


def test_a_folder_is_written_whole_or_not_at_all(
    export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Replay().to_step(10)
    folder = tmp_path / "logs"
    folder.mkdir()
    export("--format", "tensorboard", "-o", folder)  # an empty folder may be there
    assert {each.name for each in folder.iterdir()} == {"train", "validation"}
    for path, words in ((folder, "not empty"), (folder / "train", "not empty"), ("/dev/null", "a file is in")):
        with pytest.raises(RunError, match=words):
            export("--format", "tensorboard", "-o", path)
    with pytest.raises(UsageError, match="is a folder"):
        export("--format", "tensorboard", "-o", "-")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("mnist_tui.export.tensorboard._write_mistakes", full)
    with pytest.raises(RunError, match="No space left"):
        export("--format", "tensorboard", "-o", tmp_path / "other")
    with pytest.raises(RunError, match="No space left"):
        export("--format", "tensorboard")
    assert [each.name for each in tmp_path.iterdir() if each.name not in ("home", "logs")] == []


def test_in_the_exports_of_a_run_files_are_replaced_and_folders_numbered(export: Export) -> None:
    replay = Replay()
    replay.to_step(10)
    for _ in range(2):
        export("--format", "csv")
        export("--format", "tensorboard")
    assert {each.name for each in (replay.run.path / "exports").iterdir()} == {
        "steps.csv",
        "tensorboard",
        "tensorboard-2",
    }
