"""Disks that fail on request."""

import contextlib
import errno
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

MEGABYTES = 24
CHUNK = bytes(64 * 1024)
TOP_UP_SECONDS = 0.02


class Unmountable(Exception):  # noqa: N818 (a property of the machine, not a failure)
    """Mounting is not permitted. The message is that of mount."""


class SmallDisk:
    """File system in memory at `path`."""

    def __init__(self, path: Path) -> None:
        path.mkdir()
        _mount("-t", "tmpfs", "-o", f"size={MEGABYTES}m,mode=700", "tmpfs", str(path))
        self.path = path
        self._filler = path / "filler"
        self._emptied = threading.Event()
        self._thread: threading.Thread | None = None

    def fill(self) -> None:
        """Leave no byte free until `empty`, even if files are removed."""
        self._emptied.clear()
        self._top_up()
        self._thread = threading.Thread(target=self._keep_full, name="filler")
        self._thread.start()

    def empty(self) -> None:
        """Free the disk again."""
        self._emptied.set()
        if self._thread is not None:
            self._thread.join()
        self._filler.unlink(missing_ok=True)

    def close(self) -> None:
        """Unmount the disk."""
        self.empty()
        subprocess.run(["umount", "--lazy", str(self.path)], check=True)

    def _keep_full(self) -> None:
        while not self._emptied.wait(TOP_UP_SECONDS):
            self._top_up()

    def _top_up(self) -> None:
        descriptor = os.open(self._filler, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            while True:
                os.write(descriptor, CHUNK)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Make a folder and its subfolders read-only. Files that are open for writing stay writable."""
    if os.geteuid():
        folders = [folder, *(path for path in folder.iterdir() if path.is_dir())]
        for path in folders:
            path.chmod(0o500)
        yield
        for path in folders:
            path.chmod(0o700)
        return
    _mount("--bind", str(folder), str(folder))
    try:
        _mount("-o", "remount,bind,ro", str(folder))
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _mount(*arguments: str) -> None:
    try:
        done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Unmountable("mount is not installed") from None
    if done.returncode:
        raise Unmountable(" ".join(done.stderr.split()))
