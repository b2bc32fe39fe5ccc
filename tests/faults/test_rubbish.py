"""Malformed input on the control socket of an engine that trains."""

import json
import random
import socket
from collections.abc import Callable, Iterator

import msgspec

from mnist_tui.control import client
from mnist_tui.control.protocol import Ping, Reply, Stop
from mnist_tui.engine.service.server import MAX_LINE_BYTES
from mnist_tui.events import EndReason, SettingChanged
from tests.faults import audit
from tests.faults.conftest import Rounds, StartEngine
from tests.faults.engine import step

SETTINGS = {"preset": "mlp", "limit": 6_000, "batch_size": 66, "epochs": 10_000}
VALID: list[dict[str, object]] = [
    {"type": "stop", "by": "rubbish", "now": True},
    {"type": "step", "by": "rubbish", "count": 3},
    {"type": "set_epochs", "by": "rubbish", "epochs": 2},
    {"type": "set_learning_rate", "by": "rubbish", "value": 0.5},
    {"type": "set_early_stopping", "by": "rubbish", "rule": "loss:3"},
]
WRONG: list[object] = [None, [], {}, "\x1b[2J", -1, 0.5, 1e308, 10**40, [[[]]], {"by": "rubbish"}]
OUT_OF_RANGE: list[dict[str, object]] = [
    {"type": "step", "by": "rubbish", "count": -1},
    {"type": "step", "by": "rubbish", "count": 10**9},
    {"type": "set_epochs", "by": "rubbish", "epochs": -5},
    {"type": "set_epochs", "by": "rubbish", "epochs": 10**15},
    {"type": "set_epochs", "by": "rubbish", "change": 2**62},
    {"type": "set_learning_rate", "by": "rubbish", "value": 1e300},
    {"type": "set_learning_rate", "by": "rubbish", "factor": -1.0},
    {"type": "set_early_stopping", "by": "rubbish", "rule": "loss:" + "9" * 5_000},
    {"type": "stop", "by": "x" * 10_000},
]


def encoded(message: object) -> bytes:
    return json.dumps(message).encode()


def noise(chance: random.Random) -> bytes:
    return chance.randbytes(chance.randrange(300)).replace(b"\n", b"")


def cut_short(chance: random.Random) -> bytes:
    line = encoded(chance.choice(VALID))
    return line[: chance.randrange(len(line))]


def with_a_wrong_type(chance: random.Random) -> bytes:
    message = dict(chance.choice(VALID))
    return encoded(message | {chance.choice(["type", "by"]): chance.choice(WRONG)})


def unknown(chance: random.Random) -> bytes:
    return encoded({"type": chance.choice(["shout", "eval", "run_ended", "Stop", ""]), "by": "rubbish"})


def out_of_range(chance: random.Random) -> bytes:
    return encoded(chance.choice(OUT_OF_RANGE))


def oversize(chance: random.Random) -> bytes:
    return b'{"type":"ping","x":"' + b"x" * (MAX_LINE_BYTES + chance.randrange(100_000)) + b'"}'


KINDS: list[Callable[[random.Random], bytes]] = [noise, cut_short, with_a_wrong_type, unknown, out_of_range]


def malformed(number: int, chance: random.Random) -> Iterator[bytes]:
    """Return lines that are not valid requests. One in fifty is too long."""
    for index in range(number):
        yield (oversize if index % 50 == 49 else KINDS[index % len(KINDS)])(chance)


class Client:
    """Client that sends lines and reconnects whenever the engine closes the connection."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.connections = 0
        self._connect()

    def _connect(self) -> None:
        self.connections += 1
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(60)
        self._socket.connect(self._address)
        self._replies = self._socket.makefile("rb")

    def send(self, line: bytes) -> Reply | None:
        """Send a line and return the reply, or None if the engine closed the connection."""
        try:
            self._socket.sendall(line + b"\n")
            reply = self._replies.readline()
        except (BrokenPipeError, ConnectionResetError):
            reply = b""
        if not reply or len(line) > MAX_LINE_BYTES:
            self.close()
            self._connect()
        return msgspec.json.decode(reply, type=Reply) if reply else None

    def close(self) -> None:
        self._replies.close()
        self._socket.close()


def test_an_engine_rejects_malformed_requests_and_trains_on(
    start_engine: StartEngine, rounds: Rounds, chance: random.Random
) -> None:
    number = rounds(short=300, full=1_000)
    engine = start_engine(**SETTINGS)
    engine.wait_for(step(1))
    endpoint = engine.run.endpoint()
    assert endpoint is not None
    assert endpoint.socket is not None
    sender = Client(endpoint.socket)
    rejected = 0
    for line in malformed(number, chance):
        reply = sender.send(line)
        assert reply is not None or len(line) > MAX_LINE_BYTES, line
        if reply is not None:
            assert not reply.ok, line
            assert reply.error, line
            rejected += 1
    sender.close()

    assert client.send(engine.run, Ping()).ok
    engine.read()
    before = sum(not isinstance(event, SettingChanged) for event in engine.events)
    assert engine.wait_for(step(before + 2))
    assert not [event for event in engine.events if isinstance(event, SettingChanged)]
    client.send(engine.run, Stop(by="a test"))
    assert engine.wait() == 0, engine.log_tail()
    history = audit.check_history(engine.run)
    assert history.ended is not None
    assert history.ended.reason is EndReason.STOPPED
    assert "Traceback" not in engine.run.log_path.read_text(errors="replace")
    print(
        f"rubbish: {number} lines over {sender.connections} connections, {rejected} rejected, none obeyed,"
        f" {history.steps.count} steps trained"
    )
