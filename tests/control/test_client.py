"""Engines are asked over their socket, and whatever goes wrong is one sentence."""

import getpass
import os
import socket
import subprocess
import tempfile
import time
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mnist_tui.control import client
from mnist_tui.control.client import Attachment, ask, resume, start, wake, who
from mnist_tui.control.protocol import (
    AnyRequest,
    Attach,
    Continue,
    Explain,
    Explanation,
    Neighbour,
    Pause,
    Ping,
    Reply,
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


def refusal(run: RunDirectory, request: AnyRequest) -> str:
    with pytest.raises(RunError) as caught:
        ask(run, request)
    assert "\n" not in str(caught.value)
    return str(caught.value)


REQUESTS: list[AnyRequest] = [
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
    assert {type(request) for request in REQUESTS} == set(typing.get_args(AnyRequest))


@pytest.mark.parametrize("request_sent", REQUESTS, ids=repr)
def test_a_request_reaches_the_engine_as_one_line(engine: FakeEngine, request_sent: AnyRequest) -> None:
    ask(engine.run, request_sent)
    (line,) = engine.requests
    assert line.endswith(b"\n")
    assert msgspec.json.decode(line, type=AnyRequest) == request_sent


def test_an_answer_comes_back_with_all_that_was_said(engine: FakeEngine) -> None:
    explanation = Explanation(
        epoch=3,
        probabilities=(0.25, 0.75),
        for_predicted=bytes(range(256)),
        for_true=b"\x80\x7f",
        neighbours=(Neighbour("train", 7, 3, 0.125, b"\x00\xff"),),
        variants=(Variant("shifted", 3, 0.5, b""),),
    )
    said = Reply(ok=True, trouble="no room for model.keras", explanation=explanation)
    engine.answer = msgspec.json.encode(said) + b"\n"
    assert ask(engine.run, Explain(split="test", index=1)) == said


def test_an_engine_that_keeps_silent_is_not_waited_for_longer_than_one_has_patience(engine: FakeEngine) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as deaf,
    ):
        address = str(Path(folder, "socket"))
        deaf.bind(address)
        deaf.listen()
        engine.run.lock_path.write_bytes(msgspec.json.encode(Endpoint(os.getpid(), address)))
        with pytest.raises(RunError, match="does not answer"):
            ask(engine.run, Ping(), patience=0.01)


def test_a_refusal_is_told_in_the_engine_s_words(engine: FakeEngine) -> None:
    engine.answer = b'{"ok":false,"error":"it is over"}\n'
    assert refusal(engine.run, Stop(by="tests")).endswith(f"the engine of run {engine.run.id} refused: it is over")


@pytest.mark.parametrize("answer", [b"", b"\n", b'{"ok":', b"[]\n", b'{"ok":false,"error":"\xff"}\n'])
def test_an_answer_that_is_none_is_told(engine: FakeEngine, answer: bytes) -> None:
    engine.answer = answer
    message = refusal(engine.run, Ping())
    assert f"the engine of run {engine.run.id} (process {os.getpid()}) does not answer" in message


def test_an_engine_that_ends_before_it_answers_is_told_with_where_it_says_why(engine: FakeEngine) -> None:
    engine.answer = b""
    message = refusal(engine.run, Ping())
    assert message.endswith(f"does not answer: it hung up; what it said last is in {engine.run.log_path}")


def test_an_engine_that_does_not_listen_is_told(engine: FakeEngine) -> None:
    engine.run.lock_path.write_bytes(msgspec.json.encode(Endpoint(os.getpid(), "/nowhere/socket")))
    assert "does not answer" in refusal(engine.run, Ping())


def test_an_address_that_is_too_long_is_told(engine: FakeEngine) -> None:
    engine.run.lock_path.write_bytes(msgspec.json.encode(Endpoint(os.getpid(), "/tmp/" + "x" * 200)))
    assert "does not answer" in refusal(engine.run, Ping())


def test_a_dead_run_has_nobody_to_ask() -> None:
    run = create_run(samples.config())
    run.lock_path.write_bytes(msgspec.json.encode(Endpoint(os.getpid(), "/tmp/left-over")))
    message = refusal(run, Stop(by="tests"))
    assert f"run {run.id} has no live engine that listens: `mnist-tui show {run.id}`" in message


def test_an_engine_that_is_still_starting_cannot_be_asked() -> None:
    run = create_run(samples.config())
    lock = run.acquire_lock()
    os.write(lock, msgspec.json.encode(Endpoint(os.getpid())))
    assert "has no live engine that listens" in refusal(run, Ping())
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
    """The child is a stand-in that ends when it is told to; the parent's own copy of the lock is closed by then."""
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
def quick_heart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "HEARTBEAT_SECONDS", 0.01)


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


@pytest.fixture
def attached(engine: FakeEngine, quick_heart: None) -> Iterator[Attachment]:  # noqa: ARG001
    attachment = Attachment(engine.run, "ada, screen")
    wait_until(lambda: attachment.alive)
    yield attachment
    attachment.close()


def test_a_screen_says_once_who_watches_and_then_that_it_still_does(engine: FakeEngine, attached: Attachment) -> None:
    wait_until(lambda: len(engine.requests) > 3)
    assert engine.watchers == ["ada, screen"]
    assert attached.alive
    assert attached.trouble == ""


def test_a_screen_hears_what_cannot_be_saved_and_when_it_can_again(engine: FakeEngine, attached: Attachment) -> None:
    engine.answer = b'{"ok":true,"trouble":"the disk is full"}\n'
    wait_until(lambda: attached.trouble == "the disk is full")
    engine.answer = b'{"ok":true}\n'
    wait_until(lambda: attached.trouble == "")


def test_a_screen_finds_the_engine_that_takes_over(engine: FakeEngine, attached: Attachment) -> None:
    engine.die()
    wait_until(lambda: not attached.alive)
    with FakeEngine(engine.run) as second:
        wait_until(lambda: attached.alive)
        assert second.watchers == ["ada, screen"]


@pytest.mark.parametrize("answer", [b"", b"\n", b"rubbish\n", b'{"ok":false,"error":"full"}\n'])
def test_an_engine_that_does_not_let_a_screen_watch_is_asked_again(
    engine: FakeEngine,
    quick_heart: None,  # noqa: ARG001
    answer: bytes,
) -> None:
    engine.answer = answer
    attachment = Attachment(engine.run, "ada, screen")
    wait_until(lambda: len(engine.watchers) > 2)
    assert not attachment.alive
    engine.answer = b'{"ok":true}\n'
    wait_until(lambda: attachment.alive)
    attachment.close()


def test_a_screen_that_is_closed_hangs_up(engine: FakeEngine, attached: Attachment) -> None:
    attached.close()
    wait_until(lambda: not attached.alive)
    heard = len(engine.requests)
    ask(engine.run, Ping())
    assert len(engine.requests) == heard + 1
    assert engine.watchers == ["ada, screen"]


def test_a_screen_may_watch_a_run_that_has_no_engine_yet(quick_heart: None) -> None:  # noqa: ARG001
    run = create_run(samples.config())
    attachment = Attachment(run, "ada, screen")
    assert not attachment.alive
    with FakeEngine(run):
        wait_until(lambda: attachment.alive)
    attachment.close()


def test_who_asks_is_a_user_behind_a_door(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", lambda: "ada")
    monkeypatch.setattr(os, "ttyname", lambda _: "/dev/pts/3")
    assert who("screen") == "ada, screen on pts/3"
    monkeypatch.setattr(os, "ttyname", lambda _: (_ for _ in ()).throw(OSError()))
    monkeypatch.setattr(getpass, "getuser", nobody)
    assert who("command line") == f"user {os.getuid()}, command line"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The command lines of the engines that would have been started, from the run directory on."""
    commands: list[list[str]] = []

    def stand_in(command: list[str], **settings: Any) -> None:
        assert settings["pass_fds"] == (int(command[command.index("--lock") + 1]),)
        place = command.index("--lock")
        commands.append(command[place - 1 : place] + command[place + 2 :])

    monkeypatch.setattr(subprocess, "Popen", stand_in)
    return commands


def test_a_resumed_or_woken_engine_is_told_so(started: list[list[str]]) -> None:
    run = create_run(samples.config())
    resume(run, "ada, command line")
    resume(run, "ada, command line", epochs=12)
    wake(run)
    path = str(run.path)
    assert started == [
        [path, "--resume", "ada, command line"],
        [path, "--resume", "ada, command line", "--epochs", "12"],
        [path, "--wake"],
    ]
    assert not run.is_live(), "this process let go of the lock"


@pytest.mark.parametrize("way", [lambda run: resume(run, "ada"), wake], ids=["resume", "wake"])
def test_a_live_run_gets_no_second_engine(
    engine: FakeEngine, started: list[list[str]], way: Callable[[RunDirectory], None]
) -> None:
    with pytest.raises(RunError, match="already has a live engine: attach to it, or stop it first"):
        way(engine.run)
    assert started == []


@pytest.mark.parametrize("way", [lambda run: resume(run, "ada"), wake], ids=["resume", "wake"])
def test_a_run_that_cannot_be_resumed_stays_as_it_was(
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
