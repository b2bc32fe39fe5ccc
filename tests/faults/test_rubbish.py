"""Whatever comes to the control socket of an engine that trains, it trains on."""

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

SETTINGS = {"limit": 1_440, "batch_size": 66, "epochs": 10_000}
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
    """So many lines, none of which is a request that can be carried out; one in fifty is too long to be one."""
    for place in range(number):
        yield (oversize if place % 50 == 49 else KINDS[place % len(KINDS)])(chance)


class Client:
    """Somebody who sends lines, over a new connection whenever the engine hung up on the old one."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.connections = 0
        self._connect()

    def _connect(self) -> None:
        self.connections += 1
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(60)
        self._socket.connect(self._address)
        self._answers = self._socket.makefile("rb")

    def ask(self, line: bytes) -> Reply | None:
        """The answer to a line; None when the engine hung up without one."""
        try:
            self._socket.sendall(line + b"\n")
            answer = self._answers.readline()
        except (BrokenPipeError, ConnectionResetError):
            answer = b""
        if not answer or len(line) > MAX_LINE_BYTES:
            self.close()
            self._connect()
        return msgspec.json.decode(answer, type=Reply) if answer else None

    def close(self) -> None:
        self._answers.close()
        self._socket.close()


def test_an_engine_that_is_sent_rubbish_trains_on(
    start_engine: StartEngine, rounds: Rounds, chance: random.Random
) -> None:
    number = rounds(short=1_000, full=1_000)
    engine = start_engine(**SETTINGS)
    engine.wait_for(step(1))
    endpoint = engine.run.endpoint()
    assert endpoint is not None
    assert endpoint.socket is not None
    somebody = Client(endpoint.socket)
    refused = 0
    for line in malformed(number, chance):
        answer = somebody.ask(line)
        assert answer is not None or len(line) > MAX_LINE_BYTES, line
        if answer is not None:
            assert not answer.ok, line
            assert answer.error, line
            refused += 1
    somebody.close()

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
        f"rubbish: {number} lines over {somebody.connections} connections, {refused} refused in words, none obeyed,"
        f" {history.steps.count} steps trained"
    )
