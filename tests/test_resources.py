"""The user's cache is bounded."""

import os
from pathlib import Path

import pytest

from mnist_tui.resources import limit_folder


@pytest.mark.parametrize(
    ("most", "left"), [(30, {"old", "new", "newest"}), (29, {"new", "newest"}), (10, {"newest"}), (0, set())]
)
def test_the_oldest_files_of_a_folder_give_way(most: int, left: set[str], tmp_path: Path) -> None:
    for age, name in enumerate(("newest", "new", "old")):
        path = tmp_path / f"cpu-{age}" / name
        path.parent.mkdir()
        path.write_bytes(b"x" * 10)
        os.utime(path, (1_000 - age, 1_000 - age))
    (tmp_path / "folder-cache").mkdir()  # where a file belongs
    limit_folder(tmp_path, most)
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == left


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    limit_folder(tmp_path / "none", 0)
    assert not (tmp_path / "none").exists()
