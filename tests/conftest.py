"""What all tests share: no animations, and the switches of single rooms."""

import os
from pathlib import Path

import pytest

from mnist_tui.runs.directory import HOME_VARIABLE

os.environ["TEXTUAL_ANIMATIONS"] = "none"  # read when Textual is imported; the program sets it too
for size in ("COLUMNS", "LINES"):  # readline, which pytest imports, sets them; a terminal's own size is meant
    os.environ.pop(size, None)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`pytest tests/ui --update-golden`, then read the diff; `pytest tests/faults --full -s`, then read the figures."""
    parser.addoption("--update-golden", action="store_true", help="write the golden screens anew instead of comparing")
    parser.addoption("--full", action="store_true", help="as many rounds of every fault test as are promised")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep runs in a folder of the test's own, which does not exist yet."""
    path = tmp_path / "home"
    monkeypatch.setenv(HOME_VARIABLE, str(path))
    return path
