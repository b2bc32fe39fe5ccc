"""Files are replaced atomically, and temporary files of a killed engine are removed."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from mnist_tui.runs.directory import RunDirectory, create_run, replacing
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


def test_only_temporary_files_are_removed(run: RunDirectory) -> None:
    kept = [run.path / name for name in ("checkpoints/step-000000007.npz", "digits/a.npz", "predictions/b.npz")]
    kept += [run.config_path, run.events_path, run.model_path]
    torn = [path.with_name(f".{path.stem}.4711{path.suffix}") for path in kept]
    for path in (*kept, *torn):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    run.remove_temporaries()
    assert sorted(path for path in run.path.rglob("*") if path.is_file()) == sorted(kept)


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
    (run.path / "checkpoints" / ".step-000000011.4711.npz").touch()
    assert run.checkpoint_paths() == [run.checkpoint_path(step) for step in reversed(steps)]
