"""Exports into the folder `exports` of a run, for users who name no path."""

import re
from pathlib import Path

from mnist_tui.export.formats import Format
from mnist_tui.export.source import Source
from mnist_tui.runs.directory import RunDirectory, RunError
from mnist_tui.runs.replacing import replacing, replacing_folder

SCREEN = "screen"
"""Name of the pictures of screens, before their number."""


def export_into_run(chosen: Format, source: Source) -> tuple[Path, str]:
    """Write a format to its default name, and return the path and what was written, in words; raises RunError.

    An earlier file is replaced. A folder gets the next free name.
    """
    path = exports_folder(source.run) / chosen.file
    if chosen.is_folder:
        path = _free(path.parent, chosen.file, "")
    try:
        with replacing_folder(path) if chosen.is_folder else replacing(path) as temporary:
            words = chosen.write(source, temporary)
    except OSError as error:
        raise RunError(
            f"{path} cannot be written ({error.strerror}): free some space, or export with -o PATH"
        ) from None
    return path, words


def save_screen(run: RunDirectory, svg: str) -> Path:
    """Write the picture of a screen under the next free name; raises RunError.

    The fonts are left out that Textual would let the picture ask a web site for.
    """
    path = _free(exports_folder(run), SCREEN, ".svg")
    try:
        with replacing(path) as temporary:
            temporary.write_text(re.sub(r"@font-face \{[^}]*\}", "", svg), "utf-8")
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error.strerror}): free some space, and save again") from None
    return path


def exports_folder(run: RunDirectory) -> Path:
    """Return the folder of the run's exports, which is made if it is missing; raises RunError."""
    folder = run.path / "exports"
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise RunError(f"{folder} cannot be written ({error.strerror}): export with -o PATH") from None
    return folder


def _free(folder: Path, stem: str, suffix: str) -> Path:
    number, path = 1, folder / f"{stem}{suffix}"
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}{suffix}"
    return path
