"""Grids: all combinations of settings with several values, such as `--learning-rate 0.01,0.02 --seed 0..2`."""

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence

from mnist_tui.config import ConfigError, quoted
from mnist_tui.settings import INTEGER, REAL, SETTINGS_BY_KEY

RANGE = re.compile(r"(\d+)\.\.(\d+)", re.ASCII)


def count(grid: Mapping[str, Sequence[str]]) -> int:
    """Return the number of combinations, without making them."""
    return math.prod(map(len, grid.values()))


def combinations(grid: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    """Yield the settings of each combination; the last setting changes first."""
    for values in itertools.product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


def varied(grid: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the keys of the settings with more than one value."""
    return [key for key, values in grid.items() if len(values) > 1]


def grid_of(flags: Mapping[str, Sequence[str]], most: int) -> dict[str, list[str]]:
    """Return the values of each setting.

    Args:
        flags: What was given for each setting: once, or several times for several values. Commas separate values, and
            2..5 are the whole numbers from 2 to 5.
        most: Number of values of a range that is not exceeded.

    Raises:
        ConfigError: A value is empty or there twice, or a range is too long or ends before it starts.
    """
    grid = {}
    for key, texts in flags.items():
        values = [value for text in texts for value in _values(key, text, most)]
        if len(set(values)) < len(values):
            twice = next(value for value in values if values.count(value) > 1)
            raise ConfigError(f"{key} has the value {quoted(twice)} twice: give each value once")
        grid[key] = values
    return grid


def _values(key: str, text: str, most: int) -> list[str]:
    if SETTINGS_BY_KEY[key].kind.has_commas or not text:
        return [text]
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise ConfigError(f"{key} {quoted(text)} has an empty value: write values as 0.01,0.02")
    is_number = SETTINGS_BY_KEY[key].kind in (INTEGER, REAL)
    if is_number and any(re.fullmatch(r"0\d+", part) for part in parts[1:]):
        raise ConfigError(f"{key} {quoted(text)} is read as {len(parts)} values: write a number without a comma")
    return [value for part in parts for value in _range(key, part, most)]


def _range(key: str, part: str, most: int) -> list[str]:
    found = RANGE.fullmatch(part)
    if found is None:
        return [part]
    if SETTINGS_BY_KEY[key].kind is not INTEGER:
        raise ConfigError(f"{key} takes no range such as {part}: list its values, separated by commas")
    first, last = int(found[1]), int(found[2])
    if last < first:
        raise ConfigError(f"{key} {part} is an empty range: write the lower number first")
    if last - first >= most:
        raise ConfigError(f"{key} {part} has {last - first + 1:,} values: give at most {most:,}")
    return [str(value) for value in range(first, last + 1)]
