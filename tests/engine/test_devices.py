"""How the engine gives way to the screen."""

import subprocess
import sys
from pathlib import Path

import pytest

from mnist_tui.engine.devices import AUTOGROUP, NICENESS

CHILD = """
import os
from pathlib import Path
from mnist_tui.engine.devices import AUTOGROUP, yield_to_the_screen
yield_to_the_screen()
print(os.nice(0), AUTOGROUP.read_text().split()[-1] if AUTOGROUP.exists() else "")
"""


def priorities(*, own_session: bool) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", CHILD], start_new_session=own_session, capture_output=True, text=True, check=True
    )
    niceness, _, session = done.stdout.strip("\n").partition(" ")
    return int(niceness), session


def session_niceness() -> str:
    return AUTOGROUP.read_text().split()[-1]


def test_an_engine_lowers_its_own_priority() -> None:
    before = int(subprocess.check_output(["nice"], text=True))

    assert priorities(own_session=True)[0] == min(19, before + NICENESS)


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="only Linux gives sessions a priority")
def test_a_session_is_lowered_by_the_engine_that_leads_it_alone() -> None:
    before = session_niceness()

    assert priorities(own_session=True)[1] == str(NICENESS)
    assert priorities(own_session=False)[1] == before
    assert session_niceness() == before
