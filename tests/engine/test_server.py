"""The control socket over real sockets: replies, the place of the socket, viewers."""

import asyncio
import contextlib
import os
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from mnist_tui.control.protocol import Attach, Pause, Ping, Reply, Request, Stop
from mnist_tui.engine.service import private_socket, server
from mnist_tui.engine.service.private_socket import listener_at, socket_path
from mnist_tui.engine.service.server import RequestError, reply_to, serve

OTHER_UID = 54321


class RecordingHandler:
    """Keeps the requests; raises `error` instead if there is one."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.viewers: list[int] = []
        self.error: Exception | None = None
        self.save_error = ""

    def handle(self, request: Request) -> None:
        if self.error is not None:
            raise self.error
        self.requests.append(request)

    def viewers_changed(self, count: int) -> None:
        self.viewers.append(count)


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, request: Request) -> Reply:
        return await self.send_line(msgspec.json.encode(request) + b"\n")

    async def send_line(self, line: bytes) -> Reply:
        self.writer.write(line)
        return await self.receive()

    async def receive(self) -> Reply:
        return msgspec.json.decode(await self.reader.readline(), type=Reply)

    async def is_disconnected(self) -> bool:
        return await self.reader.read() == b""

    def disconnect(self) -> None:
        self.writer.transport.abort()


@contextlib.asynccontextmanager
async def connected(path: Path) -> AsyncIterator[Client]:
    client = Client(*await asyncio.open_unix_connection(path))
    try:
        yield client
    finally:
        client.disconnect()


@contextlib.asynccontextmanager
async def serving(handler: RecordingHandler) -> AsyncIterator[Path]:
    """Serve at the path until the block ends."""
    with tempfile.TemporaryDirectory(prefix="mnist-tui-") as folder:  # tmp_path may be too long for a socket
        path, until = Path(folder, "1.sock"), asyncio.Event()
        task = asyncio.create_task(serve(listener_at(path), handler, until))
        try:
            yield path
        finally:
            until.set()
            await task
            assert not path.exists()


async def wait_until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
def handler() -> RecordingHandler:
    return RecordingHandler()


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An XDG_RUNTIME_DIR with a short path, which is the folder for temporary files too."""
    with tempfile.TemporaryDirectory(prefix="mnist-tui-") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def no_attach() -> None:
    raise AssertionError("a viewer attached")


# Replies


def test_requests_are_carried_out(handler: RecordingHandler) -> None:
    assert asyncio.run(reply_to(b'{"type":"ping"}\n', handler, no_attach)) == Reply(ok=True)
    assert asyncio.run(reply_to(b'{"type":"stop","by":"me","now":true}', handler, no_attach)) == Reply(ok=True)
    assert handler.requests == [Stop(by="me", now=True)]


@pytest.mark.parametrize("line", [b'{"type":"ping"}', b'{"type":"pause","by":"me"}', b"what?"])
def test_every_reply_has_the_save_error(handler: RecordingHandler, line: bytes) -> None:
    handler.save_error = "the disk is full: no checkpoint since step 12"
    assert asyncio.run(reply_to(line, handler, no_attach)).save_error == handler.save_error


async def test_a_request_sent_before_the_server_starts_gets_its_reply(session: Path, handler: RecordingHandler) -> None:
    listener, until = listener_at(session / "1.sock"), asyncio.Event()
    async with connected(session / "1.sock") as early:
        early.writer.write(b'{"type":"ping"}\n')
        task = asyncio.create_task(serve(listener, handler, until))
        assert (await early.receive()).ok
        until.set()
        await task


@pytest.mark.parametrize("sentence", ["the run is over", "", "cannot save /home/\udcff/run"], ids=ascii)
def test_the_handlers_error_is_the_reply(handler: RecordingHandler, sentence: str) -> None:
    handler.error = RequestError(sentence)
    reply = asyncio.run(reply_to(b'{"type":"pause","by":"me"}', handler, no_attach))
    assert not reply.ok
    assert msgspec.json.decode(msgspec.json.encode(reply), type=Reply).error == sentence.replace("\udcff", "?")


async def test_a_request_that_fails_inside_is_logged_and_the_server_goes_on(
    handler: RecordingHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(handler) as path, connected(path) as client:
        handler.error = ZeroDivisionError("a bug")
        reply = await client.send(Pause(by="me"))
        assert not reply.ok
        assert "ZeroDivisionError" in reply.error
        assert "a bug" in capsys.readouterr().err
        handler.error = None
        assert (await client.send(Pause(by="me"))).ok
    assert handler.requests == [Pause(by="me")]


async def test_replies_come_in_the_order_of_the_requests(handler: RecordingHandler) -> None:
    requests: list[Request] = [Pause(by="one"), Stop(by="two"), Pause(by="three")]
    async with serving(handler) as path, connected(path) as client:
        client.writer.write(b"".join(msgspec.json.encode(request) + b"\n" for request in requests))
        assert [(await client.receive()).ok for _ in requests] == [True, True, True]
    assert handler.requests == requests


async def test_a_client_that_stops_sending_still_gets_its_reply(handler: RecordingHandler) -> None:
    async with serving(handler) as path, connected(path) as client:
        client.writer.write(b'{"type":"ping"}')
        client.writer.write_eof()
        assert (await client.receive()).ok
        assert await client.is_disconnected()


# The place of the socket


def test_the_folder_is_private_even_if_it_was_open(session: Path) -> None:
    folder = session / "mnist-tui"
    for _ in range(2):
        assert socket_path().parent == folder
        assert folder.stat().st_mode & 0o777 == 0o700
        folder.chmod(0o777)


async def test_without_a_short_path_the_socket_is_in_tmp(
    session: Path, monkeypatch: pytest.MonkeyPatch, handler: RecordingHandler
) -> None:
    deep = session / ("x" * 120)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    assert socket_path().parent == session / f"mnist-tui-{os.geteuid()}"
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    path, until = socket_path(), asyncio.Event()
    assert path.parent == Path("/tmp", f"mnist-tui-{os.geteuid()}")
    task = asyncio.create_task(serve(listener_at(path), handler, until))
    async with connected(path) as client:
        assert (await client.send(Ping())).ok
        until.set()
        await task


@pytest.mark.parametrize("session_folder", ["", "relative"])
def test_without_a_session_folder_the_socket_is_in_the_temporary_folder(
    session: Path, monkeypatch: pytest.MonkeyPatch, session_folder: str
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", session_folder)
    assert socket_path().parent == session / f"mnist-tui-{os.geteuid()}"


def test_a_folder_that_is_a_link_is_skipped(session: Path) -> None:
    elsewhere = session / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    (session / "mnist-tui").symlink_to(elsewhere)
    assert socket_path().parent == session / f"mnist-tui-{os.geteuid()}"
    assert not list(elsewhere.iterdir())
    assert elsewhere.stat().st_mode & 0o777 == 0o755


def take_every_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every folder whose name can be guessed belong to another user."""
    make_private = private_socket.make_private

    def refuse(folder: Path) -> None:
        if folder.name in ("mnist-tui", f"mnist-tui-{os.geteuid()}"):
            raise OSError("belongs to another user")
        make_private(folder)

    monkeypatch.setattr(private_socket, "make_private", refuse)


def test_a_folder_of_another_user_is_not_entered(session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: OTHER_UID)
    with pytest.raises(OSError, match="belongs to another user"):
        private_socket.make_private(session)


def test_another_users_folders_are_avoided(session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take_every_name(monkeypatch)
    folder = socket_path().parent
    assert folder.parent == session
    assert folder.name.startswith(f"mnist-tui-{os.geteuid()}-")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert socket_path().parent == folder, "no second folder"


def test_without_any_folder_the_error_gives_all_reasons(session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> str:
        raise OSError("No space left on device")

    take_every_name(monkeypatch)
    monkeypatch.setattr(tempfile, "mkdtemp", full)
    with pytest.raises(OSError, match="set TMPDIR") as caught:
        socket_path()
    for folder in (
        session / "mnist-tui",
        session / f"mnist-tui-{os.geteuid()}",
        Path(f"/tmp/mnist-tui-{os.geteuid()}"),
    ):
        assert f"{folder} belongs to another user" in str(caught.value)


def test_a_folder_whose_name_is_not_utf_8_is_skipped(session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = session / os.fsdecode(b"caf\xe9")
    odd.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(odd))
    assert socket_path().parent == session / f"mnist-tui-{os.geteuid()}"


@pytest.mark.usefixtures("session")
def test_a_full_disk_does_not_prevent_a_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", full)
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert socket_path().parent == Path("/tmp", f"mnist-tui-{os.geteuid()}")


# Sockets of dead engines


def listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(0)
    return listener


def abandoned(path: Path) -> Path:
    listen(path).close()
    return path


def id_of_a_dead_process() -> int:
    with subprocess.Popen(["true"]) as process:
        return process.pid


@pytest.mark.usefixtures("session")
def test_only_the_sockets_of_dead_engines_are_removed() -> None:
    folder, dead = socket_path().parent, id_of_a_dead_process()
    stale = abandoned(folder / f"{dead}.sock")
    kept = [
        abandoned(folder / f"{os.getppid()}.sock"),  # a live process that may be about to listen
        abandoned(folder / "name.sock"),
        abandoned(folder / f"{'9' * 30}.sock.old"),
        folder / f"{dead}1.sock",
    ]
    kept[-1].write_bytes(b"not a socket")
    socket_path()
    assert not stale.exists()
    assert all(path.exists() for path in kept)


@pytest.mark.usefixtures("session")
def test_a_socket_with_a_listener_stays() -> None:
    path = socket_path().parent / f"{id_of_a_dead_process()}.sock"  # an engine of another container
    with listen(path):
        socket_path()
        socket_path()  # its queue is full now
        assert path.is_socket()


def test_a_socket_under_this_process_id_is_replaced_unless_it_is_live(session: Path) -> None:
    left = abandoned(socket_path())
    assert socket_path() == left
    assert not left.exists()
    with listen(left):
        assert socket_path().parent == session / f"mnist-tui-{os.geteuid()}"
        assert left.is_socket()


# The end


async def test_the_end_closes_all_connections_silently(
    handler: RecordingHandler, caplog: pytest.LogCaptureFixture
) -> None:
    async with contextlib.AsyncExitStack() as clients:
        async with serving(handler) as path:
            screen = await clients.enter_async_context(connected(path))
            idle = await clients.enter_async_context(connected(path))
            await screen.send(Attach(by="screen"))
            idle.writer.write(b'{"type":')
        assert await screen.is_disconnected()
        assert await idle.is_disconnected()
    assert handler.viewers == [1, 0]
    assert not caplog.records


# Viewers


async def test_the_handler_gets_the_number_of_viewers(handler: RecordingHandler) -> None:
    async with serving(handler) as path, connected(path) as one, connected(path) as two, connected(path) as passing:
        assert (await one.send(Attach(by="one"))).ok
        await two.send(Attach(by="two"))
        await two.send(Attach(by="two"))
        await passing.send(Ping())
        assert handler.viewers == [1, 2]
        passing.disconnect()
        two.disconnect()
        await wait_until(lambda: len(handler.viewers) > 2)
        assert handler.viewers == [1, 2, 1]
    assert handler.viewers == [1, 2, 1, 0]
    assert not handler.requests


async def test_a_silent_viewer_does_not_count_until_it_sends_again(
    handler: RecordingHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "VIEWER_SILENCE_SECONDS", 0.05)
    async with serving(handler) as path, connected(path) as screen:
        await screen.send(Attach(by="screen"))
        await wait_until(lambda: handler.viewers == [1, 0])
        assert (await screen.send(Ping())).ok
        assert handler.viewers[:3] == [1, 0, 1]
        await wait_until(lambda: handler.viewers[3:4] == [0])


async def test_a_rejected_attach_does_not_count(handler: RecordingHandler) -> None:
    async with serving(handler) as path, connected(path) as client:
        assert not (await client.send(Attach(by="\x1b[2J"))).ok
        assert not handler.viewers
