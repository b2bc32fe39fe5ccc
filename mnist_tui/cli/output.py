"""Output of commands: the standard streams, and the files that users name."""

import contextlib
import errno
import io
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from mnist_tui.runs.directory import RunError
from mnist_tui.runs.replacing import free_folder, replaceable, replacing, replacing_folder
from mnist_tui.settings import user_path


def replace_unencodable(*streams: TextIO) -> None:
    """Let streams print a question mark for a character that the locale's encoding lacks."""
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def flush_or_drop(*streams: TextIO) -> None:
    """Flush the streams, and drop output that cannot be written: Python would try again and set the exit status 120."""
    for stream in streams:
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def show_progress(message: str, share: float | None = None) -> None:
    """Replace the line of progress on stderr, if it is a terminal. An empty message removes it."""
    if sys.stderr.isatty():
        text = message if share is None else f"{share:>4.0%}  {message}"
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def is_stdout(path: str) -> bool:
    """Return True if a path that the user gave is stdout: `-`, /dev/stdout or the file that stdout goes to."""
    try:
        return path == "-" or os.path.samestat(Path(path).stat(), os.fstat(1))
    except OSError:
        return False


def check_output(path: str, *, is_folder: bool = False) -> None:
    """Check that a path that the user gave for output can be written, before work is done for it.

    Raises:
        ConfigError: There can be no such path.
        RunError: It cannot be written.
    """
    if is_folder:
        with _explained(path, "a new folder"):
            target = free_folder(user_path(path, "-o"))
            _check_writable(target.parent)
        return
    if is_stdout(path):
        return
    with _explained(path):
        if path.rpartition(os.sep)[2] in ("", ".", ".."):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if _is_stream(path):
            return
        target, mode = replaceable(user_path(path, "-o"))
        _check_writable(target.parent, *([target] if mode is not None else []))


def write_output(path: str, text: str) -> None:
    """Write text to a path that the user gave; raises like `output_file`."""
    with output_file(path) as file:
        file.write_text(text, "utf-8", newline="")


@contextlib.contextmanager
def output_file(path: str) -> Iterator[Path]:
    """Give a file to write to, whose content goes to a path that the user gave when the block ends.

    A regular file is replaced atomically; a character device or a pipe is written to.

    Raises:
        ConfigError: There can be no such path.
        RunError: It cannot be written.
    """
    check_output(path)
    if not is_stdout(path) and not _is_stream(path):
        with _explained(path), replacing(user_path(path, "-o")) as file:
            yield file
        return
    with tempfile.TemporaryDirectory(prefix="mnist-tui-") as folder:
        file = Path(folder) / "output"
        with _explained(path):
            yield file
            if not is_stdout(path):
                user_path(path, "-o").write_bytes(file.read_bytes())
                return
        sys.stdout.flush()
        sys.stdout.buffer.write(file.read_bytes())


@contextlib.contextmanager
def output_folder(path: str) -> Iterator[Path]:
    """Give an empty folder that takes the place of a path that the user gave; raises like `output_file`."""
    check_output(path, is_folder=True)
    with _explained(path, "a new folder"), replacing_folder(user_path(path, "-o")) as folder:
        yield folder


def _check_writable(folder: Path, *files: Path) -> None:
    folder.stat()
    if not all(os.access(each, os.W_OK) for each in (folder, *files)):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _is_stream(path: str) -> bool:
    """Return True for a device such as /dev/null and for a named pipe, whose place no file may take."""
    try:
        mode = user_path(path, "-o").stat().st_mode
    except FileNotFoundError:
        return False
    return stat.S_ISCHR(mode) or stat.S_ISFIFO(mode)


@contextlib.contextmanager
def _explained(path: str, others: str = "another path, or - for stdout") -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise RunError(f"-o {path!r} cannot be written ({reason}): give {others}") from None
