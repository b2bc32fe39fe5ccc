"""Requests to engines over their sockets, attachments, and the start of engines; every error is one sentence."""

import getpass
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mnist_tui.control import client
from mnist_tui.control.client import Attachment, load_model, origin, resume, send, start
from mnist_tui.control.commands import decode_request
from mnist_tui.control.protocol import (
    Attach,
    Explain,
    Explanation,
    GivenDigit,
    Neighbour,
    Ping,
    Reply,
    Request,
    SetEpochs,
    Stop,
    Variant,
)
from mnist_tui.engine.service.server import reply_to
from mnist_tui.runs.directory import RunDirectory, RunError, create_run, list_runs
from mnist_tui.runs.liveness import Endpoint, clock, starting
from mnist_tui.runs.lock import RunLock
from tests.engine.test_server import RecordingHandler, no_attach
from tests.kit import samples
from tests.kit.fake_engine import FakeEngine

pytestmark = pytest.mark.fresh_engines
ME = "ada, screen"


@pytest.fixture
def run() -> RunDirectory:
    return create_run(samples.config())


@pytest.fixture
def engine(run: RunDirectory) -> Iterator[FakeEngine]:
    with FakeEngine(run) as fake:
        yield fake


def error_of(run: RunDirectory, request: Request, timeout: float = client.REPLY_SECONDS) -> str:
    with pytest.raises(RunError) as caught:
        send(run, request, timeout)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def write_endpoint(run: RunDirectory, address: str | None) -> None:
    run.lock.path.write_bytes(msgspec.json.encode(Endpoint(os.getpid(), address)))


REQUESTS = [Ping(), Attach(by=ME), SetEpochs(by=ME, change=-1), Explain("set-mine", 7, GivenDigit(b"\0\xff", 3))]


@pytest.mark.parametrize("request_sent", REQUESTS, ids=repr)
def test_a_request_reaches_the_engine_as_one_line(engine: FakeEngine, request_sent: Request) -> None:
    send(engine.run, request_sent)
    (line,) = engine.requests
    assert line.endswith(b"\n")
    assert decode_request(line) == request_sent


def test_a_reply_comes_back_whole(engine: FakeEngine) -> None:
    explanation = Explanation(
        epoch=3,
        probabilities=(0.25, 0.75),
        neighbours=(Neighbour("train", 7, 3, 0.125, b"\x00\xff"),),
        variants=(Variant("shifted", 3, 0.5, b""),),
    )
    reply = Reply(ok=True, save_error="no room for model.keras", explanation=explanation)
    engine.reply = msgspec.json.encode(reply) + b"\n"
    assert send(engine.run, Explain(split="test", index=1)) == reply


def test_a_silent_engine_times_out(engine: FakeEngine) -> None:
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as deaf:
        address = str(Path(folder, "socket"))
        deaf.bind(address)
        deaf.listen()
        write_endpoint(engine.run, address)
        assert "does not reply" in error_of(engine.run, Ping(), timeout=0.01)


def test_a_rejection_has_the_engines_reason(engine: FakeEngine) -> None:
    engine.reply = b'{"ok":false,"error":"it is over"}\n'
    assert error_of(engine.run, Stop(by=ME)).endswith(": it is over")


@pytest.mark.parametrize("reply", [b"", b"\n", b'{"ok":', b"[]\n", b'{"ok":false,"error":"\xff"}\n'])
def test_a_malformed_reply_is_an_error(engine: FakeEngine, reply: bytes) -> None:
    engine.reply = reply
    error = error_of(engine.run, Ping())
    assert "does not reply" in error
    assert all(part in error for part in (engine.run.id, str(os.getpid()), str(engine.run.log_path)))


@pytest.mark.parametrize("address", ["/nowhere/socket", "/tmp/" + "x" * 200], ids=["missing", "too long"])
def test_a_wrong_address_is_an_error(engine: FakeEngine, address: str) -> None:
    write_endpoint(engine.run, address)
    assert "does not reply" in error_of(engine.run, Ping())


def test_a_run_without_an_engine_is_an_error(run: RunDirectory) -> None:
    write_endpoint(run, "/tmp/left-over")
    assert f"`mnist-tui show {run.id}`" in error_of(run, Ping())


def test_a_request_waits_until_a_starting_engine_listens(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeEngine(run) as engine:
        endpoint = run.lock.path.read_bytes()
        run.lock.path.write_bytes(msgspec.json.encode(starting()))
        monkeypatch.setattr(time, "sleep", lambda _: run.lock.path.write_bytes(endpoint))
        send(run, Stop(by=ME))
        assert engine.sent() == [Stop(by=ME)]


def test_a_request_waits_no_longer_than_its_limit(run: RunDirectory) -> None:
    lock = run.lock.acquire()
    with pytest.raises(RunError, match="does not listen yet: try again"):
        send(run, Ping(), start_timeout=0.01)
    os.close(lock)


def test_an_engine_without_a_socket_is_an_error_with_its_log(engine: FakeEngine) -> None:
    write_endpoint(engine.run, None)
    assert f"cannot be steered: {engine.run.log_path} says why" in error_of(engine.run, Ping())


def test_an_engine_on_another_machine_gets_no_request(engine: FakeEngine) -> None:
    address = msgspec.json.decode(engine.run.lock.path.read_bytes(), type=Endpoint).socket
    engine.write_endpoint(Endpoint(os.getpid(), address, "node7", "another boot"))
    assert "is live on host node7" in error_of(engine.run, Stop(by=ME))
    assert engine.requests == []


def test_a_stopped_engine_is_an_error_with_since_when(engine: FakeEngine) -> None:
    engine.fall_silent(samples.CREATED)
    error = error_of(engine.run, Ping())
    assert f"has not responded since {clock(samples.CREATED)}" in error
    assert f"kill -CONT {os.getpid()}" in error


@pytest.fixture
def fast_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "HEARTBEAT_SECONDS", 0.01)


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "condition never came"
        time.sleep(0.005)


@pytest.fixture
def attached(run: RunDirectory, fast_heartbeat: None) -> Iterator[Attachment]:  # noqa: ARG001
    attachment = Attachment(run, ME)
    yield attachment
    attachment.close()


def test_a_viewer_attaches_once_and_then_pings(engine: FakeEngine, attached: Attachment) -> None:
    wait_until(lambda: len(engine.requests) > 3)
    assert engine.viewers == [ME]
    assert attached.alive
    assert attached.save_error == ""


def test_a_viewer_gets_the_save_error_while_it_lasts(engine: FakeEngine, attached: Attachment) -> None:
    engine.reply = b'{"ok":true,"trouble":"the disk is full"}\n'
    wait_until(lambda: attached.save_error == "the disk is full")
    engine.reply = b'{"ok":true}\n'
    wait_until(lambda: attached.save_error == "")


def test_a_viewer_waits_for_an_engine_and_finds_the_next_one(run: RunDirectory, attached: Attachment) -> None:
    for _ in range(2):
        assert not attached.alive
        with FakeEngine(run) as engine:
            wait_until(lambda: attached.alive)
            assert engine.viewers == [ME]
        wait_until(lambda: not attached.alive)


@pytest.mark.parametrize("reply", [b"", b"\n", b"rubbish\n", b'{"ok":false,"error":"full"}\n'])
def test_a_rejected_viewer_tries_again(run: RunDirectory, attached: Attachment, reply: bytes) -> None:
    engine = FakeEngine(run)
    engine.reply = reply
    with engine:
        wait_until(lambda: len(engine.viewers) > 2)
        assert not attached.alive
        engine.reply = b'{"ok":true}\n'
        wait_until(lambda: attached.alive)


def test_a_closed_attachment_disconnects(engine: FakeEngine, attached: Attachment) -> None:
    wait_until(lambda: attached.alive)
    attached.close()
    wait_until(lambda: not attached.alive)
    received = len(engine.requests)
    send(engine.run, Ping())
    assert len(engine.requests) == received + 1
    assert engine.viewers == [ME]


def test_the_origin_names_user_interface_and_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> str:
        raise OSError

    monkeypatch.setattr(getpass, "getuser", lambda: "ada")
    monkeypatch.setattr(os, "ttyname", lambda _: "/dev/pts/3")
    assert origin("screen") == "ada, screen on pts/3"
    monkeypatch.setattr(os, "ttyname", fail)
    monkeypatch.setattr(getpass, "getuser", fail)
    assert origin("command line") == f"uid {os.getuid()}, command line"


@pytest.mark.parametrize(
    ("user", "shown"),
    [("u" * 120, "u" * 32), ("caf\udce9", "caf?"), ("a\x1b[2J\nb", "a?[2J?b"), ("-x", "-x"), ("Ада", "Ада")],
    ids=["long", "not UTF-8", "escapes", "like an option", "not ASCII"],
)
async def test_any_user_name_can_steer(monkeypatch: pytest.MonkeyPatch, user: str, shown: str) -> None:
    monkeypatch.setenv("LOGNAME", user)
    monkeypatch.setattr(os, "ttyname", lambda _: "/dev/pts/3")
    by = origin("command line")
    assert by == f"{shown}, command line on pts/3"
    reply = await reply_to(msgspec.json.encode(Stop(by=by)), RecordingHandler(), no_attach)
    assert reply.ok, reply.error


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Command lines of the engines that would have been started, from the run directory on."""
    commands: list[list[str]] = []

    def stand_in(command: list[str], **settings: Any) -> None:
        position = command.index("--lock")
        assert settings["pass_fds"] == (int(command[position + 1]),)
        commands.append(command[position - 1 : position] + command[position + 2 :])

    monkeypatch.setattr(subprocess, "Popen", stand_in)
    return commands


def test_an_engine_is_started_to_resume_or_to_explain(run: RunDirectory, started: list[list[str]]) -> None:
    resume(run, ME)
    resume(run, ME, epochs=12)
    load_model(run)
    path = str(run.path)
    assert started == [
        [path, f"--resume={ME}"],
        [path, f"--resume={ME}", "--epochs", "12"],
        [path, "--explain-only"],
    ]
    assert not run.is_live(), "this process has released the lock"


def test_a_started_engine_holds_the_lock_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    children: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def stand_in(command: list[str], **settings: Any) -> None:
        code = """if True:
            import os, signal, sys
            assert os.get_inheritable(int(sys.argv[1]))
            assert {signal.SIGTERM, signal.SIGINT, signal.SIGHUP} <= signal.pthread_sigmask(signal.SIG_BLOCK, [])
            sys.stdin.read()"""
        argv = [command[0], "-c", code, command[command.index("--lock") + 1]]
        assert settings["start_new_session"]
        children.append(popen(argv, **(settings | {"stdin": subprocess.PIPE})))

    monkeypatch.setattr(subprocess, "Popen", stand_in)
    run = start(samples.config())
    assert run.is_live()
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, [])
    children[0].communicate(b"")
    assert children[0].returncode == 0, run.log_path.read_text()
    assert not run.is_live()


STARTS = {"resume": lambda run: resume(run, ME), "load model": load_model}


@pytest.mark.parametrize("way", STARTS)
def test_a_live_run_gets_no_second_engine(engine: FakeEngine, started: list[list[str]], way: str) -> None:
    with pytest.raises(RunError, match="already has a live engine"):
        STARTS[way](engine.run)
    assert started == []


@pytest.mark.parametrize("way", [*STARTS, "start"])
@pytest.mark.parametrize("broken", [(subprocess, "Popen"), (RunLock, "acquire")], ids=["process", "lock"])
def test_an_engine_that_cannot_be_started_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, broken: tuple[object, str], way: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    runs = [create_run(samples.config())] if way in STARTS else []
    monkeypatch.setattr(*broken, fail)
    with pytest.raises(RunError, match=r"cannot be (started|written)"):
        STARTS[way](runs[0]) if runs else start(samples.config())
    assert [found.id for found in list_runs()] == [run.id for run in runs]
    monkeypatch.undo()
    assert not any(run.is_live() for run in runs)
