"""Exhibits of the textbook: what a job computed with a run's own model and images, kept in its exhibits/."""

import math

import msgspec

from mnist_tui.runs.directory import RunDirectory
from mnist_tui.runs.replacing import replacing
from mnist_tui.untrusted import read_bytes, sanitized

MAX_BYTES = 8 << 20
TRAINED = ("gradient", "batch-normalization", "optimizers")
"""Exhibits that train copies of the model for some steps."""
EXHIBITS = ("relu", "augmentation", *TRAINED)
"""Names of all exhibits that a job computes."""


class Series(msgspec.Struct, frozen=True):
    """Numbers of one kind in a chart."""

    name: str
    values: tuple[float, ...]


class Chart(msgspec.Struct, frozen=True):
    """A chart of an exhibit; its title names the quantity, the data and the unit."""

    title: str
    series: tuple[Series, ...]
    labels: tuple[str, ...] = ()
    """Names of the values of each series, which are bars then; empty for curves over the steps."""
    edges: tuple[float, float] | None = None
    """Ends of a histogram; None for curves and bars."""
    log: bool = False
    """True for a logarithmic axis of the values."""


class Images(msgspec.Struct, frozen=True):
    """Images of a batch before and after augmentation, one byte per value, one image after the other."""

    shape: tuple[int, ...]
    """Height and width, and channels of RGB images."""
    labels: tuple[int, ...]
    before: bytes
    after: bytes


class Exhibit(msgspec.Struct, frozen=True):
    """An exhibit: what is shown, on which data, after which step of the run."""

    note: str
    step: int = 0
    seconds: float = 0.0
    """Time that it took."""
    charts: tuple[Chart, ...] = ()
    images: Images | None = None


def read_exhibit(run: RunDirectory, name: str) -> Exhibit | None:
    """Return a kept exhibit, its texts sanitised; None if there is none, or none that this version can read."""
    try:
        written = sanitized(msgspec.json.decode(read_bytes(run.exhibit_path(name), MAX_BYTES)))
        exhibit = msgspec.convert(written, Exhibit)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return exhibit if all(map(_is_whole, exhibit.charts)) and _are_whole(exhibit.images) else None


def _is_whole(chart: Chart) -> bool:
    counts = {len(series.values) for series in chart.series}
    is_histogram = chart.edges is None or (len(chart.series) == 1 and chart.edges[0] <= chart.edges[1])
    return bool(counts) and min(counts) > 0 and (not chart.labels or counts == {len(chart.labels)}) and is_histogram


def _are_whole(images: Images | None) -> bool:
    if images is None:
        return True
    count = math.prod(images.shape) * len(images.labels)
    return len(images.shape) in (2, 3) and 0 < count == len(images.before) == len(images.after)


def write_exhibit(run: RunDirectory, name: str, exhibit: Exhibit) -> None:
    """Keep an exhibit; raises OSError."""
    path = run.exhibit_path(name)
    path.parent.mkdir(exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_bytes(msgspec.json.encode(exhibit))
