"""What all tests share: no animations, and the switch that rewrites the golden screens."""

import os

import pytest

os.environ["TEXTUAL_ANIMATIONS"] = "none"  # read when Textual is imported; the program sets it too


def pytest_addoption(parser: pytest.Parser) -> None:
    """`pytest tests/ui --update-golden`, then read the diff."""
    parser.addoption("--update-golden", action="store_true", help="write the golden screens anew instead of comparing")
