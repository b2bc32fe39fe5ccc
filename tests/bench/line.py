"""The line between a program and its terminal, read byte by byte at a limited rate."""

import os
import re
import select
import time

from tests.e2e.terminal import KEYS, Terminal

LOOK_SECONDS = 0.05
LAYER = re.compile(rb"Conv2D|BatchN|MaxPool|ReLU|Dropout|Flatten|Dense|Rescal")
MAX_PANES = 14
KEY_SECONDS = 5.0
"""Seconds after which a key counts as unanswered."""


class Line:
    """A reader in place of the terminal, limited to `rate` bytes per second."""

    def __init__(self, terminal: Terminal, rate: float | None = None) -> None:
        self._descriptor: int = terminal._child.child_fd
        self._rate = rate
        self.total = 0
        """Number of bytes read."""

    def read(self, until: float) -> bytes:
        """Return the next bytes; empty if there are none until `until`, in monotonic seconds."""
        wait = max(0.0, until - time.monotonic())
        if not select.select([self._descriptor], [], [], wait)[0]:
            return b""
        data = os.read(self._descriptor, 65536 if self._rate is None else max(1, int(self._rate * LOOK_SECONDS)))
        self.total += len(data)
        if self._rate is not None:
            time.sleep(len(data) / self._rate)
        return data

    def drain(self, seconds: float) -> int:
        """Read for some seconds, and return the number of bytes."""
        before, end = self.total, time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(end)
        return self.total - before

    def press(self, key: str, answer: re.Pattern[bytes]) -> float | None:
        """Press a key, and return the seconds to the first byte of the repaint that has `answer`; None if none has."""
        began = time.monotonic()
        os.write(self._descriptor, KEYS.get(key, key).encode())
        held, first = b"", began
        while time.monotonic() < began + KEY_SECONDS:
            data = self.read(began + KEY_SECONDS)
            if not held:
                first = time.monotonic()
            if answer.search(held + data):
                return first - began
            held = data if len(data) == 65536 else data[-32:]  # the tail of a repaint without the answer
        return None

    def focus_layers(self) -> None:
        """Move the focus to the list of layers, whose cursor shows a layer's name."""
        for _ in range(MAX_PANES):
            os.write(self._descriptor, KEYS["tab"].encode())
            self.drain(0.5)
            began = time.monotonic()
            os.write(self._descriptor, KEYS["down"].encode())
            data = b""
            while time.monotonic() < began + 0.4:
                data += self.read(began + 0.4)
            if LAYER.search(data):
                return
        raise AssertionError("no pane answers the cursor with a layer's name")
