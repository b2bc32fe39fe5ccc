"""Old spellings of commands, flags and settings work for one release, with a notice."""

import sys
from pathlib import Path

import pytest

from mnist_tui.cli.main import run_command
from mnist_tui.cli.renamed import RENAMED_COMMANDS, RENAMED_FLAGS, new_arguments
from mnist_tui.cli.settings_files import settings_from
from mnist_tui.cli.wiring import UsageError
from mnist_tui.runs.directory import RunError


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (["disputes", "last", "--json"], ["label-issues", "last", "--json"]),
        (["train", "--jit", "on"], ["train", "--jit-compile", "on"]),
        (["bench", "--no-mark"], ["bench", "--speed-only"]),
        (["train", "--jit=on"], ["train", "--jit-compile=on"]),
    ],
)
def test_an_old_spelling_is_replaced_with_one_notice(
    old: list[str], new: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert new_arguments(old) == new
    (notice,) = capsys.readouterr().err.splitlines()
    assert any(name in notice for name in RENAMED_COMMANDS | RENAMED_FLAGS)


@pytest.mark.parametrize("arguments", [[], ["show", "disputes"], ["train", "--name", "jit"]])
def test_everything_else_stays(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert new_arguments(arguments) == arguments
    assert capsys.readouterr().err == ""


def test_the_command_line_takes_old_spellings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["mnist-tui", "disputes", "nothing"])
    with pytest.raises(RunError, match="no run 'nothing'"):
        run_command()
    monkeypatch.setattr(sys, "argv", ["mnist-tui", "train", "--jit", "on", "--surely-unknown"])
    with pytest.raises(UsageError, match="surely-unknown"):
        run_command()
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_a_config_file_takes_old_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "old.toml"
    path.write_text('jit = "on"\nepochs = 2\n')
    assert settings_from(path) == {"jit_compile": "on", "epochs": "2"}
    assert "jit_compile" in capsys.readouterr().err
