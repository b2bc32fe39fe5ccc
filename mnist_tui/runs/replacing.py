"""Files that are replaced atomically, so that a reader never sees half of one."""

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

TEMPORARY_NAME = re.compile(r"\.(?P<stem>.+)\.\d+(?P<suffix>\.\w+)")

STEM_LENGTH = 40
"""Characters of a long name that its temporary name has room for."""


@contextlib.contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Give a temporary path that replaces `path` when the block ends, and is removed if it fails.

    If `path` is a link, the file behind it is replaced. With `durable`, the file is synced to the disk first, so that
    a power cut leaves the old or the new file.

    Raises:
        OSError: The disk refuses the file, or anything but a regular file is in its place.
    """
    target, mode = replaceable(path)
    temporary = target.with_name(f".{target.stem[:STEM_LENGTH]}.{secrets.randbelow(10**9)}{target.suffix}")
    temporary.touch(exist_ok=False)
    try:
        yield temporary
        if mode is not None:
            with contextlib.suppress(OSError):  # not every disk has permissions
                temporary.chmod(mode)
        if durable:
            _sync(temporary)
        temporary.replace(target)
        if durable:
            _sync(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def replaceable(path: Path) -> tuple[Path, int | None]:
    """Return the file to replace, with links followed, and its permissions, None if there is none. Raise OSError."""
    target = Path(os.path.realpath(path))
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return target, None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise FileExistsError(errno.EEXIST, "it is not a regular file")
    return target, stat.S_IMODE(mode)


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder that takes the place of `path` when the block ends, and is removed if it fails.

    Raises:
        OSError: The disk refuses the folder, or anything but an empty folder is in its place.
    """
    target = free_folder(path)
    temporary = target.with_name(f".{target.name[:STEM_LENGTH]}.{secrets.randbelow(10**9)}")
    temporary.mkdir()
    try:
        yield temporary
        temporary.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def free_folder(path: Path) -> Path:
    """Return the path with links followed; raises OSError if anything but an empty folder is in its place."""
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_dir():
        raise FileExistsError(errno.EEXIST, "a file is in the place of the folder")
    if target.is_dir() and any(target.iterdir()):
        raise OSError(errno.ENOTEMPTY, "the folder is not empty")
    return target


def remove_temporaries(folder: Path, written: str) -> None:
    """Remove the temporary files that killed processes left in a folder, unless the folder is a link.

    `written` is a regular expression of the names of the files that the program writes there.
    """
    if folder.is_symlink():
        return
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            found = TEMPORARY_NAME.fullmatch(path.name)
            if found and re.fullmatch(written, found["stem"] + found["suffix"]) and not path.is_symlink():
                path.unlink()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
