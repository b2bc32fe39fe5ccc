"""`mnist-tui bench` with real engines: figures, JSON, and nothing left behind however it ends."""

import json
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.e2e.terminal import Terminal

QUICK = ("bench", "--preset", "fast", "--limit", "1200")


@pytest.fixture
def temporary(tmp_path: Path, env: dict[str, str]) -> Path:
    """Where the program under test makes its temporary folders."""
    path = tmp_path / "temporary"
    path.mkdir()
    env["TMPDIR"] = str(path)
    return path


def assert_nothing_is_left(home: Path, temporary: Path) -> None:
    """No run of the user's, no temporary home, no engine."""
    assert list(home.iterdir()) == []
    assert [path for path in temporary.iterdir() if path.name.startswith("mnist-tui-bench-")] == []
    engines = [one for one in psutil.process_iter(["cmdline"]) if str(temporary) in " ".join(one.info["cmdline"] or ())]
    assert engines == []


def test_json_tells_speed_and_mark_and_the_rest_goes_to_stderr(
    program: list[str], env: dict[str, str], home: Path, temporary: Path
) -> None:
    done = subprocess.run(
        [*program, *QUICK, "--seconds", "0.5", "--json"], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    (speed,) = document["presets"]
    assert (speed["preset"], speed["error"]) == ("fast", None)
    assert 0 < speed["lowest"] <= speed["images_per_second"] <= speed["highest"]
    assert speed["n"] > 1
    assert speed["start_up_seconds"] > 0
    mark = document["mark"]
    assert (mark["preset"], mark["split"], mark["n"], mark["seconds"]) == ("fast", "test", 1, None)
    assert 0 < mark["test_accuracy"] < mark["mark"]
    assert mark["training_seconds"] > 0
    assert document["settings"] == {"limit": "1200"}
    assert document["machine"]["cpu_count"] > 0
    assert document["machine"]["versions"].keys() >= {"mnist-tui", "python", "keras"}
    assert "\x1b" not in done.stderr
    lines = done.stderr.splitlines()
    assert lines[0] == "fast: starting"
    assert any("images/s" in line for line in lines)
    assert any("test " in line for line in lines)
    assert_nothing_is_left(home, temporary)


def test_ctrl_c_leaves_nothing_behind(program: list[str], env: dict[str, str], home: Path, temporary: Path) -> None:
    with Terminal([*program, *QUICK], (120, 40), env) as terminal:
        terminal.wait_for("importing Keras")
        terminal.press("ctrl+c")
        assert terminal.wait_exit() == 130
    assert_nothing_is_left(home, temporary)


def test_a_hang_up_leaves_nothing_behind(program: list[str], env: dict[str, str], home: Path, temporary: Path) -> None:
    with Terminal([*program, *QUICK, "--no-mark"], (120, 40), env) as terminal:
        terminal.wait_for("starting")
        terminal.hang_up()
        assert terminal.wait_exit() == 128 + signal.SIGHUP
    assert_nothing_is_left(home, temporary)
