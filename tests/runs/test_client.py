"""Engines are asked over their socket, and whatever goes wrong is one sentence."""

import os
import subprocess
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from mnist_tui.runs.client import ask, start
from mnist_tui.runs.directory import Endpoint, RunDirectory, RunError, create_run, list_runs
from mnist_tui.runs.protocol import AnyRequest, Ping, Stop
from tests import samples
from tests.fake_engine import FakeEngine


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    with FakeEngine(create_run(samples.config())) as fake:
        yield fake


def refusal(run: RunDirectory, request: AnyRequest) -> str:
    with pytest.raises(RunError) as caught:
        ask(run, request)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("request_sent", [Ping(), Stop(by="tests"), Stop(by="tests", now=True)], ids=repr)
def test_a_request_reaches_the_engine_as_one_line(engine: FakeEngine, request_sent: AnyRequest) -> None:
    ask(engine.run, request_sent)
    (line,) = engine.requests
    assert line.endswith(b"\n")
    assert msgspec.json.decode(line, type=AnyRequest) == request_sent


def test_a_refusal_is_told_in_the_engine_s_words(engine: FakeEngine) -> None:
    engine.answer = b'{"ok":false,"error":"it is over"}\n'
    assert refusal(engine.run, Stop(by="tests")).endswith(f"the engine of run {engine.run.id} refused: it is over")


@pytest.mark.parametrize("answer", [b"", b"\n", b'{"ok":', b"[]\n", b'{"ok":false,"error":"\xff"}\n'])
def test_an_answer_that_is_none_is_told(engine: FakeEngine, answer: bytes) -> None:
    engine.answer = answer
    message = refusal(engine.run, Ping())
    assert f"the engine of run {engine.run.id} (process {os.getpid()}) does not answer" in message


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
    with pytest.raises(RunError, match="the engine cannot be started"):
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
