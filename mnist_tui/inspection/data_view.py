"""The texts and images of a report on a data set, for the command and the screen."""

from mnist_tui.analysis.data_report import SPLITS, TEST, TRAINING, DataReport, Finding
from mnist_tui.analysis.duplicates import NEAR
from mnist_tui.image_layout import shape_in_words
from mnist_tui.render.contact_sheet import Tile
from mnist_tui.render.text import percent, sanitize

NONE = "none"


def subject(report: DataReport) -> str:
    """Return number, shape and classes of the images."""
    shape = shape_in_words(report.image_shape)
    return f"{len(report.rows):,} images of {shape}, {len(report.class_names)} classes"


def facts(report: DataReport) -> list[tuple[str, str]]:
    """Return the figures of a data set as labels and texts."""
    training, test = report.counts.sum(axis=1).tolist()
    between = len(report.near_leaked)
    tested = sum(report.split_of(row) == TEST for group in report.leaked for row in group)
    equal = (
        f"{report.repeated(TRAINING):,} within training, {report.repeated(TEST):,} within test, {tested:,} test images"
        " in training"
    )
    near = f"{len(report.near) - between:,} pairs within a split, {between:,} between the splits"
    return [
        ("images", f"{training:,} training, {test:,} test"),
        ("size", shape_in_words(report.image_shape)),
        ("pixels", f"{report.lowest} to {report.highest}, mean {report.mean:.1f}"),
        *(("recognised", sanitize(note)) for note in report.notes),
        ("equal images", equal if report.equal else NONE),
        ("near duplicates", f"{near if report.near else NONE} (pixels correlate by {NEAR} or more)"),
        ("blank images", f"{len(report.blank):,}" if len(report.blank) else NONE),
        ("SHA-256", report.checksum),
    ]


def class_rows(report: DataReport) -> list[tuple[str, ...]]:
    """Return, for each class, its name, and the number and the share of its training and of its test images."""
    totals = report.counts.sum(axis=1)
    return [
        (
            sanitize(name),
            *(
                text
                for split in (TRAINING, TEST)
                for text in (
                    f"{report.counts[split, label]:,}",
                    percent(report.counts[split, label] / totals[split], 1),
                )
            ),
        )
        for label, name in enumerate(report.class_names)
    ]


def mean_tiles(report: DataReport) -> list[Tile]:
    """Return the mean image of each class."""
    return [
        Tile(image, sanitize(name))
        for name, image, count in zip(
            report.class_names, report.mean_images, report.counts.sum(axis=0).tolist(), strict=True
        )
        if count
    ]


def class_tiles(report: DataReport, label: int) -> list[Tile]:
    """Return the mean image of a class, and examples."""
    examples = report.examples(label)
    if not len(examples):
        return []
    mean = Tile(report.mean_images[label], "mean")
    return [
        mean,
        *(Tile(image, _place(report, row)) for row, image in zip(examples, report.rows.take(examples), strict=True)),
    ]


def finding_tiles(report: DataReport, finding: Finding) -> list[Tile]:
    """Return the images that show a finding, with their labels."""
    return [
        Tile(image, sanitize(report.class_names[report.labels[row]]), _place(report, row))
        for row, image in zip(finding.images, report.rows.take(finding.images), strict=True)
    ]


def _place(report: DataReport, row: int) -> str:
    return f"{SPLITS[report.split_of(row)][:5]} {report.index_of(row)}"
