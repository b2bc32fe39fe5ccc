"""A temporary folder for this process alone, removed when it exits.

TensorFlow writes files that Python would remove at a normal exit. The engine exits without one, because native threads
can delay it by seconds.
"""

import contextlib
import os
import shutil
import tempfile
from typing import NoReturn

_folders: list[str] = []
_shared: list[str | None] = []
"""TMPDIR of this process's environment before it had a folder of its own; None if it had no TMPDIR."""


def use_own_folder() -> None:
    """Create the folder and use it for all temporary files from now on."""
    with contextlib.suppress(OSError):  # a full disk: the shared folder has to do
        _folders.append(tempfile.mkdtemp(prefix="mnist-tui-engine-"))
        _shared.append(os.environ.get("TMPDIR"))
        os.environ["TMPDIR"] = tempfile.tempdir = _folders[-1]


def use_shared_folder() -> None:
    """Use the folder that all programs share again, until `use_own_folder`."""
    if _shared:
        tempfile.tempdir, before = None, _shared.pop()
        if before is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = before


def exit_now(status: int) -> NoReturn:
    """Remove the folder and exit without waiting for other threads."""
    for folder in _folders:
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(status)
