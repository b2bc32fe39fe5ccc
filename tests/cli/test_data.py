"""`mnist-tui data`: what it prints about a small data set, and Kaggle's files."""

import csv
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from mnist_tui.__main__ import main
from mnist_tui.cli import listing_data
from mnist_tui.engine.data.datasets import load

COUNTS = {"train": 240, "test": 60}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A data set of three classes, of whose test images two are training images."""
    random = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for split, count in COUNTS.items():
        arrays[f"x_{split}"] = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        arrays[f"y_{split}"] = np.arange(count, dtype=np.uint8) % 3
    arrays["x_test"][:2] = arrays["x_train"][[6, 7]]
    path = tmp_path / "three.npz"
    np.savez(path, **arrays)
    return path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["mnist-tui", "data", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_problems_come_first_with_their_fix(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, str(file)) == 0
    out, _ = capsys.readouterr()
    lines = out.splitlines()
    assert "300 images of 28x28 grey, 3 classes" in lines[0]
    assert lines[2].startswith("! 2 test images in training")
    assert "Remove these images" in out
    assert "train 6" in out
    assert "\x1b" not in out
    table = lines.index("class  training   share  test   share")
    assert [line.split()[:5] for line in lines[table + 1 : table + 4]] == [
        [name, "80", "33.3", "%", "20"] for name in "012"
    ]


@pytest.mark.parametrize("no_color", [False, True])
def test_a_terminal_shows_half_blocks_if_it_has_colours(
    no_color: bool, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = Console(force_terminal=True, color_system="truecolor", no_color=no_color, width=80)
    monkeypatch.setattr(listing_data, "console", lambda: out)
    assert run(monkeypatch, str(file)) == 0
    assert ("▀" in capsys.readouterr().out) is not no_color


def test_json_has_counts_duplicates_and_problems(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, str(file), "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["training"], document["test"], document["image_shape"]) == (240, 60, [28, 28, 1])
    assert document["checksum"] == load(str(file)).checksum
    assert [(each["class"], each["training"], each["test"]) for each in document["classes"]] == [
        (name, 80, 20) for name in "012"
    ]
    assert document["classes"][0]["mean_image"].startswith("iVBORw0KGgo")  # PNG
    (leak,) = document["findings"]
    assert (leak["kind"], leak["is_problem"], leak["fix"] != "") == ("leak", True, True)
    assert leak["images"][:2] == [
        {"split": "training", "index": 6, "label": "0"},
        {"split": "test", "index": 0, "label": "0"},
    ]
    assert len(document["equal_images"]) == 2
    assert document["near_duplicates"]["pairs"] == []


@pytest.mark.parametrize("options", [(), ("--json",), ("--kaggle", "out")], ids=str)
def test_data_that_cannot_be_read_are_bad_input(
    options: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 not a zip file")
    assert run(monkeypatch, "broken.npz", *options) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "broken.npz" in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def read(path: Path) -> tuple[list[str], np.ndarray[Any, np.dtype[np.int64]]]:
    with path.open(newline="") as file:
        heading, *rows = csv.reader(file)
    return heading, np.array(rows, int)


def test_kaggles_files_hold_each_image_once_and_are_the_same_every_time(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "kaggle" / "digits"
    assert run(monkeypatch, str(file), "--kaggle", str(folder)) == 0
    pixels = [f"pixel{place}" for place in range(784)]
    headings, tables = zip(*(read(folder / f"{name}.csv") for name in ("train", "test", "solution")), strict=True)
    assert headings == (["label", *pixels], pixels, ["ImageId", "Label"])
    train, test, solution = tables
    assert [len(table) for table in tables] == [180, 120, 120]
    assert solution[:, 0].tolist() == list(range(1, 121))
    data = load(str(file))
    before = np.concatenate([data.training.images, data.test.images]).reshape(300, -1)
    labels = np.concatenate([data.training.labels, data.test.labels])
    written = np.vstack([train, np.column_stack([solution[:, 1], test])])
    assert sorted(map(tuple, written.tolist())) == sorted(map(tuple, np.column_stack([labels, before]).tolist()))
    np.testing.assert_array_equal(load(str(folder / "train.csv")).training.images.shape[1:], (28, 28))

    (folder / "test.csv").unlink()
    capsys.readouterr()
    assert run(monkeypatch, str(file), "--kaggle", str(folder)) == 0
    assert ["there already" in line for line in capsys.readouterr().out.splitlines()] == [True, False, True]
    np.testing.assert_array_equal(read(folder / "test.csv")[1], test)


def test_kaggles_files_replace_no_other_data(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "solution.csv").write_text("mine\n")
    assert run(monkeypatch, str(file), "--kaggle", str(tmp_path)) == 2
    assert "solution.csv" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["solution.csv", "three.npz"]
    assert (tmp_path / "solution.csv").read_text() == "mine\n"


def test_kaggles_layout_has_no_colours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (200, 16, 16, 3), dtype=np.uint8)
    np.savez(tmp_path / "rgb.npz", x=images, y=np.arange(200, dtype=np.uint8) % 2)
    assert run(monkeypatch, str(tmp_path / "rgb.npz"), "--kaggle", str(tmp_path / "out")) == 2
    assert "16x16 RGB" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
