"""The README's commands are what CI runs, and what it names exists."""

import re
from pathlib import Path

from mnist_tui.cli.main import commands
from mnist_tui.engine.models.presets import PRESETS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def test_ci_runs_the_readmes_two_commands_to_the_letter() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 2
    script = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    for block in blocks:
        (line,) = block.splitlines()
        assert line in script


def test_every_picture_is_there() -> None:
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", README)
    assert pictures
    assert [picture for picture in pictures if not (ROOT / picture).is_file()] == []


def test_every_command_and_preset_is_named() -> None:
    for name in commands.commands:
        assert f"mnist-tui {name}" in README
    for preset in PRESETS:
        assert f"- `{preset}`" in README
