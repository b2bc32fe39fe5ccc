"""A terminal that cannot show the screen is rejected with a reason and a fix."""

import locale

import pytest

from mnist_tui.cli.terminal import unsupported_reason


@pytest.fixture(autouse=True)
def utf8(monkeypatch: pytest.MonkeyPatch) -> None:
    """A locale that has block characters, wherever the tests run."""
    monkeypatch.setattr(locale, "getpreferredencoding", lambda _: "UTF-8")


def check(environment: dict[str, str] | None = None, absent: str = "") -> str | None:
    stdin, stdout, stderr = (stream != absent for stream in ("stdin", "stdout", "stderr"))
    return unsupported_reason(
        {"TERM": "xterm-256color"} | (environment or {}), stdin=stdin, stdout=stdout, stderr=stderr
    )


@pytest.mark.parametrize("term", ["xterm-256color", "xterm", "linux", "screen-256color", "tmux-256color"])
def test_a_common_terminal_is_supported(term: str) -> None:
    assert check({"TERM": term}) is None


@pytest.mark.parametrize("stream", ["stdin", "stdout", "stderr"])
def test_a_stream_that_is_not_a_terminal_is_named(stream: str) -> None:
    reason = check(absent=stream)
    assert reason is not None
    assert reason.startswith(stream)
    assert "--plain" in reason


@pytest.mark.parametrize(("term", "named"), [("dumb", "TERM=dumb"), ("unknown", "TERM=unknown"), ("", "TERM=(unset)")])
def test_an_unsupported_term_is_named(term: str, named: str) -> None:
    reason = check({"TERM": term})
    assert reason is not None
    assert reason.startswith(named)
    assert "xterm-256color" in reason


def test_a_missing_term_is_named_unset() -> None:
    reason = unsupported_reason({}, stdin=True, stdout=True, stderr=True)
    assert reason is not None
    assert "TERM=(unset)" in reason


@pytest.mark.parametrize("encoding", ["ANSI_X3.4-1968", "ISO-8859-1"])
def test_an_encoding_without_blocks_is_named_with_a_fix(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locale, "getpreferredencoding", lambda _: encoding)
    reason = check()
    assert reason is not None
    assert encoding in reason
    assert "LC_ALL=C.UTF-8" in reason


@pytest.mark.parametrize(
    ("encoding", "fits"), [("utf-8", True), ("UTF8:replace", True), ("latin-1", False), ("ascii:strict", False)]
)
def test_pythonioencoding_takes_precedence_over_the_locale(encoding: str, fits: bool) -> None:
    assert (check({"PYTHONIOENCODING": encoding}) is None) == fits


def test_every_reason_is_one_line() -> None:
    for reason in (check(absent="stdin"), check({"TERM": "dumb"}), check({"PYTHONIOENCODING": "ascii"})):
        assert reason is not None
        assert "\n" not in reason
