"""Process that imports Keras once, and forks an engine for each order: python -P fork_server.py SOCKET BACKEND PADDING.

Nothing has been computed yet, so there is no thread but those of OpenBLAS, which ends them before a fork. The padding
makes room for the command line of an engine, by which other processes find it.
"""

import ctypes
import fcntl
import functools
import gc
import json
import os
import runpy
import signal
import socket
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

HIGH = 512
"""Lowest number of the server's own descriptors, and of those received, above all that an engine inherits."""


def serve(connection: socket.socket) -> dict[str, Any] | None:
    """Fork for each order and reply with the process id. Return the order in the engine, None in the server."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(connection, 1, HIGH)
        if not message:
            return None
        parcel, *received = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, HIGH) for descriptor in descriptors]
        for descriptor in descriptors:
            os.close(descriptor)
        os.lseek(parcel, 0, os.SEEK_SET)
        with os.fdopen(parcel) as file:
            order: dict[str, Any] = json.load(file)
        ready, report = os.pipe()
        parent = os.fork()
        if parent == 0 and os.fork() == 0:
            connection.close()
            os.close(ready)
            become(order, received)
            os.write(report, os.getpid().to_bytes(4, "little"))
            os.close(report)
            return order
        if parent == 0:  # exits, so that the engine becomes a child of the test process
            os._exit(0)
        os.waitpid(parent, 0)
        for descriptor in (report, *received):
            os.close(descriptor)
        connection.sendall(os.read(ready, 4))
        os.close(ready)


def become(order: dict[str, Any], received: list[int]) -> None:
    """Give this process all that it would have if the test process had started it."""
    import numpy as np

    if order["own_session"]:
        os.setsid()
    os.chdir(order["folder"])
    os.umask(order["umask"])
    for descriptor, number in zip(received, (0, 1, 2, *order["descriptors"]), strict=True):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(order["environment"])
    time.tzset()
    tempfile.tempdir = None
    np.random.seed()
    sys.argv = [order["module"], *order["arguments"]]
    sys.orig_argv = [sys.executable, "-P", "-m", *sys.argv]
    show_command_line(sys.orig_argv)
    signal.pthread_sigmask(signal.SIG_SETMASK, order["blocked"])


def show_command_line(words: list[str]) -> None:
    """Overwrite the command line that other processes see; the rest of its length becomes empty words."""
    start, end = map(int, Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[45:47])
    line = b"\0".join(map(os.fsencode, words))
    assert len(line) < end - start, "the padding is too short"
    ctypes.memset(start, 0, end - start)
    ctypes.memmove(start, line, len(line))


def keep_mnist() -> None:
    """Load MNIST once in this process and those that are forked from it: reading it takes half a second."""
    from mnist_tui.engine.data import datasets

    load, source = datasets.load, datasets.DATASETS["mnist"]

    @functools.cache
    def mnist(*, holds_out_test: bool) -> datasets.DataSet:
        data = load("mnist", holds_out_test=holds_out_test)
        for array in (data.training.images, data.training.labels, data.test.images, data.test.labels):
            array.flags.writeable = False
        return data

    def load_kept(spec: str, *arguments: Any, holds_out_test: bool = True, **options: Any) -> datasets.DataSet:
        if spec == "mnist" and datasets.DATASETS["mnist"] is source:
            return mnist(holds_out_test=holds_out_test)
        return load(spec, *arguments, holds_out_test=holds_out_test, **options)

    datasets.load = load_kept


def main(number: str, backend: str) -> None:
    """Import what engines and jobs import, and serve until the test process ends."""
    own = fcntl.fcntl(int(number), fcntl.F_DUPFD_CLOEXEC, HIGH)
    os.close(int(number))
    from mnist_tui.engine import backends
    from mnist_tui.engine.data import datasets

    backends.select(backend)
    backends.import_keras()
    import mnist_tui.engine.__main__
    import mnist_tui.engine.jobs.__main__
    import mnist_tui.engine.jobs.check_model
    import mnist_tui.engine.run  # noqa: F401

    backends.current()
    keep_mnist()
    datasets.load("mnist")
    modules = [name for name in sys.modules if name.startswith("mnist_tui.engine") and name.endswith("__main__")]
    for name in (*modules, "mnist_tui.engine.jobs.check_model"):
        del sys.modules[name]  # each runs as the main module
    gc.collect()
    gc.freeze()  # the collector would copy all pages
    warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)  # of JAX, which has no threads yet
    order = serve(socket.socket(fileno=own))
    if order is not None:
        warnings.filterwarnings("default", "os.fork", RuntimeWarning)
        runpy.run_module(order["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:3])
