"""Imports of single modules load nothing heavy, as sys.modules shows."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
KERAS = {"tensorflow", "jax", "torch", "keras", "pandas"}
SCREEN = {"textual", "numpy", "plotext", "rich"}


def loaded_by(module: str) -> set[str]:
    """Return the modules that a fresh interpreter loads with `module`."""
    code = f"import sys; before = set(sys.modules); import {module}; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("mnist_tui.ui.app", KERAS),
        ("mnist_tui.cli.plain", KERAS | {"textual", "plotext"}),
        ("mnist_tui.__main__", KERAS | SCREEN | {"click"}),
        ("mnist_tui.cli.main", KERAS | SCREEN),
        ("mnist_tui.control.client", KERAS | SCREEN),
        ("mnist_tui.runs.summary", KERAS | SCREEN),
        ("mnist_tui.engine.models.presets", KERAS | SCREEN),
        ("mnist_tui.engine.backends", KERAS | SCREEN),
        ("mnist_tui.engine.data.datasets", KERAS | (SCREEN - {"numpy"})),
    ],
)
def test_nothing_heavy_is_imported(module: str, forbidden: set[str]) -> None:
    assert loaded_by(module) & forbidden == set()


def test_the_package_itself_imports_nothing() -> None:
    assert loaded_by("mnist_tui") == {"mnist_tui"}
