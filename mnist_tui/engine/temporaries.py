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
_shared: list[dict[str, str]] = []
"""TMPDIR of this process's environment before it had a folder of its own."""


def use_own_folder() -> None:
    """Create the folder and use it for all temporary files from now on."""
    with contextlib.suppress(OSError):  # a full disk: the shared folder has to do
        _folders.append(tempfile.mkdtemp(prefix="mnist-tui-engine-"))
        _shared.append({name: os.environ[name] for name in ("TMPDIR",) if name in os.environ})
        os.environ["TMPDIR"] = tempfile.tempdir = _folders[-1]


def use_shared_folder() -> None:
    """Use the folder that all programs share again, until `use_own_folder`."""
    if _shared:
        os.environ.pop("TMPDIR")
        os.environ.update(_shared.pop())
        tempfile.tempdir = None


def exit_now(status: int) -> NoReturn:
    """Remove the folder and exit without waiting for other threads."""
    for folder in _folders:
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(status)
