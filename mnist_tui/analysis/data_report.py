"""A report on a data set before training: counts, mean images, examples, values, duplicates, and what is wrong."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mnist_tui.analysis.duplicates import NEAR, Images, Pair, Rows, equal_images, near_duplicates
from mnist_tui.image_layout import MNIST_SHAPE, ImageShape, shape_of

TRAINING, TEST = 0, 1
"""Positions of the splits."""
SPLITS = ("training", "test")
EXAMPLES = 24
"""Examples of each class that are kept."""
SHOWN_ROWS = 48
"""Images of a finding that are kept."""
VALIDATED = 12
"""One training image in VALIDATED validates, so a class with fewer may have no validation image."""
IMBALANCE = 3.0
"""Largest class divided by the smallest from which on the imbalance is a problem."""
CHANCE_SHARE = 0.001
"""Share of near duplicates up to which they may be simple shapes that are alike by chance. Of MNIST's: 0.0001."""
DARKEST = 128
"""Brightest pixel of a data set whose images are too dark."""


@dataclass(frozen=True)
class Split:
    """Images of one split, and their labels."""

    images: Images
    labels: NDArray[np.uint8]
    """Shape (n,)."""


@dataclass(frozen=True)
class DataReport:
    """Figures of a data set. Rows count through the training and then the test images."""

    rows: Rows
    labels: NDArray[np.uint8]
    """Labels of all rows."""
    class_names: tuple[str, ...]
    counts: NDArray[np.intp]
    """Images of each split and class, shape (2, classes)."""
    lowest: int
    """Smallest value of a pixel."""
    highest: int
    mean: float
    """Mean of all pixels."""
    mean_images: Images
    """Mean image of each class, shape (classes, height, width) or (classes, height, width, 3)."""
    blank: NDArray[np.intp]
    """Rows of images whose pixels all have one value; they are left out of the duplicates."""
    equal: list[list[int]]
    """Rows of equal images."""
    near: list[Pair]
    """Near duplicates, the most similar first; of equal images, the first one stands for all."""
    checksum: str = ""
    """SHA-256 over the arrays."""
    notes: tuple[str, ...] = ()
    """Sentences about what was recognised or converted while the data were read."""

    @property
    def image_shape(self) -> ImageShape:
        """Height, width and channels of an image."""
        return shape_of(self.mean_images) or MNIST_SHAPE

    def split_of(self, row: int) -> int:
        """Return TRAINING or TEST."""
        return int(self.rows.part_of(row))

    def index_of(self, row: int) -> int:
        """Return the position of an image in its split."""
        return row - int(self.rows.starts[self.split_of(row)])

    def examples(self, label: int) -> NDArray[np.intp]:
        """Return at most EXAMPLES rows of a class, evenly spread over all its images."""
        of_class = np.flatnonzero(self.labels == label)
        places = np.linspace(0, len(of_class) - 1, min(EXAMPLES, len(of_class)))
        return of_class.take(places.astype(np.intp))

    def repeated(self, split: int) -> int:
        """Return the number of images that equal an earlier image of the same split."""
        within = ([row for row in group if self.split_of(row) == split] for group in self.equal)
        return sum(len(rows) - 1 for rows in within if rows)

    @property
    def leaked(self) -> list[list[int]]:
        """Rows of equal images of which some are training and some are test images."""
        return [group for group in self.equal if len({self.split_of(row) for row in group}) > 1]

    @property
    def near_leaked(self) -> list[Pair]:
        """Near duplicates of a training and a test image."""
        return [pair for pair in self.near if self.split_of(pair.first) != self.split_of(pair.second)]


@dataclass(frozen=True)
class Finding:
    """Something about a data set that the user should know."""

    kind: str
    title: str
    """A few words."""
    meaning: str
    """A sentence."""
    fix: str
    """A sentence that begins with a verb; empty if nothing needs to be done."""
    images: list[int] = field(default_factory=list)
    """Rows of images that show it, at most SHOWN_ROWS."""
    in_pairs: bool = False
    """True if two images in sequence belong together."""

    @property
    def is_problem(self) -> bool:
        """True if there is something to do."""
        return bool(self.fix)


def report(
    splits: Sequence[Split],
    class_names: tuple[str, ...],
    checksum: str = "",
    notes: tuple[str, ...] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> DataReport:
    """Examine a data set.

    Args:
        splits: Training and test images.
        class_names: Names of the classes.
        checksum: Checksum of the data set.
        notes: Sentences of the reader.
        progress: Called with the part of the work that begins.
    """
    progress("Counting images")
    rows = Rows([split.images for split in splits])
    labels = np.concatenate([split.labels for split in splits])
    classes = len(class_names)
    sums = np.zeros((classes, *splits[TRAINING].images.shape[1:]))
    lowest, highest, start = 255, 0, 0
    blank = np.zeros(len(rows), bool)
    for chunk in rows.chunks():
        end = start + len(chunk)
        pixels = chunk.reshape(len(chunk), -1)
        low, high = pixels.min(axis=1), pixels.max(axis=1)
        blank[start:end] = low == high
        lowest, highest = min(lowest, int(low.min())), max(highest, int(high.max()))
        of_class = labels[start:end, None] == np.arange(classes)
        sums += (of_class.T.astype(np.float32) @ pixels).reshape(sums.shape)
        start = end
    counts = np.stack([np.bincount(split.labels, minlength=classes) for split in splits])
    totals = counts.sum(axis=0).reshape(-1, *(1,) * (sums.ndim - 1))
    progress("Looking for equal images")
    equal = equal_images(rows, blank)
    progress("Looking for near duplicates")
    ignored = blank.copy()
    ignored[[row for group in equal for row in group[1:]]] = True
    return DataReport(
        rows,
        labels,
        class_names,
        counts,
        lowest,
        highest,
        mean=float(sums.sum() / (len(rows) * sums[0].size)),
        mean_images=np.rint(sums / np.maximum(totals, 1)).astype(np.uint8),
        blank=np.flatnonzero(blank),
        equal=equal,
        near=near_duplicates(rows, ignored),
        checksum=checksum,
        notes=notes,
    )


def findings(report: DataReport) -> list[Finding]:
    """Return the problems of a data set, the worst first, and then what is only worth knowing."""
    found = [finding for check in CHECKS for finding in check(report)]
    return sorted(found, key=lambda finding: not finding.is_problem)


def _leak(report: DataReport) -> Iterable[Finding]:
    tested = [row for group in report.leaked for row in group if report.split_of(row) == TEST]
    if tested:
        yield Finding(
            "leak",
            f"{_images(len(tested), 'test image')} in training",
            f"{_of_test(report, len(tested))} {_verb(len(tested), 'equals', 'equal')} a training image, so the test"
            " accuracy is too high.",
            "Remove these images from the training images.",
            _shown([group[0], next(row for row in group if report.split_of(row) == TEST)] for group in report.leaked),
            in_pairs=True,
        )


def _contradictions(report: DataReport) -> Iterable[Finding]:
    labels = report.labels
    groups = [group for group in report.equal if len(set(labels[group].tolist())) > 1]
    if groups:
        yield Finding(
            "contradiction",
            f"{_images(len(groups), 'contradictory label')}",
            f"{_images(len(groups), 'image')} {_verb(len(groups), 'occurs', 'occur')} more than once, with different"
            " labels.",
            "Correct the labels, or remove the images.",
            _shown([group[0], next(row for row in group if labels[row] != labels[group[0]])] for group in groups),
            in_pairs=True,
        )


def _missing_classes(report: DataReport) -> Iterable[Finding]:
    training, test = report.counts
    for label, name in enumerate(report.class_names):
        if not training[label]:
            yield Finding(
                "missing",
                f"no images of {name}",
                f"No image has the label {label}, yet larger labels occur, so the model gets an output for it.",
                "Number the classes from 0 without gaps, or add images of this class.",
            )
        elif not test[label]:
            yield Finding(
                "untested",
                f"no test images of {name}",
                f"The test split has no image of {name}, so the recall of this class stays unknown.",
                "Add test images of this class.",
            )


def _rare_classes(report: DataReport) -> Iterable[Finding]:
    for label, count in enumerate(report.counts[TRAINING].tolist()):
        if 0 < count < VALIDATED:
            name = report.class_names[label]
            yield Finding(
                "rare",
                f"{_images(count, 'training image')} of {name}",
                f"One training image in {VALIDATED} validates, so {name} may have no validation image.",
                "Add images of this class.",
                report.examples(label).tolist(),
            )


def _imbalance(report: DataReport) -> Iterable[Finding]:
    training, names = report.counts[TRAINING], report.class_names
    smallest = int(np.where(training > 0, training, len(report.rows)).argmin())
    largest = int(training.argmax())
    ratio = training[largest] / max(1, training[smallest])
    if ratio >= IMBALANCE:
        yield Finding(
            "imbalance",
            f"unbalanced classes, {ratio:,.0f} to 1",
            f"{names[largest]} has {training[largest]:,} training images, {names[smallest]} has"
            f" {training[smallest]:,}. A model may neglect rare classes and still be accurate.",
            "Judge the model by the recall of each class, and add images of the rare ones.",
        )


def _blank_images(report: DataReport) -> Iterable[Finding]:
    count = len(report.blank)
    if count:
        yield Finding(
            "blank",
            _images(count, "blank image"),
            f"All pixels of {_verb(count, 'this image', 'each of these images')} have the same value.",
            "Remove them: a model cannot learn from them.",
            _shown([report.blank.tolist()]),
        )


def _dark_images(report: DataReport) -> Iterable[Finding]:
    if report.highest < DARKEST:
        yield Finding(
            "dark",
            f"no pixel above {report.highest}",
            f"Pixels are from {report.lowest} to {report.highest}, and the models expect them from 0 to 255.",
            "Scale the pixels so that the brightest is 255.",
        )


def _near_duplicates(report: DataReport) -> Iterable[Finding]:
    leaked, test_count = report.near_leaked, int(report.counts[TEST].sum())
    tested = len({row for pair in leaked for row in (pair.first, pair.second) if report.split_of(row) == TEST})
    if tested > CHANCE_SHARE * test_count:
        yield Finding(
            "near-leak",
            f"{_images(tested, 'near duplicate')} in test",
            f"{_of_test(report, tested)} {_verb(tested, 'is a near duplicate', 'are near duplicates')} of a training"
            f" image (correlation {NEAR} or more), so the test accuracy may be too high.",
            "Look at the pairs, and remove the copies from the training images.",
            _shown([pair.first, pair.second] for pair in leaked),
            in_pairs=True,
        )
    if report.near:
        count = len(report.near)
        yield Finding(
            "near",
            f"{_images(count, 'near-duplicate pair')}",
            f"The pixels of {_verb(count, 'this pair', 'each pair')} correlate by {NEAR} or more:"
            f" {_images(len(leaked), 'pair')} between the splits, {count - len(leaked):,} within one."
            " Simple shapes may be alike by chance; shifted or rotated copies are not found.",
            "",
            _shown([pair.first, pair.second] for pair in report.near),
            in_pairs=True,
        )


def _repeated_images(report: DataReport) -> Iterable[Finding]:
    effects = (
        "Some of them may validate, so the validation accuracy may be too high.",
        "They count several times in the test accuracy.",
    )
    for split, effect in enumerate(effects):
        count, noun = report.repeated(split), f"{SPLITS[split]} image"
        if count:
            within = ([row for row in group if report.split_of(row) == split][:2] for group in report.equal)
            yield Finding(
                "repeated",
                f"{_images(count, f'repeated {noun}')}",
                f"{_images(count, noun)} {_verb(count, 'equals', 'equal')} an earlier one. {effect}",
                "Keep one image of each.",
                _shown(rows for rows in within if len(rows) > 1),
                in_pairs=True,
            )


CHECKS: tuple[Callable[[DataReport], Iterable[Finding]], ...] = (
    _leak,
    _contradictions,
    _missing_classes,
    _rare_classes,
    _blank_images,
    _dark_images,
    _imbalance,
    _near_duplicates,
    _repeated_images,
)
"""Checks of a data set, the most serious problems first."""


def _images(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _verb(count: int, one: str, several: str) -> str:
    return one if count == 1 else several


def _of_test(report: DataReport, count: int) -> str:
    total = int(report.counts[TEST].sum())
    return f"{count:,} of the {total:,} test images ({count / total:.2%})".replace("%", " %")


def _shown(groups: Iterable[Sequence[int]]) -> list[int]:
    """Return the rows of whole groups, at most SHOWN_ROWS."""
    shown: list[int] = []
    for group in groups:
        shown += group
        if len(shown) >= SHOWN_ROWS:
            break
    return shown[:SHOWN_ROWS]
