from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_tui.engine.server import LONGEST_PATH, answer, socket_path
from mnist_tui.runs.protocol import Stop


def test_requests_are_carried_out_and_answered() -> None:
    stops: list[Stop] = []
    assert answer(b'{"type":"ping"}\n', stops.append).ok
    assert answer(b'{"type":"stop","by":"me","now":true}\n', stops.append).ok
    assert stops == [Stop(by="me", now=True)]


@given(st.binary())
def test_rubbish_is_refused_with_a_reason_and_does_nothing(line: bytes) -> None:
    stops: list[Stop] = []
    refusal = answer(line, stops.append)
    assert not refusal.ok
    assert refusal.error
    assert not stops


def test_a_request_with_a_field_of_the_wrong_type_is_refused() -> None:
    assert not answer(b'{"type":"stop","by":3}', lambda _: None).ok


def test_a_session_folder_whose_path_is_too_long_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("x" * 120)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    path = socket_path()
    assert len(str(path)) <= LONGEST_PATH
    assert deep not in path.parents


def test_the_folder_is_the_users_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert socket_path().parent.stat().st_mode & 0o777 == 0o700
