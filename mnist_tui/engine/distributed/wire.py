"""Control connections between the coordinator and the workers; JAX transfers the arrays itself.

JAX kills a process that loses another one. These connections report a lost process at once, and why it left. They are
not authenticated: use them only in a network that you trust.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import IO

import msgspec

from mnist_tui import __version__
from mnist_tui.cluster import Cluster
from mnist_tui.engine.distributed.messages import (
    MAX_LINE_BYTES,
    End,
    Heartbeat,
    Hello,
    Leaving,
    Order,
    Ready,
    Rejection,
    Setup,
    WorkerMessage,
    encode,
)
from mnist_tui.engine.distribution import DistributionError

JOIN_SECONDS = 300.0
"""Timeout for all workers to join."""
HEARTBEAT_SECONDS = 1.0
SILENCE_SECONDS = 30.0
"""Time without a message after which a process counts as lost. A killed process is noticed at once."""
CLOSE_SECONDS = 5.0


class CoordinatorWire:
    """Process 0's connections to the workers."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._workers: dict[int, socket.socket] = {}
        self._sending = threading.Lock()
        self._ready: set[int] = set()
        self._lost: dict[int, str] = {}
        self.on_lost: Callable[[], None] = lambda: None
        """Function to call once, from another thread, if a worker is lost."""

    def gather(self, timeout: float = JOIN_SECONDS) -> None:
        """Wait until all workers have joined. Raise DistributionError."""
        cluster, deadline = self._cluster, time.monotonic() + timeout
        try:
            family = socket.getaddrinfo(cluster.host, cluster.port, type=socket.SOCK_STREAM)[0][0]
            listener = socket.create_server((cluster.host, cluster.port), family=family)
        except OSError as error:
            raise DistributionError(
                f"process 0 cannot listen at {cluster.address} ({error.strerror}):"
                " give --coordinator an address of this machine and a free port"
            ) from None
        with listener:
            while len(self._workers) < cluster.world_size - 1:
                listener.settimeout(max(0.01, deadline - time.monotonic()))
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    missing = min(set(range(1, cluster.world_size)) - set(self._workers))
                    raise DistributionError(
                        f"process {missing} of {cluster.world_size} did not connect to {cluster.address}"
                        f" within {timeout:.0f} s: start the same command there with --process-id {missing}"
                    ) from None
                self._admit(connection)
        for rank, connection in self._workers.items():
            threading.Thread(target=self._listen, args=(rank, connection), daemon=True).start()
        threading.Thread(target=self._send_heartbeats, daemon=True).start()

    def _admit(self, connection: socket.socket) -> None:
        """Admit the worker that connected, or reject it."""
        connection.settimeout(CLOSE_SECONDS)
        try:
            with connection.makefile("rb") as lines:
                hello = msgspec.json.decode(lines.readline(MAX_LINE_BYTES), type=Hello)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            connection.close()  # not a worker
            return
        world_size, reason = self._cluster.world_size, ""
        if hello.version != __version__:
            reason = f"process 0 runs mnist-tui {__version__}, this process {hello.version}: install the same version"
        elif hello.world_size != world_size:
            reason = f"process 0 has --processes {world_size}, this process {hello.world_size}: give the same number"
        elif hello.rank in self._workers or not 0 < hello.rank < world_size:
            reason = f"--process-id {hello.rank} is taken: give every process its own"
        if reason:
            with contextlib.suppress(OSError):
                connection.sendall(encode(Rejection(reason)))
            connection.close()
            return
        _send_at_once(connection)
        self._workers[hello.rank] = connection

    def wait_until_ready(self, timeout: float = JOIN_SECONDS) -> None:
        """Wait until all workers have loaded their data, since JAX's own timeout is 30 s. Raise DistributionError."""
        deadline = time.monotonic() + timeout
        while len(self._ready) < len(self._workers):
            if self._lost:
                raise DistributionError(f"{self.lost} is gone: start all processes again")
            if time.monotonic() > deadline:
                raise DistributionError(
                    f"not all processes loaded their data within {timeout:.0f} s: start all of them again"
                )
            time.sleep(0.02)

    @property
    def lost(self) -> str:
        """Lost workers in words, or an empty string."""
        return " and ".join(f"process {rank} ({reason})" for rank, reason in sorted(self._lost.items()))

    def send(self, order: Order) -> None:
        """Send an order to all workers. The listening threads notice lost ones."""
        line = encode(order)
        with self._sending:
            for connection in self._workers.values():
                with contextlib.suppress(OSError):
                    connection.sendall(line)

    def close(self, error: str = "") -> None:
        """Send the end of the run and wait briefly for the workers to exit."""
        self.on_lost = lambda: None
        self.send(End(error))
        deadline = time.monotonic() + CLOSE_SECONDS
        while len(self._lost) < len(self._workers) and time.monotonic() < deadline:
            time.sleep(0.02)

    def _listen(self, rank: int, connection: socket.socket) -> None:
        connection.settimeout(SILENCE_SECONDS)
        reason = "its connection broke"
        try:
            with connection.makefile("rb") as lines:
                while line := lines.readline(MAX_LINE_BYTES):
                    message = msgspec.json.decode(line, type=WorkerMessage)
                    if isinstance(message, Ready):
                        self._ready.add(rank)
                    elif isinstance(message, Leaving):
                        reason = message.reason
        except TimeoutError:
            reason = f"silent for {SILENCE_SECONDS:.0f} s"
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            pass
        is_first = not self._lost
        self._lost[rank] = reason
        if is_first:
            self.on_lost()

    def _send_heartbeats(self) -> None:
        while True:
            time.sleep(HEARTBEAT_SECONDS)
            self.send(Heartbeat())


class WorkerWire:
    """A worker's connection to process 0."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._lines: IO[bytes] | None = None
        self._connection: socket.socket | None = None

    def join(self, timeout: float = JOIN_SECONDS) -> Setup:
        """Connect to process 0 and return the run's settings. Raise DistributionError."""
        cluster, deadline = self._cluster, time.monotonic() + timeout
        while True:
            try:
                connection = socket.create_connection((cluster.host, cluster.port), timeout=HEARTBEAT_SECONDS)
                break
            except OSError as error:
                if time.monotonic() > deadline:
                    raise DistributionError(
                        f"cannot reach process 0 at {cluster.address} ({error.strerror or error}):"
                        " start the same command there with --process-id 0"
                    ) from None
                time.sleep(0.1)
        _send_at_once(connection)
        connection.sendall(encode(Hello(cluster.rank, cluster.world_size)))
        connection.settimeout(timeout)
        self._connection, self._lines = connection, connection.makefile("rb")
        order = self.receive()
        if isinstance(order, Rejection):
            raise DistributionError(f"process {cluster.rank} cannot join at {cluster.address}: {order.reason}")
        if not isinstance(order, Setup):
            raise DistributionError(f"process 0 at {cluster.address} exited early: start all processes again")
        connection.settimeout(SILENCE_SECONDS)
        threading.Thread(target=self._send_heartbeats, daemon=True).start()
        return order

    def receive(self) -> Order:
        """Wait for the next order and return it. Raise DistributionError if process 0 is lost."""
        assert self._lines is not None
        while True:
            try:
                line = self._lines.readline(MAX_LINE_BYTES)
                order: Order = msgspec.json.decode(line, type=Order)
            except (OSError, msgspec.DecodeError, UnicodeDecodeError):
                raise DistributionError(
                    f"process 0 at {self._cluster.address} is gone: `mnist-tui show` there says how the run ended"
                ) from None
            if not isinstance(order, Heartbeat):
                return order

    def send(self, message: WorkerMessage) -> None:
        """Send a message, unless the connection is broken."""
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.sendall(encode(message))

    def close(self) -> None:
        """Close the connection."""
        for end in (self._lines, self._connection):
            if end is not None:
                end.close()

    def _send_heartbeats(self) -> None:
        while True:
            time.sleep(HEARTBEAT_SECONDS)
            self.send(Heartbeat())


def free_port(host: str) -> int:
    """Return a port that is free now."""
    family = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0][0]
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _send_at_once(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
