"""Own models through the command line, with files that do what they like to the process that checks them."""

from pathlib import Path

import pytest

from mnist_tui.config import ConfigError
from mnist_tui.control import model_check
from mnist_tui.runs.directory import HOME_VARIABLE, list_runs
from mnist_tui.runs.status import Status
from mnist_tui.runs.summary import summarize
from tests.e2e.conftest import Call, only_run
from tests.engine.in_process import new_run

pytestmark = pytest.mark.full

TINY = ("--limit", "1200", "--epochs", "2")


def test_a_new_model_trains_as_it_is_and_goes_on_without_its_file(call: Call, home: Path, tmp_path: Path) -> None:
    path = tmp_path / "cnn.py"
    assert call("new-model", str(path)).returncode == 0
    again = call("new-model", str(path))
    assert (again.returncode, "exists already" in again.stderr) == (2, True)
    done = call("train", "--model", str(path), *TINY)
    assert done.returncode == 0, done.stderr
    run = only_run(home)
    path.unlink()
    resumed = call("resume", "last", "--epochs", "+1", "--plain")
    assert resumed.returncode == 0, resumed.stderr
    assert "cannot be read any more" in resumed.stderr
    assert summarize(run).status is Status.FINISHED
    assert call("evaluate", "last", "--data", "mnist").returncode == 0
    assert call("train", "--like", "last", "--name", "again").returncode == 0


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("print('hello'); raise ValueError('no')", "line 1: raises ValueError: no"),
        ("import sys; sys.stdout.close(); sys.exit()", "line 1: calls sys.exit"),
        ("import os; os._exit(0)", "ended the process"),
        ("import os; os.closerange(0, 100); os.fork(); 1 / 0", "line 1"),
        ("while True: pass", "line 1: the code has not returned after 2 s"),
        ("import time\ntry:\n    time.sleep(99)\nexcept BaseException: pass\n", "line 3: the code has not returned"),
    ],
    ids=["raises", "closes stdout", "ends", "forks", "loops", "sleeps"],
)
def test_a_file_that_cannot_be_checked_ends_in_one_line_and_leaves_no_run(
    code: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "runs"))
    monkeypatch.setattr(model_check, "CODE_SECONDS", 2.0)
    path = tmp_path / "cnn.py"
    path.write_text(code)
    with pytest.raises(ConfigError, match=reason) as caught:
        new_run(model=path, limit=240)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().out == ""
    assert list_runs() == []
