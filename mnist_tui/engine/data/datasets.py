"""Registry of data sets, and the readers of their files. To add a data set, add an entry to DATASETS.

A spec is the name of a data set or the path of an .npz file. Importing this module imports nothing heavy, so that the
command line can check a spec at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import platformdirs

from mnist_tui.config import ConfigError
from mnist_tui.resources import asset

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
MNIST_MD5 = {
    "x_train": "6bbc9ace898e44ae57da46a324031adb",
    "y_train": "a25bea736e30d166cdddb491f175f624",
    "x_test": "2646ac647ad5339dbf082846283269ea",
    "y_test": "27ae3e4e09519cfbb04c329615203637",
}
"""MD5 sums of the uncompressed canonical IDX files; source: assets/NOTICE.md."""
VALIDATION_SHARE = 5_000 / 60_000
FEWEST_DIGITS = 120
"""Smallest number of images in a training or test part."""


@dataclass(frozen=True)
class Digits:
    """Labelled images."""

    images: "NDArray[np.uint8]"
    """Shape (n, 28, 28)."""
    labels: "NDArray[np.uint8]"
    """Shape (n,)."""
    indices: "NDArray[np.int32]"
    """Positions in the training or test part, shape (n,)."""

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: "NDArray[Any]") -> "Digits":
        """Return these rows, in this order."""
        return Digits(self.images[rows], self.labels[rows], self.indices[rows])


@dataclass(frozen=True)
class Split:
    """Training, validation and test split of a data set."""

    train: Digits
    validation: Digits
    test: Digits


@dataclass(frozen=True)
class DataSet:
    """A data set before it is split."""

    training: Digits
    test: Digits
    class_names: tuple[str, ...]
    checksum: str
    """SHA-256 over the arrays."""


@dataclass(frozen=True)
class DataSource:
    """A data set that settings can name."""

    path: Callable[[], Path]
    """Function that returns the path of its .npz file."""
    md5: dict[str, str] | None = None
    """MD5 sums of its arrays as IDX files; None: not checked."""


DATASETS: dict[str, DataSource] = {
    "mnist": DataSource(lambda: asset("mnist.npz"), MNIST_MD5),
}
"""Data sets by name."""


def check_spec(spec: str) -> None:
    """Raise ConfigError unless a spec names a data set or an existing file. Cheap enough for every key press."""
    if spec in DATASETS:
        return
    path = Path(spec).expanduser()
    known = ", ".join(DATASETS)
    if path.suffix != ".npz":
        raise ConfigError(f"data {spec!r} is not known: give {known} or the path of an .npz file")
    if not path.is_file():
        raise ConfigError(f"data {spec!r} cannot be found: give {known} or the path of an existing .npz file")


def verify(spec: str) -> None:
    """Check the content of a data set, unless it was checked before on this machine; raises ConfigError."""
    path = _path(spec)
    try:
        stat = path.stat()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}): {_fix(spec)}") from None
    fingerprint = [str(path), stat.st_size, stat.st_mtime_ns]
    cache = platformdirs.user_cache_path("mnist-tui") / f"verified-{spec if spec in DATASETS else 'file'}.json"
    try:
        if msgspec.json.decode(cache.read_bytes()) == fingerprint:
            return
    except (OSError, msgspec.DecodeError):
        pass
    load(spec)
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        cache.write_bytes(msgspec.json.encode(fingerprint))
    except OSError:
        pass  # it will be checked again, which costs a second


def load(spec: str) -> DataSet:
    """Load and check a data set; raises ConfigError if it is damaged or not laid out like Keras' mnist.npz."""
    import hashlib
    import zipfile

    import numpy as np

    path = _path(spec)
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in ARRAYS}
    except KeyError as error:
        raise ConfigError(f"{path} has no array {error.args[0].split()[0]}: it needs {', '.join(ARRAYS)}") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ConfigError(f"{path} is damaged ({str(error).splitlines()[0]}): {_fix(spec)}") from None
    md5 = DATASETS[spec].md5 if spec in DATASETS else None
    for key, expected in (md5 or {}).items():
        if idx_md5(arrays[key]) != expected:
            raise ConfigError(f"{path} is damaged (array {key} does not match its checksum): {_fix(spec)}")
    for part in ("train", "test"):
        _check_arrays(path, part, arrays[f"x_{part}"], arrays[f"y_{part}"])
    classes = int(arrays["y_train"].max()) + 1
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(arrays[key]).tobytes() for key in ARRAYS)).hexdigest()
    training, test = (_digits(arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "test"))
    return DataSet(training, test, tuple(str(name) for name in range(classes)), digest)


def idx_md5(array: "NDArray[np.uint8]") -> str:
    """Return the MD5 of an array as an IDX file: 0, 0, 8 (unsigned byte), number of axes, big-endian axes, bytes."""
    import hashlib

    header = bytes([0, 0, 8, array.ndim]) + b"".join(axis.to_bytes(4, "big") for axis in array.shape)
    return hashlib.md5(header + array.tobytes(), usedforsecurity=False).hexdigest()


def split(data: DataSet, seed: int, limit: int | None = None) -> Split:
    """Split the training part 11 to 1 into training and validation, stratified by class.

    Args:
        data: Data set.
        seed: Seed of the split.
        limit: Number of images of the training part to use, and at most of the test part; None: all.
    """
    import numpy as np

    random = np.random.default_rng(seed)
    training, test = data.training, data.test
    if limit is not None:
        training = training.take(_stratified(training.labels, min(limit, len(training)), random))
        test = test.take(_stratified(test.labels, min(limit, len(test)), random))
    held_out = _stratified(training.labels, round(len(training) * VALIDATION_SHARE), random)
    rest = np.setdiff1d(np.arange(len(training)), held_out)
    return Split(training.take(rest), training.take(held_out), test)


def _stratified(labels: "NDArray[np.uint8]", count: int, random: "np.random.Generator") -> "NDArray[np.int64]":
    """Draw `count` rows in the classes' proportions, sorted. Rounding goes by the largest remainders."""
    import numpy as np

    classes, totals = np.unique(labels, return_counts=True)
    exact = totals * count / len(labels)
    quotas = np.floor(exact).astype(int)
    quotas[np.argsort(quotas - exact, kind="stable")[: count - quotas.sum()]] += 1
    chosen = [
        random.choice(np.flatnonzero(labels == one), quota, replace=False)
        for one, quota in zip(classes, quotas, strict=True)
    ]
    return np.sort(np.concatenate(chosen))


def _path(spec: str) -> Path:
    return DATASETS[spec].path() if spec in DATASETS else Path(spec).expanduser()


def _fix(spec: str) -> str:
    return "install mnist-tui again" if spec in DATASETS else "make the file again"


def _digits(images: "NDArray[np.uint8]", labels: "NDArray[Any]") -> Digits:
    import numpy as np

    return Digits(images, labels.astype(np.uint8), np.arange(len(labels), dtype=np.int32))


def _check_arrays(path: Path, part: str, images: "NDArray[Any]", labels: "NDArray[Any]") -> None:
    if images.ndim != 3 or images.shape[1:] != (28, 28) or images.dtype != "uint8":
        raise ConfigError(f"{path}: x_{part} is {images.dtype} {images.shape}; it must be uint8 of shape (n, 28, 28)")
    if labels.shape != images.shape[:1] or labels.dtype.kind not in "iu":
        raise ConfigError(f"{path}: y_{part} must hold one whole number for each of the {len(images):,} images")
    if len(labels) < FEWEST_DIGITS:
        raise ConfigError(f"{path}: {len(labels):,} {part} images are too few; give at least {FEWEST_DIGITS}")
    if labels.min() < 0 or labels.max() > 255:
        raise ConfigError(f"{path}: y_{part} holds classes outside 0 to 255; number the classes from 0")
