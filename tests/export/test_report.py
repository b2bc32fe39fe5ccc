"""The report of a run, and its confusion matrix as a picture."""

import re
import time
from collections.abc import Callable
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from mnist_tui.export import matrix, report
from mnist_tui.export.source import Source
from mnist_tui.render.matrix_picture import matrix_png, matrix_svg
from mnist_tui.runs.directory import RunDirectory
from tests.export.colourful import NAMES, colourful_run
from tests.kit.recorded import make_recorded_run
from tests.kit.recording import recorded_run

RUNS: dict[str, Callable[[], RunDirectory]] = {
    "digits": recorded_run,
    "100 classes of RGB": lambda: colourful_run(side=96, images=300),
    "two classes": lambda: colourful_run(classes=2, side=8),
}


def page_of(run: RunDirectory, path: Path) -> str:
    assert report.html(Source(run, lambda _: None), path) == "report"
    return path.read_text("utf-8")


class Tags(HTMLParser):
    """Collects tags, attributes and texts, and checks that all tags are closed in order."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("name", RUNS)
def test_the_page_stands_alone(name: str, tmp_path: Path) -> None:
    page = page_of(RUNS[name](), tmp_path / "report.html")
    assert len(page.encode()) < 1_000_000
    tags = Tags(page)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in tags.found}
    addresses = [value for _, given in tags.found for key, value in given.items() if key in ("src", "href", "action")]
    assert all(str(value).startswith("data:image/png;base64,") for value in addresses)
    assert "url(" not in page
    assert "@import" not in page
    assert "prefers-color-scheme: dark" in page
    assert not any(key.startswith("on") for _, given in tags.found for key in given)


def test_the_page_shows_the_run(tmp_path: Path) -> None:
    tags = Tags(page_of(recorded_run(), tmp_path / "report.html"))
    words = " ".join(tags.texts)
    for part in ("brave-otter", "99.46 %", "99.57 %", "Loss", "Learning rate", "conv1", "69,722", "2.21.0"):
        assert part in words
    assert sum(tag == "img" for tag, _ in tags.found) == 27
    assert sum(given.get("class") == "chart" for _, given in tags.found) == 5


def test_the_test_is_shown_before_the_validation(tmp_path: Path) -> None:
    run = make_recorded_run(tmp_path / "home", epochs=2, n=200)
    assert "test, 100 images" in page_of(run, tmp_path / "report.html")
    run.predictions_path("test").unlink()
    assert "validation, epoch 2, 200 images" in page_of(run, tmp_path / "report.html")
    run.predictions_path(2).unlink()
    page = page_of(run, tmp_path / "report.html")
    assert "test, 100 images" in page  # the event log has the matrix
    assert "Worst mistakes" not in page


def test_values_that_are_not_finite_are_marked(tmp_path: Path) -> None:
    assert 'class="broken"' in page_of(colourful_run(), tmp_path / "a.html")
    assert 'class="broken"' not in page_of(recorded_run(), tmp_path / "b.html")


def test_names_are_escaped_in_markdown(tmp_path: Path) -> None:
    report.markdown(Source(colourful_run(classes=4), lambda _: None), tmp_path / "report.md")
    text = (tmp_path / "report.md").read_text("utf-8")
    assert "<script" not in text.replace("\\<script", "")
    assert r"a\|b\*" in text
    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert len(tables) > 4
    for table in tables:
        columns = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(columns) == 1


@pytest.mark.full
def test_a_report_of_100_000_steps_takes_at_most_three_seconds(tmp_path: Path) -> None:
    run = colourful_run(classes=10, side=28, steps=100_000, images=5_000)
    began = time.process_time()
    page_of(run, tmp_path / "report.html")
    print(f"{time.process_time() - began:.2f} s of CPU time")
    assert time.process_time() - began < 3


@pytest.mark.parametrize("classes", [2, 24, 25, 100])
def test_a_matrix_is_a_picture_of_any_number_of_classes(classes: int) -> None:
    counts = np.diag(np.arange(1, classes + 1)) + np.eye(classes, k=1, dtype=int)
    names = (*NAMES, *map(str, range(classes)))[:classes]
    svg = matrix_svg(counts, names, "a & b")
    root = ElementTree.fromstring(svg)
    assert len(svg) < 200_000
    texts = ["".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"predicted", "true"} <= set(texts)
    assert ("20" in texts) == (classes >= 20)
    if classes not in (2, 100):
        return  # the PNG has the same two forms
    image = Image.open(BytesIO(matrix_png(counts, names)))
    assert abs(image.width - image.height) < 200
    assert max(image.size) < 3_000
    assert len(image.convert("RGB").getcolors(1 << 24) or ()) > 4


def test_the_matrix_of_a_run_is_that_of_its_test(tmp_path: Path) -> None:
    source = Source(recorded_run(), lambda _: None)
    assert "test" in matrix.svg(source, tmp_path / "m.svg")
    assert "1,135" in (tmp_path / "m.svg").read_text()
    matrix.png(source, tmp_path / "m.png")
    assert Image.open(tmp_path / "m.png").format == "PNG"
