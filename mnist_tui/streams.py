"""Standard streams of a process that was started without them, as by `nohup`, cron or `<&-`."""

import os
import sys


def open_closed_streams() -> None:
    """Give closed standard streams a descriptor; call it first.

    Otherwise the next file that is opened becomes a standard stream, and is lost to a child process that has its own.
    Reading stdin then gives nothing, writing to stdout still fails, and stderr is dropped.
    """
    for descriptor, mode in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_RDWR)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, mode), True)  # takes the lowest free descriptor
    sys.stdin = sys.stdin or os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)
