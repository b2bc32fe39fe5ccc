"""The control socket over real sockets: what is answered, where it lies, and who watches."""

import asyncio
import contextlib
import os
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mnist_tui.control.protocol import AnyRequest, Attach, Pause, Ping, Reply, Stop
from mnist_tui.engine.service import server
from mnist_tui.engine.service.private_socket import listener_at, socket_path
from mnist_tui.engine.service.server import Refused, answer, serve

STRANGER = 54321
"""No user of this machine."""


class RecordingDesk:
    """Keeps what it is told; raises `mood` at the next requests, when there is one."""

    def __init__(self) -> None:
        self.requests: list[AnyRequest] = []
        self.viewers: list[int] = []
        self.mood: Exception | None = None
        self.trouble = ""

    def handle(self, request: AnyRequest) -> None:
        if self.mood is not None:
            raise self.mood
        self.requests.append(request)

    def viewers_changed(self, count: int) -> None:
        self.viewers.append(count)


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, request: AnyRequest) -> Reply:
        return await self.send(msgspec.json.encode(request) + b"\n")

    async def send(self, line: bytes) -> Reply:
        self.writer.write(line)
        return await self.hear()

    async def hear(self) -> Reply:
        return msgspec.json.decode(await self.reader.readline(), type=Reply)

    async def is_hung_up_on(self) -> bool:
        return await self.reader.read() == b""

    def leave(self) -> None:
        self.writer.transport.abort()


@contextlib.asynccontextmanager
async def connected(path: Path) -> AsyncIterator[Client]:
    client = Client(*await asyncio.open_unix_connection(path))
    try:
        yield client
    finally:
        client.leave()


@contextlib.asynccontextmanager
async def serving(desk: RecordingDesk) -> AsyncIterator[Path]:
    """A server that answers at this path; it has ended, and cleaned up, when the block is left."""
    with tempfile.TemporaryDirectory(prefix="mnist-tui-") as folder:  # tmp_path may be too long for a socket
        path, until = Path(folder, "1.sock"), asyncio.Event()
        task = asyncio.create_task(serve(listener_at(path), desk, until))
        try:
            yield path
        finally:
            until.set()
            await task
            assert not path.exists()


async def becomes(state: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not state():
            await asyncio.sleep(0.01)


@pytest.fixture
def desk() -> RecordingDesk:
    return RecordingDesk()


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An XDG_RUNTIME_DIR whose path is short; nothing else is offered for temporary files."""
    with tempfile.TemporaryDirectory(prefix="mnist-tui-") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def unwatched() -> None:
    raise AssertionError("nobody attached")


# What is answered


def test_requests_are_carried_out_and_answered(desk: RecordingDesk) -> None:
    assert asyncio.run(answer(b'{"type":"ping"}\n', desk, unwatched)) == Reply(ok=True)
    assert asyncio.run(answer(b'{"type":"stop","by":"me","now":true}', desk, unwatched)) == Reply(ok=True)
    assert desk.requests == [Stop(by="me", now=True)]


def test_every_answer_tells_what_cannot_be_saved(desk: RecordingDesk) -> None:
    desk.trouble = "the disk is full: no checkpoint since step 12"
    answers = [
        asyncio.run(answer(line, desk, unwatched))
        for line in (b'{"type":"ping"}', b'{"type":"pause","by":"me"}', b"what?")
    ]
    assert [(each.ok, each.trouble) for each in answers] == [
        (True, desk.trouble),
        (True, desk.trouble),
        (False, desk.trouble),
    ]


async def test_a_request_that_comes_before_anybody_serves_is_answered_as_soon_as_somebody_does(
    session: Path, desk: RecordingDesk
) -> None:
    listener, until = listener_at(session / "1.sock"), asyncio.Event()
    async with connected(session / "1.sock") as early:
        early.writer.write(b'{"type":"ping"}\n')
        task = asyncio.create_task(serve(listener, desk, until))
        assert (await early.hear()).ok
        until.set()
        await task


@pytest.mark.parametrize("sentence", ["the run is over", "", "cannot save /home/\udcff/run"], ids=ascii)
def test_what_the_desk_refuses_is_told_in_its_words(desk: RecordingDesk, sentence: str) -> None:
    desk.mood = Refused(sentence)
    refusal = asyncio.run(answer(b'{"type":"pause","by":"me"}', desk, unwatched))
    assert not refusal.ok
    assert msgspec.json.decode(msgspec.json.encode(refusal), type=Reply).error == sentence.replace("\udcff", "?")


async def test_a_request_that_fails_inside_is_told_and_logged_and_the_server_lives_on(
    desk: RecordingDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(desk) as path, connected(path) as client:
        desk.mood = ZeroDivisionError("a mistake of ours")
        refusal = await client.ask(Pause(by="me"))
        assert not refusal.ok
        assert "ZeroDivisionError" in refusal.error
        assert "a mistake of ours" in capsys.readouterr().err
        desk.mood = None
        assert (await client.ask(Pause(by="me"))).ok
    assert desk.requests == [Pause(by="me")]


async def test_requests_over_one_connection_are_answered_in_turn(desk: RecordingDesk) -> None:
    requests: list[AnyRequest] = [Pause(by="one"), Stop(by="two"), Pause(by="three")]
    async with serving(desk) as path, connected(path) as client:
        client.writer.write(b"".join(msgspec.json.encode(request) + b"\n" for request in requests))
        assert [(await client.hear()).ok for _ in requests] == [True, True, True]
    assert desk.requests == requests


async def test_a_client_that_stops_sending_still_hears_its_answer(desk: RecordingDesk) -> None:
    async with serving(desk) as path, connected(path) as client:
        client.writer.write(b'{"type":"ping"}')
        client.writer.write_eof()
        assert (await client.hear()).ok
        assert await client.is_hung_up_on()


# Where the socket lies


def test_the_folder_is_the_users_alone(session: Path) -> None:
    assert socket_path().parent == session / "mnist-tui"
    assert (session / "mnist-tui").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_others_can_enter_is_closed_to_them(session: Path) -> None:
    folder = session / "mnist-tui"
    folder.mkdir()
    folder.chmod(0o777)
    assert socket_path().parent == folder
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_session_folder_whose_path_is_too_long_is_passed_over(session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = session / ("x" * 120)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    assert socket_path().parent == session / f"mnist-tui-{os.geteuid()}"


async def test_where_all_of_the_user_s_folders_have_long_paths_the_system_s_is_taken_and_works(
    session: Path, monkeypatch: pytest.MonkeyPatch, desk: RecordingDesk
) -> None:
    deep = session / ("x" * 120)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    path, until = socket_path(), asyncio.Event()
    assert path.parent == Path("/tmp", f"mnist-tui-{os.geteuid()}")
    task = asyncio.create_task(serve(listener_at(path), desk, until))
    async with connected(path) as client:
        assert (await client.ask(Ping())).ok
        until.set()
        await task


@pytest.mark.parametrize("session_folder", [None, "", "relative"])
def test_without_a_usable_session_folder_the_one_for_temporary_files_is_taken(
    session: Path, monkeypatch: pytest.MonkeyPatch, session_folder: str | None
) -> None:
    if session_folder is None:
        monkeypatch.delenv("XDG_RUNTIME_DIR")
    else:
        monkeypatch.setenv("XDG_RUNTIME_DIR", session_folder)
    assert socket_path().parent == session / f"mnist-tui-{os.geteuid()}"


def test_a_folder_that_is_a_link_is_passed_over(session: Path) -> None:
    elsewhere = session / "elsewhere"
    elsewhere.mkdir()
    elsewhere.chmod(0o755)
    (session / "mnist-tui").symlink_to(elsewhere)
    assert socket_path().parent == session / f"mnist-tui-{os.geteuid()}"
    assert not list(elsewhere.iterdir())
    assert elsewhere.stat().st_mode & 0o777 == 0o755


def test_another_user_s_folders_are_refused_with_a_sentence(session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: STRANGER)
    folders = [session / "mnist-tui", session / f"mnist-tui-{STRANGER}", Path("/tmp", f"mnist-tui-{STRANGER}")]
    try:
        with pytest.raises(OSError, match="set TMPDIR") as caught:
            socket_path()
    finally:
        folders[-1].rmdir()
    assert all(f"{folder} belongs to another user" in str(caught.value) for folder in folders)


@pytest.mark.usefixtures("session")
def test_a_disk_that_is_too_full_to_look_for_a_temporary_folder_does_not_matter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", full)
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert socket_path().parent == Path("/tmp", f"mnist-tui-{os.geteuid()}")


# What dead engines leave


def abandoned(path: Path) -> Path:
    """A socket that nobody listens on any more."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
    return path


def number_of_a_dead_process() -> int:
    with subprocess.Popen(["true"]) as process:
        return process.pid


@pytest.mark.usefixtures("session")
def test_the_sockets_of_dead_engines_are_swept_away_and_no_other_file() -> None:
    folder = socket_path().parent
    dead = number_of_a_dead_process()
    stale = abandoned(folder / f"{dead}.sock")
    kept = [
        abandoned(folder / f"{os.getppid()}.sock"),  # a live process that may be about to listen
        abandoned(folder / "name.sock"),
        abandoned(folder / f"{'9' * 30}.sock.old"),
        folder / f"{dead}1.sock",
    ]
    kept[-1].write_bytes(b"no socket")
    socket_path()
    assert not stale.exists()
    assert all(path.exists() for path in kept)


@pytest.mark.usefixtures("session")
def test_a_socket_that_somebody_listens_on_stays_whatever_its_number() -> None:
    path = socket_path().parent / f"{number_of_a_dead_process()}.sock"  # an engine of another container
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(0)
        socket_path()
        socket_path()  # its queue is full now
        assert path.is_socket()


@pytest.mark.usefixtures("session")
def test_the_socket_of_an_earlier_process_of_this_number_makes_way() -> None:
    left = abandoned(socket_path())
    assert socket_path() == left
    assert not left.exists()


def test_a_live_socket_under_this_process_number_is_left_alone(session: Path) -> None:
    taken = socket_path()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(taken))
        listener.listen()
        assert socket_path().parent == session / f"mnist-tui-{os.geteuid()}"
        assert taken.is_socket()


# The end


async def test_the_end_hangs_up_on_everybody_and_is_not_worth_a_word(
    desk: RecordingDesk, caplog: pytest.LogCaptureFixture
) -> None:
    async with contextlib.AsyncExitStack() as clients:
        async with serving(desk) as path:
            screen = await clients.enter_async_context(connected(path))
            idle = await clients.enter_async_context(connected(path))
            await screen.ask(Attach(by="screen"))
            idle.writer.write(b'{"type":')
        assert await screen.is_hung_up_on()
        assert await idle.is_hung_up_on()
    assert desk.viewers == [1, 0]
    assert not caplog.records


# Who watches


async def test_the_desk_knows_how_many_screens_watch(desk: RecordingDesk) -> None:
    async with serving(desk) as path, connected(path) as one, connected(path) as two, connected(path) as passing:
        assert (await one.ask(Attach(by="one"))).ok
        await two.ask(Attach(by="two"))
        await two.ask(Attach(by="two"))
        await passing.ask(Ping())
        assert desk.viewers == [1, 2]
        passing.leave()
        two.leave()
        await becomes(lambda: len(desk.viewers) > 2)
        assert desk.viewers == [1, 2, 1]
    assert desk.viewers == [1, 2, 1, 0]
    assert not desk.requests


async def test_a_screen_that_falls_silent_is_not_watching_until_it_speaks_again(
    desk: RecordingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "FACE_SILENCE_SECONDS", 0.05)
    async with serving(desk) as path, connected(path) as screen:
        await screen.ask(Attach(by="screen"))
        await becomes(lambda: desk.viewers == [1, 0])
        assert (await screen.ask(Ping())).ok
        assert desk.viewers[:3] == [1, 0, 1]
        await becomes(lambda: desk.viewers[3:4] == [0])


async def test_only_the_last_thing_a_screen_said_counts_for_its_silence(
    desk: RecordingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    silences: list[asyncio.TimerHandle] = []
    loop = asyncio.get_running_loop()
    genuine = loop.call_later

    def call_later(delay: float, *call: Any) -> asyncio.TimerHandle:
        handle = genuine(delay, *call)
        if delay == server.FACE_SILENCE_SECONDS:
            silences.append(handle)
        return handle

    monkeypatch.setattr(loop, "call_later", call_later)
    async with serving(desk) as path, connected(path) as screen:
        for request in (Attach(by="screen"), Ping(), Ping()):
            await screen.ask(request)
        assert [handle.cancelled() for handle in silences] == [True, True, False]
    assert silences[-1].cancelled()


async def test_a_refused_attach_does_not_count(desk: RecordingDesk) -> None:
    async with serving(desk) as path, connected(path) as client:
        assert not (await client.ask(Attach(by="\x1b[2J"))).ok
        assert not desk.viewers
