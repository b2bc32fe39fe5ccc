"""Files that are no .npz, or damaged ones, are refused with a reason, whatever the damage."""

import io
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnist_tui.npz import NpzError, read_arrays

ARRAYS: dict[str, Any] = {"images": np.arange(6_000, dtype=np.uint8) % 7, "labels": np.arange(9)}
FIRST_LOCAL, FIRST_CENTRAL = b"PK\x03\x04", b"PK\x01\x02"


def npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def saved(path: Path, **arrays: Any) -> Path:
    np.savez_compressed(path, **(arrays or ARRAYS))
    return path


def patched(data: bytes, local: int, central: int, value: int) -> bytes:
    """Set a 16-bit field of the first file's headers in a zip archive."""
    changed = bytearray(data)
    struct.pack_into("<H", changed, data.index(FIRST_LOCAL) + local, value)
    struct.pack_into("<H", changed, data.index(FIRST_CENTRAL) + central, value)
    return bytes(changed)


def with_header(header: bytes) -> Callable[[bytes], bytes]:
    """Return an archive whose first array has this header."""

    def harm(_: bytes) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("images.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(100))
        return buffer.getvalue()

    return harm


def shape(text: str) -> bytes:
    return f"{{'descr': '|u1', 'fortran_order': False, 'shape': {text}, }}\n".encode()


def flipped(data: bytes) -> bytes:
    start = data.index(b"images.npy") + 20
    return data[:start] + bytes(byte ^ 0xFF for byte in data[start : start + 16]) + data[start + 16 :]


HARMS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _: b"", "is not an .npz file"),
    "text": (lambda _: b"label,pixel0\n", "is not an .npz file"),
    "pickle": (lambda _: b"\x80\x04K\x01.", "is not an .npz file"),
    "renamed .npy": (lambda _: npy(np.arange(9)), "is not an .npz file"),
    "cut off": (lambda data: data[: len(data) // 2], "is cut off"),
    "flipped bytes": (flipped, "damaged"),
    "password": (lambda data: patched(data, 6, 8, 1), "password"),
    "unknown compression": (lambda data: patched(data, 8, 10, 98), "compression is not supported"),
    "unfinished header": (with_header(shape("(600, 28, 28")), "damaged"),
    "header of no dictionary": (with_header(b"[]\n"), "damaged"),
    "huge shape": (with_header(shape("(60000000000000, 28, 28)")), "damaged"),
    "overflowing shape": (with_header(shape("(4294967296, 4294967296, 28)")), "damaged"),
    "shape beyond the file": (with_header(shape("(600,)")), "damaged"),
    "huge header": (with_header(b" " * 60_000), "damaged"),
}


@pytest.mark.parametrize("kind", HARMS)
def test_a_damaged_file_is_refused_with_its_reason(tmp_path: Path, kind: str) -> None:
    path, (harm, reason) = saved(tmp_path / "set.npz"), HARMS[kind]
    path.write_bytes(harm(path.read_bytes()))
    with pytest.raises(NpzError, match=reason) as caught:
        read_arrays(path)
    assert "pickle" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    with pytest.raises(NpzError, match="holds Python objects") as caught:
        read_arrays(saved(tmp_path / "set.npz", images=np.array([{"code": 1}], dtype=object)))
    assert "pickle" not in str(caught.value)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NpzError, match="is missing"):
        read_arrays(tmp_path / "set.npz")
    with pytest.raises(NpzError, match="is not a file"):
        read_arrays(tmp_path)
    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(NpzError, match="is not a file"):
        read_arrays(tmp_path / "pipe.npz")


@pytest.mark.parametrize(
    ("choices", "found"),
    [((), {"images", "labels"}), ((["labels"],), {"labels"}), ((["labels", "x"], ["images"]), {"images"})],
)
def test_the_first_complete_choice_is_read(tmp_path: Path, choices: tuple[list[str], ...], found: set[str]) -> None:
    arrays = read_arrays(saved(tmp_path / "set.npz"), *choices)
    assert set(arrays) == found
    assert all(np.array_equal(arrays[name], ARRAYS[name]) for name in found)


def test_a_missing_array_is_named(tmp_path: Path) -> None:
    with pytest.raises(NpzError, match=r"has no array x$"):
        read_arrays(saved(tmp_path / "set.npz"), ["images", "x"], ["a", "b"])
