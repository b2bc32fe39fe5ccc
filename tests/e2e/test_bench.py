"""`mnist-tui bench` with real engines: figures, JSON, and nothing left behind however it ends."""

import json
import signal
from pathlib import Path

import psutil
import pytest

from tests.e2e.conftest import Call
from tests.e2e.terminal import Terminal

QUICK = ("bench", "--preset", "fast", "--limit", "1200")


@pytest.fixture
def temporary(tmp_path: Path, env: dict[str, str]) -> Path:
    """Folder for the temporary folders of the program under test."""
    path = tmp_path / "temporary"
    path.mkdir()
    env["TMPDIR"] = str(path)
    return path


def assert_nothing_is_left(home: Path, temporary: Path) -> None:
    """Check that there is no run of the user's, no temporary home and no engine."""
    assert list(home.iterdir()) == []
    assert [path for path in temporary.iterdir() if path.name.startswith("mnist-tui-bench-")] == []
    engines = [one for one in psutil.process_iter(["cmdline"]) if str(temporary) in " ".join(one.info["cmdline"] or ())]
    assert engines == []


def test_json_has_the_figures_and_progress_goes_to_stderr(call: Call, home: Path, temporary: Path) -> None:
    done = call(*QUICK, "--seconds", "0.5", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    (speed,) = document["presets"]
    assert (speed["preset"], speed["error"]) == ("fast", None)
    assert 0 < speed["lowest"] <= speed["images_per_second"] <= speed["highest"]
    assert speed["n"] >= 1
    assert speed["start_up_seconds"] > 0
    reached = document["time_to_accuracy"]
    assert (reached["preset"], reached["split"], reached["n"], reached["seconds"]) == ("fast", "test", 1, None)
    assert 0 < reached["test_accuracy"] < reached["target"]
    assert reached["training_seconds"] > 0
    assert document["settings"] == {"limit": "1200"}
    assert document["machine"]["cpu_count"] > 0
    assert document["machine"]["versions"].keys() >= {"mnist-tui", "python", "keras"}
    assert "\x1b" not in done.stderr
    assert done.stderr.startswith("fast: ")
    assert "images/s" in done.stderr
    assert_nothing_is_left(home, temporary)


@pytest.mark.parametrize(("ending", "status"), [("ctrl+c", 130), ("hang up", 128 + signal.SIGHUP)])
def test_an_interrupted_benchmark_leaves_nothing_behind(
    ending: str, status: int, program: list[str], env: dict[str, str], home: Path, temporary: Path
) -> None:
    with Terminal([*program, *QUICK, "--speed-only"], (120, 40), env) as terminal:
        terminal.wait_for("importing Keras")
        if ending == "hang up":
            terminal.hang_up()
        else:
            terminal.press(ending)
        assert terminal.wait_exit() == status
    assert_nothing_is_left(home, temporary)
