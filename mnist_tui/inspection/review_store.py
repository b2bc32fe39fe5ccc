"""Verdicts on labels, kept with the run and, for every other run of the same data, beside all runs.

Both files hold one verdict a line, are only appended to, and are merged when they are read: the newest wins a digit.
"""

import contextlib
import errno
import os
from pathlib import Path

import msgspec

from mnist_tui.analysis.reviews import LabelReview, merge
from mnist_tui.runs.directory import RunDirectory, RunError, home

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(LabelReview).decode


class ReviewStore:
    """The verdicts that hold for one run. `checksum` is that of its data; None as long as the engine has not read it,
    and until then they are kept with the run alone."""

    def __init__(self, run: RunDirectory, checksum: str | None) -> None:
        self._run = run
        self._checksum = checksum
        self._seen: tuple[tuple[Path, int, int], ...] | None = None
        self._verdicts: list[LabelReview] = []
        self.revision = 0
        """Grows whenever the verdicts are others."""

    def read(self) -> list[LabelReview]:
        """One verdict a digit, the newest; lines that cannot be read are passed over."""
        paths = self._paths()
        seen = tuple((path, *_stamp(path)) for path in paths)
        if seen != self._seen:
            self._seen, self._verdicts = seen, merge(*(_lines(path) for path in paths))
            self.revision += 1
        return self._verdicts

    def add(self, *reviews: LabelReview) -> None:
        """Write verdicts down; raises RunError when none of the files takes them."""
        lines = b"".join(_encode(review) + b"\n" for review in reviews)
        paths, failures = self._paths(), []
        for path in paths:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                _append(path, lines)
            except OSError as error:
                failures.append(f"{path} cannot be written ({error.strerror})")
        if len(failures) == len(paths):
            raise RunError(f"{failures[0]}: the verdict is not kept; make room and judge again")

    def _paths(self) -> list[Path]:
        if self._checksum is None:
            with contextlib.suppress(RunError):
                self._checksum = self._run.record().data_checksum
        paths = [self._run.path / "verdicts.jsonl"]
        if self._checksum is not None and self._checksum.isalnum():
            paths.append(home() / "verdicts" / f"{self._checksum[:16]}.jsonl")
        return paths


def _append(path: Path, lines: bytes) -> None:
    """In one write; raises OSError, also when a part of it is all that the disk had room for."""
    with path.open("ab+", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        if end:
            file.seek(end - 1)
            if file.read(1) != b"\n":  # a disk was full: what comes next must not become part of the torn line
                lines = b"\n" + lines
        if file.write(lines) != len(lines):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def _lines(path: Path) -> list[LabelReview]:
    reviews = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return []
    for line in lines:
        try:
            reviews.append(_decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
            continue
    return reviews
