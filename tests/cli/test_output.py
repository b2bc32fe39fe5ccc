"""Files that users name are never mistaken for others, and lost output is reported."""

import errno
import io
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mnist_tui.__main__ import main
from mnist_tui.cli.output import check_output, write_output
from mnist_tui.config import ConfigError
from mnist_tui.runs.directory import RunError
from tests.kit.recording import recorded_run


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Current folder of the test."""
    path = tmp_path / "folder"
    path.mkdir()
    monkeypatch.chdir(path)
    return path


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run a command in this process and return its exit status."""
    monkeypatch.setattr(sys, "argv", ["mnist-tui", *arguments])
    with pytest.raises(SystemExit) as exit:
        main()
    assert isinstance(exit.value.code, int)
    return exit.value.code


def old_file(path: Path) -> Path:
    path.write_text("old")
    path.chmod(0o600)
    return path


def test_a_file_is_replaced_and_keeps_its_permissions(folder: Path) -> None:
    path = old_file(folder / "file.csv")
    write_output("file.csv", "new\n")
    assert path.read_text() == "new\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(folder.iterdir()) == [path]


@pytest.mark.parametrize("name", ["new.csv", "a" * 251 + ".csv", "-dash", "two words"])
def test_a_new_file_has_the_usual_permissions(folder: Path, name: str) -> None:
    write_output(name, "new\n")
    (path,) = folder.iterdir()
    assert (path.name, path.read_text()) == (name, "new\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~_umask()


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


def test_a_tilde_is_the_home_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    write_output("~/file.csv", "new\n")
    assert (folder / "file.csv").read_text() == "new\n"


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_is_followed(folder: Path, exists: bool) -> None:
    target = folder / "elsewhere" / "target.csv"
    target.parent.mkdir()
    if exists:
        old_file(target)
    (folder / "second.csv").symlink_to(target)
    (folder / "first.csv").symlink_to("second.csv")
    write_output("first.csv", "new\n")
    assert (folder / "first.csv").readlink() == Path("second.csv")
    assert target.read_text() == "new\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a device")
def test_a_device_stays_a_device(folder: Path) -> None:
    os.mknod("null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    (folder / "link").symlink_to("null")
    for name in ("null", "link", os.devnull):
        write_output(name, "new\n")
        assert Path(name).is_char_device()
    assert (folder / "link").is_symlink()


def test_a_pipe_is_written_to(folder: Path) -> None:
    os.mkfifo("pipe")
    received: list[str] = []
    reader = threading.Thread(target=lambda: received.append((folder / "pipe").read_text()))
    reader.start()
    write_output("pipe", "new\n")
    reader.join()
    assert received == ["new\n"]
    assert (folder / "pipe").is_fifo()


@pytest.mark.parametrize("name", ["-", "/dev/stdout"])
def test_stdout_is_written_to(folder: Path, name: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    print("before")
    write_output(name, "ü\n")
    sys.stdout.flush()
    assert capfdbinary.readouterr().out == "before\nü\n".encode()
    assert list(folder.iterdir()) == []


def make_loop() -> None:
    Path("wrong").symlink_to("wrong")


def make_socket() -> None:
    os.mknod("wrong", 0o600 | stat.S_IFSOCK)


def make_folder_link() -> None:
    Path("wrong").symlink_to("/")


def make_file() -> None:
    old_file(Path("wrong"))


@pytest.mark.parametrize(
    ("name", "make"),
    [
        *((name, None) for name in ("", ".", "..", "/", "new/", "no/such/file.csv", "a" * 300)),
        *((name, None) for name in ("~nosuchuser/x.csv", "na\udcffme")),
        *(("wrong", make) for make in (make_loop, make_socket, make_folder_link)),
        *((name, make_file) for name in ("wrong/", "wrong/file.csv")),
    ],
)
@pytest.mark.parametrize("act", [check_output, lambda name: write_output(name, "new\n")], ids=["check", "write"])
def test_what_cannot_be_a_file_is_refused_in_one_sentence(
    folder: Path, name: str, make: Callable[[], None] | None, act: Callable[[str], None]
) -> None:
    if make is not None:
        make()
    before = {path: path.lstat() for path in folder.iterdir()}
    with pytest.raises((RunError, ConfigError), match=r"-o .* cannot be (written|used) \(.*\): give another path"):
        act(name)
    assert {path: path.lstat() for path in folder.iterdir()} == before


@pytest.mark.parametrize("denied", ["file.csv", "."])
def test_what_is_not_permitted_is_refused(folder: Path, denied: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = old_file(folder / "file.csv")
    access = os.access
    monkeypatch.setattr(os, "access", lambda place, mode: access(place, mode) and not Path(place).samefile(denied))
    with pytest.raises(RunError, match="Permission denied"):
        check_output("file.csv")
    assert path.read_text() == "old"


def test_reviews_on_stdout_come_alone(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    recorded_run()
    assert call(monkeypatch, "label-issues", "last", "-o", "-") == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("index,split,label")
    assert call(monkeypatch, "label-issues", "last", "-o", "-", "--json") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "--json both print to stdout" in err


def test_a_path_that_cannot_be_written_is_refused_before_the_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded_run()
    monkeypatch.setattr("mnist_tui.control.client.do_job", lambda *_: pytest.fail("it trains first"))
    assert call(monkeypatch, "label-issues", "last", "--cross-check", "-o", ".") == 2
    assert "Is a directory" in capsys.readouterr().err


class Refusing(io.RawIOBase):
    """Stream that refuses all output."""

    def __init__(self, error: int) -> None:
        self._error = error
        self._descriptor = os.open(os.devnull, os.O_WRONLY)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def write(self, data: object) -> int:  # noqa: ARG002
        raise OSError(self._error, os.strerror(self._error))


COMMANDS = [
    ["runs"],
    ["runs", "--json"],
    ["show", "last"],
    ["show", "last", "--json"],
    ["attach", "last", "--plain"],
    ["label-issues", "last", "--json"],
    ["label-issues", "last", "-o", "-"],
    ["--version"],
    ["--help"],
    ["train", "--help"],
]


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EBADF, errno.EPIPE], ids=errno.errorcode.get)
@pytest.mark.parametrize("buffered", [True, False], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_lost_output_ends_with_a_status_and_at_most_a_sentence(
    command: list[str], buffered: bool, error: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded_run()
    stream = Refusing(error)
    binary: Any = io.BufferedWriter(stream) if buffered else stream
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(binary, write_through=not buffered))
    assert call(monkeypatch, *command) == 1
    err = capsys.readouterr().err
    if error == errno.EPIPE:
        assert err == ""
    else:
        assert err.count("\n") == 1
        assert f"stdout cannot be written ({os.strerror(error)})" in err


def test_an_error_of_a_file_is_not_mistaken_for_one_of_stdout(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> int:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "forgotten.json")

    monkeypatch.setattr("mnist_tui.__main__.run", fail)
    with pytest.raises(FileNotFoundError):
        main()


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_not_taken_by_files(closed: str) -> None:
    code = """if True:
        import os, sys
        from mnist_tui.streams import open_closed_streams
        open_closed_streams()
        print("dropped", file=sys.stderr)
        assert sys.stdin.read() == ""
        assert os.open(".", os.O_RDONLY) > 2"""
    done = subprocess.run(["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-c", code], check=False)
    assert done.returncode == 0
