"""`mnist-tui queue`: grids, and what its commands print and refuse. No runner is started."""

import json
import sys

import msgspec
import pytest

from mnist_tui.cli import grid
from mnist_tui.cli.main import run_command
from mnist_tui.cli.queue_runner import launch_entry
from mnist_tui.cli.wiring import UsageError, catalogue
from mnist_tui.config import ConfigError
from mnist_tui.control import client, queue_runner
from mnist_tui.control.warm import spare
from mnist_tui.event_lines import encode
from mnist_tui.runs.about import About, read_about, write_about
from mnist_tui.runs.directory import RunError, create_run
from mnist_tui.runs.queue import Queue
from mnist_tui.runs.queue_entry import State
from tests.kit import samples


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> list[Queue]:
    """Queues whose runner was started."""
    queues: list[Queue] = []
    monkeypatch.setattr(queue_runner, "start_runner", queues.append)
    return queues


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> "Typed":
    return Typed(monkeypatch)


class Typed:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def __call__(self, words: str) -> int:
        self._monkeypatch.setattr(sys, "argv", ["mnist-tui", "queue", *words.split()])
        return run_command()


def waiting() -> list[dict[str, str]]:
    return [entry.settings for entry in Queue().read().of(State.WAITING)]


def test_a_run_is_added_with_the_flags_of_train(typed: Typed, started: list[Queue]) -> None:
    assert typed("add --preset lenet5 --learning-rate 0.02 --seed 7") == 0
    assert waiting() == [{"preset": "lenet5", "learning_rate": "0.02", "seed": "7"}]
    assert len(started) == 1


def test_settings_like_those_of_a_run_are_listed_without_the_defaults(typed: Typed) -> None:
    run = create_run(catalogue().complete({"preset": "lenet5", "learning_rate": "0.02"}))
    assert typed(f"add --like {run.id} --seed 0,1") == 0
    assert waiting() == [{"preset": "lenet5", "learning_rate": "0.02", "seed": seed} for seed in "01"]


def test_a_name_is_given_once(typed: Typed) -> None:
    typed("add --name calm-otter")
    with pytest.raises(UsageError, match="calm-otter"):
        typed("add --name calm-otter")


def test_a_grid_adds_every_combination_as_one_group(typed: Typed, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("add --learning-rate 0.01,0.02,0.04 --seed 0..2") == 0
    assert {(each["learning_rate"], each["seed"]) for each in waiting()} == {
        (rate, seed) for rate in ("0.01", "0.02", "0.04") for seed in "012"
    }
    assert {entry.group for entry in Queue().read().entries} == {"grid-1"}
    assert "grid-1" in capsys.readouterr().out


def test_the_next_grid_gets_a_group_that_no_run_has(typed: Typed) -> None:
    write_about(create_run(samples.config()).path, About(tags=("grid-1",)))
    typed("add --seed 0,1")
    assert {entry.group for entry in Queue().read().entries} == {"grid-2"}


def test_values_with_commas_are_given_as_several_flags(typed: Typed) -> None:
    typed("add --device gpu:0,1 --device cpu --on-end echo,hello --group sides")
    common = {"preset": "fast", "on_end": "echo,hello"}
    assert waiting() == [common | {"device": device} for device in ("gpu:0,1", "cpu")]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("--seed 0..", "seed '0..'"),
        ("--seed 3..1", "empty range"),
        ("--seed 1,,2", "empty value"),
        ("--seed 1,2,1", "twice"),
        ("--batch-size 64,abc", "abc"),
        ("--limit 60,000", "without a comma"),
        ("--learning-rate 0.1..0.3", "0.1..0.3"),
        ("--epochs 0..1", "out of range"),
        ("--seed 0..99999999", "values"),
        ("--seed 0..999 --batch-size 1..999", "too large"),
        ("--seed 0..2 --name calm-otter", "--group"),
        ("--group ../x", "--group"),
        ("--preset fast,fats", "fats"),
        ("--data /nowhere/x.npz", "/nowhere/x.npz"),
    ],
)
def test_a_grid_that_cannot_be_is_refused_in_a_sentence_and_adds_nothing(typed: Typed, words: str, part: str) -> None:
    with pytest.raises((UsageError, ConfigError)) as refused:
        typed(f"add {words} --yes")
    assert part in str(refused.value)
    assert waiting() == []


@pytest.mark.parametrize("runs", [101, 10_000])
def test_a_large_grid_asks(typed: Typed, runs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    with pytest.raises(UsageError, match="--yes"):
        typed(f"add --seed 1..{runs}")
    assert waiting() == []


def test_a_large_grid_is_added_with_yes_and_listed_in_part(typed: Typed, capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("add --seed 1..110 --yes") == 0
    assert len(waiting()) == 110
    capsys.readouterr()
    typed("list")
    listed = capsys.readouterr().out
    assert "seed 100 " in listed
    assert "seed 101 " not in listed
    assert "and 10 more" in listed


def test_ranges_are_counted_before_they_are_made() -> None:
    values = grid.grid_of({"seed": ("0..999",), "batch_size": ("1..1000",), "epochs": ("1..1000",)}, 1_000)
    assert grid.count(values) == 10**9


def test_entries_are_moved_and_removed(typed: Typed) -> None:
    typed("add --seed 0..4 --group sweep")
    for words in ("move 5 first", "move 4 2", "move 1 down", "remove 2..3"):
        assert typed(words) == 0
    assert [each["seed"] for each in waiting()] == ["4", "3", "0"]
    assert typed("remove sweep") == 0
    assert waiting() == []


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("move 1 sideways", UsageError),
        ("move 9 first", RunError),
        ("remove nothing", UsageError),
        ("remove 9", RunError),
    ],
)
def test_a_wrong_entry_or_place_is_named(typed: Typed, words: str, error: type[Exception]) -> None:
    typed("add")
    with pytest.raises(error, match=r"sideways|9|nothing"):
        typed(words)


def test_a_pause_and_its_end(typed: Typed, started: list[Queue], capsys: pytest.CaptureFixture[str]) -> None:
    typed("pause")
    typed("add")
    assert started == []
    typed("list")
    assert "Paused" in capsys.readouterr().out
    typed("continue")
    assert len(started) == 1


def test_the_list_starts_a_runner_that_was_killed(typed: Typed, started: list[Queue]) -> None:
    Queue().add([{}])
    typed("")
    assert len(started) == 1


def test_the_list_as_json(typed: Typed, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    typed("add --seed 3")
    Queue().entries_path.write_bytes(Queue().entries_path.read_bytes() + b"rubbish\n")
    capfdbinary.readouterr()
    typed("list --json")
    found = json.loads(capfdbinary.readouterr().out)
    assert found["paused"] is False
    assert found["entries"][0]["settings"] == {"preset": "fast", "seed": "3"}
    assert "line 2" in found["unreadable"][0]


def test_the_list_names_a_bad_line_and_why_a_run_failed(typed: Typed, capsys: pytest.CaptureFixture[str]) -> None:
    typed("add")
    path = Queue().entries_path
    failed = path.read_bytes().replace(b'"waiting"', b'"failed"').replace(b'"error":""', b'"error":"no \\u001b GPU"')
    path.write_bytes(failed + b"rubbish\n")
    typed("list")
    out, err = capsys.readouterr()
    assert "no ? GPU" in out
    assert f"{path}, line 2" in err


def test_a_group_is_compared_as_one(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    for seed, accuracy in ((0, 0.97), (1, 0.99)):
        run = create_run(samples.config(seed=seed, name=f"otter-{seed}"), tags=("sweep",))
        run.events_path.write_bytes(
            encode(samples.run_started()) + encode(samples.epoch_ended(validation_accuracy=accuracy))
        )
    create_run(samples.config())
    for words in ("compare --group sweep", "compare --group sweep --json"):
        monkeypatch.setattr(sys, "argv", ["mnist-tui", *words.split()])
        assert run_command() == 0
    text, _, document = capfdbinary.readouterr().out.partition(b"{")
    found = json.loads(b"{" + document)
    assert found["validation"]["mean"] == pytest.approx(0.98)
    assert found["best"] == run.id
    assert [each["settings"] for each in found["settings"]] == [["seed"]]
    assert b"98.00 %" in text
    assert b"otter-1" in text


def test_the_runner_launches_a_run_with_the_settings_of_its_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_start_engine", lambda *_: None)
    monkeypatch.setattr(spare, "keep", lambda _: None)
    (entry,) = Queue().add([{"preset": "lenet5", "limit": "1200"}], "sweep")
    run = launch_entry(entry, "cpu")
    record = run.record()
    assert record.queued == entry.key
    assert (record.config.preset, record.config.limit, record.config.device) == ("lenet5", 1200, "cpu")
    assert read_about(run.path).tags == ("sweep",)
    with pytest.raises(ConfigError, match="fats"):
        launch_entry(msgspec.structs.replace(entry, settings={"preset": "fats"}), "")


@pytest.mark.parametrize("words", ["compare", "compare last --group sweep", "compare --group sweep"])
def test_a_comparison_without_runs_is_refused(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["mnist-tui", *words.split()])
    with pytest.raises((UsageError, RunError), match=r"--group|tag"):
        run_command()
