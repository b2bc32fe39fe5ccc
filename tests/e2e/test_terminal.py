"""The terminal kit itself: what it shows, sends and ends."""

import os
import signal
import sys

import pytest

from tests.e2e.terminal import Terminal

RAW = """
import os, signal, sys, termios, tty
saved = termios.tcgetattr(0)
tty.setraw(0)
def show(text): os.write(1, text.encode())
def read(): return os.read(0, 100)
"""


def python(code: str, size: tuple[int, int] = (120, 40)) -> Terminal:
    return Terminal([sys.executable, "-c", RAW + code], size)


def test_colours_and_positions_end_up_on_the_screen() -> None:
    with python(r"show('\x1b[2J\x1b[3;5H\x1b[38;2;200;30;30mred\x1b[0m \x1b[1mbold\x1b[0m ▀▄ ok'); read()") as terminal:
        terminal.wait_for("ok")
        assert terminal.screen_text().splitlines()[2] == "    red bold ▀▄ ok"


def test_private_sequences_do_not_show_even_when_cut_in_two() -> None:
    written = r"\x1b[>1u\x1b[?2026$p\x1b[=0;1u\x1b[>4;2m\x1b[?1049h\x1bP+q544e\x1b\\\x1b_Gi=1;AAAA\x1b\\\x1b[?25lclean"
    with python(f"for c in '{written}': show(c)\nread()") as terminal:
        terminal.wait_for("clean")
        assert terminal.screen_text().strip() == "clean"


@pytest.mark.parametrize(
    ("key", "received"),
    [("enter", b"\r"), ("esc", b"\x1b"), ("up", b"\x1b[A"), ("ctrl+c", b"\x03"), ("é", "é".encode())],
)
def test_a_key_reaches_the_program(key: str, received: bytes) -> None:
    with python("show('ready'); show(' got ' + repr(read()))") as terminal:
        terminal.wait_for("ready")
        terminal.press(key)
        terminal.wait_for(f"got {received!r}")


def test_an_unknown_key_is_refused() -> None:
    with python("read()") as terminal, pytest.raises(KeyError):
        terminal.press("entre")


def test_a_program_that_asks_for_the_cursor_is_answered() -> None:
    with python(
        r"show('\x1b[2;7H\x1b[6n'); show(repr(read())); show('\x1b[c'); show(repr(read()) + ' end')"
    ) as terminal:
        terminal.wait_for("end")
        assert r"b'\x1b[2;7R'" in terminal.screen_text()
        assert r"b'\x1b[?6c'" in terminal.screen_text()


def test_the_program_sees_the_size_and_its_change() -> None:
    code = """
signal.signal(signal.SIGWINCH, lambda *_: show("\\r\\nnow " + repr(tuple(os.get_terminal_size(0)))))
show("first " + repr(tuple(os.get_terminal_size(0))))
while read() != b"q": pass
"""
    with python(code, size=(80, 24)) as terminal:
        terminal.wait_for("first (80, 24)")
        terminal.resize(100, 30)
        terminal.wait_for("now (100, 30)")
        terminal.press("q")
        assert terminal.wait_exit() == 0


def test_the_exit_status_and_the_last_output_are_seen() -> None:
    with python("show('bye'); sys.exit(7)") as terminal:
        assert terminal.wait_exit() == 7
        assert "bye" in terminal.screen_text()


def test_a_signal_that_ended_the_program_is_its_status() -> None:
    with python("show('ready'); read()") as terminal:
        terminal.wait_for("ready")
        terminal.send_signal(signal.SIGTERM)
        assert terminal.wait_exit() == -signal.SIGTERM


def test_hanging_up_sends_sighup() -> None:
    with python("signal.signal(signal.SIGHUP, signal.SIG_DFL); show('ready'); signal.pause()") as terminal:
        terminal.wait_for("ready")
        terminal.hang_up()
        assert terminal.wait_exit() == -signal.SIGHUP


def test_a_timeout_shows_the_screen() -> None:
    with python("show('here I am'); read()") as terminal:
        terminal.wait_for("here I am")
        with pytest.raises(AssertionError, match=r"to show 'absent' within 0\.1 s; the screen was:\nhere I am"):
            terminal.wait_for("absent", timeout=0.1)


def test_waiting_for_a_program_that_has_ended_fails_at_once() -> None:
    with (
        python("show('oops'); sys.exit(3)") as terminal,
        pytest.raises(AssertionError, match=r"ended with status 3, expected to show 'absent'; the screen was:\noops"),
    ):
        terminal.wait_for("absent")


def test_a_program_that_ignores_signals_is_killed_at_the_end() -> None:
    code = "signal.signal(signal.SIGHUP, signal.SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN); show('ready')"
    with python(code + "\nsignal.pause()\nsignal.pause()") as terminal:
        terminal.wait_for("ready")
    with pytest.raises(ProcessLookupError):
        os.kill(terminal.pid, 0)


def test_the_doctor_asks_the_terminal_what_it_can_do() -> None:
    code = "from mnist_tui.cli.doctor.checks import findings\nprint(*findings('Terminal'), sep='\\n')"
    with Terminal([sys.executable, "-c", code], (200, 40)) as terminal:
        terminal.wait_for("round trip")
        terminal.wait_for("speed of the line")
        assert terminal.wait_exit() == 0
