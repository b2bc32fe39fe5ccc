"""Label reviews on disk: with the run, and beside all runs for every other run of the same data.

Files have one review a line and are only appended to. Readers merge them: the newest review of an example holds.
"""

import contextlib
import errno
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from mnist_tui.analysis.reviews import LabelReview, merge
from mnist_tui.runs.directory import MAX_REVIEW_BYTES, RunDirectory, RunError, home
from mnist_tui.runs.summary import file_stamp
from mnist_tui.untrusted import read_bytes

NAME, OLD_NAME = "reviews", "verdicts"
"""Names of the file in a run directory and of the folder beside the runs: now, and in version 0.1."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(LabelReview).decode


class ReviewStore:
    """The reviews that hold for one run.

    `checksum` is that of the run's data; until the engine has read it (None), only the run itself has the reviews.
    """

    def __init__(self, run: RunDirectory, checksum: str | None) -> None:
        self._run = run
        self._checksum = checksum
        self._seen: tuple[tuple[Path, int, int], ...] | None = None
        self._reviews: list[LabelReview] = []
        self.revision = 0
        """Grows whenever the reviews have changed."""

    def read(self) -> list[LabelReview]:
        """Return the newest review of each example; lines that cannot be read are skipped."""
        paths = [*self._paths(OLD_NAME), *self._paths(NAME)]
        seen = tuple((path, *file_stamp(path)) for path in paths)
        if seen != self._seen:
            self._seen, self._reviews = seen, merge(*(_lines(path) for path in paths))
            self.revision += 1
        return self._reviews

    def add(self, *reviews: LabelReview) -> None:
        """Append reviews; raises RunError if none of the files can be written."""
        lines = encoded(reviews)
        paths, failures = self._paths(NAME), []
        for path in paths:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                _append(path, lines)
            except OSError as error:
                failures.append(f"{path} cannot be written ({error.strerror})")
        if len(failures) == len(paths):
            raise RunError(f"{failures[0]}: the review is not saved; free some space and review again")

    def _paths(self, name: str) -> list[Path]:
        if self._checksum is None:
            with contextlib.suppress(RunError):
                self._checksum = self._run.record().data_checksum
        paths = [self._run.path / f"{name}.jsonl"]
        if self._checksum is not None and self._checksum.isalnum():
            paths.append(home() / name / f"{self._checksum[:16]}.jsonl")
        return paths


def reviews_of(checksum: str) -> list[LabelReview]:
    """Return the newest review of each example that all runs on the data with this checksum share."""
    return merge(*(_lines(home() / name / f"{checksum[:16]}.jsonl") for name in (OLD_NAME, NAME)))


def encoded(reviews: Iterable[LabelReview]) -> bytes:
    """Return reviews as lines of a file."""
    return b"".join(_encode(review) + b"\n" for review in reviews)


def _append(path: Path, lines: bytes) -> None:
    """Append in one write; raises OSError, also if the disk had room for only a part."""
    with path.open("ab+", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        if end:
            file.seek(end - 1)
            if file.read(1) != b"\n":  # the disk was full: do not continue the torn line
                lines = b"\n" + lines
        if file.write(lines) != len(lines):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _lines(path: Path) -> list[LabelReview]:
    reviews = []
    try:
        lines = read_bytes(path, MAX_REVIEW_BYTES).splitlines()
    except OSError:
        return []
    for line in lines:
        with contextlib.suppress(msgspec.DecodeError, ValueError, RecursionError):
            reviews.append(_decode(line))
    return reviews
