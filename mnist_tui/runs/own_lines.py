"""The user's own reference lines of the curves: a file beside the runs."""

import contextlib
import math

import msgspec

from mnist_tui.config import ConfigError
from mnist_tui.metrics import METRICS
from mnist_tui.runs.directory import RunError, home
from mnist_tui.runs.replacing import replacing
from mnist_tui.untrusted import read_bytes

FILE = "reference-lines.json"
MAX_BYTES = 1 << 16


def read_own_lines() -> dict[str, float]:
    """Return key of a metric -> level, unscaled; nothing from a file that is missing or damaged."""
    with contextlib.suppress(OSError, ConfigError, ValueError):  # of msgspec as well
        read = msgspec.json.decode(read_bytes(home() / FILE, MAX_BYTES), type=dict[str, float])
        return {key: value for key, value in read.items() if key in METRICS and math.isfinite(value)}
    return {}


def set_own_line(metric: str, value: float | None) -> dict[str, float]:
    """Write the level of a metric, None: no line, and return all levels; raises RunError if the disk refuses."""
    lines = {key: each for key, each in read_own_lines().items() if key != metric}
    lines |= {} if value is None else {metric: value}
    path = home() / FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_bytes(msgspec.json.encode(lines))
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error.strerror})") from None
    return lines
