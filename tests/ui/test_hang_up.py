"""The real program in a real terminal that goes away: it ends by itself, soon, with or without a signal."""

import contextlib
import errno
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_tui.cli import wiring
from mnist_tui.runs.directory import HOME_VARIABLE

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 60.0
SIGNED = b"mnist-tui"


def read_until(terminal: int, words: bytes) -> bytes:
    """What the program wrote, up to some words."""
    written = b""
    while words not in written:
        written += os.read(terminal, 65536)
    return written


@pytest.mark.parametrize("arguments", [[], ["attach"]])
def test_a_face_whose_terminal_goes_without_a_signal_ends(home: Path, arguments: list[str]) -> None:
    """The terminal is not the controlling one of its session, so that nobody sends SIGHUP: input just ends."""
    if arguments:
        from tests.kit.recording import recorded_run

        recorded_run()
    terminal, program_s_end = pty.openpty()
    face = subprocess.Popen(
        [sys.executable, "-m", "mnist_tui", *arguments],
        stdin=program_s_end,
        stdout=program_s_end,
        stderr=program_s_end,
        env=os.environ | {HOME_VARIABLE: str(home), "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"},
        start_new_session=True,
    )
    try:
        os.close(program_s_end)
        read_until(terminal, SIGNED)
        os.close(terminal)
        assert face.wait(PATIENCE) == 128 + signal.SIGHUP
    finally:
        if face.poll() is None:
            face.kill()
            face.wait()


@pytest.mark.parametrize(("ended_by", "status"), [(128 + signal.SIGHUP, 128 + signal.SIGHUP), (0, None)])
def test_an_error_that_cannot_be_shown_since_the_terminal_is_gone_is_none(
    monkeypatch: pytest.MonkeyPatch, ended_by: int, status: int | None
) -> None:
    class Drawing:
        """What is left of a face that drew on a terminal a moment too late."""

        def __init__(self) -> None:
            self.ended_by, self.return_code = ended_by, 1

        def run(self) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(wiring, "make_app", lambda _: Drawing())
    monkeypatch.setattr(wiring, "check_terminal", lambda: None)
    with pytest.raises(OSError, match="error") if status is None else contextlib.nullcontext():
        assert wiring.show_screen(None) == status
