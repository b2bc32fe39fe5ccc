"""A home for runs that nothing else uses."""

from pathlib import Path

import pytest

from mnist_tui.runs.directory import HOME_VARIABLE


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that MNIST_TUI_HOME names; it does not exist yet."""
    path = tmp_path / "home"
    monkeypatch.setenv(HOME_VARIABLE, str(path))
    return path
