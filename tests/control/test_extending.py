"""A steering command is added in one place: its row, its request and its handler."""

import json
import os
import subprocess
import sys
from pathlib import Path

from mnist_tui.control.commands import STEERING_COMMANDS
from mnist_tui.engine.service.steering import HANDLERS
from mnist_tui.runs.directory import HOME_VARIABLE

ROOT = Path(__file__).parent.parent.parent


def test_a_command_from_outside_is_decoded_offered_and_handled(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.control.toy_command"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=os.environ | {HOME_VARIABLE: str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "footer": True,
        "notified": ["Shuffles its images."],
        "sent": True,
        "help": True,
        "command help": "Shuffle the training images again.",
        "exit status": 0,
        "handled seed": 3,
    }


def test_every_command_has_a_handler_in_the_engine() -> None:
    assert {command.request for command in STEERING_COMMANDS} < set(HANDLERS)
