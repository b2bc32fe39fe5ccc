"""The line between the processes that train together: one JSON line an order, from process 0 to all others.

The arrays themselves go JAX's own way. This line has what JAX's lacks: who is there and who is gone is known at once,
and can be told, whereas JAX ends a process that misses another. Whoever reaches the port can join while the team
gathers: keep it to a network that you trust.
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
    LONGEST_LINE,
    Answer,
    Beat,
    End,
    Farewell,
    Hello,
    Order,
    Ready,
    Rejection,
    Settings,
    encode,
)
from mnist_tui.engine.distribution import DistributionError

GATHER_SECONDS = 300.0
"""Seconds that the coordinator waits for the last worker."""
BEAT_SECONDS = 1.0
SILENCE_SECONDS = 30.0
"""After which a process that said nothing is gone; one that was killed is known to be at once."""
GOODBYE_SECONDS = 5.0


class CoordinatorWire:
    """Process 0's ends of the lines."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._members: dict[int, socket.socket] = {}
        self._sending = threading.Lock()
        self._ready: set[int] = set()
        self._lost: dict[int, str] = {}
        self.on_lost: Callable[[], None] = lambda: None
        """Called once, from another thread, when the first process is gone."""

    def gather(self, patience: float = GATHER_SECONDS) -> None:
        """Wait for all others; raises DistributionError when they do not come, or the port cannot be had."""
        deadline = time.monotonic() + patience
        try:
            family = socket.getaddrinfo(self._cluster.host, self._cluster.port, type=socket.SOCK_STREAM)[0][0]
            listener = socket.create_server((self._cluster.host, self._cluster.port), family=family)
        except OSError as error:
            raise DistributionError(
                f"process 0 cannot listen at {self._cluster.address} ({error.strerror}):"
                " give --coordinator an address of this machine and a free port"
            ) from None
        with listener:
            while len(self._members) < self._cluster.processes - 1:
                listener.settimeout(max(0.01, deadline - time.monotonic()))
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    missing = sorted(set(range(1, self._cluster.processes)) - set(self._members))
                    raise DistributionError(
                        f"process {missing[0]} of {self._cluster.processes} did not come to {self._cluster.address}"
                        f" within {patience:.0f} s: start the same command there with --process-id {missing[0]}"
                    ) from None
                self._admit(connection)
        for process, connection in self._members.items():
            threading.Thread(target=self._listen, args=(process, connection), daemon=True).start()
        threading.Thread(target=self._beat, daemon=True).start()

    def _admit(self, connection: socket.socket) -> None:
        connection.settimeout(GOODBYE_SECONDS)
        try:
            with connection.makefile("rb") as lines:
                hello = msgspec.json.decode(lines.readline(LONGEST_LINE), type=Hello)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            connection.close()  # another program's
            return
        reason = ""
        if hello.version != __version__:
            reason = f"process 0 has version {__version__} of mnist-tui and this one {hello.version}: install the same"
        elif hello.processes != self._cluster.processes:
            reason = (
                f"process 0 counts {self._cluster.processes} processes and this one {hello.processes}: give the same"
            )
        elif hello.process in self._members or not 0 < hello.process < self._cluster.processes:
            reason = f"there is a process {hello.process} already: give every machine another --process-id"
        if reason:
            with contextlib.suppress(OSError):
                connection.sendall(encode(Rejection(reason)))
            connection.close()
            return
        _hurry(connection)
        self._members[hello.process] = connection

    def wait_until_ready(self, patience: float = GATHER_SECONDS) -> None:
        """Wait until all workers have loaded their data; raises DistributionError. JAX, next, waits only 30 s."""
        deadline = time.monotonic() + patience
        while len(self._ready) < len(self._members):
            if self._lost:
                raise DistributionError(f"{self.lost} is gone: start all processes again")
            if time.monotonic() > deadline:
                raise DistributionError(
                    f"not all processes have read their digits within {patience:.0f} s: start all again"
                )
            time.sleep(0.02)

    @property
    def lost(self) -> str:
        """Which processes are gone, in words; empty while all are there."""
        return " and ".join(f"process {process} ({why})" for process, why in sorted(self._lost.items()))

    def send(self, order: Order) -> None:
        """Send an order to all workers. The receiving thread notices a lost worker."""
        line = encode(order)
        with self._sending:
            for connection in self._members.values():
                with contextlib.suppress(OSError):
                    connection.sendall(line)

    def close(self, error: str = "") -> None:
        """Send the end of the run to all workers, and give them time to exit."""
        self.on_lost = lambda: None
        self.send(End(error))
        deadline = time.monotonic() + GOODBYE_SECONDS
        while len(self._lost) < len(self._members) and time.monotonic() < deadline:
            time.sleep(0.02)

    def _listen(self, process: int, connection: socket.socket) -> None:
        connection.settimeout(SILENCE_SECONDS)
        why = "its connection broke"
        try:
            with connection.makefile("rb") as lines:
                while line := lines.readline(LONGEST_LINE):
                    answer = msgspec.json.decode(line, type=Answer)
                    if isinstance(answer, Ready):
                        self._ready.add(process)
                    elif isinstance(answer, Farewell):
                        why = answer.reason
        except TimeoutError:
            why = f"silent for {SILENCE_SECONDS:.0f} s"
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            pass
        first = not self._lost
        self._lost[process] = why
        if first:
            self.on_lost()

    def _beat(self) -> None:
        while True:
            time.sleep(BEAT_SECONDS)
            self.send(Beat())


class WorkerWire:
    """Another process's end of its line."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._lines: IO[bytes] | None = None
        self._connection: socket.socket | None = None

    def join(self, patience: float = GATHER_SECONDS) -> Settings:
        """Find process 0 and hear what is trained; raises DistributionError."""
        deadline = time.monotonic() + patience
        while True:
            try:
                connection = socket.create_connection((self._cluster.host, self._cluster.port), timeout=BEAT_SECONDS)
                break
            except OSError as error:
                if time.monotonic() > deadline:
                    raise DistributionError(
                        f"process 0 cannot be reached at {self._cluster.address} ({error.strerror or error}): start the"
                        " same command there with --process-id 0"
                    ) from None
                time.sleep(0.1)
        _hurry(connection)
        connection.sendall(encode(Hello(self._cluster.process, self._cluster.processes)))
        connection.settimeout(patience)
        self._connection, self._lines = connection, connection.makefile("rb")
        order = self.receive()
        if isinstance(order, Rejection):
            raise DistributionError(
                f"process {self._cluster.process} cannot join at {self._cluster.address}: {order.reason}"
            )
        if not isinstance(order, Settings):
            raise DistributionError(f"process 0 at {self._cluster.address} ended before all had come: start all again")
        connection.settimeout(SILENCE_SECONDS)
        threading.Thread(target=self._beat, daemon=True).start()
        return order

    def receive(self) -> Order:
        """The next order; raises DistributionError when process 0 is gone."""
        assert self._lines is not None
        while True:
            try:
                line = self._lines.readline(LONGEST_LINE)
                order: Order = msgspec.json.decode(line, type=Order)
            except (OSError, msgspec.DecodeError, UnicodeDecodeError):
                raise DistributionError(
                    f"process 0 at {self._cluster.address} is gone: `mnist-tui show` there says how the run ended"
                ) from None
            if not isinstance(order, Beat):
                return order

    def say_ready(self) -> None:
        """The digits are read."""
        assert self._connection is not None
        with contextlib.suppress(OSError):
            self._connection.sendall(encode(Ready()))

    def leave(self, reason: str) -> None:
        """Report why this worker exits; ignored if the coordinator is gone."""
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.sendall(encode(Farewell(reason)))

    def close(self) -> None:
        """Hang up."""
        for end in (self._lines, self._connection):
            if end is not None:
                end.close()

    def _beat(self) -> None:
        assert self._connection is not None
        while True:
            time.sleep(BEAT_SECONDS)
            with contextlib.suppress(OSError):
                self._connection.sendall(encode(Beat()))


def free_port(host: str) -> int:
    """Return a port that is free now."""
    family = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0][0]
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _hurry(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
