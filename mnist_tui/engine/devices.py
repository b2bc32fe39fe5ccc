"""What the run computes on. What only one backend of Keras has is in backends/."""

import contextlib
import os
import platform
from pathlib import Path

import numpy as np
import psutil

from mnist_tui.engine import backends
from mnist_tui.events import Hardware

NICENESS = 5
"""The screen is answered first on a machine whose cores are all busy training."""
AUTOGROUP = Path("/proc/self/autogroup")
"""Linux may share the cores out among sessions first: a niceness within the engine's own says nothing to the screen."""


def yield_to_the_screen() -> None:
    """Lower the priority of this process and, where sessions have one (Linux), of the session that it leads."""
    os.nice(NICENESS)
    if os.getsid(0) != os.getpid():
        return  # the session is somebody's shell
    with contextlib.suppress(OSError):  # another system, or a session that may not say so now
        AUTOGROUP.write_text(str(NICENESS))


def hardware() -> Hardware:
    """The device that Keras will use, in words, and the machine's size."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    device = backends.current().gpu_name() or f"{cores} CPU core{'s' if cores > 1 else ''}"
    return Hardware(device=device, cpu_count=cores, memory_bytes=psutil.virtual_memory().total)


def versions() -> dict[str, str]:
    """What a figure depends on beside the settings."""
    import keras

    return {
        "python": platform.python_version(),
        "keras": keras.__version__,
        **backends.current().versions(),
        "numpy": np.__version__,
        "platform": f"{platform.system()} {platform.machine()}",
    }
