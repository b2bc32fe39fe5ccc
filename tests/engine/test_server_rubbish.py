"""What comes to the control socket harms nothing: strangers, rubbish, floods, hordes, mute peers, an emptied folder."""

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
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_tui.control.protocol import Attach, Ping, Reply, Stop
from mnist_tui.engine.service import private_socket, server
from mnist_tui.engine.service.private_socket import peer_uid, xucred_uid
from mnist_tui.engine.service.server import BURST, LONGEST_LINE, MOST_CONNECTIONS, TokenBucket, answer
from tests.engine.test_server import STRANGER, RecordingDesk, becomes, connected, serving, unwatched

LINES = st.binary(max_size=300).map(lambda line: line.replace(b"\n", b" "))
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
def desk() -> RecordingDesk:
    return RecordingDesk()


def malformed(count: int) -> list[bytes]:
    """Lines that are no requests: hostile ones, torn ones, and noise; the same every time."""
    chance = random.Random(4)
    kinds = [
        lambda: chance.choice(HOSTILE),
        lambda: VALID[: chance.randrange(len(VALID))],
        lambda: chance.randbytes(chance.randrange(300)).replace(b"\n", b""),
    ]
    return [kinds[number % len(kinds)]() for number in range(count)]


def test_the_system_tells_who_is_at_the_other_end() -> None:
    here, there = socket.socketpair(socket.AF_UNIX)
    with here, there:
        assert peer_uid(here) == os.geteuid()


def test_the_user_is_read_out_of_macos_credentials() -> None:
    groups = [20] + [0] * 15
    assert xucred_uid(struct.pack("=IIhxx16I", 0, 501, 1, *groups)) == 501
    assert xucred_uid(struct.pack("=IIhxx16I", 0, 2**32 - 2, 1, *groups)) == 2**32 - 2


@pytest.mark.parametrize("data", [b"", b"\0" * 4, struct.pack("=IIhxx16I", 7, 501, 1, *range(16))])
def test_credentials_of_an_unknown_form_admit_nobody(data: bytes) -> None:
    with pytest.raises(OSError, match="xucred"):
        xucred_uid(data)


async def test_another_user_is_told_and_turned_away(desk: RecordingDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.trouble = "cannot write /home/secret"
    monkeypatch.setattr(server, "peer_uid", lambda _: STRANGER)
    async with serving(desk) as path, connected(path) as client:
        refusal = await client.ask(Stop(by="stranger"))
        assert not refusal.ok
        assert str(STRANGER) in refusal.error
        assert not refusal.trouble
        assert await client.is_hung_up_on()
    assert not desk.requests


async def test_a_client_whose_user_cannot_be_read_is_turned_away(
    desk: RecordingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(_: object) -> int:
        raise OSError("gone")

    monkeypatch.setattr(server, "peer_uid", unreadable)
    async with serving(desk) as path, connected(path) as client:
        assert await client.is_hung_up_on()


@pytest.mark.parametrize("uid", [0, os.geteuid(), None], ids=["root", "the user", "no way to tell"])
async def test_the_user_and_root_are_let_in(
    desk: RecordingDesk, monkeypatch: pytest.MonkeyPatch, uid: int | None
) -> None:
    monkeypatch.setattr(server, "peer_uid", lambda _: uid)
    async with serving(desk) as path, connected(path) as client:
        assert (await client.ask(Ping())).ok


async def test_the_socket_is_at_no_moment_anybody_else_s(desk: RecordingDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[int] = []
    narrow = Path.chmod

    def spy(path: Path, mode: int) -> None:
        modes.append(path.stat().st_mode & 0o777)
        narrow(path, mode)

    mask = os.umask(0)
    try:
        async with serving(desk) as path:
            assert path.stat().st_mode & 0o777 == 0o600
        monkeypatch.setattr(Path, "chmod", spy)
        async with serving(desk):
            pass
        assert os.umask(0) == 0
    finally:
        os.umask(mask)
    (as_bound,) = modes
    assert as_bound & 0o077 == 0


@given(st.binary())
def test_rubbish_is_refused_with_a_reason_and_does_nothing(line: bytes) -> None:
    desk = RecordingDesk()
    refusal = asyncio.run(answer(line, desk, unwatched))
    assert not refusal.ok
    assert refusal.error
    assert not desk.requests


@pytest.mark.parametrize("line", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_lines_are_refused_in_a_short_sentence(line: bytes) -> None:
    desk = RecordingDesk()
    refusal = asyncio.run(answer(line, desk, unwatched))
    assert not refusal.ok
    assert refusal.error.startswith("not a request: ")
    assert len(refusal.error) <= server.LONGEST_SENTENCE
    assert not desk.requests


@settings(max_examples=25, deadline=None)
@given(st.lists(LINES, max_size=40))
def test_each_line_of_rubbish_gets_one_answer_and_the_connection_stays(lines: list[bytes]) -> None:
    desk = RecordingDesk()

    async def talk() -> None:
        async with serving(desk) as path, connected(path) as client:
            for line in lines:
                assert not (await client.send(line + b"\n")).ok
            assert (await client.ask(Ping())).ok

    asyncio.run(talk())
    assert not desk.requests


async def test_a_thousand_malformed_messages_over_eight_connections_do_nothing(desk: RecordingDesk) -> None:
    async def rant(lines: list[bytes]) -> None:
        async with connected(path) as client:
            for line in lines:
                assert not (await client.send(line + b"\n")).ok
            assert (await client.ask(Ping())).ok

    messages = malformed(1000)
    async with serving(desk) as path, connected(path) as witness:
        await asyncio.gather(*(rant(messages[first::8]) for first in range(8)))
        assert (await witness.ask(Ping())) == Reply(ok=True)
        assert not desk.requests
        assert not desk.viewers
        assert (await witness.ask(Stop(by="tests"))).ok
    assert desk.requests == [Stop(by="tests")]


@pytest.mark.parametrize("end", [b"", b"\n"], ids=["without an end", "with an end"])
@pytest.mark.parametrize("size", [LONGEST_LINE + 2, 500_000])
async def test_a_line_that_is_too_long_gets_one_answer_and_the_connection_is_closed(
    desk: RecordingDesk, size: int, end: bytes
) -> None:
    async with serving(desk) as path, connected(path) as witness, connected(path) as client:
        refusal = await client.send(b'{"type":"stop","by":"me"' + b" " * size + b"}" + end)
        assert not refusal.ok
        assert str(LONGEST_LINE) in refusal.error
        assert await client.is_hung_up_on()
        assert (await witness.ask(Ping())).ok
    assert not desk.requests


async def test_the_longest_line_is_a_request_like_any_other(desk: RecordingDesk) -> None:
    async with serving(desk) as path, connected(path) as client:
        assert (await client.send(b'{"type":"ping"}'.ljust(LONGEST_LINE) + b"\n")).ok


def test_a_bucket_allows_a_burst_and_then_a_rate() -> None:
    bucket = TokenBucket(size=3, per_second=2, now=100)
    assert [bucket.take(100) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(100.5), bucket.take(100.5)] == [True, False]
    assert [bucket.take(200) for _ in range(4)] == [True, True, True, False]


async def test_a_flood_is_told_and_hung_up_on_and_nobody_else_notices(desk: RecordingDesk) -> None:
    flood = 20_000
    async with serving(desk) as path, connected(path) as witness, connected(path) as client:
        client.writer.write(b'{"type":"stop","by":"flood"}\n' * flood)
        lines = (await client.reader.read()).splitlines()
        *answers, last = [msgspec.json.decode(line, type=Reply) for line in lines]
        assert all(each.ok for each in answers)
        assert BURST <= len(answers) < flood
        assert not last.ok
        assert last.error.startswith("too many requests")
        assert (await witness.ask(Ping())).ok
        assert len(desk.requests) == len(answers)


async def test_one_connection_too_many_is_told_and_closed_until_somebody_leaves(desk: RecordingDesk) -> None:
    async with serving(desk) as path, contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected(path)) for _ in range(MOST_CONNECTIONS)]
        for client in clients:
            assert (await client.ask(Attach(by="screen"))).ok
        async with connected(path) as surplus:
            refusal = await surplus.ask(Ping())
            assert not refusal.ok
            assert refusal.error.startswith("too many connections")
            assert await surplus.is_hung_up_on()
        clients[0].leave()
        async with asyncio.timeout(60):
            while True:  # until the server, too, knows that it left
                async with connected(path) as successor:
                    if (await successor.ask(Ping())).ok:
                        break


async def test_hordes_are_not_even_talked_to(desk: RecordingDesk) -> None:
    async with serving(desk) as path, contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected(path)) for _ in range(MOST_CONNECTIONS)]
        for client in clients:
            await client.ask(Ping())
        # Each of these is heard out after its refusal, and counts until then.
        horde = [await stack.enter_async_context(connected(path)) for _ in range(3 * MOST_CONNECTIONS)]
        words = [await client.reader.readline() for client in horde]
        assert words.count(b"") > 0
        assert all(msgspec.json.decode(word, type=Reply).ok is False for word in words if word)
        assert all([(await client.ask(Ping())).ok for client in clients])


async def test_half_a_line_and_then_nothing_is_hung_up_on_but_a_silent_screen_is_not(
    desk: RecordingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(desk) as path, connected(path) as screen:
        await screen.ask(Attach(by="screen"))
        monkeypatch.setattr(server, "HALF_LINE_SECONDS", 0.05)
        await screen.ask(Ping())
        for beginning in (b'{"type":"ping"', b'{"type":"ping"}\n{', b""):
            async with connected(path) as client:
                client.writer.write(beginning)
                last = (await client.reader.read()).splitlines()[-1]
                assert msgspec.json.decode(last, type=Reply).error.startswith("no whole request")
        assert (await screen.ask(Ping())).ok
        screen.writer.write(b'{"type":')
        assert not (await screen.hear()).ok
        assert await screen.is_hung_up_on()
    assert desk.viewers == [1, 0]


async def test_a_client_that_never_reads_is_hung_up_on(desk: RecordingDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "UNREAD_SECONDS", 0.05)
    monkeypatch.setattr(server, "BURST", 10**9)
    desk.trouble = "x" * server.LONGEST_SENTENCE
    async with serving(desk) as path, connected(path) as witness:
        await witness.ask(Ping())
        with socket.socket(socket.AF_UNIX) as deaf:
            deaf.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(deaf, str(path))
            with pytest.raises(ConnectionError):
                await asyncio.wait_for(loop.sock_sendall(deaf, b'{"type":"ping"}\n' * 10**6), timeout=60)
        assert (await witness.ask(Ping())).ok


async def test_a_folder_that_vanishes_is_made_again_and_nobody_is_hung_up_on(
    desk: RecordingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "LOOK_SECONDS", 0.01)
    async with serving(desk) as path, connected(path) as before:
        shutil.rmtree(path.parent)
        await becomes(path.is_socket)
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert path.stat().st_mode & 0o777 == 0o600
        async with connected(path) as after:
            assert (await after.ask(Ping())).ok
        assert (await before.ask(Ping())).ok


async def test_a_folder_that_cannot_be_made_again_yet_is_tried_again(
    desk: RecordingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[Path] = []
    make = private_socket.make_private

    def make_at_the_third_try(folder: Path) -> None:
        tries.append(folder)
        if len(tries) < 3:
            raise PermissionError("logged out")
        make(folder)

    monkeypatch.setattr(server, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(server, "make_private", make_at_the_third_try)
    async with serving(desk) as path:
        path.unlink()
        await becomes(path.is_socket)
        async with connected(path) as client:
            assert (await client.ask(Ping())).ok
