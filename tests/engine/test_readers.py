"""Data files that users bring: every layout that is read."""

import gzip
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from mnist_tui.config import ConfigError
from mnist_tui.engine.data import datasets, readers
from mnist_tui.engine.data.readers import Contents, ReaderError, cache
from mnist_tui.engine.data.readers.idx import read_idx
from mnist_tui.engine.data.readers.reader import Raw, Reader
from tests.engine.data_files import (
    IMAGES,
    LABELS,
    WRITERS,
    frame,
    hub_table,
    idx,
    idx_folder,
    image_folder,
    listed_folder,
    png,
    write_csv,
    zipped,
)

RGB = np.random.default_rng(1).integers(0, 256, (120, 9, 12, 3), dtype=np.uint8)
DARK = IMAGES // 3
"""Grey images on a dark background: those of IMAGES are noise."""


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setattr("platformdirs.user_cache_path", lambda _: folder)
    return folder


def read(path: Path, *names: str, **options: Any) -> Contents:
    return readers.read(path, [names] if names else [datasets.ARRAYS, datasets.TABLE], **options)


def pairs(contents: Contents) -> list[tuple[bytes, str]]:
    """Return each image with the name of its class, in no order."""
    arrays = contents.arrays
    names = contents.class_names or tuple(map(str, range(100)))
    return sorted((image.tobytes(), names[label]) for image, label in zip(arrays["x"], arrays["y"], strict=True))


EXPECTED = sorted((image.tobytes(), str(label)) for image, label in zip(IMAGES, LABELS, strict=True))


@pytest.mark.parametrize("name", WRITERS)
def test_the_same_data_are_read_from_every_format(tmp_path: Path, name: str) -> None:
    path = WRITERS[name](tmp_path / name)
    datasets.check_spec(str(path))
    data = datasets.load(str(path))
    assert data.class_names == tuple("0123456789")
    assert data.image_shape == (8, 8, 1)
    assert data.notes == ()
    if name != "idx":
        assert pairs(read(path)) == EXPECTED
        assert len(data.training) + len(data.test) == len(IMAGES)
    assert len(datasets.load_evaluated(str(path))[0]) == len(IMAGES)
    assert datasets.load_images(str(path)).shape == IMAGES.shape


def test_a_format_that_no_reader_knows_is_refused_with_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "digits.txt").touch()
    with pytest.raises(
        ConfigError, match=r"give mnist, mine, or the path of an \.npz file, a \.csv file, .* or a folder of images"
    ):
        datasets.check_spec(str(tmp_path / "digits.txt"))


def test_another_format_is_one_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.npy"
    np.save(path, IMAGES)
    npy = Reader("an .npy file", lambda path: path.suffix == ".npy", lambda path, *_: Raw({"x": np.load(path)}))
    monkeypatch.setattr(readers, "READERS", (npy, *readers.READERS))
    datasets.check_spec(str(path))
    assert np.array_equal(datasets.load_images(str(path)), IMAGES)


class TestIdx:
    @pytest.mark.parametrize(
        ("prefix", "suffix"), [("", ""), ("", ".gz"), ("emnist-digits-", ".gz")], ids=["plain", "gzip", "EMNIST"]
    )
    def test_a_folder_is_a_data_set(self, tmp_path: Path, prefix: str, suffix: str) -> None:
        for part in ("train", "t10k"):
            for kind, array in (("images-idx3", IMAGES), ("labels-idx1", LABELS)):
                content = idx(array)
                path = tmp_path / f"{prefix}{part}-{kind}-ubyte{suffix}"
                path.write_bytes(gzip.compress(content) if suffix else content)
        data = datasets.load(str(tmp_path))
        assert np.array_equal(data.training.images, IMAGES.swapaxes(1, 2) if prefix else IMAGES)
        assert np.array_equal(data.test.labels, LABELS)
        assert any("upright" in note for note in data.notes) == bool(prefix)

    def test_letters_of_emnist_are_numbered_from_1_and_named(self, tmp_path: Path) -> None:
        labels = (np.arange(156) % 26 + 1).astype(np.uint8)
        for part in ("train", "test"):
            (tmp_path / f"emnist-letters-{part}-images-idx3-ubyte").write_bytes(idx(np.zeros((156, 8, 8), np.uint8)))
            (tmp_path / f"emnist-letters-{part}-labels-idx1-ubyte").write_bytes(idx(labels))
        data = datasets.load(str(tmp_path))
        assert data.class_names[0] + data.class_names[25] == "AZ"
        assert np.array_equal(data.training.labels, labels - 1)
        assert any("became the classes 0 to 25" in note for note in data.notes)

    def test_classes_of_kmnist_are_named_after_its_folder_as_torchvision_makes_it(self, tmp_path: Path) -> None:
        idx_folder(tmp_path / "KMNIST" / "raw")
        data = datasets.load(str(tmp_path / "KMNIST"))
        assert data.class_names[:3] == ("o", "ki", "su")
        assert np.array_equal(data.training.images, IMAGES)

    def test_labels_of_qmnist_are_the_first_of_eight_columns(self, tmp_path: Path) -> None:
        idx_folder(tmp_path)
        table = np.column_stack([LABELS] + [np.full(150, 7)] * 7).astype(">i4")
        (tmp_path / "train-labels-idx1-ubyte.gz").unlink()
        (tmp_path / "qmnist-train-labels-idx2-int").write_bytes(idx(table, 12))
        data = datasets.load(str(tmp_path))
        assert np.array_equal(data.training.labels, LABELS)
        assert any("QMNIST" in note for note in data.notes)

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
    def test_a_damaged_file_is_named(self, tmp_path: Path, content: bytes, words: str) -> None:
        path = tmp_path / "train-labels-idx1-ubyte"
        path.write_bytes(content)
        with pytest.raises(ReaderError, match=words):
            read_idx(path)
        packed = tmp_path / "train-labels-idx1-ubyte.gz"
        packed.write_bytes(gzip.compress(idx(LABELS))[:-9])
        with pytest.raises(ReaderError, match="is damaged"):
            read_idx(packed)

    def test_a_folder_without_its_files_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "t10k-images-idx3-ubyte").touch()
        with pytest.raises(ConfigError, match="has no IDX file for x_train, such as train-images-idx3-ubyte"):
            datasets.load(str(tmp_path))


def test_pipes_are_never_waited_for(tmp_path: Path) -> None:
    for name in ("train.csv", "train-images-idx3-ubyte.gz", "d.parquet"):
        os.mkfifo(tmp_path / name)
    for name in ("train.csv", "d.parquet"):
        with pytest.raises(ConfigError, match=rf"{name} (is not a file|cannot be read \(not a regular file\))"):
            datasets.load(str(tmp_path / name))
    with pytest.raises(ReaderError, match="not a regular file"):
        read_idx(tmp_path / "train-images-idx3-ubyte.gz")


class TestCsv:
    @pytest.mark.parametrize(
        ("text", "pack", "name"),
        [
            (frame()[[*frame().columns[1:], "label"]].to_csv(index=False), bytes, "train.csv"),
            (frame()[[*frame().columns[1:9], "label", *frame().columns[9:]]].to_csv(index=False), bytes, "TRAIN.CSV"),
            (frame().sample(frac=1, axis=1, random_state=0).to_csv(index=False), bytes, "train.csv"),
            (frame().to_csv(), bytes, "train.csv"),
            (frame().to_csv(index=False, header=False), bytes, "train.csv"),
            ("\ufeff" + frame().to_csv(index=False), bytes, "train.csv"),
            (frame().to_csv(index=False, lineterminator="\r\n"), bytes, "train.csv"),
            (frame().to_csv(index=False) + "\n\n", bytes, "train.csv"),
            (frame().to_csv(index=False, quoting=1), bytes, "train.csv"),
            (frame().rename(columns={"label": "Class"}).to_csv(index=False), gzip.compress, "train.csv.gz"),
            (frame().rename(columns={"label": "digit"}).to_csv(index=False), bytes, "train.csv"),
            (frame().rename(columns=lambda name: name.replace("pixel", "")).to_csv(index=False), zipped, "t.csv.zip"),
            (
                pd.get_dummies(frame(), columns=["label"], dtype=int).to_csv(index=False),
                bytes,
                "one-hot.csv",
            ),
        ],
        ids=[
            *("label last", "label between", "any order", "row numbers", "no header", "BOM", "CRLF", "blank lines"),
            *("quoted", "gzip", "another name", "numbers as headings", "one-hot"),
        ],
    )
    def test_labels_and_pixels_are_found(
        self, tmp_path: Path, text: str, pack: Callable[[bytes], bytes], name: str
    ) -> None:
        path = tmp_path / name
        path.write_bytes(pack(text.encode()))
        assert pairs(read(path)) == EXPECTED

    def test_layouts_of_sklearn_openml_and_mnist_in_csv(self, tmp_path: Path) -> None:
        places = [(row, column) for row in range(8) for column in range(8)]
        for names in (
            [f"pixel_{row}_{column}" for row, column in places],
            [f"{row + 1}x{column + 1}" for row, column in places],
            [f"pixel{number}" for number in range(1, 65)],
        ):
            table = frame().set_axis(["target", *names], axis=1)[["target", *names[::-1]]]
            table.to_csv(tmp_path / "d.csv", index=False)
            contents = read(tmp_path / "d.csv")
            assert pairs(contents) == EXPECTED
            assert any("order" in note for note in contents.notes)

    def test_without_headings_labels_are_first_or_last_or_ambiguous(self, tmp_path: Path) -> None:
        path, table = tmp_path / "d.csv", frame()
        table[[*table.columns[1:], "label"]].to_csv(path, index=False, header=False)
        contents = read(path)
        assert pairs(contents) == EXPECTED
        assert "the last column was taken for the labels" in contents.notes
        table["pixel63"] = LABELS[::-1]
        table.to_csv(path, index=False, header=False)
        with pytest.raises(ReaderError, match="first or in the last column"):
            read(path)

    @pytest.mark.parametrize("names", [[f"c{label}" for label in LABELS], ["ä,ö"[label % 3] for label in LABELS]])
    def test_labels_can_be_names(self, tmp_path: Path, names: list[str]) -> None:
        frame(labels=names).to_csv(tmp_path / "d.csv", index=False)
        expected = sorted((image.tobytes(), name) for image, name in zip(IMAGES, names, strict=True))
        assert pairs(read(tmp_path / "d.csv")) == expected

    @pytest.mark.parametrize("prefix", ["", "fashion-mnist_"])
    def test_a_folder_with_train_and_test(self, tmp_path: Path, prefix: str) -> None:
        write_csv(tmp_path / f"{prefix}train.csv")
        frame()[:20].to_csv(tmp_path / f"{prefix}test.csv", index=False)
        data = datasets.load(str(tmp_path))
        assert np.array_equal(data.training.images, IMAGES)
        assert np.array_equal(data.test.labels, LABELS[:20])

    def test_a_test_table_without_labels_is_left_out(self, tmp_path: Path) -> None:
        write_csv(tmp_path / "train.csv")
        frame()[:20].drop(columns="label").to_csv(tmp_path / "test.csv", index=False)
        contents = read(tmp_path)
        assert pairs(contents) == EXPECTED
        assert contents.notes == ("test.csv, which has no labels, was left out",)

    def test_a_table_is_split_the_same_way_for_all_runs(self, tmp_path: Path) -> None:
        path = write_csv(tmp_path / "train.csv")
        data, again = datasets.load(str(path)), datasets.load(str(path))
        assert (len(data.training), len(data.test)) == (138, 12)
        assert np.array_equal(data.test.indices, again.test.indices)
        assert np.array_equal(data.test.images, IMAGES[data.test.indices])
        assert set(data.test.indices).isdisjoint(data.training.indices)


class TestParquet:
    def test_a_folder_of_a_hub_is_a_data_set(self, tmp_path: Path) -> None:
        (tmp_path / "data").mkdir()
        table = hub_table()
        for part, rows in (("train-00000-of-00002", table[:70]), ("train-00001-of-00002", table[70:])):
            rows.to_parquet(tmp_path / "data" / f"{part}.parquet")
        table[:20].to_parquet(tmp_path / "data" / "test-00000-of-00001.parquet")
        table[:20].to_parquet(tmp_path / "data" / "validation-00000-of-00001.parquet")
        data = datasets.load(str(tmp_path))
        assert np.array_equal(data.training.images, IMAGES)
        assert np.array_equal(data.test.labels, LABELS[:20])
        assert any("validation-00000-of-00001.parquet was left out" in note for note in data.notes)

    def test_names_of_classes_are_those_of_the_file(self, tmp_path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        names = [f"class {number}" for number in range(10)]
        features = {"label": {"names": names, "_type": "ClassLabel"}}
        table = pa.Table.from_pandas(hub_table(), preserve_index=False)
        info = json.dumps({"info": {"features": features}})
        pq.write_table(table.replace_schema_metadata({"huggingface": info}), tmp_path / "d.parquet")
        assert read(tmp_path / "d.parquet").class_names == tuple(names)

    @pytest.mark.parametrize(
        "images",
        [
            [png(image) for image in IMAGES],
            [image.ravel().tolist() for image in IMAGES],
            [image.tolist() for image in IMAGES],
        ],
        ids=["bytes", "lists", "nested lists"],
    )
    def test_images_are_bytes_or_lists(self, tmp_path: Path, images: list[Any]) -> None:
        pd.DataFrame({"image": images, "label": LABELS}).to_parquet(tmp_path / "d.parquet")
        assert pairs(read(tmp_path / "d.parquet")) == EXPECTED

    def test_a_table_of_pixels_is_read_like_csv(self, tmp_path: Path) -> None:
        frame().sample(frac=1, axis=1, random_state=0).to_parquet(tmp_path / "d.parquet")
        assert pairs(read(tmp_path / "d.parquet")) == EXPECTED

    def test_a_missing_package_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = WRITERS["data.parquet"](tmp_path / "data.parquet")
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(ConfigError, match=r"pyarrow.*: pip install 'mnist-tui\[parquet\]'"):
            datasets.load(str(path))


class TestImages:
    def test_a_folder_with_train_and_test(self, tmp_path: Path) -> None:
        image_folder(tmp_path / "train")
        image_folder(tmp_path / "test", IMAGES[:20], LABELS[:20])
        image_folder(tmp_path / "val", IMAGES[:20], LABELS[:20])
        data = datasets.load(str(tmp_path))
        assert (len(data.training), len(data.test)) == (150, 20)
        assert data.notes == ("the folder val was left out",)

    @pytest.mark.parametrize(
        ("image", "expected", "words"),
        [
            (Image.fromarray(RGB[0]), RGB[0], ""),
            (Image.fromarray(DARK[0]).convert("RGB"), DARK[0], "without colours"),
            (Image.fromarray(DARK[0]).convert("P"), DARK[0], "without colours"),
            (Image.fromarray(DARK[0] > 40), np.where(DARK[0] > 40, 255, 0), ""),
            (Image.fromarray(DARK[0].astype(np.uint16) * 257), DARK[0], "divided by 257"),
            (Image.fromarray(255 - DARK[0]), DARK[0], "inverted"),
            (Image.merge("LA", [Image.new("L", (8, 8), 0), Image.fromarray(DARK[0])]), DARK[0], "on white, .*inverted"),
        ],
        ids=["RGB", "grey in RGB", "palette", "1 bit", "16 bits", "dark on light", "ink on transparency"],
    )
    def test_modes_of_images(self, tmp_path: Path, image: Image.Image, expected: NDArray[Any], words: str) -> None:
        image.save(tmp_path / "a.png")
        contents = read(tmp_path, "x")
        assert np.array_equal(contents.arrays["x"][0], expected)
        assert re.search(words, ", ".join(contents.notes))
        assert bool(contents.notes) == bool(words)

    def test_dark_on_light_is_inverted_and_said(self, tmp_path: Path) -> None:
        image_folder(tmp_path / "a", 255 - DARK)
        contents = read(tmp_path / "a")
        assert pairs(contents) == sorted((i.tobytes(), str(label)) for i, label in zip(DARK, LABELS, strict=True))
        assert contents.notes == ("dark on a light background: inverted",)
        image_folder(tmp_path / "rgb", RGB, LABELS[:120])
        assert read(tmp_path / "rgb").notes == ()

    def test_images_of_mixed_sizes_are_brought_to_one(self, tmp_path: Path) -> None:
        sizes = [(10, 20), (30, 30), (400, 200), (30, 8)]
        for number, (width, height) in enumerate(sizes * 2):
            folder = tmp_path / f"class {number % 2}"
            folder.mkdir(exist_ok=True)
            Image.new("RGB", (width, height), "blue").save(folder / f"{number}.jpg", quality=95)
        contents = read(tmp_path)
        images = contents.arrays["x"]
        assert images.shape == (8, 30, 30, 3)
        assert (images[..., 2] > 200).all()
        assert contents.class_names == ("class 0", "class 1")
        assert "images of 10x20 to 400x200 pixels were scaled to 30x30" in contents.notes

    def test_labels_are_those_of_the_table(self, tmp_path: Path) -> None:
        listed_folder(tmp_path)
        assert pairs(read(tmp_path)) == EXPECTED
        (tmp_path / "labels.csv").write_text("\ufeff" + "".join(f"{each}.png,a{each % 2}\r\n" for each in range(9)))
        contents = read(tmp_path)
        assert contents.class_names == ("a0", "a1")
        assert len(contents.arrays["x"]) == 9

    def test_other_files_are_left_out_and_said(self, tmp_path: Path) -> None:
        (image_folder(tmp_path) / "3" / "Thumbs.db").touch()
        (tmp_path / "3" / ".DS_Store").touch()
        contents = read(tmp_path)
        assert pairs(contents) == EXPECTED
        assert contents.notes == ("1 other files in the folders of classes were left out",)


class TestClassNames:
    def test_they_are_listed_in_a_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        spec, names = str(idx_folder(tmp_path)), tuple("abcdefghij")
        monkeypatch.setitem(datasets.KNOWN_CLASSES, datasets.idx_md5(LABELS), names[::-1])
        assert datasets.load(spec).class_names == names[::-1]
        (tmp_path / "classes.txt").write_text("\n".join(names) + "\n")
        assert datasets.load(spec).class_names == names

    def test_they_give_the_order_of_names(self, tmp_path: Path) -> None:
        image_folder(tmp_path, labels=["b" if label % 2 else "a" for label in LABELS])
        (tmp_path / "classes.txt").write_text("b\na\n")
        contents = read(tmp_path)
        assert contents.class_names == ("b", "a")
        assert contents.arrays["y"].tolist() == [1] * 75 + [0] * 75

    def test_of_a_run_decide_the_labels_of_an_evaluated_folder(self, tmp_path: Path) -> None:
        image_folder(tmp_path, IMAGES[:4], ["dog", "cat", "dog", "cat"])
        digits, _ = datasets.load_evaluated(str(tmp_path), ("bird", "cat", "dog"))
        assert digits.labels.tolist() == [1, 1, 2, 2]
        with pytest.raises(ConfigError, match=r"label 'cat' in cat/001.png, expected one of the run's classes 'dog'"):
            datasets.load_evaluated(str(tmp_path), ("dog",))


class TestCache:
    @pytest.mark.parametrize("name", ["data.csv", "data.parquet", "classes", "listed"])
    def test_what_was_slow_is_read_from_the_cache(
        self, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, cache_folder: Path
    ) -> None:
        path = WRITERS[name](tmp_path / name)
        read(path)
        assert not cache_folder.exists()
        monkeypatch.setattr(readers, "SLOW", 0.0)
        contents = read(path)
        (kept,) = (cache_folder / cache.FOLDER).iterdir()
        monkeypatch.setattr(cache, "store", None)
        assert pairs(read(path)) == pairs(contents) == EXPECTED
        kept.write_bytes(b"rubbish")
        with pytest.raises(TypeError):
            read(path)  # reads the files, and stores again

    def test_a_changed_image_is_read_again(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(readers, "SLOW", 0.0)
        path = image_folder(tmp_path / "data")
        read(path)
        (path / "0" / "000.png").write_bytes(png(IMAGES[0] // 2))
        assert pairs(read(path)) != EXPECTED

    def test_only_the_newest_are_kept(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache_folder: Path
    ) -> None:
        monkeypatch.setattr(readers, "SLOW", 0.0)
        for number in range(cache.KEPT + 2):
            read(write_csv(tmp_path / f"{number}.csv"))
        assert len(list((cache_folder / cache.FOLDER).iterdir())) == cache.KEPT
