"""The data field's completion, and the dialog that chooses data."""

from pathlib import Path

import pytest
from textual.widgets import Input, OptionList

from mnist_tui.config import ConfigError
from mnist_tui.ui.home.choose_data import ChooseDataScreen
from mnist_tui.ui.home.data_paths import common_start, data_paths
from mnist_tui.ui.home.settings_form import DataInput
from tests.ui.program import program, settled, text, wait_until


def check(path: str) -> None:
    """Accept .npz files only."""
    if not path.endswith(".npz"):
        raise ConfigError("no data")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the user's home, which is also the working folder, with data and other files."""
    (tmp_path / "data" / "fashion").mkdir(parents=True)
    for name in ("digits.npz", "digits-8x8.npz", "notes.txt", ".hidden.npz"):
        (tmp_path / "data" / name).write_bytes(b"12345")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("data/", ["data/fashion/", "data/digits-8x8.npz", "data/digits.npz"]),
        ("~/data/d", ["~/data/digits-8x8.npz", "~/data/digits.npz"]),
        ("./da", ["./data/"]),
        ("d", ["data/"]),
        ("data/.h", ["data/.hidden.npz"]),
        ("data/..", ["data/../"]),
        ("~", ["~/"]),
        ("data/notes", []),
        ("nowhere/", []),
        ("data/digits.npz/", []),
        ("~nobody-has-this-name/", []),
        ("data\0/", []),
    ],
    ids=ascii,
)
def test_a_partial_path_becomes_folders_and_readable_files(folder: Path, typed: str, found: list[str]) -> None:  # noqa: ARG001
    assert [each.text for each in data_paths(typed, check)] == found


def test_entries_of_a_folder_have_names_sizes_and_a_common_start(folder: Path) -> None:
    found = data_paths(f"{folder}/data/d", check)
    assert [(each.name, each.size) for each in found] == [("digits-8x8.npz", 5), ("digits.npz", 5)]
    assert common_start(found) == f"{folder}/data/digits"
    assert common_start([]) == ""


async def test_the_data_field_suggests_and_the_dialog_chooses(folder: Path) -> None:
    app = program()
    async with app.run_test(size=(80, 24)) as pilot:
        await wait_until(pilot, lambda: bool(app.screen.query(DataInput)), "the form")
        field = app.screen.query_one(DataInput)
        field.focus()
        await settled(pilot)
        assert "Ctrl+O" in text(app)
        await pilot.press("~", "/", "d", "a")
        await wait_until(pilot, lambda: field._suggestion == "~/data/", "a suggestion")
        await pilot.press("right")
        assert field.value == "~/data/"

        await pilot.press("ctrl+o")
        await listed(pilot, "~/data/", 5)
        assert isinstance(app.screen, ChooseDataScreen)
        await pilot.press("d", "tab")
        await listed(pilot, "~/data/digits", 2)
        await pilot.press("down", "enter")
        await settled(pilot)
        assert field.value == "~/data/digits.npz"
        assert not field.has_class("-refused")

        await pilot.press("ctrl+o", *["backspace"] * len("digits.npz"))
        await listed(pilot, "~/data/", 5)
        await pilot.press("enter")
        await listed(pilot, "~/data/fashion/", 2)
        await pilot.press("down", "enter")
        await listed(pilot, "~/data/", 5)
        await pilot.press("up", "up", "enter")
        await settled(pilot)
        assert field.value == "~/data"
        (folder / "elsewhere").mkdir()
        await pilot.press("ctrl+o", "x", "escape")
        await settled(pilot)
        assert field.value == "~/data"


async def listed(pilot, value: str, count: int) -> None:  # type: ignore[no-untyped-def]
    """Wait until the dialog shows the content of a path."""

    def is_listed() -> bool:
        screen = pilot.app.screen
        if not isinstance(screen, ChooseDataScreen):
            return False
        return screen.query_one(Input).value == value and screen.query_one(OptionList).option_count == count

    await wait_until(pilot, is_listed, f"{count} entries of {value}")
