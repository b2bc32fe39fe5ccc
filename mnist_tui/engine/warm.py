"""Warm engine: python -m mnist_tui.engine.warm SOCKET BACKEND DEVICE ROOM, a process that waits for its run.

It ends with the process that started it: the kernel kills it, also in the middle of an import, and the socket ends.
ROOM is as long as the command line that it may have to show later.
"""

import select
import signal
import socket
import sys

from mnist_tui.engine.process import end_with_parent, show_command_line


def main(number: str, backend: str, device: str) -> None:
    """Before anything else, be killed with the parent process; then import what serves."""
    end_with_parent(signal.SIGKILL)
    connection = socket.socket(fileno=int(number))
    hung_up = select.poll()
    hung_up.register(connection, select.POLLHUP)
    if hung_up.poll(0):
        return  # the parent process ended before the kernel knew what to do then
    show_command_line(sys.orig_argv[:-1])
    from mnist_tui.engine.warm_up import serve

    serve(connection, backend, device)


if __name__ == "__main__":
    main(*sys.argv[1:4])
