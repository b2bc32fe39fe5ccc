"""A terminal that cannot show the screen is refused with a sentence that says how to mend it."""

import locale

import pytest

from mnist_tui.cli.terminal import unsupported_reason


@pytest.fixture(autouse=True)
def utf8(monkeypatch: pytest.MonkeyPatch) -> None:
    """A locale that has block characters, wherever the tests run."""
    monkeypatch.setattr(locale, "getpreferredencoding", lambda _: "UTF-8")


def judge(environment: dict[str, str] | None = None, absent: str = "") -> str | None:
    stdin, stdout, stderr = (stream != absent for stream in ("stdin", "stdout", "stderr"))
    return unsupported_reason(
        {"TERM": "xterm-256color"} | (environment or {}), stdin=stdin, stdout=stdout, stderr=stderr
    )


@pytest.mark.parametrize("term", ["xterm-256color", "xterm", "linux", "screen-256color", "tmux-256color"])
def test_a_terminal_of_these_days_will_do(term: str) -> None:
    assert judge({"TERM": term}) is None


@pytest.mark.parametrize("stream", ["stdin", "stdout", "stderr"])
def test_a_stream_that_is_no_terminal_is_named(stream: str) -> None:
    reason = judge(absent=stream)
    assert reason is not None
    assert reason.startswith(f"{stream} is no terminal")
    assert "--plain" in reason


@pytest.mark.parametrize(("term", "named"), [("dumb", "TERM=dumb"), ("unknown", "TERM=unknown"), ("", "TERM=(unset)")])
def test_a_term_that_cannot_move_its_cursor_is_named(term: str, named: str) -> None:
    reason = judge({"TERM": term})
    assert reason is not None
    assert reason.startswith(named)
    assert "xterm-256color" in reason


def test_no_term_at_all_is_an_unset_one() -> None:
    reason = unsupported_reason({}, stdin=True, stdout=True, stderr=True)
    assert reason is not None
    assert "TERM=(unset)" in reason


@pytest.mark.parametrize("encoding", ["ANSI_X3.4-1968", "ISO-8859-1"])
def test_a_locale_without_blocks_is_named_with_its_mend(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locale, "getpreferredencoding", lambda _: encoding)
    reason = judge()
    assert reason is not None
    assert encoding in reason
    assert "LC_ALL=C.UTF-8" in reason


@pytest.mark.parametrize(
    ("encoding", "fits"), [("utf-8", True), ("UTF8:replace", True), ("latin-1", False), ("ascii:strict", False)]
)
def test_pythonioencoding_goes_before_the_locale(encoding: str, fits: bool) -> None:
    assert (judge({"PYTHONIOENCODING": encoding}) is None) == fits


def test_every_refusal_is_one_line() -> None:
    for reason in (judge(absent="stdin"), judge({"TERM": "dumb"}), judge({"PYTHONIOENCODING": "ascii"})):
        assert reason is not None
        assert "\n" not in reason
