"""Run of the command `on_end`: the facts for it, its limits, and its outcome.

It runs without a shell. Facts are in environment variables and, as JSON, on its stdin, never on its command line.
"""

import contextlib
import math
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec

from mnist_tui.config import ConfigError, command_words, shortened
from mnist_tui.runs.occasions import Word
from mnist_tui.runs.summary import RunSummary
from mnist_tui.untrusted import sanitize, sanitized

MOST_SECONDS = 60.0
"""Time for the command, after which it is killed with all processes of its session."""
OUTPUT_SECONDS = 1.0
"""Time to wait for the rest of its output, which a process that it started may keep open."""
KEPT_BYTES = 4096
"""End of its output that is kept."""
LONGEST_LINE = 200


@dataclass(frozen=True)
class Outcome:
    """Outcome of the command, in one line."""

    text: str
    succeeded: bool


def check_command(text: str) -> None:
    """Raise ConfigError unless a command can be started here, so that a typing error shows before the training."""
    words = command_words(text)
    if words and shutil.which(words[0]) is None:
        raise ConfigError(
            f"on_end {shortened(words[0])!r} is no program: give the path of one that may be executed, or its name in"
            " PATH"
        )


def facts(summary: RunSummary, word: Word) -> dict[str, Any]:
    """Return the JSON document: what `runs --json` says of the run, with the occasion as its status."""
    return summary.as_json() | {
        "status": str(word.occasion),
        "reason": word.reason,
        "seconds": summary.ended.seconds if summary.ended else None,
    }


def variables(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment variables of a JSON document; what is unknown is empty."""
    tested = document["test_accuracy"] is not None
    named = {
        "RUN": document["id"],
        "NAME": document["name"],
        "STATUS": document["status"],
        "REASON": document["reason"],
        "ACCURACY": document["test_accuracy" if tested else "validation_accuracy"],
        "VALIDATION_ACCURACY": document["validation_accuracy"],
        "TEST_ACCURACY": document["test_accuracy"],
        "EPOCHS": document["epochs_done"],
        "STEPS": document["steps_done"],
        "SECONDS": document["seconds"],
        "DIRECTORY": document["directory"],
    }
    return {f"MNIST_TUI_{name}": _text(value) for name, value in named.items()}


def _text(value: object) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value).replace("\0", "?")


def run_command(words: Sequence[str], document: Mapping[str, Any], seconds: float = MOST_SECONDS) -> Outcome:
    """Run a program with its arguments in a session of its own, for at most `seconds`."""
    name, began, kept = shortened(sanitize(Path(words[0]).name)), time.monotonic(), bytearray()
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | variables(document),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        return Outcome(f"{name} cannot be started ({sanitize(str(reason))})", succeeded=False)
    assert process.stdin is not None
    assert process.stdout is not None
    threading.Thread(target=_tell, args=(process.stdin, _encoded(document)), daemon=True).start()
    reader = threading.Thread(target=_keep_end, args=(process.stdout, kept), daemon=True)
    reader.start()
    try:
        status = process.wait(seconds)
        took = time.monotonic() - began
        how = f"succeeded in {took:.1f} s" if not status else f"exited with status {status}"
        if status < 0:
            how = f"was ended by {_signal_name(-status)}"
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        status, how = process.wait(), f"was killed, as it took more than {seconds:g} s"
    reader.join(OUTPUT_SECONDS)
    last = _last_line(bytes(kept))
    return Outcome(f"{name} {how}{last and f': {last}'}", succeeded=not status)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def _encoded(document: Mapping[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(document) + b"\n"
    except UnicodeEncodeError:  # a path that is not UTF-8
        return msgspec.json.encode(sanitized(msgspec.to_builtins(document))) + b"\n"


def _tell(stream: IO[bytes], document: bytes) -> None:
    with contextlib.suppress(OSError), stream:  # the command need not read
        stream.write(document)


def _keep_end(stream: IO[bytes], kept: bytearray) -> None:
    """Read all output, so that the command never waits, and keep its end."""
    with stream:
        while chunk := os.read(stream.fileno(), 1 << 16):
            kept += chunk
            del kept[:-KEPT_BYTES]


def _last_line(output: bytes) -> str:
    lines = (sanitize(line).strip() for line in re.split(r"[\r\n]", output.decode(errors="replace")))
    last = next(filter(None, reversed(list(lines))), "")
    return last if len(last) <= LONGEST_LINE else f"{last[: LONGEST_LINE - 1]}…"
