"""`python -m tests.bench` lists the benchmarks; `python -m tests.bench NAME [--json]` runs one."""

import argparse
import importlib.metadata
import json
import os
import platform
import sys
from pathlib import Path

from mnist_tui.bench.report import machine_lines
from mnist_tui.bench.results import machine_info
from mnist_tui.engine.backends import BACKENDS
from tests.bench.accuracy import PARTS, accuracy
from tests.bench.cross_validation import cross_validation
from tests.bench.drawing import draw
from tests.bench.first_paint import first_paint
from tests.bench.first_step import first_step
from tests.bench.frame import frame
from tests.bench.home import home_keys
from tests.bench.inside import inside
from tests.bench.latency import latency
from tests.bench.layers import layers_walk, maps_page, play_layers
from tests.bench.link import link, watch
from tests.bench.memory import memory
from tests.bench.mistakes import gallery_page, open_cell, time_travel
from tests.bench.open_run import open_run
from tests.bench.queue import queue
from tests.bench.reading import reading
from tests.bench.rolling import rolling
from tests.bench.sampling import sampling
from tests.bench.throughput import overhead, overhead_reference, throughput

BENCHES = {
    "first-paint": first_paint,
    "first-step": first_step,
    "gallery-page": gallery_page,
    "open-cell": open_cell,
    "time-travel": time_travel,
    "overhead": overhead,
    "overhead-reference": overhead_reference,
    "throughput": throughput,
    "memory": memory,
    "accuracy": accuracy,
    "cross-validation": cross_validation,
    "frame": frame,
    "home-keys": home_keys,
    "latency": latency,
    "link": link,
    "watch": watch,
    "open": open_run,
    "queue": queue,
    "reading": reading,
    "rolling": rolling,
    "sampling": sampling,
    "draw": draw,
    "inside": inside,
    "maps-page": maps_page,
    "layers-walk": layers_walk,
    "play-layers": play_layers,
}
VERSIONS = ("tensorflow", "keras", "numpy", "textual")


def main() -> int:
    """Run one benchmark, or list them."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("name", nargs="?", choices=BENCHES)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--full", action="store_true", help="accuracy: all presets, which takes hours")
    parser.add_argument("--only", choices=PARTS, help="accuracy: only this one")
    parser.add_argument("--home", type=Path, help="accuracy: keep the runs here; later calls repeat no finished one")
    parser.add_argument("--backend", choices=BACKENDS, help="cross-validation: Keras backend")
    parser.add_argument("--workers", type=int, help="cross-validation: models trained at the same time, for a GPU")
    options = parser.parse_args()
    if options.name is None:
        for name, bench in BENCHES.items():
            print(f"{name:<20} {(bench.__doc__ or '').splitlines()[0]}")
        return 0
    if options.name != "accuracy" and (options.full or options.only or options.home):
        parser.error("--full, --only and --home are for accuracy")
    if options.name != "cross-validation" and (options.backend or options.workers):
        parser.error("--backend and --workers are for cross-validation")
    versions = {name: importlib.metadata.version(name) for name in VERSIONS}
    machine = machine_info(os.getloadavg()[0], None, versions)
    if machine.is_busy:
        print(machine_lines(machine)[-1], file=sys.stderr)
    if options.name == "accuracy":
        result = accuracy(options.full, options.only, options.home)
    elif options.name == "cross-validation":
        result = cross_validation(options.backend or "tensorflow", options.workers or 1)
    else:
        result = BENCHES[options.name]()
    figures = {
        "name": options.name,
        "value": result.value,
        "unit": result.unit,
        "bar": result.bar,
        "holds": result.holds,
        "machine": f"{machine_lines(machine)[0]}, Python {platform.python_version()}",
        "versions": versions,
        "load": {"before": machine.load_before, "after": round(os.getloadavg()[0], 2)},
        "raw": result.raw,
    }
    if options.json:
        json.dump(figures, sys.stdout, indent=2)
        print()
    else:
        print("\n".join(f"{key:<11} {value}" for key, value in figures.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
