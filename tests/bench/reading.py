"""CPU time and memory of reading data files, compared with plain pandas and Pillow.

`python -m tests.bench.reading READER PATH` reads once and prints the figures: the peak of a process only ever rises.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mnist_tui.engine.data import datasets, readers
from mnist_tui.resources import asset
from tests.bench.peak import peak_bytes
from tests.bench.result import Result

PAIRS = 3
ROWS, IMAGES = 42_000, 10_000
BARS = {"csv_cpu_ratio": 1.5, "csv_peak_over_array": 3.0, "png_cpu_ratio": 1.2, "cached_png_seconds": 0.5}


def reading() -> Result:
    """Reading and checking Kaggle's train.csv and 10,000 PNG files, over plain pandas and Pillow; from the cache."""
    with tempfile.TemporaryDirectory() as name:
        table, images = _write(Path(name))
        csv = [(_once("ours", table, name), _once("pandas", table, name)) for _ in range(PAIRS)]
        png = [(_once("ours", images, name), _once("pillow", images, name)) for _ in range(PAIRS)]
        _once("ours", images, name, cached=True)
        cached = [_once("ours", images, name, cached=True) for _ in range(PAIRS)]
    figures = {
        "csv_cpu_ratio": statistics.median(ours["cpu"] / plain["cpu"] for ours, plain in csv),
        "csv_peak_over_array": max(ours["peak"] for ours, _ in csv) / (ROWS * 784),
        "png_cpu_ratio": statistics.median(ours["cpu"] / plain["cpu"] for ours, plain in png),
        "cached_png_seconds": statistics.median(each["wall"] for each in cached),
    }
    return Result.worst(
        {key: round(value, 3) for key, value in figures.items()},
        BARS,
        pairs=PAIRS,
        csv_cpu_seconds=[(round(ours["cpu"], 2), round(plain["cpu"], 2)) for ours, plain in csv],
        csv_plain_peak_over_array=round(max(plain["peak"] for _, plain in csv) / (ROWS * 784), 2),
        png_cpu_seconds=[(round(ours["cpu"], 2), round(plain["cpu"], 2)) for ours, plain in png],
        cached_png_cpu_seconds=[round(each["cpu"], 2) for each in cached],
    )


def _write(folder: Path) -> tuple[Path, Path]:
    """Write a file like Kaggle's train.csv, and a folder of PNG files for each class."""
    import pandas as pd
    from PIL import Image

    with np.load(asset("mnist.npz")) as arrays:
        images, labels = arrays["x_train"][:ROWS], arrays["y_train"][:ROWS]
    table = pd.DataFrame(images.reshape(ROWS, -1), columns=[f"pixel{number}" for number in range(784)])
    table.insert(0, "label", labels)
    table.to_csv(folder / "train.csv", index=False)
    for number, (image, label) in enumerate(zip(images[:IMAGES], labels[:IMAGES], strict=True)):
        (folder / "png" / str(label)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / "png" / str(label) / f"{number:05}.png")
    return folder / "train.csv", folder / "png"


def _once(reader: str, path: Path, home: str, *, cached: bool = False) -> dict[str, float]:
    """Read in a process of its own; return CPU and wall seconds, and the bytes by which its peak memory rose."""
    cache = os.environ | {"XDG_CACHE_HOME": f"{home}/cache-{cached}"}
    command = [sys.executable, "-m", "tests.bench.reading", reader if cached else f"{reader}-uncached", str(path)]
    done = subprocess.run(command, env=cache, capture_output=True, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def _read_ours(path: Path) -> object:
    return datasets.load(str(path))


def _read_with_pandas(path: Path) -> object:
    import pandas as pd

    return pd.read_csv(path, dtype="uint8")


def _read_with_pillow(path: Path) -> object:
    from PIL import Image

    return np.stack([np.asarray(Image.open(file)) for folder in os.scandir(path) for file in _files(folder.path)])


def _files(folder: str) -> list[str]:
    return [entry.path for entry in os.scandir(folder)]


READERS: dict[str, Callable[[Path], object]] = {
    "ours": _read_ours,
    "pandas": _read_with_pandas,
    "pillow": _read_with_pillow,
}


def main(name: str, path: str) -> None:
    """Read once, with all packages imported before, and print the figures."""
    import pandas
    from PIL import Image

    Image.init()
    pandas.DataFrame()
    reader, _, uncached = name.partition("-")
    readers.SLOW = float("inf") if uncached else 0.0
    before, cpu, wall = peak_bytes("self") or 0, time.process_time(), time.perf_counter()
    READERS[reader](Path(path))
    figures = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    print(json.dumps(figures | {"peak": (peak_bytes("self") or 0) - before}))


if __name__ == "__main__":
    main(*sys.argv[1:])
