"""Bad input ends with status 2 and one line on stderr (what is wrong, where, how to fix it), and leaves no run."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mnist_tui.__main__ import main
from mnist_tui.runs.directory import HOME_VARIABLE, RunDirectory, create_run, list_runs
from tests.e2e.conftest import Call
from tests.e2e.terminal import Terminal
from tests.kit import samples

Refused = Callable[..., str]

BAD_INPUT = {
    "an unknown preset": ("train --preset resnet", ["preset", "resnet", "fast"]),
    "an unknown backend": ("train --backend theano", ["backend", "theano", "jax"]),
    "several processes on TensorFlow": (
        "train --coordinator 127.0.0.1:4000 --process-id 0 --processes 2",
        ["JAX", "tensorflow", "--backend jax"],
    ),
    "a process without a coordinator": ("train --process-id 1", ["--coordinator", "HOST:PORT"]),
    "no epochs": ("train --epochs 0", ["epochs", "0", "1 to 10,000"]),
    "a negative number of epochs": ("train --epochs -1", ["epochs", "-1", "1 to 10,000"]),
    "too many epochs": ("train --epochs 1000000000", ["epochs", "1,000,000,000", "1 to 10,000"]),
    "a learning rate of nan": ("train --learning-rate nan", ["learning_rate", "nan"]),
    "a name with a slash": ("train --name a/b", ["name", "a/b"]),
    "a missing data file": ("train --data /nowhere.npz", ["/nowhere.npz", "mnist"]),
    "a missing config file": ("train --config /nowhere.toml", ["--config", "/nowhere.toml"]),
    **{
        f"an unknown run to {command}": (f"{command} nothing", ["nothing", "mnist-tui train"])
        for command in ("show", "attach", "stop", "resume", "pause")
    },
    "nothing to set": ("set last", ["--epochs", "--learning-rate", "--early-stopping"]),
    "a learning rate of zero": ("set x --learning-rate x0", ["x0", "x0.5", "/2"]),
    "an unknown early-stopping metric": ("train --early-stopping f1:3", ["early_stopping", "f1:3", "loss:3"]),
    "a target that cannot be reached": ("train --until accuracy:101", ["until", "accuracy:101", "accuracy:99.5"]),
    "a missing program at the end": ("train --on-end /nowhere", ["on_end", "/nowhere", "PATH"]),
    "an unknown device": ("train --device tpu", ["device", "tpu", "gpu:0,1"]),
    "a missing GPU": ("train --device gpu:999", ["device", "gpu:999"]),
    "a batch that two devices cannot share": ("train --device cpu:0,1 --batch-size 65", ["batch_size", "65", "2"]),
    "float16 on a CPU": ("train --device cpu --precision float16", ["float16", "float32"]),
    "a step count that is no number": ("step x many", ["many", "--help"]),
    "an unknown preset to measure": ("bench --preset resnet", ["preset", "resnet", "fast"]),
    "no seconds to measure": ("bench --seconds 0", ["seconds", "0", "0.1 to 3600"]),
    "a repeat count that is no number": ("bench --repeat none", ["repeat", "none", "1 to 100"]),
    "the newest of no runs": ("attach", ["last", "mnist-tui train"]),
    "an unknown command": ("frobnicate", ["frobnicate", "--help"]),
    "an unknown flag": ("train --frobnicate", ["--frobnicate", "--help"]),
    "a flag without its value": ("train --epochs", ["--epochs", "--help"]),
    "a command without its run": ("show", ["RUN", "--help"]),
    "the screen without a terminal": ("", ["stdin", "--plain"]),
}


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], home: Path) -> Refused:
    """Run the program in this process, check that it refuses its input and changes nothing, and return the line."""
    monkeypatch.setenv(HOME_VARIABLE, str(home))

    def run(*arguments: str) -> str:
        before = sorted(home.iterdir())
        monkeypatch.setattr(sys, "argv", ["mnist-tui", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capfd.readouterr()
        assert (ended.value.code, captured.out) == (2, ""), captured.err
        assert_one_line(captured.err)
        assert sorted(home.iterdir()) == before
        return captured.err

    return run


@pytest.fixture
def finished(home: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """A run named `mine` without an engine."""
    monkeypatch.setenv(HOME_VARIABLE, str(home))
    return create_run(samples.config(name="mine"))


def assert_one_line(stderr: str) -> None:
    assert stderr.startswith("mnist-tui: ")
    assert stderr.endswith("\n")
    assert stderr.count("\n") == 1, stderr


def assert_parts(line: str, *parts: str) -> None:
    assert [part for part in parts if part not in line] == [], line


@pytest.mark.parametrize("bad", BAD_INPUT)
def test_bad_usage_is_one_line(bad: str, refused: Refused) -> None:
    arguments, parts = BAD_INPUT[bad]
    assert_parts(refused(*arguments.split()), *parts)


def test_a_process_of_its_own_ends_with_the_same_line(call: Call, home: Path) -> None:
    done = call("train", "--preset", "resnet")
    assert (done.returncode, done.stdout) == (2, "")
    assert_one_line(done.stderr)
    assert_parts(done.stderr, "resnet", "fast")
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("mode", ["--plain", "--detach"])
def test_a_home_that_cannot_be_written(
    mode: str, refused: Refused, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    below = str(tmp_path / "file" / "below")
    monkeypatch.setenv(HOME_VARIABLE, below)
    assert_parts(refused("train", mode), below, HOME_VARIABLE)


def test_a_second_run_of_one_name(finished: RunDirectory, refused: Refused) -> None:
    assert_parts(refused("train", "--detach", "--name", "mine"), "'mine'", "--name")
    assert [run.id for run in list_runs()] == [finished.id]


@pytest.mark.parametrize("command", ["stop", "pause", "continue", "step", "checkpoint", "rollback"])
def test_steering_a_run_without_an_engine(command: str, finished: RunDirectory, refused: Refused) -> None:
    assert_parts(refused(command, "mine"), finished.id, "no live engine", "mnist-tui show")


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize("mode", ["--plain", "--detach"])
def test_resuming_to_an_impossible_number_of_epochs(mode: str, refused: Refused) -> None:
    assert_parts(refused("resume", "mine", mode, "--epochs", "0"), "epochs", "0", "1 to 10,000")
    assert_parts(refused("resume", "mine", mode, "--epochs", "+10000"), "--epochs", "10,003", "10,000")


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (b"epochs = \n", ["TOML", "line 1", "epochs = 2"]),
        (b"\xff\xfe", ["TOML"]),
        (b"epoch = 3\n", ["'epoch'", "mean epochs"]),
        (b"epochs = 0\n", ["epochs", "0", "1 to 10,000"]),
        (b"epochs = [3]\n", ["epochs", "[3]", "1 to 10,000"]),
        (b"[epochs]\n", ["epochs", "{}", "1 to 10,000"]),
    ],
    ids=["no TOML", "no text", "an unknown key", "a bad value", "a list", "a table"],
)
def test_a_bad_config_file_is_named(content: bytes, parts: list[str], refused: Refused, tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(content)
    assert_parts(refused("train", "--config", str(path)), str(path), *parts)


@pytest.mark.parametrize("content", [b"", b"rubbish", b"PK\x03\x04 half a zip file"], ids=["empty", "rubbish", "half"])
def test_bad_data_are_named(content: bytes, refused: Refused, tmp_path: Path) -> None:
    path = tmp_path / "digits.npz"
    path.write_bytes(content)
    assert_parts(refused("train", "--detach", "--data", str(path)), str(path))


@pytest.mark.parametrize("arguments", [[], ["train"]], ids=["home screen", "train"])
def test_a_terminal_that_cannot_show_the_screen(
    arguments: list[str], program: list[str], env: dict[str, str], home: Path
) -> None:
    with Terminal([*program, *arguments], size=(240, 24), env=env | {"TERM": "dumb"}) as terminal:
        assert terminal.wait_exit() == 2
        (line,) = terminal.screen_text().strip().splitlines()
        assert line.startswith("mnist-tui: ")
        assert_parts(line, "TERM=dumb", "xterm-256color", "--plain")
    assert list(home.iterdir()) == []
