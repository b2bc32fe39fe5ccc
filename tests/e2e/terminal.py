"""A real terminal for tests: run a program in a pseudo-terminal, press keys and read the screen.

with Terminal([*program, "train"], env=env) as terminal:
    terminal.wait_for("epoch 1")
    terminal.press("ctrl+p", *"quit", "enter")
    assert terminal.wait_exit() == 0
"""

import os
import re
import select
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import pexpect
import pyte

KEYS = {
    "enter": "\r",
    "esc": "\x1b",
    "tab": "\t",
    "shift+tab": "\x1b[Z",
    "space": " ",
    "backspace": "\x7f",
    "delete": "\x1b[3~",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
}
PATIENCE = 120.0
"""Seconds until a wait fails."""
CSI_PRIVATE = re.compile(rb"\x1b\[[<=>?][0-?]*[ -/]*[@-~]")
MODE_SWITCH = re.compile(rb"\x1b\[\?[0-9;]*[hl]")
STRING = re.compile(rb"\x1b[PX^_].*?\x1b\\", re.DOTALL)
UNFINISHED = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|[PX^_](?:[^\x1b]|\x1b(?!\\))*)?\Z")


class Terminal:
    """One program in one terminal. The end of the `with` block closes the terminal and kills the program."""

    def __init__(
        self, argv: Sequence[str], size: tuple[int, int] = (120, 40), env: Mapping[str, str] | None = None
    ) -> None:
        """Start `argv` in a terminal of `size` (columns, rows); `env` comes on top of this process's environment."""
        columns, rows = size
        environment = {
            "LANG": "C.UTF-8",
            **os.environ,
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            **(env or {}),
        }
        self._screen: Any = pyte.Screen(columns, rows)
        self._screen.write_process_input = self._send  # pyte's answers: cursor position, device attributes
        self._stream: Any = pyte.ByteStream(self._screen)
        self._held = b""
        self.output = b""
        """Everything the program has written."""
        self._status: int | None = None
        # Any: the stubs know neither that there is a pid nor ptyproc
        self._child: Any = pexpect.spawn(
            argv[0], list(argv[1:]), dimensions=(rows, columns), env=environment, preexec_fn=_reset_signals
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hang_up()
        if self._exit_status() is None:
            os.killpg(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    @property
    def pid(self) -> int:
        """Process id of the program."""
        return int(self._child.pid)

    def screen_text(self) -> str:
        """Return the visible text, without trailing blanks."""
        return "\n".join(line.rstrip() for line in self._screen.display)

    def wait_for(self, text: str, timeout: float = PATIENCE) -> None:
        """Wait until `text` is on one line of the screen."""
        self.wait_until(lambda screen: text in screen, f"to show {text!r}", timeout)

    def wait_gone(self, text: str, timeout: float = PATIENCE) -> None:
        """Wait until `text` is no longer on the screen."""
        self.wait_until(lambda screen: text not in screen, f"to take away {text!r}", timeout)

    def wait_until(self, condition: Callable[[str], bool], what: str, timeout: float = PATIENCE) -> None:
        """Wait until the screen's text meets a condition. The AssertionError on a timeout shows the screen."""
        deadline = time.monotonic() + timeout
        while not condition(self.screen_text()):
            ended = self._exit_status()  # first, so that the last of its output is still read
            if not self._pump() and ended is not None:
                raise AssertionError(self._complaint(f"the program ended with status {ended}, expected {what}"))
            if time.monotonic() > deadline:
                raise AssertionError(self._complaint(f"expected the program {what} within {timeout:g} s"))

    def press(self, *keys: str) -> None:
        """Press keys, each a name from KEYS, `ctrl+x`, or a character."""
        for key in keys:
            control = len(key) == 6 and key.startswith("ctrl+")
            self._send(chr(ord(key[-1].lower()) & 31) if control else KEYS[key] if len(key) > 1 else key)

    def mouse(self, kind: str, column: int, row: int, *, right: bool = False) -> None:
        """Press, drag or release a button of the mouse over a cell, counted from 0."""
        button = 2 * right + 32 * (kind == "drag")
        self._send(f"\x1b[<{button};{column + 1};{row + 1}{'m' if kind == 'release' else 'M'}")

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the terminal. The program gets SIGWINCH."""
        self._screen.resize(rows, columns)
        self._child.setwinsize(rows, columns)

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def hang_up(self) -> None:
        """Close the terminal as a dropped connection does. The program gets SIGHUP."""
        self._child.ptyproc.fileobj.close()
        self._child.ptyproc.closed = True  # so that pexpect neither closes it again nor signals the program

    def wait_exit(self, timeout: float = PATIENCE) -> int:
        """Wait until the program has ended. Return its exit status, or -N if signal N ended it."""
        deadline = time.monotonic() + timeout
        while (status := self._exit_status()) is None:
            self._pump()
            if time.monotonic() > deadline:
                raise AssertionError(self._complaint(f"expected the program to end within {timeout:g} s"))
        while self._pump():
            pass
        return status

    def _exit_status(self) -> int | None:
        if self._status is None:
            gone, status = os.waitpid(self.pid, os.WNOHANG)
            self._status = os.waitstatus_to_exitcode(status) if gone else None
        return self._status

    def _complaint(self, sentence: str) -> str:
        return f"{sentence}; the screen was:\n{self.screen_text()}"

    def _pump(self) -> bool:
        """Feed the program's next output to the screen. Return False if there is none within 50 ms."""
        if self._child.ptyproc.closed:
            time.sleep(0.05)
            return False
        try:
            if not select.select([self._child.child_fd], [], [], 0.05)[0]:
                return False
            data = os.read(self._child.child_fd, 65536)
        except OSError:  # Linux: the other end is closed
            data = b""
        if not data:
            time.sleep(0.05)
            return False
        self.output += data
        data = self._held + data
        unfinished = UNFINISHED.search(data)
        end = unfinished.start() if unfinished else len(data)
        self._held = data[end:]
        self._stream.feed(CSI_PRIVATE.sub(_keep_mode_switch, STRING.sub(b"", data[:end])))
        return True

    def _send(self, text: str) -> None:
        os.write(self._child.child_fd, text.encode())


def _reset_signals() -> None:
    """Give signals their default actions, which tests in the background or under nohup would otherwise ignore."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _keep_mode_switch(sequence: re.Match[bytes]) -> bytes:
    # pyte knows mode switches only, and would print the ends of other private sequences
    return sequence.group() if MODE_SWITCH.fullmatch(sequence.group()) else b""
