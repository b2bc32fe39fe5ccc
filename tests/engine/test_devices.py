"""Process priority of the engine."""

import subprocess
import sys

import pytest

from mnist_tui.engine.hardware.detection import AUTOGROUP, NICENESS

CHILD = """
import os
from pathlib import Path
from mnist_tui.engine.hardware.detection import AUTOGROUP, lower_priority
lower_priority()
print(os.nice(0), AUTOGROUP.read_text().partition(" nice ")[2].strip() if AUTOGROUP.exists() else "")
"""


def priorities(*, own_session: bool) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", CHILD], start_new_session=own_session, capture_output=True, text=True, check=True
    )
    niceness, _, session = done.stdout.strip("\n").partition(" ")
    return int(niceness), session


def session_niceness() -> str:
    """Return the niceness of this test's session; empty where sessions have none."""
    return AUTOGROUP.read_text().partition(" nice ")[2].strip() if AUTOGROUP.exists() else ""


def test_an_engine_lowers_its_own_priority() -> None:
    before = int(subprocess.check_output(["nice"], text=True))

    assert priorities(own_session=True)[0] == min(19, before + NICENESS)


@pytest.mark.skipif(session_niceness() == "", reason="sessions have no priority here")
def test_a_session_is_lowered_by_the_engine_that_leads_it_alone() -> None:
    before = session_niceness()

    assert priorities(own_session=True)[1] == str(NICENESS)
    assert priorities(own_session=False)[1] == before
    assert session_niceness() == before
