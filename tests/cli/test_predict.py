"""`mnist-tui predict` in one process; the model is replaced by one that knows the digits of the recorded run."""

import csv
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from mnist_tui.cli.main import run_command
from mnist_tui.cli.wiring import UsageError
from mnist_tui.control import predicting
from mnist_tui.control.jobs import JobReport
from mnist_tui.control.protocol import PredictedImages
from mnist_tui.runs.directory import RunDirectory
from tests.kit.photographs import photograph, sheet
from tests.kit.recording import RECORDING, recorded_run

VALIDATION = RECORDING.load_arrays(RECORDING.digits_path("validation"))
DIGITS, LABELS = VALIDATION["images"][:6], VALIDATION["labels"][:6]
Images = NDArray[np.uint8]
Predict = Callable[..., tuple[int, str, str]]


def nearest(_: RunDirectory, images: Images, on_progress: Callable[[JobReport], object]) -> PredictedImages:
    """Predict the class of the nearest of DIGITS; a flat image is far from all."""
    on_progress(JobReport("predicting", 0.5))
    apart = np.abs(images[:, None].astype(int) - DIGITS).mean(axis=(2, 3))
    probabilities = np.full((len(images), 10), 0.01)
    probabilities[np.arange(len(images)), LABELS[apart.argmin(axis=1)]] = 0.91
    distances = tuple((apart.min(axis=1) / 40).tolist())
    return PredictedImages(3, tuple(map(tuple, probabilities.tolist())), distances, 1.0)


@pytest.fixture
def predict(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Predict:
    """Run `mnist-tui predict last ARGUMENT...` on the recorded run; return the exit status, stdout and stderr."""
    recorded_run()
    monkeypatch.setattr(predicting, "predict_in_job", nearest)

    def call(*arguments: object, stdin: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mnist-tui", "predict", "last", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(stdin), isatty=lambda: False))
        status = run_command()
        out, err = capsys.readouterr()
        return status, out, err

    return call


def saved(path: Path, image: Images, **options: object) -> Path:
    Pillow.fromarray(image).save(path, **options)  # type: ignore[arg-type]
    return path


def large(digit: Images) -> Images:
    """A scan of a digit."""
    return sheet([digit], side=140, margin=50)


def test_a_photograph_of_several_digits_is_read_from_the_left(predict: Predict, tmp_path: Path) -> None:
    paper = sheet(list(DIGITS[:3]), side=120, gap=20, margin=60)
    path = saved(tmp_path / "photo.jpg", photograph(paper, degrees=12, table=60, shadow=0.4, noise=5))
    status, out, _ = predict(path)
    assert status == 0
    assert out.splitlines()[0] == f"{path}: {''.join(map(str, LABELS[:3]))}"
    assert out.count("91.0 %") == 3
    assert out.count(" at ") == 3


@pytest.mark.parametrize(
    "convert",
    [
        lambda grey: Pillow.fromarray(grey),
        lambda grey: Pillow.fromarray(grey).convert("RGB"),
        lambda grey: Pillow.fromarray(grey).quantize(8),
        lambda grey: Pillow.fromarray(grey.astype(np.uint16) * 257),
        lambda grey: Pillow.fromarray(grey < 128),
        lambda grey: Pillow.merge("LA", (Pillow.new("L", grey.shape[::-1], 0), Pillow.fromarray(255 - grey))),
        lambda grey: Pillow.merge("LA", (Pillow.new("L", grey.shape[::-1], 255), Pillow.fromarray(255 - grey))),
        lambda grey: Pillow.fromarray(255 - grey),
    ],
    ids=["grey", "RGB", "palette", "16 bits", "1 bit", "black on nothing", "white on nothing", "inverted"],
)
def test_images_of_all_modes_are_read(predict: Predict, tmp_path: Path, convert: Callable[..., Pillow.Image]) -> None:
    path = tmp_path / "digit.png"
    convert(large(DIGITS[0])).save(path)
    _, out, _ = predict("--json", path)
    (digit,) = json.loads(out)["files"][0]["digits"]
    assert digit["name"] == str(LABELS[0])
    assert not digit["unlike"]


def test_a_photograph_is_turned_as_its_camera_was_held(predict: Predict, tmp_path: Path) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6  # turned by a quarter
    path = saved(tmp_path / "photo.jpg", np.rot90(large(DIGITS[0])), exif=exif)
    assert json.loads(predict("--json", path)[1])["files"][0]["digits"][0]["class"] == LABELS[0]


@pytest.mark.parametrize("kind", ["npy", "fractions", "one", "csv", "pipe", "piped array", "folder"])
def test_arrays_tables_pipes_and_folders_are_read(predict: Predict, tmp_path: Path, kind: str) -> None:
    stdin, path = b"", tmp_path / "digits.npy"
    expected = LABELS[:3].tolist()
    match kind:
        case "npy":
            np.save(path, DIGITS[:3])
        case "fractions":
            np.save(path, DIGITS[:3] / 255)
        case "one":
            np.save(path, DIGITS[0])
            expected = expected[:1]
        case "csv":
            path = tmp_path / "digits.csv"
            rows = DIGITS[:3].reshape(3, 784)
            header = ",".join(f"pixel{number}" for number in range(784))
            path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]))
        case "pipe":
            buffer = io.BytesIO()
            Pillow.fromarray(large(DIGITS[0])).save(buffer, "PNG")
            stdin, expected = buffer.getvalue(), expected[:1]
        case "piped array":
            np.save(path, DIGITS[:3])
            stdin = path.read_bytes()
        case "folder":
            path = tmp_path / "folder"
            path.mkdir()
            for number, digit in enumerate(DIGITS[:3]):
                saved(path / f"{number}.png", digit)
            (path / "notes.txt").write_text("no image")
    status, out, _ = predict("--json", "-" if stdin else path, stdin=stdin)
    assert status == 0
    assert [digit["class"] for file in json.loads(out)["files"] for digit in file["digits"]] == expected


def test_dark_images_of_mnists_size_are_inverted_and_said_so(predict: Predict, tmp_path: Path) -> None:
    _, out, _ = predict(saved(tmp_path / "dark.png", 255 - DIGITS[0]))
    assert f"{LABELS[0]}  " in out
    assert "inverted" in out


def test_csv_has_a_row_for_each_image(predict: Predict, tmp_path: Path) -> None:
    path, table = saved(tmp_path / "two.png", sheet(list(DIGITS[:2]), side=120)), tmp_path / "out.csv"
    _, out, err = predict("--csv", "-o", table, path)
    assert not out
    assert "2 predictions" in err
    rows = list(csv.DictReader(table.open()))
    assert [row["class"] for row in rows] == [str(label) for label in LABELS[:2]]
    assert int(rows[0]["left"]) < int(rows[1]["left"])
    assert {row["file"] for row in rows} == {str(path)}


def test_doubts_are_named_with_their_thresholds(predict: Predict, tmp_path: Path) -> None:
    blob = np.zeros((28, 28), np.uint8)
    blob[5:23, 5:23] = 255
    paths = saved(tmp_path / "blob.png", blob), saved(tmp_path / "digit.png", DIGITS[0])
    strange, known = predict("--threshold", 0.5, *paths)[1].splitlines()[:2]
    assert "unlike the training data" in strange
    assert "unlike" not in known
    assert "unsure" not in known
    _, out, _ = predict("--threshold", 0.95, paths[1])
    assert "unsure" in out.splitlines()[0]
    assert "below 95.0 % (as given)" in out
    assert "of the validation images" in predict(paths[1])[1].splitlines()[-2]


def test_all_steps_are_shown_with_captions(predict: Predict, tmp_path: Path) -> None:
    _, out, _ = predict("--show", saved(tmp_path / "digit.png", large(DIGITS[0])))
    for caption in ("grey", "ink only", "threshold", "digits", "model's input"):
        assert caption in out
    assert sum(map(out.count, "@%#*")) > 100


def test_pictures_are_only_resized_if_asked_to(predict: Predict, tmp_path: Path) -> None:
    path = saved(tmp_path / "digit.png", DIGITS[0].repeat(4, axis=0).repeat(5, axis=1))
    (digit,) = json.loads(predict("--json", "--as-is", path)[1])["files"][0]["digits"]
    assert digit["box"] == {"left": 14, "top": 0, "width": 112, "height": 112}


def save(path: Path, array: NDArray[Any]) -> Path:
    with path.open("wb") as file:
        np.save(file, array)
    return path


BAD: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: path.unlink(missing_ok=True),
    "empty": lambda path: path.write_bytes(b""),
    "no image": lambda path: path.write_bytes(b"hello"),
    "truncated": lambda path: path.write_bytes(saved(path, large(DIGITS[0])).read_bytes()[:300]),
    "blank": lambda path: saved(path, np.full((300, 200), 240, np.uint8)),
    "bomb": lambda path: (
        saved(path, np.zeros((10, 10), np.uint8))
        and path.write_bytes(path.read_bytes().replace(b"\0\0\0\x0a\0\0\0\x0a", b"\0\1\0\0\0\1\0\0", 1))
    ),
    "empty folder": lambda path: path.mkdir(),
    "pipe": lambda path: os.mkfifo(path),
    "pickle": lambda path: save(path, np.array([{}])),
    "cut array": lambda path: path.write_bytes(save(path, DIGITS).read_bytes()[:200]),
    "one axis": lambda path: save(path, np.arange(784)),
    "NaN": lambda path: save(path, np.full((28, 28), np.nan)),
    "negative": lambda path: save(path, np.full((28, 28), -1)),
    "a circle of links": lambda path: path.symlink_to(path),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_one_line_and_the_others_are_predicted(predict: Predict, tmp_path: Path, kind: str) -> None:
    bad = tmp_path / "bad.png"
    BAD[kind](bad)
    status, out, err = predict(bad, saved(tmp_path / "good.png", DIGITS[0]))
    assert status == 2
    assert f"good.png  {LABELS[0]}" in out
    (line,) = err.splitlines()
    assert "bad.png" in line
    assert ": " in line.partition("bad.png")[2]


@pytest.mark.parametrize(
    "arguments", [("--digits", "--as-is"), ("--json", "--csv"), ("--csv", "--show"), ("-o", "out.csv")], ids=" ".join
)
def test_options_that_exclude_each_other_are_refused(predict: Predict, arguments: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="give"):
        predict(*arguments, "digit.png")
