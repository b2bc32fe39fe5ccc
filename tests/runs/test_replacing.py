"""Files are replaced atomically, and temporary files of a killed engine are removed."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mnist_tui.runs.directory import RunDirectory, create_run
from mnist_tui.runs.replacing import replacing
from tests.kit import samples


@pytest.fixture
def run() -> RunDirectory:
    return create_run(samples.config())


def write_durably(path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace a file, and return the order in which it is renamed and synced."""
    done: list[str] = []
    sync, rename = os.fsync, Path.replace

    def note_sync(descriptor: int) -> None:
        synced = Path(f"/proc/self/fd/{descriptor}").readlink()
        done.append("folder synced" if synced.is_dir() else f"{synced.read_text()} synced")
        sync(descriptor)

    def note_rename(self: Path, target: Any) -> Path:
        done.append("renamed")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(Path, "replace", note_rename)
    with replacing(path, durable=True) as temporary:
        temporary.write_text("new")
    return done


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="names what is synced by Linux's /proc")
def test_a_durable_file_is_synced_before_it_is_renamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.npz"
    path.write_text("old")
    assert write_durably(path, monkeypatch) == ["new synced", "renamed", "folder synced"]
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()], ids=repr)
def test_a_file_that_cannot_be_written_leaves_the_old_one_and_nothing_else(
    tmp_path: Path, durable: bool, error: BaseException
) -> None:
    path = tmp_path / "file.npz"
    path.write_text("old")

    def write() -> None:
        with replacing(path, durable=durable) as temporary:
            temporary.write_text("ne")
            raise error

    with pytest.raises(type(error)):
        write()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_refuses_the_last_bytes_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:  # noqa: ARG001
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    path = tmp_path / "file.npz"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="quota"), replacing(path, durable=True) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


WRITTEN = (
    "config.json",
    "events.jsonl",
    "highest-loss.npz",
    "model.keras",
    "checkpoints/step-000000007.npz",
    "digits/validation.npz",
    "predictions/epoch-0001.npz",
    "predictions/set-my-digits.npz",
)
FOREIGN = (
    ".keep",
    ".notes.2026.json",
    ".config.json",
    ".config.old.json",
    ".model.1.keras.bak",
    "checkpoints/.step-000000007.npz",
    "checkpoints/.best.7.npz",
    "digits/.nfs0001",
    "exports/.digits-001.1.csv",
    "predictions/.DS_Store",
)


def test_only_temporary_files_of_this_program_are_removed(run: RunDirectory) -> None:
    kept = [run.path / name for name in WRITTEN + FOREIGN]
    torn = [run.path / name for name in WRITTEN]
    torn = [path.with_name(f".{path.stem}.4711{path.suffix}") for path in torn]
    for path in (*kept, *torn):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    run.remove_temporaries()
    assert sorted(path for path in run.path.rglob("*") if path.is_file()) == sorted(kept)


@pytest.mark.parametrize("folder", ["checkpoints", "digits", "predictions"])
def test_nothing_is_removed_behind_a_link(run: RunDirectory, folder: str, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    names = [".step-000000007.1.npz", ".validation.1.npz", ".epoch-0001.1.npz"]
    for name in names:
        (other / name).touch()
    (run.path / folder).symlink_to(other)
    (run.path / ".config.1.json").symlink_to(other / names[0])
    run.remove_temporaries()
    assert sorted(path.name for path in other.iterdir()) == sorted(names)
    assert (run.path / ".config.1.json").is_symlink()


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
@pytest.mark.parametrize("linked", [False, True])
def test_only_a_regular_file_is_replaced(tmp_path: Path, make: Callable[[Path], None], linked: bool) -> None:
    path = tmp_path / "file.npz"
    make(tmp_path / "other" if linked else path)
    if linked:
        path.symlink_to("other")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(OSError, match=r"directory|regular"), replacing(path) as temporary:
        temporary.write_text("new")
    assert sorted(tmp_path.iterdir()) == before


def test_a_file_behind_a_link_is_replaced(tmp_path: Path) -> None:
    path, target = tmp_path / "file.npz", tmp_path / "other" / "target.npz"
    target.parent.mkdir()
    path.symlink_to("other/target.npz")
    for text in ("first", "second"):
        with replacing(path) as temporary:
            temporary.write_text(text)
        assert path.is_symlink()
        assert target.read_text() == text
    assert list(target.parent.iterdir()) == [target]


def test_a_run_without_temporary_files_is_not_changed(run: RunDirectory) -> None:
    before = sorted(run.path.rglob("*"))
    run.remove_temporaries()
    assert sorted(run.path.rglob("*")) == before


def test_checkpoints_are_listed_with_the_newest_first(run: RunDirectory) -> None:
    assert run.checkpoint_paths() == []
    steps = (0, 9, 10, 999, 1_000, 123_456_789)
    for step in steps:
        path = run.checkpoint_path(step)
        path.parent.mkdir(exist_ok=True)
        path.touch()
    for other in (".step-000000011.4711.npz", "step-000000010-good.npz", "step-best.npz"):
        (run.path / "checkpoints" / other).touch()
    assert run.checkpoint_paths() == [run.checkpoint_path(step) for step in reversed(steps)]
