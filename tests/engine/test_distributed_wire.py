"""The line between processes that train together, over real sockets on the loopback address."""

import socket
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from mnist_tui.cluster import Cluster
from mnist_tui.engine.distributed import wire
from mnist_tui.engine.distributed.messages import End, Fit, Order, Settings, StepOrder
from mnist_tui.engine.distributed.wire import CoordinatorWire, WorkerWire, free_port
from mnist_tui.engine.distribution import DistributionError, rows_of
from tests.kit import samples

HOST = "127.0.0.1"
SETTINGS = Settings(samples.config(backend="jax"), 4000)
PATIENCE = 60.0


def wait(until: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def distribution(processes: int) -> tuple[CoordinatorWire, list[WorkerWire]]:
    """All have joined and know the settings."""
    port = free_port(HOST)
    lead = CoordinatorWire(Cluster(HOST, port, 0, processes))
    members = [WorkerWire(Cluster(HOST, port, process, processes)) for process in range(1, processes)]
    heard: list[Settings] = []
    threads = [threading.Thread(target=lambda one=one: heard.append(one.join(PATIENCE))) for one in members]
    for thread in threads:
        thread.start()
    lead.gather(PATIENCE)
    lead.send(SETTINGS)
    for thread in threads:
        thread.join(PATIENCE)
    assert heard == [SETTINGS] * len(members)
    return lead, members


def test_orders_come_to_everybody_in_order() -> None:
    lead, members = distribution(3)
    orders: list[Order] = [Fit(0, 4), StepOrder(0.5), StepOrder(0.25), End()]
    for order in orders:
        lead.send(order)
    assert all([member.receive() for _ in orders] == orders for member in members)


def test_who_leaves_is_known_at_once_with_the_reason() -> None:
    lead, (_, second) = distribution(3)
    told = threading.Event()
    lead.on_lost = told.set
    second.leave("no digits here")
    second.close()
    assert told.wait(PATIENCE)
    assert lead.lost == "process 2 (no digits here)"


def test_a_silent_process_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(wire, "BEAT_SECONDS", 3600.0)
    lead, (member,) = distribution(2)
    wait(lambda: lead.lost)
    assert lead.lost.startswith("process 1 (silent for")
    with pytest.raises(DistributionError, match="is gone"):
        member.receive()


def test_beats_keep_a_line_open_and_are_no_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "SILENCE_SECONDS", 2.0)
    monkeypatch.setattr(wire, "BEAT_SECONDS", 0.05)
    lead, (member,) = distribution(2)
    time.sleep(2.5)
    lead.send(StepOrder(1.0))
    assert member.receive() == StepOrder(1.0)
    assert not lead.lost


def test_the_end_of_process_0_is_told() -> None:
    lead, (member,) = distribution(2)
    for connection in lead._members.values():
        connection.shutdown(socket.SHUT_RDWR)
    with pytest.raises(DistributionError, match="is gone"):
        member.receive()


def test_a_team_that_does_not_come_together_is_told() -> None:
    place = Cluster(HOST, free_port(HOST), 0, 3)
    with pytest.raises(DistributionError, match=r"process 1 of 3 did not come .* start the same command there"):
        CoordinatorWire(place).gather(0.1)
    with pytest.raises(DistributionError, match="process 0 cannot be reached at"):
        WorkerWire(Cluster(HOST, place.port, 1, 3)).join(0.1)


def test_who_counts_otherwise_is_refused_and_the_others_are_waited_for() -> None:
    port = free_port(HOST)
    lead = CoordinatorWire(Cluster(HOST, port, 0, 2))

    def begin() -> None:
        lead.gather(PATIENCE)
        lead.send(SETTINGS)

    beginning = threading.Thread(target=begin)
    beginning.start()
    with pytest.raises(DistributionError, match="process 0 counts 2 processes and this one 3: give the same"):
        WorkerWire(Cluster(HOST, port, 1, 3)).join(PATIENCE)
    assert WorkerWire(Cluster(HOST, port, 1, 2)).join(PATIENCE) == SETTINGS
    beginning.join()


@pytest.mark.parametrize("count", [660, 66, 24, 690])
@pytest.mark.parametrize("processes", [1, 2, 3])
def test_shares_of_every_batch_are_even_and_in_order(count: int, processes: int) -> None:
    batch = 66
    shares = [rows_of(process, processes, count, batch) for process in range(processes)]
    for begin in range(0, count, batch):
        end = min(begin + batch, count)
        parts = [share[(share >= begin) & (share < end)] for share in shares]
        assert len({len(part) for part in parts}) == 1
        assert np.array_equal(np.concatenate(parts), np.arange(begin, end))
