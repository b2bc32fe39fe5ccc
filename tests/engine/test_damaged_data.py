"""Data that are damaged or mean something else: one line that names the file, the place, and what was expected."""

import errno
import gzip
import os
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mnist_tui.config import ConfigError
from mnist_tui.engine.data import datasets
from tests.bench.peak import peak_bytes
from tests.engine.data_files import (
    IMAGES,
    LABELS,
    WRITERS,
    frame,
    hub_table,
    idx_folder,
    image_folder,
    listed_folder,
    png,
    write_npz,
    zipped,
)
from tests.test_documents import status

Change = Callable[[Path], Path]
"""Function that writes a damaged data set below a folder and returns its path."""
pytestmark = pytest.mark.filterwarnings("error")  # would be another line


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setattr("platformdirs.user_cache_path", lambda _: folder)
    return folder


def saved(**arrays: Any) -> Change:
    def write(folder: Path) -> Path:
        np.savez(folder / "data.npz", **arrays)
        return folder / "data.npz"

    return write


def arrays(**changes: Any) -> Change:
    """Return a writer of an .npz file with other arrays."""
    return saved(**({"x": IMAGES, "y": LABELS} | changes))


def text(change: Callable[[list[str]], list[str]], name: str = "data.csv") -> Change:
    """Return a writer of a CSV file whose lines are changed."""

    def write(folder: Path) -> Path:
        lines = frame().to_csv(index=False).splitlines()
        (folder / name).write_text("\n".join(change(lines)) + "\n")
        return folder / name

    return write


def cell(value: str, line: int = 5, column: int = 20) -> Change:
    def change(lines: list[str]) -> list[str]:
        cells = lines[line - 1].split(",")
        cells[column - 1] = value
        return [*lines[: line - 1], ",".join(cells), *lines[line:]]

    return text(change)


def file_of(make: Callable[[Path], Path], name: str, content: bytes | None) -> Change:
    """Return a writer of a folder with another file in it; None: a folder in the file's place."""

    def write(folder: Path) -> Path:
        data = make(folder / "data")
        (data / name).unlink(missing_ok=True)
        if content is None:
            (data / name).mkdir()
        else:
            (data / name).write_bytes(content)
        return data

    return write


def content(name: str, data: bytes) -> Change:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return write


def directory(name: str) -> Change:
    def write(folder: Path) -> Path:
        (folder / name).mkdir()
        return folder / name

    return write


def table(**changes: Any) -> Change:
    """Return a writer of a Parquet file with other columns; None: without one."""

    def write(folder: Path) -> Path:
        columns = hub_table().assign(**{key: value for key, value in changes.items() if value is not None})
        columns.drop(columns=[key for key, value in changes.items() if value is None]).to_parquet(folder / "d.parquet")
        return folder / "d.parquet"

    return write


def changed(array: Any, place: Any, value: Any, kind: Any = None) -> Any:
    copy = array.astype(kind or array.dtype)
    copy[place] = value
    return copy


def bomb(side: int) -> bytes:
    """Return a small PNG file that claims to have side x side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def npz_bomb(folder: Path) -> Path:
    """Write an .npz file with an array that claims to unpack to 3 GB."""
    with zipfile.ZipFile(write_npz(folder / "data.npz"), "a") as archive:
        archive.getinfo("x.npy").file_size = 3 * 10**9
        archive.writestr("z.npy", b"")  # so that the directory is written again
    return folder / "data.npz"


def symlink_loop(folder: Path) -> Path:
    (folder / "data").symlink_to(folder / "data")
    return folder / "data"


def inner_loop(folder: Path) -> Path:
    data = image_folder(folder / "data")
    (data / "again").symlink_to(data)
    return data


def self_loop(folder: Path) -> Path:
    data = image_folder(folder / "data")
    (data / "3" / "x.png").symlink_to(data / "3" / "x.png")
    (data / "loop").symlink_to(data / "loop")
    return data


def two_files(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "d.csv.zip", "w") as archive:
        archive.writestr("a.csv", "1,2")
        archive.writestr("b.csv", "1,2")
    return folder / "d.csv.zip"


def write_table(folder: Path, columns: pd.DataFrame) -> Path:
    columns.to_parquet(folder / "d.parquet")
    return folder / "d.parquet"


def flat_folder(folder: Path) -> Path:
    (folder / "data").mkdir()
    (folder / "data" / "x.png").write_bytes(png(IMAGES[0]))
    return folder / "data"


def no_rows(folder: Path) -> Path:
    pq.write_table(pa.Table.from_pandas(hub_table()).slice(0, 0), folder / "d.parquet")
    return folder / "d.parquet"


def new_folder(folder: Path) -> Path:
    folder.mkdir()
    return folder


def csv_folder(folder: Path) -> Path:
    folder.mkdir()
    WRITERS["data.csv"](folder / "train.csv")
    return folder


def named_folder(folder: Path) -> Path:
    return image_folder(folder, labels=[f"c{label % 2}" for label in LABELS])


def listed(rows: bytes) -> Change:
    return file_of(listed_folder, "labels.csv", rows)


BAD: dict[str, tuple[Change, str]] = {
    "npz empty": (content("d.npz", b""), "cut off"),
    "npz of another kind": (content("d.npz", b"GIF89a"), "not an .npz file"),
    "npz with a pickle": (arrays(y=np.array([1, None] * 75, object)), "Python objects"),
    "npz without labels": (saved(x=IMAGES), "has no array y"),
    "npz of a wrong shape": (arrays(x=IMAGES[:, None, None]), r"x of shape \(150, 1, 1, 8, 8\), expected"),
    "npz without pixels": (arrays(x=IMAGES[:, :0]), r"x of shape \(150, 0, 8\), expected pixels"),
    "npz without images": (arrays(x=IMAGES[:0], y=LABELS[:0]), "the 0 images in x are too few"),
    "npz without test images": (
        saved(x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:0], y_test=LABELS[:0]),
        "the 0 images in x_test are too few",
    ),
    "npz with too small images": (arrays(x=IMAGES[:, :7]), "sides of 8 to 96"),
    "npz with fewer labels": (arrays(y=LABELS[1:]), "150 images in x and 149 labels"),
    "npz with NaN": (arrays(x=changed(IMAGES, (7, 3, 4), np.nan, float)), r"nan in x\[7, 3, 4\]"),
    "npz with -1": (arrays(x=changed(IMAGES, (7, 3, 4), -1, int)), r"-1 in x\[7, 3, 4\], expected 0 or more"),
    "npz with 256": (arrays(x=changed(IMAGES, (7, 3, 4), 256, int)), r"256 in x\[7, 3, 4\], expected 0 to 255"),
    "npz with a fraction": (arrays(x=changed(IMAGES, (7, 3, 4), 0.5, float)), r"0.5 in x\[7, 3, 4\], expected a whole"),
    "npz above 1": (arrays(x=changed(IMAGES / 255, (7, 3, 4), 9.0)), r"9 in x\[7, 3, 4\], expected 0 to 1"),
    "npz of an unknown range": (arrays(x=IMAGES // 40), "pixels from 0 to 6 .*expected 0 to 1, 0 to 16"),
    "npz with label -1": (arrays(y=changed(LABELS, 9, -1, int)), r"label -1 in y\[9\], expected 0 to 99"),
    "npz with label 300": (arrays(y=changed(LABELS, 9, 300, int)), r"label 300 in y\[9\]"),
    "npz with label 55": (arrays(y=changed(LABELS, 9, 55)), r"label 55 in y\[9\], expected numbers from 0"),
    "npz with label 2.5": (arrays(y=changed(LABELS, 9, 2.5, float)), r"label 2.5 in y\[9\], expected a whole number"),
    "npz with label nan": (arrays(y=changed(LABELS, 9, np.nan, float)), r"label nan in y\[9\]"),
    "npz with an empty label": (arrays(y=np.where(LABELS == 9, "", "a")), r"no label in y\[9\]"),
    "npz with a wrong text": (arrays(y=np.array([*map(str, LABELS[:-1]), "x"])), r"label 'x' in y\[149\]"),
    "npz with two ones": (arrays(y=changed(np.eye(10)[LABELS], (5, 0), 1)), r"no one-hot label in y\[5\]"),
    "npz of one class": (arrays(y=LABELS * 0), "give at least 2 classes"),
    "npz bomb": (npz_bomb, "would unpack to 3.0 GB"),
    "npz that is a folder": (directory("d.npz"), "is not a file"),
    "csv empty": (content("d.csv", b""), "is empty"),
    "csv of blanks": (content("d.csv", b"\n\r\n\n"), "is empty"),
    "csv of headings": (text(lambda lines: lines[:1]), "headings only"),
    "csv cut in a line": (text(lambda lines: [*lines[:-1], lines[-1][:30]]), r"cells in line 151, expected 65"),
    "csv with a longer line": (text(lambda lines: [*lines[:-1], lines[-1] + ",7"]), "66 cells in line 151"),
    "csv with a short first line": (text(lambda lines: [lines[0], "1,2", *lines[1:]]), "2 cells in line 2"),
    "csv with headings again": (text(lambda lines: [*lines, *lines]), "'label' in line 152|'pixel0' in line 152"),
    "csv with a duplicated heading": (
        text(lambda lines: [lines[0].replace("pixel7,", "pixel6,"), *lines[1:]]),
        "two columns named 'pixel6'",
    ),
    "csv without a pixel": (text(lambda lines: [line.rsplit(",", 1)[0] for line in lines]), "63 pixel columns"),
    "csv with a gap": (text(lambda lines: [lines[0].replace("pixel7,", "pixel99,"), *lines[1:]]), "no column 'pixel7'"),
    "csv without labels": (text(lambda lines: [line.split(",", 1)[1] for line in lines]), "no column of labels"),
    "csv with another column": (text(lambda lines: [f"{line},comment" for line in lines]), "column 'comment'"),
    "csv with semicolons": (text(lambda lines: [line.replace(",", ";") for line in lines]), "semicolons in line 1"),
    "csv with tabs": (text(lambda lines: [line.replace(",", "\t") for line in lines]), "tabs in line 1"),
    "csv with decimal commas": (cell('"0,5"'), "'0,5' in line 5, column 20, .*a point"),
    "csv with a text": (cell("x"), "'x' in line 5, column 20, expected a number"),
    "csv without headings, with a text": (
        content("d.csv", b"1," + b"0," * 9 + b"x" + b",0" * 54 + b"\n"),
        "'x' in line 1, column 11",
    ),
    "csv with an escape": (cell("\x1b[2J"), r"'\?\[2J' in line 5, column 20"),
    "csv with an empty cell": (cell(""), "'' in line 5, column 20"),
    "csv with nan": (cell("nan"), "'nan' in line 5, column 20"),
    "csv with inf": (cell("inf"), "'inf' in line 5, column 20"),
    "csv with 256": (cell("256"), "256 in line 5, column 20, expected 0 to 255"),
    "csv with -1": (cell("-1"), "-1 in line 5, column 20, expected 0 or more"),
    "csv with 1.5": (cell("1.5"), "1.5 in line 5, column 20, expected a whole number"),
    "csv with label x": (cell("x", column=1), "label 'x' in line 5, column 1"),
    "csv without a label": (cell("", column=1), "no label in line 5, column 1"),
    "csv with label 300": (cell("300", column=1), "label 300 in line 5, column 1"),
    "csv after a blank line": (
        text(lambda lines: [lines[0], "", "", lines[1].replace(",", ",256,", 1).rsplit(",", 1)[0], *lines[2:]]),
        "256 in line 4, column 2",
    ),
    "csv folder with a damaged test": (
        file_of(csv_folder, "test.csv", frame()[:20].to_csv(index=False)[:-9].encode()),
        r"test.csv has .* in line 21",
    ),
    "csv folder with label 300": (
        file_of(csv_folder, "test.csv", frame()[:20].assign(label=300).to_csv(index=False).encode()),
        "label 300 in test.csv, line 2, column 1",
    ),
    "csv in UTF-16": (content("d.csv", frame().to_csv().encode("utf-16")), "is not UTF-8"),
    "csv with zeros": (content("d.csv", bytes(5_000)), "d.csv"),
    "csv of one line": (content("d.csv", b"1," * 2**20), "a line of more than 1 MB"),
    "csv.gz cut off": (content("d.csv.gz", gzip.compress(frame().to_csv().encode())[:-50]), "d.csv.gz"),
    "csv.gz bomb": (content("d.csv.gz", gzip.compress(bytes(2**24), 1)), "a line of more than 1 MB"),
    "csv.zip of two files": (two_files, "holds 2 files, expected one"),
    "csv.zip cut off": (content("d.csv.zip", zipped(b"1,2")[:-9]), "d.csv.zip"),
    "csv that is a folder": (directory("d.csv"), "is not a file"),
    "parquet empty": (content("d.parquet", b""), "cannot be read"),
    "parquet cut off": (content("d.parquet", b"PAR1" + bytes(100)), "cannot be read"),
    "parquet without labels": (table(label=None), "no column of labels"),
    "parquet without images": (table(image=None), "no column of images"),
    "parquet with two labels": (table(target=LABELS), "columns 'label' and 'target'"),
    "parquet without an image": (table(image=[*([png(IMAGES[0])] * 149), None]), "no image in row 150"),
    "parquet of paths": (table(image=[{"bytes": None, "path": "a.png"}] * 150), "no image in row 1"),
    "parquet of rubbish": (table(image=[b"rubbish"] * 150), "unknown or damaged image, image 0"),
    "parquet of mixed sizes": (table(image=[[1] * 64] * 149 + [[1] * 63]), "another size in row 150"),
    "parquet of sizes that change later": (
        lambda folder: write_table(folder, pd.DataFrame({"image": [[1] * 64] * 1000 + [[1] * 81] * 9, "label": 0})),
        "another size in row 1001",
    ),
    "parquet with lists of labels": (table(label=[[1]] * 149 + [[1, 2]]), "cannot be read"),
    "parquet with an empty label": (table(label=[*map(str, LABELS[:-1]), None]), "no label in row 150"),
    "parquet with label 300": (table(label=changed(LABELS, 9, 300, int)), "label 300 in row 10"),
    "parquet without rows": (no_rows, "no rows"),
    "idx empty": (file_of(idx_folder, "train-images-idx3-ubyte", b""), "begins with nothing"),
    "idx of another kind": (file_of(idx_folder, "train-images-idx3-ubyte", b"PK\3\4"), "begins with 50 4b 03 04"),
    "idx that is a folder": (file_of(idx_folder, "train-images-idx3-ubyte", None), "not a regular file"),
    "idx with label 77": (
        file_of(idx_folder, "train-labels-idx1-ubyte.gz", gzip.compress(b"\0\0\10\1\0\0\0\x96" + b"\0\1\x4d" * 50)),
        r"label 77 in train-labels-idx1-ubyte.gz, label\[2\]",
    ),
    "folder empty": (directory("data"), "holds no data"),
    "folder of images without labels": (flat_folder, "no images or labels for y"),
    "folder of texts": (file_of(new_folder, "a.txt", b"a"), "holds 'a.txt', but no data"),
    "image empty": (file_of(image_folder, "3/x.png", b""), "damaged image, 3/x.png"),
    "image cut off": (file_of(image_folder, "3/x.png", png(IMAGES[0])[:-30]), "damaged image, 3/x.png"),
    "image of another kind": (file_of(image_folder, "3/x.png", b"%PDF-1.7"), "damaged image, 3/x.png"),
    "image bomb": (file_of(image_folder, "3/x.png", bomb(50_000)), "damaged image, 3/x.png"),
    "folder without images": (file_of(image_folder, "empty", None), "folder 'empty' without images"),
    "folder with a loop": (inner_loop, "folder 'again' without images"),
    "folder with links to themselves": (self_loop, "levels of symbolic links"),
    "a link to itself": (symlink_loop, "is missing"),
    "table with a missing image": (listed(b"file,label\n0.png,1\n999.png,2\n"), "'999.png' in labels.csv, line 3"),
    "table with an image twice": (listed(b"0.png,1\n0.png,2\n"), "'0.png' a second time in labels.csv, line 2"),
    "table that leaves the folder": (listed(b"../0.png,1\n"), "'../0.png' in labels.csv, line 1"),
    "table without a label": (listed(b"file,label\n0.png,\n"), "no label in labels.csv, line 2"),
    "table with a longer line": (listed(b"file,label\n0.png,1,2\n"), "3 cells in labels.csv, line 2"),
    "table without images": (listed(b"file,label\n"), "labels.csv without images"),
    "other number of class names": (file_of(idx_folder, "classes.txt", b"a\nb\n"), "with 2 names, expected 10"),
    "class names twice": (file_of(idx_folder, "classes.txt", b"a\n" * 10), "names 'a' twice"),
    "class names in Latin-1": (file_of(idx_folder, "classes.txt", b"\xe4\n"), "save it as UTF-8"),
    "class names without a class": (file_of(named_folder, "classes.txt", b"c0\nother\n"), "without the class 'c1'"),
}


@pytest.mark.parametrize(("write", "words"), BAD.values(), ids=BAD)
def test_bad_data_are_one_line_that_names_the_place(tmp_path: Path, write: Change, words: str, cache: Path) -> None:
    path = write(tmp_path)
    with pytest.raises(ConfigError, match=words) as error:
        datasets.load(str(path))
    line = str(error.value)
    assert str(path) in line
    assert line.isprintable()
    assert len(line) < 400
    assert not cache.exists()


def test_a_file_without_permission_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, _: int) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    for name in ("data.csv", "data.parquet", "idx"):
        WRITERS[name](tmp_path / name)
    monkeypatch.setattr("mnist_tui.untrusted._open_regular", refuse)  # root may read everything
    for name in ("data.csv", "data.parquet", "idx"):
        with pytest.raises(ConfigError, match=f"{name}.*Permission denied"):
            datasets.load(str(tmp_path / name))


@pytest.mark.parametrize("name", ["d.csv.gz", "d.csv.zip"])
def test_a_bomb_of_rows_is_refused(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = frame(np.zeros((5_000, 8, 8), np.uint8), np.arange(5_000) % 10).to_csv(index=False).encode()
    content(name, gzip.compress(text) if name.endswith(".gz") else zipped(text))(tmp_path)
    assert len(datasets.load(str(tmp_path / name)).training) > 4_000
    monkeypatch.setattr("mnist_tui.engine.data.readers.csv.SMALL", 2**17)
    monkeypatch.setattr("mnist_tui.engine.data.readers.csv.LARGEST_RATIO", 10)
    with pytest.raises(ConfigError, match=r"unpacks? to (more than 0|1) MB"):
        datasets.load(str(tmp_path / name))


@pytest.mark.parametrize("name", WRITERS)
def test_bad_data_end_a_command_with_status_2(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    path = WRITERS[name](tmp_path / name)
    for file in [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]:
        file.write_bytes(file.read_bytes()[:20])
    assert status(["mnist-tui", "train", "--data", str(path), "--plain"], monkeypatch) == 2
    out, err = capsys.readouterr()
    assert not out
    assert len(err.splitlines()) == 1
    assert str(path) in err
    assert not home.exists()


MEMORY = 2**28
"""Bytes by which rubbish may raise the peak memory."""
RUBBISH = st.fixed_dictionaries(
    {
        "name": st.sampled_from(list(WRITERS)),
        "file": st.integers(0, 10**6),
        "place": st.floats(0, 1),
        "cut": st.none() | st.floats(0, 1),
        "rubbish": st.binary(max_size=30) | st.sampled_from([b"-1", b"256", b"nan", b";", b"\r\n", b'"', b"\0\0\0\0"]),
        "overwrite": st.booleans(),
    }
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a data set of each format."""
    folder = tmp_path_factory.mktemp("sound")
    for name, write in WRITERS.items():
        write(folder / name)
        assert len(datasets.load(str(folder / name)).training) > 100
    return folder


@pytest.mark.parametrize("examples", [40, pytest.param(500, marks=pytest.mark.full)])
def test_rubbish_of_every_kind_is_one_line(sound: Path, tmp_path: Path, cache: Path, examples: int) -> None:
    before, refused, where = peak_bytes("self") or 0, list[str](), list[str]()

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(RUBBISH)
    def check(damage: dict[str, Any]) -> None:
        original, path = sound / damage["name"], tmp_path / damage["name"]
        if original.is_dir():
            shutil.rmtree(path, ignore_errors=True)
            shutil.copytree(original, path)
            files = sorted(each for each in path.rglob("*") if each.is_file())
            file = files[damage["file"] % len(files)]
        else:
            file = shutil.copyfile(original, path)
        data = file.read_bytes()
        place, rubbish = int(damage["place"] * len(data)), damage["rubbish"]
        data = data[:place] + rubbish + data[place + damage["overwrite"] * len(rubbish) :]
        file.write_bytes(data if damage["cut"] is None else data[: int(damage["cut"] * len(data))])
        try:
            datasets.load(str(path))
        except ConfigError as error:
            refused.append(str(error))
            where.append(str(path))

    check()
    assert len(refused) > examples / 2
    assert all(line.isprintable() and path in line for line, path in zip(refused, where, strict=True))
    assert not cache.exists()
    assert (peak_bytes("self") or 0) - before < MEMORY
