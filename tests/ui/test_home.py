"""The home screen: what is set is checked as it is typed, what is started is what is shown, and runs can be opened."""

import os
import re
from pathlib import Path

import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from mnist_tui.config import RunConfig
from mnist_tui.engine.models.presets import PRESETS
from mnist_tui.events import RunFailed
from mnist_tui.render.columns import columns_that_fit
from mnist_tui.runs.directory import RunDirectory, RunError, create_run, remove_run
from mnist_tui.runs.liveness import clock
from mnist_tui.runs.log import EventLog
from mnist_tui.ui.home.run_rows import COLUMNS, age
from mnist_tui.ui.home.screen import HomeScreen
from mnist_tui.ui.home.settings_form import SettingInput, SettingsForm
from mnist_tui.ui.messages import OpenRun
from mnist_tui.ui.training.screen import TrainingScreen
from tests.kit import samples
from tests.kit.fake_engine import FakeEngine
from tests.kit.recording import Clock, Replay, finishing_time, record, recorded_run
from tests.ui.program import lines, program, settled, text, told, wait_for, wait_until

SIZE = (120, 40)


class Launch:
    """Starts nothing: keeps the settings and hands out a recorded run, or raises."""

    def __init__(self, error: Exception | None = None) -> None:
        self.configs: list[RunConfig] = []
        self.error = error

    def __call__(self, config: RunConfig) -> RunDirectory:
        self.configs.append(config)
        if self.error is not None:
            raise self.error
        return recorded_run()


async def fill_in(pilot: Pilot[int], key: str, typed: str) -> None:
    """Put the cursor on a setting and type over what is there."""
    pilot.app.screen.query_one("#preset").focus()
    await pilot.pause()
    pilot.app.screen.query_one(f"#{key}").focus()
    await pilot.pause()
    await pilot.press(*typed)
    await pilot.pause()


def field(pilot: Pilot[int], key: str) -> str:
    return pilot.app.screen.query_one(SettingsForm).texts()[key]


def checked(pilot: Pilot[int]) -> str:
    """Return the line below the settings, which is wrapped on the screen."""
    return str(pilot.app.screen.query_one("#check", Static).render())


async def test_a_fresh_machine_says_what_to_do(home: Path) -> None:
    app = program()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        assert "No runs yet." in text(app)
        assert "Press Enter to start the first one with the settings shown" in text(app)
        assert "runs in ~/.local/share/mnist-tui" in text(app)
    assert not home.exists()


@pytest.mark.parametrize("preset", PRESETS)
async def test_what_a_preset_is_fits_where_it_is_said(preset: str) -> None:
    app = program()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press(*["right"] * list(PRESETS).index(preset))
        await settled(pilot)
        panel = " ".join(line[2:38].strip() for line in lines(app)[2:14])
        assert PRESETS[preset].recipe.summary in panel


async def test_enter_starts_a_run_with_the_settings_shown_and_opens_it() -> None:
    launch = Launch()
    app = program(launch=launch)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await fill_in(pilot, "epochs", "3")
        await fill_in(pilot, "seed", "17")
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(app.screen, TrainingScreen), "the training screen")
        await wait_for(pilot, "brave-otter")
    shown = {"epochs": 3, "batch_size": 128, "learning_rate": 0.02, "optimizer": "adamw", "seed": 17, "data": "mnist"}
    (config,) = launch.configs
    assert shown.items() <= msgspec.structs.asdict(config).items()
    assert config.preset == "fast"


REFUSED = (
    ("epochs", "0", "epochs 0 is out of range: give a whole number from 1 to 10,000"),
    ("epochs", "10001", "epochs 10,001 is out of range"),
    ("learning_rate", "1e9", "learning_rate '1e9' cannot be used: give a number from 1e-08 to 10"),
    ("learning_rate", "1e-", "learning_rate '1e-' cannot be used: give a number from 1e-08 to 10"),
    ("data", "nowhere.npz", "nowhere.npz"),
)


async def test_what_cannot_be_used_is_refused_with_the_reason_and_starts_nothing() -> None:
    launch = Launch()
    app = program(launch=launch)
    async with app.run_test(size=(200, 30)) as pilot:
        await settled(pilot)
        for key, typed, reason in REFUSED:
            usable = field(pilot, key)
            await fill_in(pilot, key, typed)
            assert field(pilot, key) == typed
            await pilot.press("enter")
            await settled(pilot)
            assert reason in checked(pilot)
            assert isinstance(app.screen, HomeScreen)
            app.screen.query_one(f"#{key}", Input).value = usable
            await settled(pilot)
            assert reason not in checked(pilot)
    assert launch.configs == []


async def test_letters_that_are_keys_elsewhere_are_typed_into_a_field() -> None:
    app = program()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await fill_in(pilot, "data", "q?d6")
        assert field(pilot, "data") == "q?d6"
        assert isinstance(app.screen, HomeScreen)


async def test_another_preset_brings_its_recipe_but_keeps_what_was_touched() -> None:
    app = program()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await fill_in(pilot, "batch_size", "77")
        app.screen.query_one("#preset").focus()
        await pilot.press("right")
        await settled(pilot)
        recipes = list(app._catalogue.recipes.values())
        for key, value in (
            ("preset", recipes[1].name),
            ("epochs", str(recipes[1].epochs)),
            ("batch_size", "77"),
            ("optimizer", recipes[1].optimizer),
        ):
            assert field(pilot, key) == value
        assert f"Why {recipes[1].name} looks as it does" in text(app)
        await pilot.press("left")
        await settled(pilot)
        assert field(pilot, "preset") == recipes[0].name
        assert field(pilot, "epochs") == str(recipes[0].epochs)
        await pilot.press("left")
        assert field(pilot, "preset") == recipes[-1].name


async def test_an_own_model_replaces_the_presets_and_a_missing_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cnn.py").touch()
    monkeypatch.chdir(tmp_path)
    launch = Launch()
    app = program(launch=launch)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await fill_in(pilot, "model", "none.py")
        assert "there is no file" in text(app)
        await fill_in(pilot, "model", "cnn.py")
        assert "Your own model" in text(app)
        await pilot.press("enter")
        await wait_until(pilot, lambda: bool(launch.configs), "the start")
    assert launch.configs[0].model == f"{tmp_path / 'cnn.py'}:build"


async def test_arrows_go_from_setting_to_setting_and_around() -> None:
    app = program()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("up")
        assert app.focused is not None
        assert app.focused.id == "model"
        await pilot.press("down", "down")
        assert app.focused.id == "epochs"


async def test_tab_goes_to_the_runs_and_back_to_the_setting_and_the_footer_says_what_enter_does() -> None:
    recorded_run()
    app = program(clock=Clock(finishing_time()))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        assert "Enter Start Tab Runs" in lines(app)[-1]
        await pilot.press("down")
        await settled(pilot)
        assert "Enter Start Tab Runs" in lines(app)[-1]
        await pilot.press("tab")
        await settled(pilot)
        assert "Enter Open Tab Settings" in lines(app)[-1]
        await pilot.press("tab")
        assert app.focused is not None
        assert app.focused.id == "epochs"


async def test_without_runs_tab_goes_on_to_the_next_setting() -> None:
    app = program()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        assert "Tab" not in lines(app)[-1]
        await pilot.press("tab")
        assert app.focused is not None
        assert app.focused.id == "epochs"


async def test_a_launch_that_fails_is_shown_as_its_sentence() -> None:
    app = program(launch=Launch(RunError("the disk is full: free some space")))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("enter")
        await wait_until(pilot, lambda: told(app) == ["the disk is full: free some space"], "the reason")
        assert isinstance(app.screen, HomeScreen)


async def test_runs_are_listed_with_status_and_accuracies_the_newest_first_and_tab_enter_opens_one() -> None:
    recorded_run()
    failed = create_run(samples.config(name="bad-luck", epochs=7))
    EventLog(failed.events_path).append(RunFailed(time=1.0, error="out of memory"))
    now = max(finishing_time(), failed.record().created) + 5 * 60
    app = program(clock=Clock(now))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        expected = {
            failed.id: "bad-luck failed fast 0/7 – –",
            record().id: "brave-otter finished fast 3/3 99.46 % 99.57 %",
        }
        rows = [" ".join(line.split()) for line in lines(app) if re.search(r"fast +\d/\d", line)]
        newest_first = sorted(expected, reverse=True)
        for row, run_id in zip(rows, newest_first, strict=True):
            assert expected[run_id] in row
        await pilot.press("tab", "up" if newest_first[0] == record().id else "down", "enter")
        await wait_until(pilot, lambda: isinstance(app.screen, TrainingScreen), "the training screen")
        await wait_for(pilot, "brave-otter")


async def test_a_stopped_process_shows_at_home_and_in_the_header_with_since_when() -> None:
    replay = Replay()
    replay.to_step(100)
    with FakeEngine(replay.run) as engine:
        engine.fall_silent(samples.CREATED)
        words = f"not responding since {clock(samples.CREATED)}"
        app = program(clock=replay.clock)
        async with app.run_test(size=SIZE) as pilot:
            await wait_for(pilot, words)
            await pilot.press("tab", "enter")
            await wait_until(pilot, lambda: isinstance(app.screen, TrainingScreen), "the training screen")
            await wait_for(pilot, f"✖ {words}")
            os.utime(replay.run.lock.path)
            replay.clock.now += 2
            await wait_for(pilot, "▶ training")


async def test_enter_opens_a_run_where_not_even_its_name_has_room() -> None:
    recorded_run()
    app = program()
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("tab")
        await pilot.resize_terminal(3, 2)
        await settled(pilot)
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(app.screen, TrainingScreen), "the training screen")


async def test_the_cursor_stays_on_its_run_when_another_one_comes() -> None:
    run = recorded_run()
    newer = RunDirectory(run.path.with_name("29991231-235959"))
    clock = Clock(finishing_time())
    app = program(clock=clock)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("tab")
        newer.path.mkdir()
        newer.config_path.write_bytes(run.config_path.read_bytes().replace(b"brave-otter", b"late-comer"))
        screen = app.screen
        assert isinstance(screen, HomeScreen)
        screen.on_screen_resume()
        await wait_for(pilot, "late-comer")
        await pilot.press("enter")
        await wait_for(pilot, "brave-otter")
        assert app.session is not None
        assert app.session.run.path == run.path


async def test_a_run_that_has_gone_meanwhile_is_reported() -> None:
    run = recorded_run()
    app = program(clock=Clock(finishing_time()))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        remove_run(run)
        app.post_message(OpenRun(run))
        await wait_until(pilot, lambda: any("config.json" in words for words in told(app)), "the reason")
        assert isinstance(app.screen, HomeScreen)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "now"), (59, "now"), (60, "1 min"), (3_599, "59 min"), (7_300, "2 h"), (86_400, "1 d"), (1e8, "1,157 d")],
)
def test_an_age_is_in_the_largest_unit_that_fits(seconds: float, words: str) -> None:
    assert age(seconds) == words


def test_columns_give_way_by_rank_and_never_name_and_status_first() -> None:
    widths = [11, 8, 6, 6, 10, 7, 8, 5]
    everything = sum(widths) + 2 * len(widths)

    def fitting(room: int) -> list[int]:
        return columns_that_fit(COLUMNS, widths, room, 2)

    assert fitting(everything) == list(range(len(COLUMNS)))
    assert [COLUMNS[place].heading for place in fitting(everything - 1)] == [
        "name",
        "status",
        "preset",
        "epochs",
        "validation",
        "test",
        "age",
    ]
    assert [COLUMNS[place].heading for place in fitting(23)] == ["name", "status"]
    assert [COLUMNS[place].heading for place in fitting(0)] == ["name"]


@pytest.mark.parametrize("typed", ["~d", "~nosuchuser/x.npz", "/" + 300 * "x" + ".npz", "\x00.npz", "\udcff.npz"])
async def test_whatever_is_typed_as_a_path_only_the_field_refuses_it(typed: str) -> None:
    app = program(launch=lambda _: pytest.fail("started"))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        field = app.screen.query_one("#data", SettingInput)
        for end in range(1, len(typed) + 1):
            field.value = typed[:end]
        await settled(pilot)
        field.focus()
        await pilot.press("enter")
        await settled(pilot)
        assert field.has_class("-refused")
        assert "data" in " ".join(lines(app))
        assert isinstance(app.screen, HomeScreen)


async def test_a_run_that_cannot_be_read_is_named_below_the_others() -> None:
    recorded_run()
    bad = create_run(samples.config(name="bad-luck"))
    bad.config_path.write_bytes(bad.config_path.read_bytes().replace(b'"ensemble": "1"', b'"ensemble": "best*2"'))
    app = program(clock=Clock(finishing_time()))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await wait_for(pilot, "brave-otter")
        words = str(app.screen.query_one("#left-out", Static).render())
        assert bad.id in words
        assert "best*2" in words


async def test_a_home_that_is_no_folder_is_named_on_the_screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MNIST_TUI_HOME", str(tmp_path / "file"))
    app = program(clock=Clock(0.0))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await wait_for(pilot, "Not a directory")


async def test_a_filter_stays_while_the_runs_are_read_again() -> None:
    recorded_run()
    create_run(samples.config(name="calm-fox"))
    app = program(clock=Clock(finishing_time()))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("tab")
        await settled(pilot)
        await pilot.press("slash", *"status:finished")
        await wait_until(pilot, lambda: "Runs  1 of 2" in text(app), "the filter is applied")
        await pilot.press("enter")
        create_run(samples.config(name="late-fox"))
        assert isinstance(app.screen, HomeScreen)
        app.screen._read_runs()
        await wait_until(pilot, lambda: "Runs  1 of 3" in text(app), "the runs are read again")
        assert "late-fox" not in text(app)
        await pilot.press("slash", *":bad")
        await wait_until(pilot, lambda: "is not a filter" in text(app), "the error is shown")
        await pilot.press("escape")
        await wait_until(pilot, lambda: "late-fox" in text(app), "all runs are shown")


async def test_a_run_is_edited_pinned_and_moved_to_the_trash(home: Path) -> None:
    run = recorded_run()
    create_run(samples.config(name="calm-fox"))
    app = program(clock=Clock(finishing_time()))
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        await pilot.press("tab")
        await settled(pilot)
        await pilot.press("down", "T")
        await settled(pilot)
        await pilot.press(*"-2", "tab", *"baseline v2", "tab", *"first", "enter")
        await wait_until(pilot, lambda: "baseline v2 · first" in text(app), "tags and note are shown")
        assert run.record().name == "brave-otter-2"
        await pilot.press("asterisk")
        await wait_until(pilot, lambda: "▲ brave-otter-2" in text(app), "the run is pinned")
        await pilot.press("T")
        await settled(pilot)
        await pilot.press(*" x", "enter")
        await wait_until(pilot, lambda: "cannot be a run's name" in text(app), "the error is shown")
        await pilot.press("escape", "delete")
        await settled(pilot)
        await pilot.press("delete")
        await wait_until(pilot, lambda: "brave-otter-2" not in text(app), "the run is gone")
        assert not run.path.exists()
        assert (home / "trash" / run.id).exists()
