"""The control socket's path, in a folder that only the user can enter, and the uid of a connected client.

Clients must be the same user or root.
"""

import contextlib
import os
import socket
import stat
import struct
import sys
import tempfile
from asyncio.trsock import TransportSocket
from collections.abc import Iterator
from pathlib import Path

import psutil

MAX_PATH_BYTES = 100
"""Bytes; the system allows 103 (macOS) or 107 (Linux)."""
XUCRED = struct.Struct("@IIh16I")
"""struct xucred of macOS (sys/ucred.h): version, uid, number of groups, 16 groups."""
SOL_LOCAL, LOCAL_PEERCRED, XUCRED_VERSION = 0, 1, 0


def socket_path() -> Path:
    """Return a free path for this process's socket, after removing the sockets of dead engines beside it.

    Raises:
        OSError: No folder can be used. The message gives the reason for each.
    """
    failures = []
    for folder in _candidates():
        path = folder / f"{os.getpid()}.sock"
        try:
            if len(os.fsencode(path)) > MAX_PATH_BYTES:
                raise OSError(f"makes a path of more than {MAX_PATH_BYTES} bytes")
            str(path).encode()  # the lock file is JSON
            make_private(folder)
            remove_stale(folder)
            if path.is_socket() and _is_deserted(path):
                path.unlink()  # left by an earlier process with this id
            if os.path.lexists(path):
                raise OSError(f"already has a {path.name}")
        except UnicodeEncodeError:
            failures.append(f"{folder} is not UTF-8")
        except OSError as error:
            failures.append(f"{folder} {error.strerror or error}")
        else:
            return path
    raise OSError(
        f"no private folder for the control socket: {'; '.join(failures)} "
        "(set TMPDIR to a folder of your own with a short path)"
    )


def _candidates() -> Iterator[Path]:
    session = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    if session.is_absolute():
        yield session / "mnist-tui"
    shared = ["/tmp"]
    with contextlib.suppress(OSError):  # gettempdir writes a file, which fails on a full disk
        shared.insert(0, tempfile.gettempdir())
    name = f"mnist-tui-{os.geteuid()}"
    for folder in dict.fromkeys(shared):
        yield Path(folder, name)
    # Another user has taken the names that everyone can guess.
    for folder in dict.fromkeys(shared):
        yield from Path(folder).glob(f"{name}-*")
        with contextlib.suppress(OSError):
            yield Path(tempfile.mkdtemp(prefix=f"{name}-", dir=folder))


def make_private(folder: Path) -> None:
    """Create a folder that only the user can enter, or restrict an existing one.

    Raises:
        OSError: It is a link, belongs to another user, or is on a disk without permissions.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise OSError("is a link")
    if found.st_uid != os.geteuid():
        raise OSError("belongs to another user")
    folder.chmod(0o700)
    if folder.lstat().st_mode & 0o077:
        raise OSError("cannot be closed to other users")


def remove_stale(folder: Path) -> None:
    """Remove every PID.sock whose process is gone and that no process listens on."""
    for path in folder.glob("*.sock"):
        with contextlib.suppress(OSError, ValueError, OverflowError):
            # Neither sign is enough: process ids differ between containers that share a folder, and a socket refuses
            # connections until its process first listens.
            if path.is_socket() and not psutil.pid_exists(int(path.stem)) and _is_deserted(path):
                path.unlink()


def _is_deserted(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # an engine that hangs accepts no connections, but is alive
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False


def peer_uid(connection: socket.socket | TransportSocket) -> int | None:
    """Return the uid of the other end, or None on an unknown system; raises OSError if the client has left."""
    if sys.platform == "linux":
        _, uid, _ = struct.unpack("iII", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        return int(uid)
    if sys.platform == "darwin":
        return xucred_uid(connection.getsockopt(SOL_LOCAL, LOCAL_PEERCRED, XUCRED.size))
    return None


def xucred_uid(data: bytes) -> int:
    """Return the uid in a struct xucred; raises OSError if it has another size or version."""
    if len(data) != XUCRED.size:
        raise OSError(f"a struct xucred of {len(data)} bytes")
    version, uid, *_ = XUCRED.unpack(data)
    if version != XUCRED_VERSION:
        raise OSError(f"a struct xucred of version {version}")
    return int(uid)


def listener_at(path: Path) -> socket.socket:
    """Return a listening socket at a path, which no other user can ever open; raises OSError."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # The mask holds for the whole process: 0o177 would lock the training thread out of a folder that it creates now.
    mask = os.umask(0o077)
    try:
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen()
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(mask)
    return listener
