"""Control connections between processes, over real sockets on the loopback address."""

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import numpy as np
import pytest

from mnist_tui.cluster import Cluster
from mnist_tui.engine.distributed import wire
from mnist_tui.engine.distributed.messages import End, Fit, Hello, Leaving, Order, Rejection, Setup, StepOrder
from mnist_tui.engine.distributed.wire import CoordinatorWire, WorkerWire, free_port
from mnist_tui.engine.distribution import DistributionError, rows_of
from tests.kit import samples

HOST = "127.0.0.1"
SETUP = Setup(samples.config(backend="jax"), 4000)
PATIENCE = 60.0


def wait(until: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def connected(world_size: int) -> tuple[CoordinatorWire, list[WorkerWire]]:
    """Return a coordinator and its workers, which have joined."""
    port = free_port(HOST)
    coordinator = CoordinatorWire(Cluster(HOST, port, 0, world_size))
    workers = [WorkerWire(Cluster(HOST, port, rank, world_size)) for rank in range(1, world_size)]
    with ThreadPoolExecutor(len(workers)) as threads:
        setups = [threads.submit(worker.join, PATIENCE) for worker in workers]
        coordinator.gather(PATIENCE)
        coordinator.send(SETUP)
        assert [setup.result(PATIENCE) for setup in setups] == [SETUP] * len(workers)
    return coordinator, workers


def test_all_workers_receive_the_orders_in_sequence() -> None:
    coordinator, workers = connected(3)
    orders: list[Order] = [Fit(0, 4), StepOrder(0.5), StepOrder(0.25), End()]
    for order in orders:
        coordinator.send(order)
    assert all([worker.receive() for _ in orders] == orders for worker in workers)


def test_a_leaving_worker_is_reported_with_its_reason() -> None:
    coordinator, (_, second) = connected(3)
    reported = threading.Event()
    coordinator.on_lost = reported.set
    second.send(Leaving("no data here"))
    second.close()
    assert reported.wait(PATIENCE)
    assert coordinator.lost == "process 2 (no data here)"


def test_a_silent_process_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(wire, "HEARTBEAT_SECONDS", 3600.0)
    coordinator, (worker,) = connected(2)
    wait(lambda: coordinator.lost)
    assert coordinator.lost.startswith("process 1 (silent for")
    with pytest.raises(DistributionError, match="is gone"):
        worker.receive()


def test_heartbeats_keep_connections_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "SILENCE_SECONDS", 1.0)
    monkeypatch.setattr(wire, "HEARTBEAT_SECONDS", 0.02)
    coordinator, (worker,) = connected(2)
    time.sleep(1.5)  # longer than the permitted silence
    coordinator.send(StepOrder(1.0))
    assert worker.receive() == StepOrder(1.0)
    assert not coordinator.lost


def test_a_worker_notices_the_loss_of_process_0() -> None:
    coordinator, (worker,) = connected(2)
    for connection in coordinator._workers.values():
        connection.shutdown(socket.SHUT_RDWR)
    with pytest.raises(DistributionError, match="is gone"):
        worker.receive()


def test_missing_processes_raise_an_error() -> None:
    cluster = Cluster(HOST, free_port(HOST), 0, 3)
    with pytest.raises(DistributionError, match=r"process 1 of 3 .* --process-id 1"):
        CoordinatorWire(cluster).gather(0.1)
    with pytest.raises(DistributionError, match=r"process 0 .* --process-id 0"):
        WorkerWire(Cluster(HOST, cluster.port, 1, 3)).join(0.1)


def test_a_worker_with_another_world_size_is_rejected_and_the_others_can_still_join() -> None:
    port = free_port(HOST)
    coordinator = CoordinatorWire(Cluster(HOST, port, 0, 2))

    def begin() -> None:
        coordinator.gather(PATIENCE)
        coordinator.send(SETUP)

    beginning = threading.Thread(target=begin)
    beginning.start()
    with pytest.raises(DistributionError, match=r"--processes 2, this process 3"):
        WorkerWire(Cluster(HOST, port, 1, 3)).join(PATIENCE)
    assert WorkerWire(Cluster(HOST, port, 1, 2)).join(PATIENCE) == SETUP
    beginning.join()


def test_other_versions_can_read_the_first_messages() -> None:
    assert msgspec.json.decode(msgspec.json.encode(Hello(1, 2, "9"))) == {
        "type": "hello",
        "process": 1,
        "processes": 2,
        "version": "9",
    }
    assert msgspec.json.decode(msgspec.json.encode(Rejection("no"))) == {"type": "refusal", "reason": "no"}


@pytest.mark.parametrize("count", [660, 66, 24, 690])
@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_shares_of_every_batch_are_even_and_in_order(count: int, world_size: int) -> None:
    batch = 66
    shares = [rows_of(rank, world_size, count, batch) for rank in range(world_size)]
    for begin in range(0, count, batch):
        end = min(begin + batch, count)
        parts = [share[(share >= begin) & (share < end)] for share in shares]
        assert len({len(part) for part in parts}) == 1
        assert np.array_equal(np.concatenate(parts), np.arange(begin, end))
