"""What all tests share: no animations, and the switches of single rooms."""

import os

import pytest

os.environ["TEXTUAL_ANIMATIONS"] = "none"  # read when Textual is imported; the program sets it too
for size in ("COLUMNS", "LINES"):  # readline, which pytest imports, sets them; a terminal's own size is meant
    os.environ.pop(size, None)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`pytest tests/ui --update-golden`, then read the diff; `pytest tests/faults --full -s`, then read the figures."""
    parser.addoption("--update-golden", action="store_true", help="write the golden screens anew instead of comparing")
    parser.addoption("--full", action="store_true", help="as many rounds of every fault test as are promised")
