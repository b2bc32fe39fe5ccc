"""The control socket: one JSON line in, one JSON line out (see runs/protocol.py for the vocabulary).

The socket lies in a folder that only the user can enter, under a short path: the system's limit is about 100 bytes. The
lock file says where.
"""

import asyncio
import contextlib
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from mnist_tui.runs.protocol import Answer, AnyRequest, Ping, Stop

LONGEST_LINE = 64 * 1024
LONGEST_PATH = 100
Handle = Callable[[Stop], None]


def socket_path() -> Path:
    """A free path for this process' socket; raises OSError when no private folder can be had."""
    shared = Path(tempfile.gettempdir()) / f"mnist-tui-{os.getuid()}"
    session = os.environ.get("XDG_RUNTIME_DIR")
    for folder in (Path(session) / "mnist-tui", shared) if session else (shared,):
        path = folder / f"{os.getpid()}.sock"
        if len(os.fsencode(path)) > LONGEST_PATH:
            continue
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, exist_ok=True)
            found = folder.lstat()
            if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid():
                folder.chmod(0o700)
                path.unlink(missing_ok=True)  # left by an earlier process of this number
                return path
    raise OSError(f"no private folder for the control socket below {shared}")


async def serve(path: Path, stop: Handle, until: asyncio.Event) -> None:
    """Answer requests until the event is set, then remove the socket."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.LimitOverrunError, ValueError):
            while line := await reader.readline():
                writer.write(msgspec.json.encode(answer(line, stop)) + b"\n")
                await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(converse, path, limit=LONGEST_LINE)
    path.chmod(0o600)
    try:
        await until.wait()
    finally:
        server.close()
        path.unlink(missing_ok=True)


def answer(line: bytes, stop: Handle) -> Answer:
    """Carry out one request; a line that is none is refused with a reason and harms nothing."""
    try:
        request = msgspec.json.decode(line, type=AnyRequest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Answer(ok=False, error=f"not a request: {error}")
    match request:
        case Stop():
            stop(request)
        case Ping():
            pass
    return Answer(ok=True)
