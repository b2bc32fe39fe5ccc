"""Progress of reading on a terminal."""

import io
import sys

import pytest

from mnist_tui.cli import reading as module
from mnist_tui.cli.reading import reading


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("patience", [0.0, 60.0], ids=["slow", "fast"])
def test_only_slow_reading_shows_a_bar_and_removes_it(monkeypatch: pytest.MonkeyPatch, patience: float) -> None:
    monkeypatch.setattr(module, "PATIENCE", patience)
    monkeypatch.setattr(module, "INTERVAL", 0.0)
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with reading("/data/train\x1b.csv") as report:
        report(1, 4)
        report(4, 4)
    shown = terminal.getvalue()
    assert ("Reading train?.csv" in shown and " 25%" in shown and "100%" in shown) == (patience == 0)
    assert shown.endswith("\r\x1b[K") == (patience == 0)


def test_a_file_gets_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    monkeypatch.setattr(sys, "stderr", file := io.StringIO())
    with reading("train.csv") as report:
        report(1, 4)
    assert not file.getvalue()
