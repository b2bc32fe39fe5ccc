"""Data files that users bring: every layout that is read, and one sentence for each that is not."""

import gzip
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mnist_tui.config import ConfigError
from mnist_tui.engine.data import datasets, readers
from mnist_tui.engine.data.readers import ReaderError, reader_of
from mnist_tui.engine.data.readers.idx import read_idx

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (150, 28, 28), dtype=np.uint8)
LABELS = (np.arange(150) % 10).astype(np.uint8)
PIXELS = [f"pixel{number}" for number in range(784)]


def idx(array: NDArray[np.generic], kind: int = 8) -> bytes:
    """Return an array as an IDX file."""
    axes = b"".join(axis.to_bytes(4, "big") for axis in array.shape)
    return bytes([0, 0, kind, array.ndim]) + axes + array.tobytes()


def idx_folder(folder: Path, prefix: str = "", suffix: str = "", compressed: bool = False) -> str:
    """Write the four files of MNIST under the names that a data set gives them."""
    for part in ("train", "t10k"):
        for kind, array in (("images-idx3", IMAGES), ("labels-idx1", LABELS)):
            content = idx(array)
            path = folder / f"{prefix}{part}-{kind}-ubyte{suffix}"
            path.write_bytes(gzip.compress(content) if compressed else content)
    return str(folder)


@pytest.mark.parametrize(
    ("prefix", "suffix", "compressed"), [("", "", False), ("", ".gz", True), ("emnist-digits-", ".gz", True)]
)
def test_a_folder_of_idx_files_is_a_data_set(tmp_path: Path, prefix: str, suffix: str, compressed: bool) -> None:
    spec = idx_folder(tmp_path, prefix, suffix, compressed)
    datasets.check_spec(spec)
    data = datasets.load(spec)
    upright = IMAGES.swapaxes(1, 2) if prefix else IMAGES  # EMNIST's images are transposed
    assert np.array_equal(data.training.images, upright)
    assert np.array_equal(data.test.labels, LABELS)
    assert data.class_names == tuple("0123456789")
    assert len(datasets.load_evaluated(spec)[0]) == 150


def test_labels_of_qmnist_are_the_first_of_eight_columns(tmp_path: Path) -> None:
    idx_folder(tmp_path)
    table = np.column_stack([LABELS] + [np.full(150, 7)] * 7).astype(">i4")
    (tmp_path / "train-labels-idx1-ubyte").rename(tmp_path / "qmnist-train-labels-idx2-int")
    (tmp_path / "qmnist-train-labels-idx2-int").write_bytes(idx(table, 12))
    assert np.array_equal(datasets.load(str(tmp_path)).training.labels, LABELS)


def test_classes_have_the_names_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, names = idx_folder(tmp_path), tuple("abcdefghij")
    monkeypatch.setitem(datasets.KNOWN_CLASSES, datasets.idx_md5(LABELS), names[::-1])
    assert datasets.load(spec).class_names == names[::-1]
    (tmp_path / "classes.txt").write_text("\n".join(names) + "\n")
    assert datasets.load(spec).class_names == names
    (tmp_path / "classes.txt").write_text("a\nb\n")
    with pytest.raises(ConfigError, match=r"classes\.txt with 2 names, expected 10"):
        datasets.load(spec)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "begins with nothing"),
        (b"\0\0\x08", "begins with 00 00 08"),
        (b"label,pixel0\n", "not like an IDX file"),
        (idx(LABELS)[:6], "is damaged"),
        (idx(LABELS)[:-1], "fewer than the 150 bytes"),
        (idx(LABELS) + b"\0", "more than the 150 bytes"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "claims to hold"),
        (b"\0\0\x08\x03" + b"\x7f\xff\xff\xff" * 3, "claims to hold"),
        (gzip.compress(idx(LABELS)), "begins with 1f 8b"),
    ],
    ids=["empty", "short", "text", "half a header", "cut", "longer", "negative", "huge", "compressed"],
)
def test_a_damaged_idx_file_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "train-labels-idx1-ubyte"
    path.write_bytes(content)
    with pytest.raises(ReaderError, match=words) as error:
        read_idx(path)
    assert "\n" not in str(error.value)
    packed = tmp_path / "train-labels-idx1-ubyte.gz"
    packed.write_bytes(gzip.compress(idx(LABELS))[:-9])
    with pytest.raises(ReaderError, match="is damaged"):
        read_idx(packed)


def test_a_folder_without_its_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no data: give it IDX files"):
        datasets.load(str(tmp_path))
    (tmp_path / "t10k-images-idx3-ubyte").touch()
    with pytest.raises(ConfigError, match="has no IDX file for x_train, such as train-images-idx3-ubyte"):
        datasets.load(str(tmp_path))


def test_pipes_are_never_waited_for(tmp_path: Path) -> None:
    for name in ("train.csv", "train-images-idx3-ubyte.gz"):
        os.mkfifo(tmp_path / name)
    with pytest.raises(ConfigError, match=r"train\.csv is not a file"):
        datasets.load(str(tmp_path / "train.csv"))
    with pytest.raises(ReaderError, match="not a regular file"):
        read_idx(tmp_path / "train-images-idx3-ubyte.gz")


def table(order: str = "label first", header: bool = True) -> str:
    """Return images as CSV."""
    frame = pd.DataFrame(IMAGES.reshape(-1, 784), columns=PIXELS)
    if order != "no label":
        frame.insert(0 if order == "label first" else 784 if order == "label last" else 400, "label", LABELS)
    return str(frame.to_csv(index=False, header=header))


def read_csv(path: Path, with_labels: bool = True) -> "tuple[NDArray[np.uint8], NDArray[np.uint8]]":
    arrays = readers.read(path, [("x", "y") if with_labels else ("x",)], complete=False).arrays
    return arrays["x"], arrays["y"]


def zipped(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train.csv", content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("text", "pack", "name"),
    [
        (table(), bytes, "train.csv"),
        (table("label last"), bytes, "train.csv"),
        (table("label between"), bytes, "TRAIN.CSV"),
        (table(header=False), bytes, "train.csv"),
        ("\ufeff" + table(), bytes, "train.csv"),
        (table().replace("\n", "\r\n"), bytes, "train.csv"),
        (table().replace("label", "Class"), gzip.compress, "train.csv.gz"),
        (table(), zipped, "train.csv.zip"),
    ],
    ids=["first", "last", "between", "no header", "BOM", "CRLF", "gzip", "zip"],
)
def test_a_csv_file_has_its_labels_anywhere(
    tmp_path: Path, text: str, pack: Callable[[bytes], bytes], name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(pack(text.encode()))
    images, labels = read_csv(path)
    assert np.array_equal(images, IMAGES)
    assert np.array_equal(labels, LABELS)


def changed(cell: str) -> str:
    """Return a table with another cell in line 3, column 2."""
    lines = table().splitlines(keepends=True)
    label, _, rest = lines[2].split(",", 2)
    lines[2] = f"{label},{cell},{rest}"
    return "".join(lines)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        *((changed(cell), "line 3, column 2") for cell in ("256", "-1", "", "x", "1.5", "nan", '"1,5"')),
        (table("no label"), "no column of labels"),
        ("", "is empty"),
        ("label\n3\n", "has 0 pixel columns"),
        (table().replace(",", ";"), "semicolons in line 1"),
        (table() + "1,2,3\n", "has 3 cells in line 152, expected 785"),
        (table() + table().splitlines()[1] + ",7\n", "has 786 cells in line 152, expected 785"),
        (table() + table(), "line 152"),
    ],
    ids=lambda value: "table" if len(value) > 40 else None,
)
def test_a_csv_file_that_is_no_table_of_images_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "train.csv"
    path.write_text(text)
    with pytest.raises(ReaderError, match=words) as error:
        read_csv(path)
    assert "\n" not in str(error.value)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mnist_tui.engine.data.readers.csv.LARGEST", 10_000)
    (tmp_path / "train.csv.zip").write_bytes(zipped(bytes(100_000)))
    with pytest.raises(ReaderError, match="would unpack to"):
        read_csv(tmp_path / "train.csv.zip")


def test_a_table_is_split_the_same_way_for_all_runs(tmp_path: Path) -> None:
    images = np.concatenate([IMAGES] * 10)
    frame = pd.DataFrame(images.reshape(-1, 784), columns=PIXELS)
    frame.insert(0, "label", np.concatenate([LABELS] * 10))
    path = tmp_path / "train.csv"
    frame.to_csv(path, index=False)
    data, again = datasets.load(str(path)), datasets.load(str(path))
    assert (len(data.training), len(data.test)) == (1_375, 125)
    assert np.array_equal(data.test.indices, again.test.indices)
    assert np.array_equal(data.test.images, images[data.test.indices])
    assert set(data.test.indices).isdisjoint(data.training.indices)
    assert datasets.load_images(str(path)).shape == (1_500, 28, 28)
    assert len(datasets.load_evaluated(str(path))[0]) == 1_500


def test_a_format_that_no_reader_knows_is_refused_with_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "digits.txt").touch()
    with pytest.raises(ConfigError, match=r"is not known: give mnist, or the path of an \.npz file or a \.csv file"):
        datasets.check_spec(str(tmp_path / "digits.txt"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["d.csv", "d.csv.gz", "d.csv.zip", "d.npz", "train-images-idx3-ubyte.gz"]),
    cut=st.integers(0, 4_000),
    place=st.integers(0, 4_000),
    rubbish=st.binary(max_size=30),
)
def test_rubbish_of_every_kind_is_one_sentence(tmp_path: Path, name: str, cut: int, place: int, rubbish: bytes) -> None:
    text = table().encode()[:3_000]
    content = {"d.csv": text, "d.csv.gz": gzip.compress(text), "d.csv.zip": zipped(text)}.get(
        name, gzip.compress(idx(IMAGES[:2]))
    )
    path = tmp_path / name
    path.write_bytes(content[:cut][:place] + rubbish + content[:cut][place + len(rubbish) :])
    spec = str(path if name.startswith("d.") else tmp_path)
    assert reader_of(Path(spec)) is not None
    with pytest.raises(ConfigError) as error:
        datasets.load(spec)
    assert "\n" not in str(error.value)
    assert str(tmp_path) in str(error.value)
