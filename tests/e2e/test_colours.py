"""The colours that the program sends to a real terminal."""

import re

import pytest

from tests.e2e.terminal import Terminal

SGR = re.compile(rb"\x1b\[([\d;]+)m")
KINDS = {
    "24 bits": re.compile(rb"[34]8;2;"),
    "of 256": re.compile(rb"[34]8;5;"),
    "of 16": re.compile(rb"(?:^|;)(?:[39][0-7]|4[0-7]|10[0-7])(?:;|$)"),
}


@pytest.mark.parametrize(
    ("variables", "kinds"),
    [
        ({"TERM": "screen.xterm-256color", "STY": "1.pts-0", "COLORTERM": "truecolor"}, {"of 256"}),
        ({"TERM": "xterm", "COLORTERM": ""}, {"of 16"}),
        ({"NO_COLOR": "1"}, set()),
    ],
    ids=["GNU screen", "xterm", "NO_COLOR"],
)
def test_a_terminal_gets_colours_that_it_shows(
    program: list[str], env: dict[str, str], variables: dict[str, str], kinds: set[str]
) -> None:
    with Terminal(program, env={**env, "TMUX": "", **variables}) as terminal:
        terminal.wait_for("Next run")
        sent = SGR.findall(terminal.output)
        assert sent
        assert {kind for kind, pattern in KINDS.items() if any(map(pattern.search, sent))} == kinds
