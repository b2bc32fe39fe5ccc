"""Training logs of other programs as runs."""

import struct
from pathlib import Path
from typing import Any

import pytest

from mnist_tui.config import ConfigError
from mnist_tui.control import client
from mnist_tui.control.resume import resume_run
from mnist_tui.export.formats import FORMATS
from mnist_tui.export.source import Source
from mnist_tui.inspection.imported_run import import_run
from mnist_tui.inspection.log_files import read_log
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.status import Status
from mnist_tui.runs.summary import summarize
from mnist_tui.settings import NO_CATALOGUE
from tests.kit.recording import recorded_run

CSV = "epoch,accuracy,loss,lr,top_5,val_accuracy,val_loss\n0,0.5,1.25,0.01,1,0.7,1.5\n1,0.75,0.5,0.001,1,0.6,NA\n"


def imported(text: str, folder: Path, name: str = "training.csv") -> RunDirectory:
    path = folder / name
    path.write_text(text, "utf-8")
    return import_run(read_log(path), path)


@pytest.mark.parametrize(
    "text",
    [CSV, "\ufeff" + CSV, CSV.replace(",", ";"), CSV.replace(",", "\t"), CSV.replace("\n", "\r\n")],
    ids=["plain", "byte order mark", "semicolons", "tabs", "CRLF"],
)
def test_a_csv_file_of_keras_is_a_finished_run(text: str, tmp_path: Path) -> None:
    run = imported(text, tmp_path)
    summary = summarize(run)
    assert summary.status is Status.FINISHED
    assert summary.record.name == "training"
    assert [epoch.validation for epoch in summary.history.epochs] == [
        {"accuracy": 0.7, "loss": 1.5},
        {"accuracy": 0.6, "loss": None},
    ]
    assert summary.best is not None
    assert summary.best.epoch == 1
    history = Source(run, lambda _: None).history
    assert history.steps.column("loss").tolist() == [1.25, 0.5]
    assert history.steps.column("learning_rate").tolist() == [0.01, 0.001]


def test_metrics_of_other_kinds_are_named(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(CSV)
    assert list(read_log(tmp_path / "log.csv").left_out) == ["top_5"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "line 1 names no epoch"),
        (b"step,loss\n1,2\n", "line 1 names no epoch"),
        (b"epoch,top_5\n0,1\n", "line 1 names no epoch"),
        (b"epoch,loss\n", "no line after its heading"),
        (b"epoch,loss\n0,1,2\n", "line 2 has 3 fields"),
        (b"epoch,loss\n0,1\n1,abc\n", "line 3 has 'abc' as loss"),
        (b"epoch,loss\n0,\x1b[31m\n", "'?[31m'"),
        (b"epoch,loss\r,\n0,1\n", "line 2 has '' as epoch"),
        (b"\xff\xfe\x00", "is not text"),
        (b"epoch,loss\n" + b"0,1\n" * 10_001, "10,001 epochs"),
    ],
    ids=[
        "empty",
        "no epoch",
        "no metric",
        "no row",
        "ragged",
        "text",
        "escape",
        "carriage return",
        "binary",
        "too long",
    ],
)
def test_a_bad_file_is_refused_in_one_line(content: bytes, words: str, tmp_path: Path, home: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as refused:
        import_run(read_log(path), path)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not home.exists()


def test_exported_logs_come_back_as_they_were(tmp_path: Path) -> None:
    from mnist_tui.export.tensorboard import logs

    source = Source(recorded_run(), lambda _: None)
    folder = tmp_path / "logs"
    folder.mkdir()
    logs(source, folder)
    back = Source(import_run(read_log(folder), folder, "back"), lambda _: None).history
    assert back.steps.column("step").tolist() == source.history.steps.column("step").tolist()
    assert back.steps.column("loss") == pytest.approx(source.history.steps.column("loss"))
    assert [(epoch.epoch, epoch.step) for epoch in back.epochs] == [(1, 860), (2, 1_720), (3, 2_580)]
    assert back.best_epoch is not None
    assert back.best_epoch.validation_accuracy == pytest.approx(0.9946)
    assert back.ended is not None
    assert back.ended.seconds == pytest.approx(20, abs=3)


def keras_log(folder: Path) -> Any:
    """Write what Keras' callback writes: metrics of two epochs, evaluations by iteration."""
    from tensorboardX.event_file_writer import EventsWriter
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.summary_pb2 import Summary
    from tensorboardX.proto.tensor_pb2 import TensorProto

    for name, tags in (
        ("train", ("epoch_loss", "epoch_accuracy", "epoch_learning_rate", "keras")),
        ("validation", ("epoch_loss", "epoch_accuracy", "evaluation_loss_vs_iterations")),
    ):
        (folder / name).mkdir(parents=True)
        writer = EventsWriter(str(folder / name / "events"))
        for epoch in (0, 1):
            for tag in tags:
                value = 1 / (2 + epoch)
                step = (epoch + 1) * 50 if tag.startswith("evaluation") else epoch
                tensor = TensorProto(dtype=1, tensor_content=struct.pack("<f", value))
                summary = Summary(value=[Summary.Value(tag=tag, tensor=tensor)])
                writer.write_event(Event(step=step, wall_time=1_000.0 + 10 * epoch, summary=summary))
        writer.close()
    return next(folder.glob("train/*"))


def test_a_log_of_keras_has_its_epochs_at_their_iterations(tmp_path: Path) -> None:
    keras_log(tmp_path / "logs")
    log = read_log(tmp_path / "logs")
    assert list(log.left_out) == ["keras"]
    assert [epoch.step for epoch in log.epochs] == [50, 100]
    assert [epoch.seconds for epoch in log.epochs] == [0, 10]
    assert log.epochs[0].train == {"loss": 0.5, "accuracy": 0.5, "learning_rate": 0.5}
    assert log.epochs[1].validation == pytest.approx({"loss": 1 / 3, "accuracy": 1 / 3})


def test_damaged_logs_are_refused_and_cut_ones_read(tmp_path: Path) -> None:
    file = keras_log(tmp_path / "logs")
    data = file.read_bytes()
    file.write_bytes(data[:-3])
    assert len(read_log(tmp_path / "logs").epochs) == 2
    file.write_bytes(data[:60] + bytes([data[60] ^ 1]) + data[61:])
    with pytest.raises(ConfigError, match="damaged at byte"):
        read_log(tmp_path / "logs")
    for each in (tmp_path / "logs").rglob("*tfevents*"):
        each.unlink()
    with pytest.raises(ConfigError, match="no file named"):
        read_log(tmp_path / "logs")


def test_what_needs_a_model_refuses_an_imported_run(tmp_path: Path) -> None:
    run = imported(CSV, tmp_path)
    for call in (
        lambda: resume_run(run, "test", NO_CATALOGUE, more=1),
        lambda: client.load_model(run),
        lambda: next(client.do_job(run, "evaluate", "mnist")),
    ):
        with pytest.raises(RunError, match="was imported from"):
            call()


@pytest.mark.parametrize("each", FORMATS, ids=lambda each: each.name)
def test_an_imported_run_is_exported_or_refused(each: Any, tmp_path: Path) -> None:
    run, path = imported(CSV, tmp_path), tmp_path / "out"
    if each.is_folder:
        path.mkdir()
    try:
        each.write(Source(run, lambda _: None), path)
    except RunError:
        assert each.name not in ("csv", "epochs-csv", "html", "markdown", "tensorboard")
