"""The command `on_end` gets the facts without a shell, and whatever it does leaves one line and the run as it was."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from mnist_tui.config import ConfigError, command_words
from mnist_tui.control.on_end import LONGEST_LINE, check_command, facts, run_command, variables
from mnist_tui.control.watcher import Watcher, start_watcher
from mnist_tui.event_lines import encode
from mnist_tui.events import AnyEvent, CommandEnded, Occasion, RunFailed
from mnist_tui.runs.directory import RunDirectory, create_run
from mnist_tui.runs.log import EventLog, LogFollower
from mnist_tui.runs.occasions import Word
from mnist_tui.runs.status import Status
from mnist_tui.runs.summary import summarize
from tests.kit import samples

DOCUMENT: dict[str, Any] = {
    "id": "20261128-120000",
    "name": "calm-otter",
    "status": "failed",
    "reason": 'it\'s $(rm) "dead"',
    "test_accuracy": None,
    "validation_accuracy": 0.9912,
    "epochs_done": 3,
    "steps_done": 1_650,
    "seconds": float("nan"),
    "directory": "/runs/a b",
}
SH = "/bin/sh"


def run_with(command: str, *events: AnyEvent) -> RunDirectory:
    run = create_run(samples.config(on_end=command))
    run.events_path.write_bytes(b"".join(map(encode, events)))
    return run


def outcomes(run: RunDirectory) -> list[CommandEnded]:
    return [event for event in LogFollower(run.events_path).read() if isinstance(event, CommandEnded)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("off", []),
        ("notify-send done", ["notify-send", "done"]),
        ("say 'two words' $HOME `id` | tee x", ["say", "two words", "$HOME", "`id`", "|", "tee", "x"]),
        ("~/bin/mail", [str(Path.home() / "bin/mail")]),
    ],
)
def test_a_command_is_split_without_a_shell(text: str, words: list[str]) -> None:
    assert command_words(text) == words


@pytest.mark.parametrize("text", ["", " ", "say 'open", "''", "say \x1b[31m", "say\n"])
def test_what_is_no_command_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ConfigError, match="cannot be run: give off, or a program") as refused:
        command_words(text)
    assert str(refused.value).isprintable()


def test_a_program_that_is_missing_is_refused_before_the_training() -> None:
    check_command("off")
    check_command(f"{SH} anything")
    with pytest.raises(ConfigError, match="'/nowhere/notify' is no program"):
        check_command("/nowhere/notify 'a b'")


def test_the_command_gets_the_facts_in_its_environment_and_on_its_stdin(tmp_path: Path) -> None:
    script = f'cat > {tmp_path}/document; env > {tmp_path}/environment; printf %s "$MNIST_TUI_REASON"'
    outcome = run_command((SH, "-c", script), DOCUMENT)
    assert outcome.succeeded
    assert outcome.text.startswith("sh succeeded in ")
    assert outcome.text.endswith(f": {DOCUMENT['reason']}")
    assert json.loads((tmp_path / "document").read_bytes()) == DOCUMENT | {"seconds": None}
    given = dict(line.split("=", 1) for line in (tmp_path / "environment").read_text().splitlines() if "=" in line)
    assert {key: value for key, value in given.items() if key in variables(DOCUMENT)} == {
        "MNIST_TUI_RUN": "20261128-120000",
        "MNIST_TUI_NAME": "calm-otter",
        "MNIST_TUI_STATUS": "failed",
        "MNIST_TUI_REASON": DOCUMENT["reason"],
        "MNIST_TUI_ACCURACY": "0.9912",
        "MNIST_TUI_VALIDATION_ACCURACY": "0.9912",
        "MNIST_TUI_TEST_ACCURACY": "",
        "MNIST_TUI_EPOCHS": "3",
        "MNIST_TUI_STEPS": "1650",
        "MNIST_TUI_SECONDS": "",
        "MNIST_TUI_DIRECTORY": "/runs/a b",
    }


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("/nowhere/notify",), "notify cannot be started (No such file or directory)"),
        (("/etc",), "etc cannot be started (Permission denied)"),
        ((SH, "-c", "echo no mail server >&2; exit 3"), "sh exited with status 3: no mail server"),
        ((SH, "-c", "kill -9 $$"), "sh was ended by SIGKILL"),
        ((SH, "-c", "sleep 60"), "sh was killed, as it took more than 0.3 s"),
        ((SH, "-c", r"printf 'a\n\033]0;x\007\033[2J\n\n'; exit 1"), "sh exited with status 1: ?]0;x??[2J"),
        ((SH, "-c", "head -c 9000000 /dev/zero | tr '\\0' x; exit 1"), f"exited with status 1: {'x' * 99}"),
        ((SH, "-c", r"printf '\377\376'; exit 1"), "sh exited with status 1: ��"),
    ],
    ids=["missing", "no program", "fails", "killed", "hangs", "escapes", "megabytes", "not UTF-8"],
)
def test_whatever_it_does_leaves_one_line(words: tuple[str, ...], text: str) -> None:
    hangs = "more than" in text
    outcome = run_command(words, DOCUMENT, 0.3 if hangs else 60.0)
    assert text in outcome.text
    assert not outcome.succeeded
    assert outcome.text.isprintable()
    assert len(outcome.text) < LONGEST_LINE + 60


def test_a_process_that_it_leaves_behind_is_not_waited_for() -> None:
    began = time.monotonic()
    assert run_command((SH, "-c", "sleep 20 & exit 0"), DOCUMENT).succeeded
    assert time.monotonic() - began < 15


@pytest.mark.parametrize(
    ("last", "occasion"),
    [
        (samples.run_ended(), Occasion.ENDED),
        (RunFailed(time=samples.CREATED + 90, error="out of memory"), Occasion.FAILED),
        (samples.alert_raised(awaits_decision=True), Occasion.DIVERGED),
        (None, Occasion.CRASHED),
    ],
    ids=["ended", "failed", "diverged", "crashed"],
)
def test_the_outcome_is_an_event_and_the_status_of_the_run_stays(last: AnyEvent | None, occasion: Occasion) -> None:
    run = run_with(
        f"{SH} -c 'echo $MNIST_TUI_STATUS; exit 4'", samples.run_started(), *([] if last is None else [last])
    )
    before = summarize(run).status
    watcher = Watcher(run, samples.CREATED)
    for _ in range(2):  # once for each occasion
        watcher.look(live=last is not None)
    (event,) = outcomes(run)
    assert (event.occasion, event.text) == (occasion, f"sh exited with status 4: {occasion}")
    assert not event.succeeded
    summary = summarize(run)
    assert summary.status is before
    assert summary.history.commands == [event]
    assert summary.history.notes[-1].text == f"on end ({occasion}): {event.text}"
    assert summary.history.notes[-1].alert


def test_the_newest_command_is_run_and_earlier_ends_are_those_of_other_engines() -> None:
    changed = samples.setting_changed("on_end", f"{SH} -c 'echo second'")
    run = run_with(f"{SH} -c 'echo first'", samples.run_ended(), changed)
    watcher = Watcher(run, samples.CREATED + 1e6)
    watcher.look(live=True)
    assert outcomes(run) == []
    with run.events_path.open("ab") as file:
        file.write(encode(samples.run_resumed(9)) + encode(samples.run_ended(time=samples.CREATED + 2e6)))
    watcher.look(live=True)
    assert [event.text.rpartition(": ")[2] for event in outcomes(run)] == ["second"]


def test_the_event_is_between_two_lines_of_a_live_engine_and_after_a_torn_one() -> None:
    run = run_with(f"{SH} -c true", samples.run_started())
    engine = EventLog(run.events_path)
    engine.append(samples.run_ended())
    Watcher(run, samples.CREATED).look(live=True)
    engine.append(samples.run_resumed(1))
    assert not engine.was_restored
    kinds = [type(event).__name__ for event in LogFollower(run.events_path).read()]
    assert kinds == ["RunStarted", "RunEnded", "CommandEnded", "RunResumed"]
    with run.events_path.open("ab") as file:
        file.write(encode(samples.step_ended(1))[:-9])
    Watcher(run, samples.CREATED).look(live=False)
    follower = LogFollower(run.events_path)
    assert [type(event).__name__ for event in follower.read()] == [*kinds, "CommandEnded"]
    assert follower.unknown == 1
    engine.close()


def test_the_watcher_outlives_the_engine_and_exits_after_it() -> None:
    run = run_with(f"{SH} -c 'echo $MNIST_TUI_STATUS'", samples.run_started())
    os.close(start_watcher(run, samples.CREATED))  # as if the engine was killed
    deadline = time.monotonic() + 60
    while not outcomes(run):
        assert time.monotonic() < deadline, run.log_path.read_text()
        time.sleep(0.02)
    assert outcomes(run)[0].text.endswith(": crashed")
    assert summarize(run).status is Status.CRASHED


def test_the_document_is_that_of_the_list_with_the_occasion_as_its_status() -> None:
    summary = summarize(run_with("off", samples.run_started(), samples.epoch_ended(1)))
    document = facts(summary, Word(Occasion.STALLED, "no step for 60 s", 1.0))
    assert document == summary.as_json() | {"status": "stalled", "reason": "no step for 60 s", "seconds": None}
    assert variables(document)["MNIST_TUI_ACCURACY"] == f"{summary.validation_accuracy:g}"
