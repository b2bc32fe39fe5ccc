"""Runs renamed, tagged, deleted, restored and cleaned up."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mnist_tui.cli import main
from mnist_tui.config import ConfigError
from mnist_tui.inspection.run_filter import matching, parse
from mnist_tui.runs import management
from mnist_tui.runs.about import FILE, About, read_about
from mnist_tui.runs.directory import HOME_VARIABLE, RunDirectory, RunError, find_run, list_runs
from mnist_tui.runs.kept_epochs import kept_epochs
from mnist_tui.runs.summary import newest_summaries, pinned_first, summarize
from tests.kit.fake_engine import FakeEngine
from tests.kit.recorded import Recording
from tests.kit.recording import Replay, recorded_run


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    return tmp_path


def command(*words: str) -> None:
    main.commands.main(words, standalone_mode=False)


def test_a_renamed_run_is_found_by_its_new_name_only() -> None:
    run = recorded_run()
    command("rename", "brave-otter", "baseline")
    assert find_run("baseline").path == run.path
    assert run.record().name == "baseline"
    with pytest.raises(RunError, match="no run 'brave-otter'"):
        find_run("brave-otter")


@pytest.mark.parametrize("name", ["last", "two words", "", "x" * 41, "\x1b[31m"])
def test_bad_names_are_refused(name: str) -> None:
    run = recorded_run()
    with pytest.raises(ConfigError):
        management.rename(run, name)
    assert not (run.path / FILE).exists()


def other_run(home: Path, epochs: int = 1, planned: int = 1) -> RunDirectory:
    recording = Recording.begin(home, planned=planned, name="calm-otter")
    for _ in range(epochs):
        recording.end_epoch()
    if epochs == planned:
        recording.finish()
    return recording.run


def test_names_stay_unique(home: Path) -> None:
    run, other = recorded_run(), other_run(home)
    for taken in (other.id, "calm-otter"):
        with pytest.raises(RunError, match="already"):
            management.rename(run, taken)


def test_tags_note_and_pin_are_kept() -> None:
    run = recorded_run()
    command("tag", "last", "baseline", "v2", "v2")
    command("tag", "last", "v2", "--remove")
    command("note", "last", " the first\none ")
    command("pin", "last")
    assert summarize(run).about == About(tags=("baseline",), note="the first one", pinned=True)
    command("pin", "last", "--remove")
    assert not summarize(run).about.pinned
    for words, error in ((("two words",), "cannot be used"), (tuple(f"t{n}" for n in range(21)), "too many")):
        with pytest.raises(RunError, match=error):
            management.add_tags(run, *words)
    with pytest.raises(RunError, match="no tag 'other': its tags are baseline"):
        management.remove_tags(run, "other")


@pytest.mark.parametrize(
    "rubbish",
    [b"", b"[]", b"\xff", b'{"tags": 3}', b'{"name": "last"}', b"{" * 99_999],
    ids=lambda text: str(len(text)),
)
def test_rubbish_in_about_json_is_nothing(rubbish: bytes) -> None:
    run = recorded_run()
    (run.path / FILE).write_bytes(rubbish)
    assert read_about(run.path) == About()
    assert run.record().name == "brave-otter"


def test_pinned_runs_come_first(home: Path) -> None:
    old, new = recorded_run(), other_run(home)
    management.set_pinned(old, pinned=True)
    found = pinned_first(newest_summaries(10))
    assert [each.run.path for each in found] == [old.path, new.path]


def test_a_deleted_run_is_in_the_trash_and_comes_back(capsys: pytest.CaptureFixture[str]) -> None:
    run = recorded_run()
    before = {path.name: path.read_bytes() for path in run.path.iterdir() if path.is_file() and path.name != "lock"}
    command("delete", "brave-otter", "--yes")
    assert list_runs() == []
    command("runs", "--trash")
    assert "brave-otter" in capsys.readouterr().out
    command("restore", "brave-otter")
    assert {name: (run.path / name).read_bytes() for name in before} == before
    assert summarize(run).status == "finished"
    command("delete", run.id, "--yes")
    command("runs", "--empty-trash", "--yes")
    assert management.deleted_runs() == []
    with pytest.raises(RunError, match="in the trash"):
        management.restore("brave-otter")


def test_a_deleted_run_does_not_come_back_under_a_taken_name(home: Path) -> None:
    run = recorded_run()
    management.delete(run)
    management.rename(other_run(home), "brave-otter")
    with pytest.raises(RunError, match="already"):
        management.restore(run.id)


@pytest.mark.parametrize("action", [management.delete, management.clean])
def test_a_live_run_is_left_alone(action: Callable[[RunDirectory], object]) -> None:
    replay = Replay()
    replay.to_step(5)
    with FakeEngine(replay.run), pytest.raises(RunError, match="live engine"):
        action(replay.run)
    assert replay.run.events_path.exists()


def with_checkpoints(run: RunDirectory) -> list[str]:
    for step in (100, 200, 300):
        run.checkpoint_path(step).parent.mkdir(exist_ok=True)
        run.checkpoint_path(step).write_bytes(b"x" * 1000)
    return [path.name for path in run.checkpoint_paths()]


def test_cleaning_keeps_what_resume_needs(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finished, crashed = recorded_run(), other_run(home, planned=3)
    newest = with_checkpoints(crashed)[0]
    with_checkpoints(finished)
    finished.weights_path(1).parent.mkdir()
    finished.weights_path(1).write_bytes(b"x" * 1000)
    size = summarize(finished).size
    command("clean", "--all")
    assert "6.0 kB freed" in capsys.readouterr().err
    assert finished.checkpoint_paths() == []
    assert kept_epochs(finished) == ()
    assert [path.name for path in crashed.checkpoint_paths()] == [newest]
    assert summarize(finished).size < size


@pytest.mark.parametrize(
    ("text", "is_match"),
    [
        ("", True),
        ("preset:fast val>0.99 tag:baseline", True),
        ("preset:fast,best val>=99% -tag:other", True),
        ("otter BASELINE", True),
        ("brave -2026", False),
        ("name:otter status:finished test>0.99", True),
        ("status!=finished", False),
        ("seed:3", False),
        ("epochs>2 batch<1000 note:first", True),
        ("optimizer:sgd", False),
        ("pinned", False),
        ("!pinned", True),
        ("limit<5000", False),
        ("data:mnist", True),
    ],
)
def test_a_filter_matches_names_tags_settings_and_results(text: str, is_match: bool) -> None:
    run = recorded_run()
    management.add_tags(run, "baseline")
    management.set_note(run, "the First one")
    assert bool(matching(parse(text), [summarize(run)])) == is_match


@pytest.mark.parametrize(
    "text", ["colour:red", "presset:fast", "val:", "val>high", "val>2", "preset>fast", "val>0.1,0.2", "#", 'tag:"x']
)
def test_bad_filters_are_refused_in_one_line(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(text)
    assert "\n" not in str(refused.value)


def test_the_command_lists_matching_runs(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded_run()
    other_run(home, planned=2)
    command("runs", "status:finished")
    assert capsys.readouterr().out.count("brave-otter") == 1
    command("runs", "nothing-like-it")
    assert "No run matches" in capsys.readouterr().out
