"""A report on a data set on stdout."""

import base64
import io
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.padding import Padding
from rich.segment import SegmentLines
from rich.style import Style
from rich.table import Table
from rich.text import Text

from mnist_tui.analysis.data_report import SPLITS, DataReport, findings
from mnist_tui.analysis.duplicates import NEAR
from mnist_tui.cli.listing import LONGEST_TEXT, console, print_table
from mnist_tui.inspection import data_view
from mnist_tui.render.columns import Column
from mnist_tui.render.contact_sheet import SMALL, Tile, contact_sheet, shades
from mnist_tui.render.images import half_blocks
from mnist_tui.render.text import clip, sanitize

CLASSES_SHOWN = 20
"""Number of classes whose examples are printed."""
GREYS = tuple((level, level, level) for level in range(0, 256, 17))
STYLES = Style(bold=True), Style(dim=True)
COLUMNS = (
    Column("class", 0),
    Column("training", 1, is_number=True),
    Column("share", 3, is_number=True),
    Column("test", 2, is_number=True),
    Column("share", 4, is_number=True),
)


def data_document(spec: str, report: DataReport) -> dict[str, Any]:
    """Return the object that `data --json` prints. Images are named by split and index; mean images are PNG files."""

    def named(row: int) -> dict[str, Any]:
        label = report.class_names[report.labels[row]]
        return {"split": SPLITS[report.split_of(row)], "index": report.index_of(row), "label": label}

    training, test = report.counts.tolist()
    return {
        "data": spec,
        "checksum": report.checksum,
        "image_shape": report.image_shape,
        "training": sum(training),
        "test": sum(test),
        "pixels": {"lowest": report.lowest, "highest": report.highest, "mean": report.mean},
        "recognised": report.notes,
        "findings": [
            {
                "kind": finding.kind,
                "is_problem": finding.is_problem,
                "title": finding.title,
                "meaning": finding.meaning,
                "fix": finding.fix,
                "images": [named(row) for row in finding.images],
            }
            for finding in findings(report)
        ],
        "classes": [
            {
                "class": name,
                "training": training[label],
                "test": test[label],
                "mean_image": png(report.mean_images[label]),
                "examples": [named(row) for row in report.examples(label).tolist()],
            }
            for label, name in enumerate(report.class_names)
        ],
        "equal_images": [[named(row) for row in group] for group in report.equal],
        "near_duplicates": {
            "least_correlation": NEAR,
            "pairs": [
                {"images": [named(pair.first), named(pair.second)], "correlation": pair.correlation}
                for pair in report.near
            ],
        },
        "blank_images": [named(row) for row in report.blank.tolist()],
    }


def png(image: NDArray[np.uint8]) -> str:
    """Return an image as a PNG file in base64."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def print_data(spec: str, report: DataReport) -> None:
    """Print problems, figures, the counts of the classes, and images; in a pipe, images are made of characters."""
    out, found = console(), findings(report)
    out.print(Text.assemble((sanitize(spec), "bold"), f"  {data_view.subject(report)}\n"), soft_wrap=True)
    if not any(finding.is_problem for finding in found):
        out.print("No problems found.\n")
    for finding in found:
        mark = Text("! ", "bold red") if finding.is_problem else Text("- ")
        out.print(mark + Text(sanitize(finding.title), "bold"))
        for words in filter(None, (finding.meaning, finding.fix)):
            out.print(Padding(Text(sanitize(words)), (0, 0, 0, 2), expand=False))
        out.print("")
        print_sheet(out, data_view.finding_tiles(report, finding), in_pairs=finding.in_pairs)
    grid = Table.grid(padding=(0, 2))
    for heading, value in data_view.facts(report):
        grid.add_row(Text(heading, style="dim"), Text(value))
    out.print(grid, "")
    print_table(COLUMNS, [(clip(name, LONGEST_TEXT), *cells) for name, *cells in data_view.class_rows(report)])
    for label, name in enumerate(report.class_names[:CLASSES_SHOWN]):
        out.print("", Text(sanitize(name), "bold"), sep="\n")
        print_sheet(out, data_view.class_tiles(report, label))
    if len(report.class_names) > CLASSES_SHOWN:
        out.print(f"and {len(report.class_names) - CLASSES_SHOWN} more classes: the data screen shows them")


def print_sheet(
    out: Console, tiles: list[Tile], *, in_pairs: bool = False, widest: int = SMALL, most_rows: int | None = 1
) -> None:
    """Print images, by default one row of them."""
    draw = partial(half_blocks, greys=GREYS) if out.color_system and not out.no_color else shades
    lines = contact_sheet(tiles, out.width, draw, STYLES, in_pairs=in_pairs, widest=widest, most_rows=most_rows)
    out.print(SegmentLines(lines, new_lines=True), end="")
