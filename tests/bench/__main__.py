"""`python -m tests.bench` lists the benchmarks; `python -m tests.bench NAME [--json]` runs one."""

import argparse
import json
import os
import platform
import sys

from tests.bench.first_paint import first_paint
from tests.bench.frame import frame
from tests.bench.latency import latency
from tests.bench.link import link
from tests.bench.mistakes import gallery_page, open_cell, time_travel
from tests.bench.open_run import open_run
from tests.bench.overhead import overhead, overhead_reference
from tests.bench.watch import watch

BENCHES = {
    "first-paint": first_paint,
    "gallery-page": gallery_page,
    "open-cell": open_cell,
    "time-travel": time_travel,
    "overhead": overhead,
    "overhead-reference": overhead_reference,
    "frame": frame,
    "latency": latency,
    "link": link,
    "watch": watch,
    "open": open_run,
}


def main() -> int:
    """Run one benchmark, or list them."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("name", nargs="?", choices=BENCHES)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.name is None:
        for name, bench in BENCHES.items():
            print(f"{name:<20} {(bench.__doc__ or '').splitlines()[0]}")
        return 0
    result = BENCHES[options.name]()
    figures = {
        "name": options.name,
        "value": result.value,
        "unit": result.unit,
        "bar": result.bar,
        "holds": result.holds,
        "machine": f"{os.cpu_count()} CPUs, {platform.machine()}, Python {platform.python_version()}",
        "raw": result.raw,
    }
    if options.json:
        json.dump(figures, sys.stdout, indent=2)
        print()
    else:
        print("\n".join(f"{key:<8} {value}" for key, value in figures.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
