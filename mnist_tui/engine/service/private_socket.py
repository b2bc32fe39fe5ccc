"""Where the control socket lies and who may use it: a folder that only the user can enter, under a short path.

The system's limit for the path is about 100 bytes. Whoever connects must be the same user, or root.
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

LONGEST_PATH = 100
"""Bytes. The system allows 103 (macOS) or 107 (Linux)."""
XUCRED = struct.Struct("@IIh16I")
"""macOS' struct xucred (sys/ucred.h): version, user, number of groups, 16 groups."""
SOL_LOCAL, LOCAL_PEERCRED, XUCRED_VERSION = 0, 1, 0


def socket_path() -> Path:
    """A free path for this process' socket, in a private folder swept clean of dead engines' sockets.

    Raises OSError, with a sentence about each folder that was tried, when there is none.
    """
    failures = []
    for folder in _candidates():
        path = folder / f"{os.getpid()}.sock"
        try:
            if len(os.fsencode(path)) > LONGEST_PATH:
                raise OSError(f"makes a path of more than {LONGEST_PATH} bytes")
            make_private(folder)
            remove_stale(folder)
            if path.is_socket() and _is_deserted(path):
                path.unlink()  # left by an earlier process of this number
            if os.path.lexists(path):
                raise OSError(f"has a {path.name} of somebody else's")
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
    with contextlib.suppress(OSError):  # looks for a folder by writing a file: fails on a full disk
        shared.insert(0, tempfile.gettempdir())
    for folder in dict.fromkeys(shared):
        yield Path(folder, f"mnist-tui-{os.geteuid()}")


def make_private(folder: Path) -> None:
    """Make a folder that only the user can enter, or check and narrow the one that is there.

    Raises OSError when it is a link, another user's, or on a disk that keeps no permissions.
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
    """Remove every PID.sock whose process is gone and that nobody listens on; never a live engine's."""
    for path in folder.glob("*.sock"):
        with contextlib.suppress(OSError, ValueError, OverflowError):
            # Each sign alone deceives: numbers differ between containers that share a folder, and a socket refuses
            # between its making and the first listening.
            if path.is_socket() and not psutil.pid_exists(int(path.stem)) and _is_deserted(path):
                path.unlink()


def _is_deserted(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # an engine that hangs does not take connections, and is not dead
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False


def peer_uid(connection: socket.socket | TransportSocket) -> int | None:
    """The user at the other end; None where the system has no way known here to tell. Raises OSError when it left."""
    if sys.platform == "linux":
        _, uid, _ = struct.unpack("iII", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        return int(uid)
    if sys.platform == "darwin":
        return xucred_uid(connection.getsockopt(SOL_LOCAL, LOCAL_PEERCRED, XUCRED.size))
    return None


def xucred_uid(data: bytes) -> int:
    """The user in the bytes of a struct xucred; raises OSError when they are none."""
    if len(data) != XUCRED.size:
        raise OSError(f"a struct xucred of {len(data)} bytes")
    version, uid, *_ = XUCRED.unpack(data)
    if version != XUCRED_VERSION:
        raise OSError(f"a struct xucred of version {version}")
    return int(uid)


def listener_at(path: Path) -> socket.socket:
    """A socket that listens at a path, for its user alone from the first moment. Raises OSError."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # The mask is the whole process': 0o177 would lock the training thread out of a folder it makes at this moment.
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
