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


def use_own_folder() -> None:
    """Create the folder and use it for all temporary files from now on."""
    with contextlib.suppress(OSError):  # a full disk: the shared folder has to do
        _folders.append(tempfile.mkdtemp(prefix="mnist-tui-engine-"))
        os.environ["TMPDIR"] = tempfile.tempdir = _folders[-1]


def exit_now(status: int) -> NoReturn:
    """Remove the folder and exit without waiting for other threads."""
    for folder in _folders:
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(status)
