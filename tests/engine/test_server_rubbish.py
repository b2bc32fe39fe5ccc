"""The control socket against other users, malformed messages, floods, deaf clients and a folder that vanishes."""

import asyncio
import contextlib
import os
import random
import shutil
import socket
import struct
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_tui.control.protocol import Attach, Ping, Reply, Stop
from mnist_tui.engine.service import private_socket, server
from mnist_tui.engine.service.private_socket import peer_uid, xucred_uid
from mnist_tui.engine.service.server import MAX_CONNECTIONS, MAX_LINE_BYTES, MAX_VIEWERS, reply_to
from tests.engine.test_server import OTHER_UID, RecordingHandler, connected, no_attach, serving, wait_until

PING = b'{"type":"ping"}'
VALID = b'{"type":"set_learning_rate","by":"tests","value":0.5}'
HOSTILE = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b'{"type":"shout","by":"tests"}',
    b'{"type":3}',
    b'{"type":"stop"}',
    b'{"type":"stop","by":3}',
    b'{"type":"stop","by":"tests","now":"yes"}',
    b'{"type":"step","by":"tests","count":1e9999}',
    b'{"type":"step","by":"tests","count":' + b"9" * 5000 + b"}",
    b'{"type":"stop","by":"\xff"}',
    b'{"type":"stop","by":"\\ud800"}',
    b'{"type":"stop","by":"\\u001b]0;title\\u0007"}',
    b'{"type":"stop","by":"' + b"x" * 1000 + b'"}',
    b'{"type":"' + b"x" * 60_000 + b'"}',
    b'{"type":"ping","x":' + b"[" * 60_000,
    VALID + VALID,
    b"\x80\x04\x8c\x05posix\x8c\x06system\x93.",  # a pickle
]


@pytest.fixture
def handler() -> RecordingHandler:
    return RecordingHandler()


def malformed(count: int) -> list[bytes]:
    """Return hostile, torn and random lines, the same every time."""
    chance = random.Random(4)
    kinds = [
        lambda: chance.choice(HOSTILE),
        lambda: VALID[: chance.randrange(len(VALID))],
        lambda: chance.randbytes(chance.randrange(300)).replace(b"\n", b""),
    ]
    return [kinds[number % len(kinds)]() for number in range(count)]


def test_the_uid_of_the_other_end_is_known() -> None:
    here, there = socket.socketpair(socket.AF_UNIX)
    with here, there:
        assert peer_uid(here) == os.geteuid()


@pytest.mark.parametrize("uid", [501, 2**32 - 2])
def test_the_uid_is_read_from_macos_credentials(uid: int) -> None:
    assert xucred_uid(struct.pack("=IIhxx16I", 0, uid, 1, 20, *15 * [0])) == uid


@pytest.mark.parametrize("data", [b"", b"\0" * 4, struct.pack("=IIhxx16I", 7, 501, 1, *range(16))])
def test_credentials_of_an_unknown_form_are_an_error(data: bytes) -> None:
    with pytest.raises(OSError, match="xucred"):
        xucred_uid(data)


async def test_another_user_is_rejected(handler: RecordingHandler, monkeypatch: pytest.MonkeyPatch) -> None:
    handler.save_error = "cannot write /home/secret"
    monkeypatch.setattr(server, "peer_uid", lambda _: OTHER_UID)
    async with serving(handler) as path, connected(path) as client:
        reply = await client.send(Stop(by="stranger"))
        assert not reply.ok
        assert f"uid {OTHER_UID}" in reply.error
        assert not reply.save_error
        assert await client.is_disconnected()
    assert not handler.requests


async def test_a_client_with_an_unreadable_uid_is_disconnected(
    handler: RecordingHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(_: object) -> int:
        raise OSError("gone")

    monkeypatch.setattr(server, "peer_uid", unreadable)
    async with serving(handler) as path, connected(path) as client:
        assert await client.is_disconnected()


@pytest.mark.parametrize("uid", [0, os.geteuid(), None], ids=["root", "the user", "unknown system"])
async def test_the_user_and_root_are_served(
    handler: RecordingHandler, monkeypatch: pytest.MonkeyPatch, uid: int | None
) -> None:
    monkeypatch.setattr(server, "peer_uid", lambda _: uid)
    async with serving(handler) as path, connected(path) as client:
        assert (await client.send(Ping())).ok


async def test_no_other_user_can_open_the_socket_at_any_moment(
    handler: RecordingHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes_before_chmod: list[int] = []
    chmod = Path.chmod

    def spy(path: Path, mode: int) -> None:
        if path.is_socket():
            modes_before_chmod.append(path.stat().st_mode & 0o777)
        chmod(path, mode)

    monkeypatch.setattr(Path, "chmod", spy)
    mask = os.umask(0)
    try:
        async with serving(handler) as path:
            assert path.stat().st_mode & 0o777 == 0o600
        assert os.umask(0) == 0
    finally:
        os.umask(mask)
    assert [mode & 0o077 for mode in modes_before_chmod] == [0]


@given(st.binary())
def test_random_bytes_are_rejected_with_a_reason(line: bytes) -> None:
    handler = RecordingHandler()
    reply = asyncio.run(reply_to(line, handler, no_attach))
    assert not reply.ok
    assert reply.error
    assert not handler.requests


@pytest.mark.parametrize("line", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_lines_are_rejected_with_a_short_reason(handler: RecordingHandler, line: bytes) -> None:
    reply = asyncio.run(reply_to(line, handler, no_attach))
    assert not reply.ok
    assert reply.error.startswith("not a request: ")
    assert len(reply.error) <= server.MAX_ERROR_LENGTH
    assert not handler.requests


async def test_321_malformed_messages_over_eight_connections_change_nothing(handler: RecordingHandler) -> None:
    async def send(lines: list[bytes]) -> None:
        async with connected(path) as client:
            for line in lines:
                assert not (await client.send_line(line + b"\n")).ok
            assert (await client.send(Ping())).ok

    messages = malformed(321)
    async with serving(handler) as path, connected(path) as witness:
        await asyncio.gather(*(send(messages[first::8]) for first in range(8)))
        assert not handler.requests
        assert not handler.viewers
        assert (await witness.send(Stop(by="tests"))).ok
    assert handler.requests == [Stop(by="tests")]


@pytest.mark.parametrize("end", [b"", b"\n"], ids=["without an end", "with an end"])
@pytest.mark.parametrize("size", [MAX_LINE_BYTES + 2, 500_000])
async def test_a_line_that_is_too_long_gets_one_reply_and_is_disconnected(
    handler: RecordingHandler, size: int, end: bytes
) -> None:
    async with serving(handler) as path, connected(path) as witness, connected(path) as client:
        reply = await client.send_line(b'{"type":"stop","by":"me"' + b" " * size + b"}" + end)
        assert not reply.ok
        assert str(MAX_LINE_BYTES) in reply.error
        assert await client.is_disconnected()
        assert (await witness.send(Ping())).ok
    assert not handler.requests


async def test_the_longest_line_is_a_request(handler: RecordingHandler) -> None:
    async with serving(handler) as path, connected(path) as client:
        assert (await client.send_line(PING.ljust(MAX_LINE_BYTES) + b"\n")).ok


async def test_a_flood_does_not_keep_other_clients_waiting(handler: RecordingHandler) -> None:
    async with serving(handler) as path, connected(path) as witness, connected(path) as client:
        flood = 20_000
        client.writer.write((PING + b"\n") * flood)
        assert (await witness.send(Ping())).ok
        replies = [await client.reader.readline() for _ in range(flood)]
        assert set(replies) == {msgspec.json.encode(Reply(ok=True)) + b"\n"}


async def test_one_viewer_too_many_is_rejected_until_another_leaves_but_can_steer(handler: RecordingHandler) -> None:
    async with serving(handler) as path, contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected(path)) for _ in range(MAX_VIEWERS)]
        for client in clients:
            assert (await client.send(Attach(by="screen"))).ok
        async with connected(path) as surplus:
            reply = await surplus.send(Attach(by="screen"))
            assert not reply.ok
            assert str(MAX_VIEWERS) in reply.error
            assert (await surplus.send(Stop(by="screen"))).ok
            assert (await clients[0].send(Attach(by="screen"))).ok
            clients[0].disconnect()
            async with asyncio.timeout(60):
                while not (await surplus.send(Attach(by="screen"))).ok:
                    pass  # the server has not noticed yet


@pytest.mark.parametrize("attached", [0, MAX_VIEWERS])
async def test_silent_connections_give_way_to_new_ones(handler: RecordingHandler, attached: int) -> None:
    async with serving(handler) as path, contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected(path)) for _ in range(MAX_CONNECTIONS)]
        for client in clients[:attached]:
            assert (await client.send(Attach(by="a stopped screen"))).ok
        for _ in range(2 * MAX_CONNECTIONS):
            clients.append(await stack.enter_async_context(connected(path)))
            assert (await clients[-1].send(Ping())).ok
        assert await clients[0].is_disconnected()
        assert (await clients[-MAX_CONNECTIONS // 2].send(Ping())).ok, "a newer one was closed"
        await wait_until(lambda: not handler.viewers or handler.viewers[-1] == 0)


async def test_an_incomplete_request_times_out_but_a_silent_viewer_does_not(
    handler: RecordingHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(handler) as path, connected(path) as viewer:
        await viewer.send(Attach(by="screen"))
        monkeypatch.setattr(server, "REQUEST_SECONDS", 0.05)
        for beginning in (PING[:-1], PING + b"\n{", b""):
            async with connected(path) as client:
                client.writer.write(beginning)
                last = (await client.reader.read()).splitlines()[-1]
                assert "no complete request" in msgspec.json.decode(last, type=Reply).error
        assert (await viewer.send(Ping())).ok
    assert handler.viewers == [1, 0]


async def test_a_client_that_never_reads_is_disconnected(
    handler: RecordingHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "REPLY_SECONDS", 0.05)
    handler.save_error = "x" * server.MAX_ERROR_LENGTH
    async with serving(handler) as path, connected(path) as witness:
        await witness.send(Ping())
        with socket.socket(socket.AF_UNIX) as deaf:
            deaf.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(deaf, str(path))
            with pytest.raises(ConnectionError):
                await asyncio.wait_for(loop.sock_sendall(deaf, (PING + b"\n") * 10**6), timeout=60)
        assert (await witness.send(Ping())).ok


@pytest.mark.parametrize("failures", [0, 2])
async def test_a_folder_that_vanishes_is_created_again_and_all_stay_connected(
    handler: RecordingHandler, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    attempts: list[Path] = []
    make_private = private_socket.make_private

    def fail_first(folder: Path) -> None:
        attempts.append(folder)
        if len(attempts) <= failures:
            raise PermissionError("logged out")
        make_private(folder)

    monkeypatch.setattr(server, "SOCKET_CHECK_SECONDS", 0.01)
    monkeypatch.setattr(server, "make_private", fail_first)
    async with serving(handler) as path, connected(path) as before:
        shutil.rmtree(path.parent)
        await wait_until(path.is_socket)
        assert path.parent.stat().st_mode & 0o777 == 0o700
        await wait_until(lambda: path.stat().st_mode & 0o777 == 0o600)
        async with connected(path) as after:
            assert (await after.send(Ping())).ok
        assert (await before.send(Ping())).ok
