"""Reader of .npz files, which users and other programs may have written, renamed or damaged."""

from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

SUFFIX = ".npy"
"""Suffix of an array's name in the archive."""


class NpzError(Exception):
    """A file cannot be read. The message continues a sentence that begins with the file's path."""


def read_arrays(path: Path, *choices: Sequence[str], most: float = inf) -> "dict[str, np.ndarray[Any, Any]]":
    """Read arrays of an .npz file, and never unpickle.

    Args:
        path: The file.
        choices: Names of arrays. The first choice that is complete is read; without any, all arrays are.
        most: Bytes that they may hold once they are unpacked.

    Raises:
        NpzError: The file is missing, damaged or of another kind, or no choice is complete.
    """
    from zipfile import ZipFile

    import numpy as np

    try:
        if path.exists() and not path.is_file():  # opening a pipe would wait for a writer
            raise NpzError("is not a file")
        with ZipFile(path) as archive:
            names = [name.removesuffix(SUFFIX) for name in archive.namelist() if name.endswith(SUFFIX)]
            wanted = _first_complete(choices, names) if choices else names
            size = sum(archive.getinfo(name + SUFFIX).file_size for name in wanted)
            if size > most:
                raise NpzError(f"would unpack to {size / 1e9:,.1f} GB, expected at most {most / 1e9:,.1f} GB")
            arrays = {}
            for name in wanted:
                with archive.open(name + SUFFIX) as member:
                    arrays[name] = np.lib.format.read_array(member, allow_pickle=False)
            return arrays
    except NpzError:
        raise
    except FileNotFoundError:
        raise NpzError("is missing") from None
    except Exception as error:  # each part of a damaged file has errors of its own: zipfile, zlib, lzma, NumPy
        raise NpzError(f"cannot be read ({_reason(error)})") from None


def _first_complete(choices: Sequence[Sequence[str]], names: Sequence[str]) -> Sequence[str]:
    missing = [[name for name in choice if name not in names] for choice in choices]
    nearest = min(missing, key=len)
    if nearest:
        raise NpzError(f"has no array {nearest[0]}")
    return choices[missing.index(nearest)]


def _reason(error: Exception) -> str:
    from zipfile import BadZipFile

    match error:
        case OSError(strerror=str(reason)):
            return reason
        case BadZipFile() if "not a zip file" in str(error):
            return "it is not an .npz file, or it is cut off"
        case NotImplementedError():
            return "its compression is not supported"
        case RuntimeError() if "encrypted" in str(error):
            return "it needs a password"
        case ValueError() if "Object arrays" in str(error):
            return "it holds Python objects, not numbers"
        case MemoryError():
            return "it is damaged, or larger than the memory"
    return "it is damaged"
