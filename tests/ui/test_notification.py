"""The terminal draws attention to a run where the user wants it and the terminal can, once for each occasion."""

from functools import partial
from itertools import count
from pathlib import Path

import pytest

from mnist_tui.cli import plain
from mnist_tui.cli.doctor.findings import Level
from mnist_tui.cli.doctor.terminal import notifications
from mnist_tui.cli.wiring import catalogue
from mnist_tui.config import ConfigError
from mnist_tui.event_lines import encode
from mnist_tui.preferences import Notify, Preferences, preferences_path, read_preferences
from mnist_tui.runs.directory import RunDirectory, create_run
from mnist_tui.ui.terminal.differences import DiffEncoder
from mnist_tui.ui.terminal.notification import LONGEST, Sign, notification, sign_of
from tests.kit import samples
from tests.kit.fake_engine import FakeEngine
from tests.ui.program import program, settled


@pytest.mark.parametrize(
    ("wanted", "environ", "tmux_term", "sign"),
    [
        ("auto", {"TERM": "xterm-256color"}, "", "off"),
        ("auto", {"TERM": "xterm-kitty"}, "", "osc9"),
        ("auto", {"TERM": "foot-extra"}, "", "osc777"),
        ("auto", {"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "", "osc9"),
        ("auto", {"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "", "osc9"),
        ("auto", {"TERM": "tmux-256color", "TMUX": "x", "TERM_PROGRAM": "tmux"}, "xterm-ghostty", "osc9"),
        ("auto", {"TERM": "tmux-256color", "TMUX": "x", "TERM_PROGRAM": "tmux"}, "xterm", "off"),
        ("auto", {"TERM": "xterm-kitty", "STY": "1.pts"}, "", "off"),
        ("off", {"TERM": "xterm-kitty"}, "", "off"),
        ("bell", {"TERM": "xterm"}, "", "bell"),
        ("osc777", {"TERM": "xterm"}, "", "osc777"),
    ],
)
def test_a_notification_is_for_terminals_that_show_it_and_a_bell_for_who_asks(
    wanted: Notify, environ: dict[str, str], tmux_term: str, sign: Sign
) -> None:
    assert sign_of(wanted, environ, tmux_term) == sign


@pytest.mark.parametrize(
    ("sign", "in_tmux", "sequence"),
    [
        ("off", False, ""),
        ("bell", True, "\a"),
        ("osc9", False, "\x1b]9;mnist-tui: a; b?]0;x?\a"),
        ("osc777", False, "\x1b]777;notify;mnist-tui;a, b?]0,x?\a"),
        ("osc9", True, "\x1bPtmux;\x1b\x1b]9;mnist-tui: a; b?]0;x?\a\x1b\\"),
    ],
)
def test_its_text_is_sanitised_and_it_changes_no_cell(sign: Sign, in_tmux: bool, sequence: str) -> None:
    assert notification("a; b\x1b]0;x\a", sign, in_tmux=in_tmux) == sequence
    assert len(notification("x" * 9_999, sign, in_tmux=in_tmux)) < LONGEST + 50
    encoder = DiffEncoder()
    line = "\x1b[1;1Habc"
    encoder.encode(line, 24)
    if sequence:
        assert encoder.encode(sequence, 24) == sequence
    assert "abc" not in encoder.encode(line, 24), "the cells are still known"


def test_preferences_are_read_from_a_file_and_are_defaults_of_every_run() -> None:
    assert read_preferences() == Preferences("auto", "off")
    preferences_path().parent.mkdir(parents=True)
    preferences_path().write_text('notify = "bell"\non_end = "mail -s done"\n')
    assert read_preferences() == Preferences("bell", "mail -s done")
    assert catalogue().complete({}).on_end == "mail -s done"
    assert catalogue().complete({"on_end": "off"}).on_end == "off"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('notify = "loud"', "Invalid enum value 'loud'"),
        ("bell = true", "unknown field `bell`"),
        ("notify = ", "Invalid value"),
        ('on_end = "mail \'x"', "on_end"),
        (b"\xff", "utf-8"),
        (b"#" * 70_000, "cannot be read"),
    ],
)
def test_preferences_that_cannot_be_used_are_one_line(content: str | bytes, reason: str) -> None:
    preferences_path().parent.mkdir(parents=True)
    preferences_path().write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ConfigError, match=reason) as refused:
        read_preferences()
    assert str(refused.value).startswith(str(preferences_path()))
    assert str(refused.value).isprintable()


@pytest.fixture
def live() -> RunDirectory:
    run = create_run(samples.config())
    run.events_path.write_bytes(encode(samples.run_started()) + encode(samples.step_ended(1)))
    return run


def end(run: RunDirectory) -> None:
    with run.events_path.open("ab") as file:
        file.write(encode(samples.run_ended(test_accuracy=0.9929)))


async def test_the_screen_tells_the_terminal_once_that_the_opened_run_has_ended(live: RunDirectory) -> None:
    told: list[str] = []
    app = program(live)
    app.notification = lambda sentence: told.append(sentence) or ""  # type: ignore[func-returns-value]
    with FakeEngine(live):
        async with app.run_test(size=(80, 24)) as pilot:
            await settled(pilot)
            assert told == []
            end(live)
            for _ in range(2):
                app._follow()
    name = live.record().name
    assert told == [f"{name}: run completed: test 99.29 %"]


@pytest.mark.parametrize("is_terminal", [True, False])
def test_plain_lines_tell_a_terminal_only_and_not_what_was_before(
    is_terminal: bool, live: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out"
    bell = partial(notification, sign="bell", in_tmux=False)
    rounds = count()

    def wait(_: float) -> None:
        if next(rounds) == 0:
            end(live)

    monkeypatch.setattr(plain, "EXIT_SECONDS", 0.0)
    with FakeEngine(live), path.open("w") as out:
        plain.follow(live, out, wait, notification=bell if is_terminal else None)
    assert path.read_text().count("\a") == int(is_terminal)
    with path.open("w") as out:
        plain.follow(live, out, wait, notification=bell)
    assert "\a" not in path.read_text()


def test_the_doctor_names_the_sign_and_the_file_or_what_is_wrong_with_it() -> None:
    found = notifications({"TERM": "xterm-kitty"})
    assert found.value.startswith("OSC 9; notify = auto, off, bell")
    assert str(preferences_path()) in found.value
    preferences_path().parent.mkdir(parents=True)
    preferences_path().write_text("notify = 3")
    assert (notifications({}).value, notifications({}).level) == ("none", Level.PROBLEM)
