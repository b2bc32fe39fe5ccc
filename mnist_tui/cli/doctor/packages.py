"""Checks of Python, Keras and its backends, and of the environment variables that change what they do."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from mnist_tui.cli.doctor.findings import Finding, Level
from mnist_tui.control.warm import SWITCH
from mnist_tui.engine.backends import BACKENDS

PACKAGES = ("mnist-tui", "keras", "tensorflow", "jax", "torch", "textual", "rich", "plotext", "numpy", "pandas")
IMPORT_SECONDS = 120
"""Seconds that the import of Keras may take, as from a network disk."""
IMPORT = """
import json, sys, time
start = time.monotonic()
from mnist_tui.engine import backends
backends.select(sys.argv[1])
backends.import_keras()
gpus = [gpu.name for gpu in backends.current().gpus()]
print("\\n" + json.dumps({"seconds": time.monotonic() - start, "gpus": gpus}))
"""
IGNORED = "has no effect on runs"
VARIABLES: dict[str, str] = {
    "KERAS_BACKEND": f"{IGNORED}: the setting --backend decides",
    "KERAS_HOME": IGNORED,
    "TF_ENABLE_ONEDNN_OPTS": "0 makes training on a CPU slower",
    "TF_XLA_FLAGS": "changes how TensorFlow compiles",
    "TF_NUM_INTRAOP_THREADS": "limits the cores: prefer --threads",
    "TF_FORCE_GPU_ALLOW_GROWTH": "makes TensorFlow take GPU memory bit by bit",
    "ONEDNN_MAX_CPU_ISA": "limits the CPU's instructions: training is slower",
    "XLA_FLAGS": "changes how XLA compiles",
    "JAX_PLATFORMS": "limits the devices that JAX sees",
    "CUDA_VISIBLE_DEVICES": "limits the GPUs that a run can use",
    "LD_LIBRARY_PATH": "can hide the CUDA libraries of the Python packages",
    "OMP_NUM_THREADS": "limits the cores: prefer --threads",
    "MNIST_TUI_HOME": "folder of the runs",
    SWITCH: "off: no warm engine, so that a run starts some seconds later",
}
"""Environment variable -> effect."""


def package_findings() -> Iterator[Finding]:
    yield Finding("Python", f"{platform.python_version()}, {sys.executable}")
    versions = [f"{name} {version}" for name in PACKAGES if (version := _version(name))]
    yield Finding("packages", ", ".join(versions))
    for name, spec in BACKENDS.items():
        if spec.is_installed():
            yield import_finding(name)
    yield from variables(os.environ)
    configuration = Path("~/.keras/keras.json").expanduser()
    if configuration.exists():
        yield Finding("keras.json", f"{configuration} {IGNORED}")


def import_finding(backend: str) -> Finding:
    """Return whether Keras can be imported with a backend in a process of its own, and the GPUs that it sees."""
    name = f"Keras, {backend}"
    try:
        done = subprocess.run(
            (sys.executable, "-c", IMPORT, backend), capture_output=True, text=True, timeout=IMPORT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return Finding(
            name, f"no import within {IMPORT_SECONDS} s", Level.PROBLEM, "Move the environment to a local disk."
        )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        return Finding(name, reason, Level.PROBLEM, "Install mnist-tui into a new virtual environment.")
    seen = json.loads(done.stdout.splitlines()[-1])
    return Finding(name, f"imported in {seen['seconds']:.1f} s, sees {', '.join(seen['gpus']) or 'no GPU'}")


def variables(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the variables that are set and matter."""
    for name, effect in VARIABLES.items():
        if name in environ:
            yield Finding(name, f"{environ[name] or '(empty)'}, {effect}")


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
