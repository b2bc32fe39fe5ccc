"""Registry of data sets, and how their content is checked and split. To add a data set, add an entry to DATASETS.

A spec is the name of a data set, or the path of a file or folder that readers.py reads. Importing this module imports
nothing heavy, so that the command line can check a spec at once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mnist_tui.config import AUTO, ConfigError, DataFacts, RunConfig, quoted
from mnist_tui.engine.data import readers
from mnist_tui.engine.data.readers import READERS, Contents, ReaderError, Report, cache, reader_of, silent
from mnist_tui.image_layout import (
    MAX_SIDE,
    MIN_CLASSES,
    MIN_SIDE,
    MNIST_SHAPE,
    ImageShape,
    shape_in_words,
    shape_of,
)
from mnist_tui.resources import asset, cache_path
from mnist_tui.runs.mine import HOW_TO_MAKE, MINE, mine_path
from mnist_tui.settings import user_path

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
TABLE = ("x", "y")
"""Arrays of a file without a test part: some of its images become one."""
EVALUATED = (("x_test", "y_test"), TABLE)
"""Arrays that `evaluate` reads, the first pair that a file has."""
PREDICTED = (("x",), ("x_test",))
KNOWN_CLASSES = {
    "9018921c3c673c538a1fc5bad174d6f9": (
        *("T-shirt", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    ),
}
"""MD5 of y_train as an IDX file -> class names; source: Fashion-MNIST's README."""
MNIST_MD5 = {
    "x_train": "6bbc9ace898e44ae57da46a324031adb",
    "y_train": "a25bea736e30d166cdddb491f175f624",
    "x_test": "2646ac647ad5339dbf082846283269ea",
    "y_test": "27ae3e4e09519cfbb04c329615203637",
}
"""MD5 sums of the uncompressed canonical IDX files; source: assets/NOTICE.md."""
VALIDATION_SHARE = 5_000 / 60_000
FEWEST_DIGITS = 120
"""Smallest number of images in a training part."""
FEWEST_TESTED = 10
"""Smallest number of images in a test part."""
FEWEST_TABLE = 132
"""Smallest number of images in a file without a test part: a part for validation is taken twice."""


@dataclass(frozen=True)
class Digits:
    """Labelled images."""

    images: "NDArray[np.uint8]"
    """Shape (n, height, width) grey or (n, height, width, 3) RGB."""
    labels: "NDArray[np.uint8]"
    """Shape (n,)."""
    indices: "NDArray[np.int32]"
    """Positions in the training or test part, shape (n,)."""

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: "NDArray[Any] | slice") -> "Digits":
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
    notes: tuple[str, ...] = ()
    """Sentences about what was recognised or converted when the data were read."""

    @property
    def image_shape(self) -> ImageShape:
        """Height, width and channels of an image."""
        return shape_of(self.training.images) or MNIST_SHAPE

    @property
    def facts(self) -> DataFacts:
        """Checksum, number of classes and image shape."""
        return DataFacts(self.checksum, len(self.class_names), self.image_shape)


@dataclass(frozen=True)
class DataSource:
    """A data set that settings can name."""

    path: Callable[[], Path]
    """Function that returns the path of its file or folder."""
    md5: Mapping[str, str] = field(default_factory=dict)
    """MD5 sums of its arrays as IDX files; arrays without one are not checked."""
    fix: str = "install mnist-tui again"
    """Advice if it is missing or damaged."""


DATASETS: dict[str, DataSource] = {
    "mnist": DataSource(lambda: asset("mnist.npz"), MNIST_MD5),
    MINE: DataSource(mine_path, fix=HOW_TO_MAKE),
}
"""Data sets by name."""


def check_spec(spec: str) -> None:
    """Raise ConfigError unless a spec names a data set or an existing file. Cheap enough for every key press."""
    if spec in DATASETS:
        return
    formats = [reader.description for reader in READERS]
    known = f"give {', '.join(DATASETS)}, or the path of {', '.join(formats[:-1])} or {formats[-1]}"
    path = user_path(spec, "data")
    try:
        exists = path.exists()
    except OSError as error:
        raise ConfigError(f"data {quoted(spec)} cannot be read ({error.strerror}): make it readable") from None
    if reader_of(path) is None:
        raise ConfigError(f"data {quoted(spec)} is not known: {known}")
    if not exists:
        raise ConfigError(f"data {quoted(spec)} cannot be found: {known}")


def verify(spec: str, report: Report = silent) -> DataFacts:
    """Check the content of a data set and return its facts, from a cache if the file has not been touched since.

    Raises:
        ConfigError: See `load`.
    """
    file = cache_path(f"verified-{spec if spec in DATASETS else 'file'}.json")
    try:
        key = fingerprint(spec)
    except OSError:
        file = None  # `load` says why it cannot be read
    if file is None:
        return load(spec, report).facts
    try:
        verified, facts = msgspec.json.decode(file.read_bytes(), type=tuple[str, DataFacts])
        if verified == key:
            return facts
    except (OSError, msgspec.DecodeError):
        pass
    facts = load(spec, report).facts
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(msgspec.json.encode((key, facts)))
    except OSError:
        pass  # it will be checked again, which costs a second
    return facts


def fingerprint(spec: str) -> str:
    """Return what changes when a file of a data set does; raises ConfigError or OSError."""
    return cache.fingerprint(readers.files_of(_path(spec)))


def load_of_run(config: RunConfig) -> tuple[DataSet, Split]:
    """Load and split the data that a run's settings name; raises ConfigError."""
    data = load(config.data, holds_out_test=config.test == AUTO)
    if config.test != AUTO:
        data = replace(data, test=data.test.take(slice(0)))
    return data, split(data, config.seed, config.limit)


def load(spec: str, report: Report = silent, *, holds_out_test: bool = True) -> DataSet:
    """Load and check a data set.

    A file with neither a training nor a test part is split 11 to 1, the same way for all runs. If it holds out no test,
    all of its images are for training, and the test part is empty.

    Raises:
        ConfigError: The data are damaged, or not laid out like Keras' mnist.npz.
    """
    import numpy as np

    path, contents = _path(spec), _read(spec, ARRAYS, TABLE, report=report)
    arrays = contents.arrays
    if "x" in arrays:
        _check_images(path, "x", arrays["x"], FEWEST_TABLE)
        digits = _digits(arrays["x"], arrays["y"])
        held_out = _hold_out(digits, np.random.default_rng(0))
        training, test = held_out if holds_out_test else (digits, digits.take(slice(0)))
    else:
        for part, fewest in (("train", FEWEST_DIGITS), ("test", FEWEST_TESTED)):
            _check_images(path, f"x_{part}", arrays[f"x_{part}"], fewest)
        training, test = (_digits(arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in ("train", "test"))
    shape, tested = shape_of(training.images), shape_of(test.images)
    if shape is not None and tested is not None and shape != tested:
        raise ConfigError(
            f"{path}: x_test holds images of {shape_in_words(tested)}, x_train of {shape_in_words(shape)}; give both"
            " the same size and colours"
        )
    classes = np.unique(training.labels)
    if len(classes) < MIN_CLASSES:
        raise ConfigError(f"{path}: all training images are of class {classes[0]}; give at least {MIN_CLASSES} classes")
    untrained = np.setdiff1d(test.labels, training.labels)
    if len(untrained):
        raise ConfigError(
            f"{path}: y_test holds class {untrained[0]}, which y_train lacks: add training images of it, or leave it"
            " out of the test images"
        )
    names = contents.class_names or KNOWN_CLASSES.get(idx_md5(training.labels))
    names = names or tuple(map(str, range(int(training.labels.max()) + 1)))
    return DataSet(training, test, names, _checksum(arrays), contents.notes)


def load_evaluated(spec: str, classes: Sequence[str] = (), report: Report = silent) -> tuple[Digits, str]:
    """Load the images for `evaluate` and their checksum: the test part of a data set, or all images of a file.

    Args:
        spec: Name or path of the data.
        classes: Names of the run's classes, by which labels are found; empty if they are not known.
        report: Function to call with the progress.

    Raises:
        ConfigError: The file is damaged, or holds neither x_test and y_test nor x and y.
    """
    arrays = _read(spec, *EVALUATED, complete=False, classes=classes, report=report).arrays
    images, labels = arrays
    _check_images(_path(spec), images, arrays[images], fewest=1)
    return _digits(arrays[images], arrays[labels]), _checksum(arrays)


def load_images(spec: str) -> "NDArray[np.uint8]":
    """Load the images of a file to predict; raises ConfigError."""
    ((name, images),) = _read(spec, *PREDICTED, complete=False).arrays.items()
    _check_images(_path(spec), name, images, fewest=1)
    return images


def _read(
    spec: str,
    *choices: Sequence[str],
    complete: bool = True,
    classes: Sequence[str] = (),
    report: Report = silent,
) -> Contents:
    path = _path(spec)
    try:
        contents = readers.read(path, choices, complete=complete, classes=classes, report=report)
    except ReaderError as error:
        wanted = ", or ".join(" and ".join(choice) if len(choice) == 2 else ", ".join(choice) for choice in choices)
        fix = "restore it" if path.suffix != ".npz" else f"restore it, or save {wanted} with numpy.savez"
        fix = error.fix or (DATASETS[spec].fix if spec in DATASETS else fix)
        raise ConfigError(f"{path} {error}: {fix}") from None
    md5 = DATASETS[spec].md5 if spec in DATASETS else {}
    for key in contents.arrays.keys() & md5.keys():
        if idx_md5(contents.arrays[key]) != md5[key]:
            raise ConfigError(f"{path} is damaged (array {key} does not match its checksum): install mnist-tui again")
    return contents


def _checksum(arrays: "Mapping[str, NDArray[Any]]") -> str:
    import hashlib

    import numpy as np

    digest = hashlib.sha256()
    for array in arrays.values():
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


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
        test = test.take(_stratified(test.labels, min(limit, len(test)), random)) if len(test) else test
    return Split(*_hold_out(training, random), test)


def _hold_out(digits: Digits, random: "np.random.Generator") -> tuple[Digits, Digits]:
    """Split images 11 to 1, stratified by class. The only image of a class stays in the first part."""
    import numpy as np

    held_out = _stratified(digits.labels, round(len(digits) * VALIDATION_SHARE), random, spared=1)
    return digits.take(np.setdiff1d(np.arange(len(digits)), held_out)), digits.take(held_out)


def _stratified(
    labels: "NDArray[np.uint8]", count: int, random: "np.random.Generator", spared: int = 0
) -> "NDArray[np.int64]":
    """Draw `count` rows in the classes' proportions, sorted. Rounding goes by the largest remainders.

    Of each class, `spared` rows are left, even if fewer rows are drawn.
    """
    import numpy as np

    classes, totals = np.unique(labels, return_counts=True)
    exact = totals * count / len(labels)
    quotas = np.floor(exact).astype(int)
    quotas[np.argsort(quotas - exact, kind="stable")[: count - quotas.sum()]] += 1
    quotas = np.minimum(quotas, totals - spared)
    chosen = [
        random.choice(np.flatnonzero(labels == one), quota, replace=False)
        for one, quota in zip(classes, quotas, strict=True)
    ]
    return np.sort(np.concatenate(chosen))


def _path(spec: str) -> Path:
    return DATASETS[spec].path() if spec in DATASETS else user_path(spec, "data")


def _digits(images: "NDArray[np.uint8]", labels: "NDArray[Any]") -> Digits:
    import numpy as np

    return Digits(images, labels.astype(np.uint8), np.arange(len(labels), dtype=np.int32))


def _check_images(path: Path, x: str, images: "NDArray[Any]", fewest: int) -> None:
    if shape_of(images) is None:
        raise ConfigError(
            f"{path}: {x} is {images.dtype} {images.shape}; it must be uint8 of shape (n, height, width) or"
            f" (n, height, width, 3), with sides of {MIN_SIDE} to {MAX_SIDE}"
        )
    if len(images) < fewest:
        raise ConfigError(f"{path}: the {len(images):,} images in {x} are too few; give at least {fewest}")
