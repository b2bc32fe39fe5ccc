"""Requests to engines over their sockets, attachments, and the start of engines; every error is one sentence."""

import getpass
import os
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
from mnist_tui.control.commands import STEERING_COMMANDS, decode_request
from mnist_tui.control.protocol import (
    Attach,
    Continue,
    Explain,
    Explanation,
    Neighbour,
    Pause,
    Ping,
    Reply,
    Request,
    RollBack,
    SaveCheckpoint,
    SetEarlyStopping,
    SetEpochs,
    SetLearningRate,
    Step,
    Stop,
    Variant,
)
from mnist_tui.runs.directory import Endpoint, RunDirectory, RunError, create_run, list_runs
from tests.kit import samples
from tests.kit.fake_engine import FakeEngine


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    with FakeEngine(create_run(samples.config())) as fake:
        yield fake


def error_of(run: RunDirectory, request: Request) -> str:
    with pytest.raises(RunError) as caught:
        send(run, request)
    assert "\n" not in str(caught.value)
    return str(caught.value)


REQUESTS: list[Request] = [
    Ping(),
    Attach(by="tests"),
    Pause(by="tests"),
    Continue(by="tests"),
    Step(by="tests"),
    Step(by="tests", count=50),
    Stop(by="tests"),
    Stop(by="tests", now=True),
    RollBack(by="tests"),
    SaveCheckpoint(by="tests"),
    SetEpochs(by="tests", epochs=12),
    SetEpochs(by="tests", change=-1),
    SetLearningRate(by="tests", value=0.5),
    SetLearningRate(by="tests", factor=0.5),
    SetEarlyStopping(by="tests", rule="loss:3"),
    Explain(split="validation", index=7),
]


def test_the_sample_requests_are_of_all_types() -> None:
    commands = {command.request for command in STEERING_COMMANDS}
    assert {type(request) for request in REQUESTS} == {Ping, Attach, Explain} | commands


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
        for_predicted=bytes(range(256)),
        for_true=b"\x80\x7f",
        neighbours=(Neighbour("train", 7, 3, 0.125, b"\x00\xff"),),
        variants=(Variant("shifted", 3, 0.5, b""),),
    )
    reply = Reply(ok=True, save_error="no room for model.keras", explanation=explanation)
    engine.reply = msgspec.json.encode(reply) + b"\n"
    assert send(engine.run, Explain(split="test", index=1)) == reply


def test_a_silent_engine_times_out(engine: FakeEngine) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as deaf,
    ):
        address = str(Path(folder, "socket"))
        deaf.bind(address)
        deaf.listen()
        engine.run.lock_path.write_bytes(msgspec.json.encode(Endpoint(os.getpid(), address)))
        with pytest.raises(RunError, match="does not reply"):
            send(engine.run, Ping(), timeout=0.01)


def test_a_rejection_has_the_engines_reason(engine: FakeEngine) -> None:
    engine.reply = b'{"ok":false,"error":"it is over"}\n'
    assert error_of(engine.run, Stop(by="tests")).endswith(
        f"the engine of run {engine.run.id} rejected the request: it is over"
    )


@pytest.mark.parametrize("reply", [b"", b"\n", b'{"ok":', b"[]\n", b'{"ok":false,"error":"\xff"}\n'])
def test_a_malformed_reply_is_an_error(engine: FakeEngine, reply: bytes) -> None:
    engine.reply = reply
    message = error_of(engine.run, Ping())
    assert f"the engine of run {engine.run.id} (process {os.getpid()}) does not reply" in message
    assert message.endswith(f"see {engine.run.log_path}")


@pytest.mark.parametrize("address", ["/nowhere/socket", "/tmp/" + "x" * 200], ids=["missing", "too long"])
def test_a_wrong_address_is_an_error(engine: FakeEngine, address: str) -> None:
    engine.run.lock_path.write_bytes(msgspec.json.encode(Endpoint(os.getpid(), address)))
    assert "does not reply" in error_of(engine.run, Ping())


def test_a_dead_run_is_an_error() -> None:
    run = create_run(samples.config())
    run.lock_path.write_bytes(msgspec.json.encode(Endpoint(os.getpid(), "/tmp/left-over")))
    message = error_of(run, Stop(by="tests"))
    assert f"run {run.id} has no live engine that listens: `mnist-tui show {run.id}`" in message


def test_a_starting_engine_is_an_error() -> None:
    run = create_run(samples.config())
    lock = run.acquire_lock()
    os.write(lock, msgspec.json.encode(Endpoint(os.getpid())))
    assert "has no live engine that listens" in error_of(run, Ping())
    os.close(lock)


@pytest.mark.parametrize("broken", ["Popen", "acquire_lock"])
def test_an_engine_that_cannot_be_started_leaves_nothing_behind(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess if broken == "Popen" else RunDirectory, broken, fail)
    with pytest.raises(RunError, match=r"cannot be (started|written)"):
        start(samples.config())
    assert list_runs() == []


def test_a_started_engine_holds_the_lock_from_its_first_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    children: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def stand_in(command: list[str], **settings: Any) -> None:
        code = "import os, sys; assert os.get_inheritable(int(sys.argv[1])); sys.stdin.read()"
        argv = [command[0], "-c", code, command[command.index("--lock") + 1]]
        assert settings["start_new_session"]
        children.append(popen(argv, **(settings | {"stdin": subprocess.PIPE})))

    monkeypatch.setattr(subprocess, "Popen", stand_in)
    run = start(samples.config())
    assert run.is_live()
    children[0].communicate(b"")
    assert children[0].returncode == 0, run.log_path.read_text()
    assert not run.is_live()


@pytest.fixture
def fast_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "HEARTBEAT_SECONDS", 0.01)


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "condition never came"
        time.sleep(0.005)


@pytest.fixture
def attached(engine: FakeEngine, fast_heartbeat: None) -> Iterator[Attachment]:  # noqa: ARG001
    attachment = Attachment(engine.run, "ada, screen")
    wait_until(lambda: attachment.alive)
    yield attachment
    attachment.close()


def test_a_viewer_attaches_once_and_then_pings(engine: FakeEngine, attached: Attachment) -> None:
    wait_until(lambda: len(engine.requests) > 3)
    assert engine.viewers == ["ada, screen"]
    assert attached.alive
    assert attached.save_error == ""


def test_a_viewer_gets_the_save_error_while_it_lasts(engine: FakeEngine, attached: Attachment) -> None:
    engine.reply = b'{"ok":true,"trouble":"the disk is full"}\n'
    wait_until(lambda: attached.save_error == "the disk is full")
    engine.reply = b'{"ok":true}\n'
    wait_until(lambda: attached.save_error == "")


def test_a_viewer_finds_the_next_engine(engine: FakeEngine, attached: Attachment) -> None:
    engine.die()
    wait_until(lambda: not attached.alive)
    with FakeEngine(engine.run) as second:
        wait_until(lambda: attached.alive)
        assert second.viewers == ["ada, screen"]


@pytest.mark.parametrize("reply", [b"", b"\n", b"rubbish\n", b'{"ok":false,"error":"full"}\n'])
def test_a_rejected_viewer_tries_again(
    engine: FakeEngine,
    fast_heartbeat: None,  # noqa: ARG001
    reply: bytes,
) -> None:
    engine.reply = reply
    attachment = Attachment(engine.run, "ada, screen")
    wait_until(lambda: len(engine.viewers) > 2)
    assert not attachment.alive
    engine.reply = b'{"ok":true}\n'
    wait_until(lambda: attachment.alive)
    attachment.close()


def test_a_closed_attachment_disconnects(engine: FakeEngine, attached: Attachment) -> None:
    attached.close()
    wait_until(lambda: not attached.alive)
    heard = len(engine.requests)
    send(engine.run, Ping())
    assert len(engine.requests) == heard + 1
    assert engine.viewers == ["ada, screen"]


def test_a_viewer_may_attach_before_the_engine_starts(fast_heartbeat: None) -> None:  # noqa: ARG001
    run = create_run(samples.config())
    attachment = Attachment(run, "ada, screen")
    assert not attachment.alive
    with FakeEngine(run):
        wait_until(lambda: attachment.alive)
    attachment.close()


def test_the_origin_names_user_interface_and_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", lambda: "ada")
    monkeypatch.setattr(os, "ttyname", lambda _: "/dev/pts/3")
    assert origin("screen") == "ada, screen on pts/3"
    monkeypatch.setattr(os, "ttyname", lambda _: (_ for _ in ()).throw(OSError()))
    monkeypatch.setattr(getpass, "getuser", nobody)
    assert origin("command line") == f"uid {os.getuid()}, command line"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Command lines of the engines that would have been started, from the run directory on."""
    commands: list[list[str]] = []

    def stand_in(command: list[str], **settings: Any) -> None:
        assert settings["pass_fds"] == (int(command[command.index("--lock") + 1]),)
        place = command.index("--lock")
        commands.append(command[place - 1 : place] + command[place + 2 :])

    monkeypatch.setattr(subprocess, "Popen", stand_in)
    return commands


def test_an_engine_is_started_to_resume_or_to_explain(started: list[list[str]]) -> None:
    run = create_run(samples.config())
    resume(run, "ada, command line")
    resume(run, "ada, command line", epochs=12)
    load_model(run)
    path = str(run.path)
    assert started == [
        [path, "--resume", "ada, command line"],
        [path, "--resume", "ada, command line", "--epochs", "12"],
        [path, "--explain-only"],
    ]
    assert not run.is_live(), "this process let go of the lock"


@pytest.mark.parametrize("way", [lambda run: resume(run, "ada"), load_model], ids=["resume", "load model"])
def test_a_live_run_gets_no_second_engine(
    engine: FakeEngine, started: list[list[str]], way: Callable[[RunDirectory], None]
) -> None:
    with pytest.raises(RunError, match="already has a live engine: attach to it, or stop it first"):
        way(engine.run)
    assert started == []


@pytest.mark.parametrize("way", [lambda run: resume(run, "ada"), load_model], ids=["resume", "load model"])
def test_a_run_stays_if_its_engine_cannot_be_started(
    monkeypatch: pytest.MonkeyPatch, way: Callable[[RunDirectory], None]
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    run = create_run(samples.config())
    monkeypatch.setattr(subprocess, "Popen", fail)
    with pytest.raises(RunError, match=r"cannot be (started|written)"):
        way(run)
    assert [run.id for run in list_runs()] == [run.id]
    assert not run.is_live()
